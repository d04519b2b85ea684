"""Listing: all UIDs of a mailbox with a digest of each mail's labels, in 17 bytes a mail.

Complete, or building it raises: nothing is ever concluded from a partial answer.
"""

from array import array
from bisect import bisect_left
from collections.abc import Container, Sequence

from src.imap.session import Session
from src.imap.uid_set import UidSet
from src.sources.imap.catch_up import chunks
from src.sources.imap.gmail import require_all
from src.sources.imap.limits import FLAG_CHUNK
from src.sources.imap.visit import Visit, labels_of

_UNTOLD = 0  # digest of labels that are not known: of a mail like any other, and the flags are asked for once more


class Listing:
    """What the server had when asked. UIDs may be ticked off, to see which are left."""

    def __init__(self, session: Session, uids: UidSet) -> None:
        """Ask for the labels of `uids`, which are all there are. A mail expunged meanwhile is left out.

        A mail that the server lists, but whose flags it does not tell, is there all the same.
        """
        self._uids = array("Q")
        self._labels = array("q")
        for chunk in chunks(uids, FLAG_CHUNK):
            told = session.fetch_flags(UidSet.of(chunk)).changes
            digests = {one.uid: label_digest(labels_of(one.flags, one.labels)) for one in told}
            untold = untold_but_there(session, chunk, digests)
            present = [uid for uid in chunk if uid in digests or uid in untold]
            self._uids.extend(present)
            self._labels.extend(digests.get(uid, _UNTOLD) for uid in present)
        self._ticked = bytearray(len(self._uids))

    def get(self, uid: int) -> int | None:
        """Return the digest of a mail's labels; None if the server does not have it."""
        at = self._find(uid)
        return None if at is None else self._labels[at]

    def tick(self, uid: int) -> int | None:
        """Like `get`, and tick the mail off."""
        at = self._find(uid)
        if at is None:
            return None
        self._ticked[at] = 1
        return self._labels[at]

    def unticked(self, *, up_to: int) -> "array[int]":
        """Return the UIDs up to `up_to` that were not ticked off, ascending."""
        pairs = zip(self._uids, self._ticked, strict=True)
        return array("Q", (uid for uid, is_ticked in pairs if not is_ticked and uid <= up_to))

    def _find(self, uid: int) -> int | None:
        at = bisect_left(self._uids, uid)
        return at if at < len(self._uids) and self._uids[at] == uid else None


def all_uids(visit: Visit) -> UidSet:
    """Return the UIDs of the whole mailbox. Raises SourceRefusedError when that cannot be all of them.

    Much is concluded from this one answer: what is not in it counts as deleted.
    """
    listed = visit.session.search_uids()
    require_all(listed=len(listed), told=visit.selected.exists)
    return listed


def untold_but_there(session: Session, asked: Sequence[int], told: Container[int]) -> UidSet:
    """Return those of the UIDs that were asked for, which ascend, that were not told and yet exist."""
    untold = UidSet.of(uid for uid in asked if uid not in told)
    if not untold:
        return untold
    session.noop()  # a server may hide an expunge from the session until then
    return session.search_uids(asked[0], asked[-1]) & untold


def label_digest(labels: tuple[str, ...]) -> int:
    """Return a number that differs (but for one chance in 2**64) when the labels do; only good within this process."""
    return hash(tuple(sorted(labels)))
