"""The rules file: whether workers would start with it."""

from collections.abc import Iterator, Sequence

from config.settings import Settings, SettingsError
from src.assembly.rules import rules_of
from src.cli.checks.check import Check, green, red

AREA = "rules"


def rules_checks(settings: Settings) -> Iterator[Check]:
    """Look at the rules file."""
    try:
        rules = rules_of(settings)
    except SettingsError as error:
        first, *others = str(error).splitlines()
        found = _counted([other.strip() for other in others]) if others else first
        yield red(AREA, "RULES_FILE", found, "`python -m src.cli rules check` tells them all; workers do not start")
        return
    yield green(AREA, "RULES_FILE", "none: no mail is tagged" if rules is None else f"{len(rules.rules)} rules")


def _counted(mistakes: Sequence[str]) -> str:
    first = mistakes[0]
    return f"1 mistake: {first}" if len(mistakes) == 1 else f"{len(mistakes)} mistakes, the first: {first}"
