"""The labels of one mailbox: Gmail's own, whose id is their name, and the user's, whose id outlives every renaming."""

from dataclasses import dataclass

SYSTEM_LABELS = (
    "CHAT",
    "SENT",
    "INBOX",
    "IMPORTANT",
    "TRASH",
    "DRAFT",
    "SPAM",
    "CATEGORY_FORUMS",
    "CATEGORY_UPDATES",
    "CATEGORY_PERSONAL",
    "CATEGORY_PROMOTIONS",
    "CATEGORY_SOCIAL",
    "STARRED",
    "UNREAD",
)


@dataclass(frozen=True)
class Label:
    """One label as `labels.list` tells it."""

    id: str
    name: str
    is_system: bool = False

    def as_json(self) -> dict[str, str]:
        if self.is_system:
            return {"id": self.id, "name": self.name, "type": "system"}
        return {
            "id": self.id,
            "name": self.name,
            "messageListVisibility": "show",
            "labelListVisibility": "labelShow",
            "type": "user",
        }


class Labels:
    """All labels by id. The mailbox holds the lock."""

    def __init__(self) -> None:
        self._by_id = {name: Label(name, name, is_system=True) for name in SYSTEM_LABELS}
        self._made = 0

    def create(self, name: str) -> str:
        """Make a user's label; return its id."""
        self._made += 1
        label = Label(f"Label_{self._made}", name)
        self._by_id[label.id] = label
        return label.id

    def rename(self, label_id: str, name: str) -> None:
        self._by_id[label_id] = Label(label_id, name)

    def remove(self, label_id: str) -> None:
        del self._by_id[label_id]

    def all(self) -> list[Label]:
        return list(self._by_id.values())

    def check(self, label_ids: frozenset[str]) -> None:
        """Refuse ids of no label: a mistake of the test."""
        assert label_ids <= self._by_id.keys(), f"no such labels: {sorted(label_ids - self._by_id.keys())}"

    def ids_named(self, name: str) -> set[str]:
        """Return the ids of the labels that a search for `name` means: case and hyphens for blanks do not matter."""
        wanted = name.lower().replace(" ", "-")
        return {label.id for label in self._by_id.values() if label.name.lower().replace(" ", "-") == wanted}
