"""The rules of `RULES_FILE`, read and put together with the actions there are."""

from pathlib import Path

from config.settings import Settings
from config.text_file import read_text_file
from src.actions.registry import ACTIONS
from src.model.message import Decide
from src.rules.rule import Rules
from src.rules.rules_file import parse_rules
from src.store.decided import as_told


def rules_of(settings: Settings) -> Rules | None:
    """Return the rules; None if no file is set up. Raises SettingsError, which lists every mistake."""
    return read_rules(Path(settings.rules_file), "RULES_FILE") if settings.rules_file else None


def decide_of(rules: Rules | None) -> Decide:
    """Return how the rules decide; without rules nothing is decided, and what is stored stays."""
    return rules.decide if rules is not None else as_told


def read_rules(path: Path, name: str) -> Rules:
    """Return the rules of a file; `name` is what a person calls it. Raises SettingsError, as `rules_of` does."""
    text, _ = read_text_file(path, name)
    return parse_rules(text, ACTIONS)
