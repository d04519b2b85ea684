"""Decision: what the rules say of one mail."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a mail by the rules. Without any rule that matches it is empty."""

    tags: tuple[str, ...] = ()  # names of ours, not the source's labels; sorted, each once
    rules: tuple[str, ...] = ()  # names of the rules that matched, in the order of the file

    def tagged(self, *names: str) -> "Decision":
        """Return the decision with these tags as well."""
        return replace(self, tags=tuple(sorted({*self.tags, *names})))
