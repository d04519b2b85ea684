"""Reading: from what is written under `when` to what is asked of a mail, with all mistakes gathered on the way."""

import difflib
from collections.abc import Collection, Mapping

from config.toml_values import MOST_KEY_CHARS, WrongValueError, kind_of, shown
from src.rules.combining import AllOf, AnyOf, Asked, Not
from src.rules.conditions.registry import CONDITIONS

MOST_DEPTH = 5  # of `any` and `not` in each other: nobody can read more
MOST_ANY = 100  # alternatives of one `any`
COMBINING = ("any", "not")


class Mistakes:
    """What is wrong with the file so far, each with its place."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def add(self, place: str, said: object) -> None:
        """Note one; `said` never holds a value of the file."""
        self.told.append(f"{place}: {said}")

    def add_unknown(self, place: str, key: str, known: Collection[str]) -> None:
        """Note a key that means nothing there."""
        found = f"known are {', '.join(known)}"
        near = difflib.get_close_matches(key.lower()[:MOST_KEY_CHARS], known, n=1)
        self.add(f"{place}.{shown(key)}", f"is not known here; {f'is {near[0]} meant?' if near else found}")


class ConditionReader:
    """Reads conditions, and weighs what they look for."""

    def __init__(self, mistakes: Mistakes) -> None:
        self._mistakes = mistakes
        self.weight = 0  # of all that was read, in patterns

    def read_all(self, place: str, entry: object, depth: int = 0) -> Asked:
        """Return what a table of conditions asks: that all hold. Of what is wrong the mistakes tell."""
        if not isinstance(entry, Mapping) or not entry:
            self._mistakes.add(place, f"expected a table with at least one condition, found {kind_of(entry)}")
            return AllOf(())
        if depth > MOST_DEPTH:
            self._mistakes.add(place, f"any and not are more than {MOST_DEPTH} deep in each other")
            return AllOf(())
        return AllOf([asked for name, value in entry.items() for asked in self._read_one(place, name, value, depth)])

    def _read_one(self, place: str, name: str, value: object, depth: int) -> list[Asked]:
        """Return the condition of one line; none if it is wrong."""
        if name == "not":
            return [Not(self.read_all(f"{place}.not", value, depth + 1))]
        if name == "any":
            return [self._read_any(f"{place}.any", value, depth + 1)]
        if name not in CONDITIONS:
            self._mistakes.add_unknown(place, name, [*CONDITIONS, *COMBINING])
            return []
        kind = CONDITIONS[name]
        self.weight += kind.weight * (len(value) if isinstance(value, list) else 1)
        try:
            return [kind.read(value)]
        except WrongValueError as error:
            self._mistakes.add(f"{place}.{name}", error)
            return []

    def _read_any(self, place: str, value: object, depth: int) -> Asked:
        if not isinstance(value, list) or not 1 <= len(value) <= MOST_ANY:
            found = f"{len(value)}" if isinstance(value, list) else kind_of(value)
            self._mistakes.add(place, f"expected a list of 1 to {MOST_ANY} tables of conditions, found {found}")
            return AnyOf(())
        return AnyOf([self.read_all(f"{place}[{at}]", entry, depth) for at, entry in enumerate(value, start=1)])
