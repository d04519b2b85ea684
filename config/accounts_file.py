"""The accounts file: TOML, a `[[account]]` for each account, turned into accounts. Pure: all it takes is handed in.

    [[account]]
    name = "ada@example.org"                        # under which its mails are stored; also the name to log in with
    imap_host = "imap.example.org"                  # settings of this account, in lower case; the rest is as for all
    imap_auth = "password"
    imap_password_file = "/run/secrets/ada"         # or imap_password_env = "ADA_PASSWORD"

What belongs to one account alone is never taken over from the settings for all: the names to log in with, the password
(which would be shown to another's server), the token file. All mistakes are reported in one message, which names
accounts by their number and quotes no value.
"""

import difflib
import hashlib
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from config.account import Account
from config.account_clashes import clashes, same_names
from config.account_secrets import SecretMistakeError, SecretsAround, is_secret, keys_of, secret_of
from config.rollout import is_switched
from config.settings import Settings, SettingsError, said_of
from config.toml_values import MOST_KEY_CHARS, shown

MOST_ACCOUNTS = 500  # in one process: each mailbox has three threads, a connection, and some 2 MB while it catches up
MOST_NAME_CHARS = 200  # of an account's name: part of keys and of unique columns

Entry = Mapping[str, Any]  # one [[account]], as TOML has it

OWN_SETTINGS = tuple(
    name
    for name in Settings.model_fields
    if name.startswith(("imap_", "google_", "gmail_")) or name in ("source", "use_gmail_api")
)
SECRETS = tuple(name for name in OWN_SETTINGS if is_secret(name))
KEYS = ("name", *OWN_SETTINGS, *(key for name in SECRETS for key in keys_of(name) if key != name))


def parse_accounts(
    text: str, base: Settings, around: SecretsAround, *, winning: Collection[str] = ()
) -> tuple[Account, ...]:
    """Return the accounts of the file, each with the settings of `base` and its own. Raises SettingsError.

    `winning` names settings of `base` that win over the file.
    """
    accounts: list[Account] = []
    entries, mistakes = _entries(text)
    for number, entry in enumerate(entries, start=1):
        account, found = _account(entry, base, around, winning)
        accounts.append(account)
        mistakes += [f"account {number}: {mistake}" for mistake in found]
    mistakes += same_names(accounts) if mistakes else clashes(accounts)
    if mistakes:
        raise _wrong(mistakes)
    return tuple(accounts)


def _entries(text: str) -> tuple[list[Entry], list[str]]:
    """Return the accounts as they are written, and what is wrong beside them."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _wrong([f"it is not TOML: {error}"]) from error
    entries = content.pop("account", None)
    mistakes = [f"{shown(key)}: only [[account]] tables are expected" for key in content]
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        mistakes.append("expected [[account]], in double brackets, once for each account")
        return [], mistakes
    if len(entries) > MOST_ACCOUNTS:
        mistakes.append(f"{len(entries)} accounts are too many for one process, which takes {MOST_ACCOUNTS}: split it")
    return entries[:MOST_ACCOUNTS], mistakes


def _wrong(mistakes: Sequence[str]) -> SettingsError:
    head = "The accounts file is wrong. Mend it (see docs/howto/several-accounts.md):"
    return SettingsError("\n".join([head, *(f"  {mistake}" for mistake in mistakes)]))


def _account(
    entry: Entry, base: Settings, around: SecretsAround, winning: Collection[str]
) -> tuple[Account, list[str]]:
    """Return the account of an entry, as far as it goes, and all that is wrong with it."""
    mistakes = list(_mistakes_in_keys(entry, base))
    own: dict[str, Any] = {}
    try:
        own = _checked(entry)
    except ValidationError as error:
        mistakes += [f"{name}: {said}" for name, said in said_of(error)]
    for setting in SECRETS:
        try:
            secret = secret_of(setting, entry, around)
        except SecretMistakeError as error:
            mistakes.append(str(error))
            continue
        if secret is not None:
            own[setting] = SecretStr(secret)
    name = str(entry.get("name", ""))
    own = {**_of_its_own(name, own, base), **own, **_way(name, entry, base)}
    own |= {setting: getattr(base, setting) for setting in winning}
    return Account(name, base.model_copy(update=own)), mistakes


def _mistakes_in_keys(entry: Entry, base: Settings) -> Iterator[str]:
    name = entry.get("name")
    if not isinstance(name, str) or not name.strip():
        yield "name: expected some text: under it the account's mails are stored"
    elif name != name.strip() or not name.isprintable() or len(name) > MOST_NAME_CHARS:
        yield f"name: expected at most {MOST_NAME_CHARS} printable characters, without blanks around them"
    yield from (_unknown(key) for key in entry if key not in KEYS)
    if "source" in entry and "use_gmail_api" in entry:
        yield "source and use_gmail_api: give one of them"
    has_password = any(key in entry for key in keys_of("imap_password"))
    reads_imap = not _way(str(name), entry, base)["use_gmail_api"]
    if reads_imap and entry.get("imap_auth", base.imap_auth) == "password" and not has_password:
        yield "imap_password_file or imap_password_env: missing; IMAP_PASSWORD is not for the accounts of the file"


def _unknown(key: str) -> str:
    if key.lower() in KEYS:
        return f"{shown(key)}: write it in lower case"
    if key.lower() in Settings.model_fields:
        return f"{shown(key)}: holds for all accounts: it belongs into the environment or .env"
    near = difflib.get_close_matches(key.lower()[:MOST_KEY_CHARS], KEYS, n=1)
    return f"{shown(key)}: no such setting of an account" + (f"; is {near[0]} meant?" if near else "")


class _FromTheFile(Settings):
    """Checks settings that an account has of its own; reads no environment."""

    model_config = SettingsConfigDict(strict=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the base class names them
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what is handed in, and nothing else."""
        return (init_settings,)


def _checked(entry: Entry) -> dict[str, Any]:
    """Return the settings that the entry gives, secrets aside, checked. Raises ValidationError."""
    given = {name: entry[name] for name in OWN_SETTINGS if name in entry and name not in SECRETS}
    checked = _FromTheFile(**given)
    return {name: getattr(checked, name) for name in given if getattr(checked, name) != ""}  # empty means not given


def _of_its_own(name: str, own: Entry, base: Settings) -> dict[str, Any]:
    """Return what takes the place of those settings for all that are of one account alone."""
    login = own.get("imap_user", name)
    return {
        "imap_user": login,
        "gmail_user": login,
        "imap_password": SecretStr(""),
        "google_token_file": _token_file(name, base),
    }


def _way(name: str, entry: Entry, base: Settings) -> dict[str, Any]:
    """Return what says which way the account is read: its own word, else that for all, else the roll-out's."""
    if "use_gmail_api" in entry:
        uses_api = entry["use_gmail_api"] is True
    elif "source" in entry:
        uses_api = entry["source"] == "gmail"
    else:
        is_for_all = base.use_gmail_api or base.source == "gmail"
        uses_api = is_for_all or is_switched(name, base.use_gmail_api_percent)
    return {"use_gmail_api": uses_api, "source": "gmail" if uses_api else "imap"}


def _token_file(name: str, base: Settings) -> str:
    """Return where the account's token lies unless it says so: beside that of the settings, under the account's tag.

    The tag (see `account_tag` in src/common/logs.py) instead of the name, since the path comes up in messages.
    """
    shared = Path(base.google_token_file)
    tag = hashlib.blake2b(name.encode(), digest_size=4).hexdigest()
    return str(shared.with_name(f"{shared.stem}-{tag}{shared.suffix}"))
