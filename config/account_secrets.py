"""The passwords of an accounts file: by preference it names a file or an environment variable that holds each.

For a secret setting such as `imap_password` an account may say `imap_password_file` or `imap_password_env`. One in the
clear is taken only from a file that nobody else can read. No message repeats a value: whoever mixes the keys up has
written the password itself where a name belongs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from config.settings import Settings

BY_FILE, BY_VARIABLE = "_file", "_env"


@dataclass(frozen=True, slots=True)
class SecretsAround:
    """Where secrets may come from."""

    environment: Mapping[str, str]
    read_file: Callable[[str], str]  # raises OSError or ValueError
    is_private: bool  # nobody but its owner can read the accounts file


class SecretMistakeError(Exception):
    """Raised when a secret of an account cannot be had; the text says why, and never holds a value."""


def is_secret(setting: str) -> bool:
    """Tell whether a setting holds a secret."""
    return Settings.model_fields[setting].annotation is SecretStr


def keys_of(setting: str) -> tuple[str, ...]:
    """Return the keys under which an account may give a secret setting."""
    return setting, setting + BY_FILE, setting + BY_VARIABLE


def secret_of(setting: str, entry: Mapping[str, Any], around: SecretsAround) -> str | None:
    """Return the secret that `entry` gives for `setting`, None if it gives none. Raises SecretMistakeError."""
    given = [name for name in keys_of(setting) if name in entry]
    if not given:
        return None
    if len(given) > 1:
        raise SecretMistakeError(f"{' and '.join(given)}: give one of them")
    (given_as,), value = given, entry[given[0]]
    if not isinstance(value, str) or not value:
        raise SecretMistakeError(f"{given_as}: expected some text")
    if given_as == setting + BY_FILE:
        return _from_file(given_as, value, around)
    if given_as == setting + BY_VARIABLE:
        return _from_variable(given_as, value, around)
    if not around.is_private:
        raise SecretMistakeError(
            f"{given_as}: others may read the accounts file: `chmod 600` it, or give {setting + BY_FILE} or "
            f"{setting + BY_VARIABLE} instead"
        )
    return value


def _from_file(given_as: str, name: str, around: SecretsAround) -> str:
    try:
        secret = around.read_file(name)
    except OSError as error:
        raise SecretMistakeError(
            f"{given_as}: the file cannot be read ({error.strerror or 'there is none'})"
        ) from error
    except ValueError as error:
        raise SecretMistakeError(f"{given_as}: the file is no password: it is too large, or not UTF-8") from error
    if len(secret.splitlines()) != 1:
        raise SecretMistakeError(f"{given_as}: the file is no password: expected one line of text")
    return secret


def _from_variable(given_as: str, name: str, around: SecretsAround) -> str:
    secret = around.environment.get(name, "")
    if not secret:
        raise SecretMistakeError(
            f"{given_as}: the variable it names is not set, neither in the environment nor in .env"
        )
    return secret
