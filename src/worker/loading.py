"""Loading: the raw mails of a chunk, one by one, the next ones fetched and decompressed while these are worked on.

Decompressing and waiting for Redis leave the interpreter to the main loop, so this costs it next to no time: about a
tenth of the work on a mail of 36 KB. The raw mails of only two parts are held at a time.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import zip_longest

from src.model.envelope import RawSlices
from src.model.ticket import Ticket
from src.stream.protocol import WorkerStream
from src.worker.patience import Patience

PART = 50  # tickets fetched by one call: large enough for one round trip to be cheap, small enough to overlap

Raw = bytes | RawSlices | None


class Loading:
    """Loads raw mails with a thread of its own. Used by the main loop."""

    def __init__(self, stream: WorkerStream, patience: Patience) -> None:
        self._stream = stream
        self._patience = patience
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="load")

    def raws(self, chunk: Sequence[Ticket]) -> Iterator[tuple[Ticket, Raw]]:
        """Yield each ticket with its raw mail, in order; what was yielded is not held any longer."""
        parts = [chunk[start : start + PART] for start in range(0, len(chunk), PART)]
        upcoming: Future[list[Raw]] | None = None
        for part, following in zip_longest(parts, parts[1:]):
            raws = self._loaded(part, upcoming)
            upcoming = None if following is None else self._pool.submit(self._stream.load_raws, following)
            raws.reverse()
            for ticket in part:
                yield ticket, raws.pop()

    def close(self) -> None:
        """End the thread."""
        self._pool.shutdown(cancel_futures=True)

    def _loaded(self, part: Sequence[Ticket], begun: Future[list[Raw]] | None) -> list[Raw]:
        tries = iter([begun.result] if begun is not None else [])
        return self._patience.ask("read", lambda: next(tries, lambda: self._stream.load_raws(part))())
