"""The rules file: whether workers would start with it."""

from collections.abc import Iterator

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
        found = first if not others else f"{len(others)} mistakes, the first: {others[0].strip()}"
        yield red(AREA, "RULES_FILE", found, "`python -m src.cli rules check` tells them all; workers do not start")
        return
    yield green(AREA, "RULES_FILE", "none: no mail is tagged" if rules is None else f"{len(rules.rules)} rules")
