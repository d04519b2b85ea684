"""The key file of a service account, as far as it tells without asking Google."""

from collections.abc import Generator
from pathlib import Path

from config.settings import Settings
from src.auth.scopes import wanted_scopes
from src.auth.service_account import is_open_to_others, load_key
from src.cli.checks.check import Check, green, red, yellow
from src.common.errors import TokenFileError


def key_file_checks(area: str, settings: Settings) -> Generator[Check, None, bool]:
    """Yield what the file tells; return whether it is worth while to ask Google with it."""
    path = Path(settings.google_service_account_file)
    try:
        key = load_key(path)
    except TokenFileError as error:
        yield red(area, "service account", str(error), f"see docs/runbooks/{error.code}.md")
        return False
    named = f"{key.address}, client id {key.client_id or 'not in the file'}"
    yield green(area, "service account", named)
    yield green(area, "scopes", f"the domain must allow: {', '.join(wanted_scopes(settings))}")
    if is_open_to_others(path):
        yield yellow(area, "key file", "other users of this machine may read it", f"run `chmod 600 {path}`")
    return True
