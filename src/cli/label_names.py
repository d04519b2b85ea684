"""What people call the labels of mails, for commands that show mails: the database holds the ids that mails carry."""

from collections.abc import Iterable, Mapping, Sequence

from src.store.protocol import SyncState


class LabelNames:
    """The names of all accounts, as the producers learnt them."""

    def __init__(self, states: Iterable[SyncState]) -> None:
        self._of: dict[str, Mapping[str, str]] = {
            state.account: state.label_names for state in states if state.label_names
        }

    def names(self, account: str, labels: Sequence[str]) -> list[str]:
        """Return what each of these labels is called; one without a name of its own as it is."""
        known = self._of.get(account, {})
        return [known.get(label, label) for label in labels]

    def given(self, account: str, labels: Sequence[str]) -> list[str]:
        """Return only the names that people gave, in order."""
        known = self._of.get(account, {})
        return sorted(known[label] for label in labels if label in known)
