"""Matching: which mail of the old numbering is which of the new. Pure: rows and keys in, pairs out.

The key is (Message-ID, size, INTERNALDATE to the second). Where it fits exactly one mail on each side, they are the
same. Where it fits none or several, or there is no Message-ID, only the SHA-256 of the raw mail decides.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from datetime import datetime

from src.imap.uid_set import EMPTY, UidSet

Key = tuple[str, int, int]  # Message-ID without angle brackets, size in bytes, INTERNALDATE in Unix seconds


@dataclass(frozen=True, slots=True)
class OldMail:
    """A mail under its old number, as the database or a dead letter tells it."""

    source_id: str
    uid: int  # under the old numbering
    uidvalidity: int
    key: Key | None  # None: cannot be told by a key
    sha256: str = ""  # empty: not known


@dataclass(slots=True)
class Match:
    """What fits what."""

    mapped: dict[int, str] = field(default_factory=dict)  # new UID to source id
    unsure: list[int] = field(default_factory=list)  # new UIDs to be fetched and compared, ascending
    left: dict[str, OldMail] = field(default_factory=dict)  # by source id: not found yet
    _left_by_hash: defaultdict[str, deque[str]] = field(default_factory=lambda: defaultdict(deque))  # source ids

    def index_hashes(self) -> None:
        """Get ready for `claim`, once the keys have paired what they can."""
        for old in sorted(self.left.values(), key=lambda old: (old.uidvalidity, old.uid)):
            if old.sha256:
                self._left_by_hash[old.sha256].append(old.source_id)

    def claim(self, sha256: str) -> OldMail | None:
        """Take an old mail with these bytes from what is left; None if there is none. Twins go in order of UID."""
        twins = self._left_by_hash.get(sha256)
        return self.left.pop(twins.popleft()) if twins else None


def key_of(message_id: str, size_bytes: int, received_at: datetime | None) -> Key | None:
    """Return the key of a mail; None without a Message-ID or a date, for the rest alone tells too little."""
    if not message_id or received_at is None:
        return None
    return message_id.strip().strip("<>"), size_bytes, int(received_at.timestamp())


def match(
    old_mails: Iterable[OldMail],
    new_mails: Iterable[tuple[int, Key | None]],
    *,
    placed: UidSet = EMPTY,
    taken: Set[Key] = frozenset(),
) -> Match:
    """Pair what the keys alone can pair.

    `placed` are new UIDs that an earlier try has dealt with, and `taken` the keys of stored mails among them: they are
    paired no more, but a key that they share is not unique.
    """
    result = Match()
    old_by_key: defaultdict[Key, list[OldMail]] = defaultdict(list)
    for old in old_mails:
        result.left[old.source_id] = old
        if old.key is not None:
            old_by_key[old.key].append(old)
    new_by_key: defaultdict[Key, list[int]] = defaultdict(list)
    for uid, key in new_mails:
        if key is not None:
            new_by_key[key].append(uid)
        elif uid not in placed:
            result.unsure.append(uid)
    for key, uids in new_by_key.items():
        fitting = old_by_key.get(key, [])
        waiting = [uid for uid in uids if uid not in placed]
        if waiting and len(uids) == 1 and len(fitting) == 1 and key not in taken:
            result.mapped[uids[0]] = fitting[0].source_id
            del result.left[fitting[0].source_id]
        else:
            result.unsure.extend(waiting)
    result.unsure.sort()
    result.index_hashes()
    return result
