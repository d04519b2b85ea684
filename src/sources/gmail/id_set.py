"""IdSet: ids of messages in eight bytes each, since a label may be on a million mails."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable


class IdSet:
    """Tells whether an id of the API's (hex digits) is in it."""

    def __init__(self, message_ids: Iterable[str]) -> None:
        self._sorted = array("Q", sorted({int(each, 16) for each in message_ids}))

    def __len__(self) -> int:
        return len(self._sorted)

    def __contains__(self, message_id: str) -> bool:
        number = int(message_id, 16)
        at = bisect_left(self._sorted, number)
        return at < len(self._sorted) and self._sorted[at] == number
