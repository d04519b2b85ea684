"""RemoteRaw: a big mail that is read from the server while it is published, a slice at a time."""

from collections.abc import Callable, Iterator

from src.common.errors import SourceRefusedError, SourceUnavailableError
from src.imap.session import Session


class RemoteRaw:
    """Plays RawSlices. Good until the source's next `fetch`; each walk reads the mail anew."""

    def __init__(self, session: Session, uid: int, size_bytes: int, *, on_failure: Callable[[], None]) -> None:
        """`on_failure` is told when the mail did not come whole, before the error goes on."""
        self.size_bytes = size_bytes  # as the server says; what comes may be a little more or less
        self._session = session
        self._uid = uid
        self._on_failure = on_failure

    def __iter__(self) -> Iterator[bytes]:
        is_empty = True
        try:
            for piece in self._session.fetch_slices(self._uid):
                is_empty = False
                yield piece
        except (SourceUnavailableError, SourceRefusedError):
            self._on_failure()
            raise
        if is_empty:  # gone since its size was asked, or the server cannot give it: the next fetch finds out which
            self._on_failure()
            raise SourceRefusedError("a big mail vanished before it was read; the mailbox is looked at again")
