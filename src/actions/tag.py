"""`tag`: puts tags on the stored mail. A tag is a name of ours; the labels of the source are not touched."""

from dataclasses import dataclass
from typing import Self

from config.toml_values import names
from src.model.decision import Decision
from src.model.message import Message

MOST_TAGS = 20  # of one rule: a mail with more of them is not sorted but described
MOST_TAG_CHARS = 100  # of one tag: part of a database key, shown in tables


@dataclass(frozen=True, slots=True)
class Tag:
    """Puts `tags` on the mail."""

    tags: tuple[str, ...]

    @classmethod
    def read(cls, options: object) -> Self:
        """See Action.read."""
        return cls(names(options, what="the name of a tag", most=MOST_TAGS, most_chars=MOST_TAG_CHARS))

    def apply(self, message: Message, decision: Decision) -> Decision:  # noqa: ARG002 - the role gives it to all
        """See Action.apply."""
        return decision.tagged(*self.tags)
