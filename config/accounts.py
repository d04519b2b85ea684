"""The accounts of this installation: those of `ACCOUNTS_FILE`, else the one that the settings name.

This is the edge: it reads the file, and lends what the file refers to (other files, the environment) to
`accounts_file.py`, which turns it into accounts.
"""

import os
from collections.abc import Collection
from pathlib import Path

from pydantic_settings import DotEnvSettingsSource

from config.account import Account
from config.account_secrets import SecretsAround
from config.accounts_file import parse_accounts
from config.rollout import is_switched
from config.settings import Settings, SettingsError
from config.text_file import read_text_file

MOST_SECRET_BYTES = 4096  # of a file with a password: a longer one is some other file


def accounts_of(settings: Settings, *, only: str = "", winning: Collection[str] = ()) -> tuple[Account, ...]:
    """Return all accounts, or the one named `only`; without a file one, whose name is empty if none is configured.

    `winning` names the settings that came from the command line: they win over the file. Raises SettingsError.
    """
    accounts = _of_the_file(settings, winning) if settings.accounts_file else (_of_the_settings(settings),)
    if not only:
        return accounts
    chosen = tuple(account for account in accounts if account.name == only)
    if not chosen:
        where = "in ACCOUNTS_FILE" if settings.accounts_file else "in IMAP_USER or GMAIL_USER (several: ACCOUNTS_FILE)"
        raise SettingsError(f"there is no account of the name given by --account {where}; names are compared exactly")
    return chosen


def account_named(settings: Settings, name: str) -> Account | None:
    """Return the account of this name; None if no server is configured for it: it may have come from files."""
    found = (account for account in accounts_of(settings) if account.name == name and name)
    return next(found, None)


def _of_the_settings(settings: Settings) -> Account:
    """Return the one account of the settings, switched to the Gmail API if its turn has come."""
    account = Account(_name_of(settings), settings)
    if account.kind == "gmail" or not is_switched(account.name, settings.use_gmail_api_percent):
        return account
    switched = settings.model_copy(update={"source": "gmail", "use_gmail_api": True})
    return Account(_name_of(switched), switched)


def _name_of(settings: Settings) -> str:
    return Account("", settings).sign_in_name


def _of_the_file(settings: Settings, winning: Collection[str]) -> tuple[Account, ...]:
    if "imap_user" in winning:
        raise SettingsError("--username is for the one account of the settings: of ACCOUNTS_FILE choose with --account")
    text, mode = read_text_file(Path(settings.accounts_file), "ACCOUNTS_FILE")
    is_private = not mode & 0o077
    return parse_accounts(text, settings, SecretsAround(_environment(), _read_secret, is_private), winning=winning)


def _environment() -> dict[str, str]:
    """Return the environment over `.env`, as for all settings."""
    written = DotEnvSettingsSource(Settings, case_sensitive=True).env_vars
    return {**{name: value for name, value in written.items() if value is not None}, **os.environ}


def _read_secret(name: str) -> str:
    """Return what a small file holds. Raises OSError or ValueError."""
    path = Path(name)
    if not path.is_file():
        raise FileNotFoundError
    with path.open("rb") as file:
        content = file.read(MOST_SECRET_BYTES + 1)
    if len(content) > MOST_SECRET_BYTES:
        raise ValueError("too large")
    return content.decode("utf-8").rstrip("\r\n")
