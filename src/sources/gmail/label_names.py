"""LabelNames: what people call the labels of an account. Mails carry ids (`Label_12`), which outlive a new name.

Learnt at the first look of a process, when the history tells of a label that nobody knew, and whenever all is compared:
a label that was renamed is known by its new name within a day. Each time costs one unit.
"""

from collections.abc import Iterable, Mapping

from src.sync.gmail_values import HistoryRecord, Label

MOST_NAMES = 2_000  # of the 10,000 labels that Gmail allows: some 500 KB at most, written with the sync state
OF_A_USER = "Label_"  # how ids of users' labels begin; those of the system's are names


class LabelNames:
    """The names of one account. Written by one thread, read by any."""

    def __init__(self) -> None:
        self._names: Mapping[str, str] | None = None

    @property
    def by_id(self) -> Mapping[str, str] | None:
        """The names of users' labels; None: not learnt yet."""
        return self._names

    def learn(self, labels: Iterable[Label]) -> None:
        """Take the labels that the account has now."""
        of_user = [label for label in labels if not label.is_system]
        self._names = {label.id: label.name for label in of_user[:MOST_NAMES]}

    def lacks(self, records: Iterable[HistoryRecord]) -> bool:
        """Tell whether the history tells of a label that is new since they were learnt. Pure."""
        known = self._names
        if known is None or len(known) == MOST_NAMES:
            return False
        return any(label.startswith(OF_A_USER) and label not in known for label in _labels_in(records))


def _labels_in(records: Iterable[HistoryRecord]) -> Iterable[str]:
    for record in records:
        for touched in record.added:
            yield from touched.label_ids or ()
        for change in record.labels_added:
            yield from change.label_ids
