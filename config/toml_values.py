"""Values of a TOML file that a person wrote: checked one by one, so that all mistakes can be told together.

What is wrong is told by what was expected and what kind of value was found; the value itself is not repeated.
"""

from collections.abc import Sequence

MOST_KEY_CHARS = 64  # of a key that is repeated in a message


class WrongValueError(ValueError):
    """Raised when a value of the file is not what is expected there; the text says what is."""


def shown(key: str) -> str:
    """Return a key as a message may repeat it."""
    return key if key.isascii() and key.isprintable() and len(key) <= MOST_KEY_CHARS else "a key with strange text"


def truth(value: object) -> bool:
    """Return a value that is `true` or `false`. Raises WrongValueError."""
    if not isinstance(value, bool):
        raise WrongValueError(f"expected true or false, found {kind_of(value)}")
    return value


def texts(value: object, *, what: str, most: int, most_chars: int) -> tuple[str, ...]:
    """Return the texts of a list, or of one text alone; `what` is what each is. Raises WrongValueError."""
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not listed:
        raise WrongValueError(f"expected {what}, or a list of such texts, found {kind_of(value)}")
    if len(listed) > most:
        raise WrongValueError(f"expected at most {most} texts, found {len(listed)}")
    for one in listed:
        if not isinstance(one, str) or not one.strip():
            raise WrongValueError(f"expected {what}, found {kind_of(one)}")
        if len(one) > most_chars:
            raise WrongValueError(f"expected {what} of at most {most_chars} characters, found {len(one)}")
    return tuple(listed)


def names(value: object, *, what: str, most: int, most_chars: int) -> tuple[str, ...]:
    """Return the texts of a list that serve as names: printable, without blanks around them. Raises WrongValueError."""
    found = texts(value, what=what, most=most, most_chars=most_chars)
    if not all(name.isprintable() and name == name.strip() for name in found):
        raise WrongValueError(f"expected {what}, printable and without blanks around it")
    return found


def one_of(value: object, known: Sequence[str]) -> tuple[str, ...]:
    """Return the words of a list, or one word alone, each of them of those known. Raises WrongValueError."""
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not listed or not all(one in known for one in listed):
        raise WrongValueError(f"expected one or a list of {', '.join(known)}")
    return tuple(listed)


def kind_of(value: object) -> str:
    """Return in words what kind of value it is; None stands for a key that is not there."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, str):
        return "a text" if value.strip() else "an empty text"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    if isinstance(value, dict):
        return "a table" if value else "an empty table"
    return "a date or time"
