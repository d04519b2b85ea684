"""The token at rest: encrypted, mode 600 in a folder of mode 700, replaced in one step.

The file is JSON, `{"format": 1, "signed_in_at": "…", "encrypted": "…"}`; the tokens and all the rest lie inside the
ciphertext. Keys come from `ENCRYPTION_KEY`, newest first: the first one encrypts, every one may decrypt, so a new key
is put in front, and the old one may go once the file was written again (each refresh does that, and
`is_under_newest_key` tells).
This module never talks to Google and never logs what it reads.
"""

import json
import os
import stat
import tempfile
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from src.auth.sign_in_mark import MAX_FILE_BYTES, SIGNED_IN_AT
from src.common.errors import EncryptionKeyError, SignInNeededError, TokenFileError
from src.common.logs import get_logger
from src.common.sign_in_command import AUTH_SETUP

FORMAT = 1  # of the file; a greater one was written by a later release
FILE_MODE = 0o600
FOLDER_MODE = 0o700

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class StoredToken:
    """What a sign-in brought. Its `repr` holds no secret."""

    account: str  # the address the sign-in was for
    client_id: str  # of the OAuth client that asked; a refresh token works with this client alone
    scopes: tuple[str, ...]  # as granted, which may be less than was asked for
    signed_in_at: datetime  # aware UTC
    expires_at: datetime  # of the access token, aware UTC
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    ends_at: datetime | None = None  # of the sign-in itself, as Google told it, aware UTC; None: it told none


def parse_keys(text: str) -> list[Fernet]:
    """Return the keys of `ENCRYPTION_KEY`, newest first.

    Raises EncryptionKeyError that says what to do when there is none or one is malformed.
    """
    names = [key.strip() for key in text.split(",") if key.strip()]
    if not names:
        raise EncryptionKeyError(
            "ENCRYPTION_KEY is empty, and tokens are only kept encrypted: make a key with `python -m src.cli keygen` "
            "and put it into .env as ENCRYPTION_KEY=…"
        )
    keys = []
    for position, name in enumerate(names, start=1):
        try:
            keys.append(Fernet(name))
        except ValueError as error:
            raise EncryptionKeyError(
                f"key {position} of {len(names)} in ENCRYPTION_KEY is not a Fernet key (32 bytes in URL-safe base64, "
                "44 characters): make one with `python -m src.cli keygen`"
            ) from error
    return keys


class TokenFile:
    """One token in one file. Whoever loads, changes and saves holds the lock of `src/auth/shared_lock.py`."""

    def __init__(self, path: Path, keys: list[Fernet]) -> None:
        self.path = path
        self._newest = keys[0]
        self._any = MultiFernet(keys)

    @property
    def exists(self) -> bool:
        """True if there is a token file."""
        return self.path.exists()

    def load(self) -> StoredToken:
        """Return the token.

        Raises SignInNeededError when there is none, EncryptionKeyError when no key opens it, TokenFileError when it
        cannot be read or is not a token file.
        """
        try:
            return _decode(self._any.decrypt(self._ciphertext()))
        except InvalidToken as error:
            raise EncryptionKeyError(
                f"no key of ENCRYPTION_KEY opens {self.path}: put the key it was written with back (after the newest, "
                f"with a comma between), or delete the file and sign in again with {AUTH_SETUP}"
            ) from error

    def is_under_newest_key(self) -> bool:
        """Tell whether the first key opens the file, so that the older ones may go."""
        try:
            self._newest.decrypt(self._ciphertext())
        except InvalidToken:
            return False
        return True

    def save(self, token: StoredToken) -> None:
        """Replace the file in one step; a crash leaves the old one or the new one, never half of one."""
        ciphertext = self._newest.encrypt(_encode(token)).decode("ascii")
        signed_in_at = token.signed_in_at.isoformat()
        content = json.dumps({"format": FORMAT, SIGNED_IN_AT: signed_in_at, "encrypted": ciphertext})
        try:
            self.make_folder()
            _replace(self.path, content.encode("ascii"))
        except OSError as error:
            raise TokenFileError(f"cannot write {self.path}: {error.strerror}") from error

    def delete(self) -> None:
        """Remove the file; nothing happens if there is none."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise TokenFileError(f"cannot delete {self.path}: {error.strerror}; delete it by hand") from error

    def make_folder(self) -> None:
        """Create the folder, for its owner alone. A folder that was there keeps its mode: it may hold other things."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)

    def _ciphertext(self) -> bytes:
        content = _read_private(self.path)
        try:
            parsed = json.loads(content)
            if parsed["format"] != FORMAT:
                raise TokenFileError(f"{self.path} has format {parsed['format']!r}, this release reads {FORMAT}")
            return str(parsed["encrypted"]).encode("ascii")
        except (ValueError, KeyError, TypeError) as error:
            raise TokenFileError(
                f"{self.path} is not a token file of ours: move it away and sign in again with {AUTH_SETUP}"
            ) from error


def _read_private(path: Path) -> bytes:
    """Read the file after taking every right of group and others from it, with a warning when they had one."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise SignInNeededError(f"no token at {path}: sign in with {AUTH_SETUP}") from error
    except OSError as error:
        raise TokenFileError(f"cannot read {path}: {error.strerror}; it must be a plain file of our own") from error
    with os.fdopen(handle, "rb") as file:
        mode = stat.S_IMODE(os.fstat(handle).st_mode)
        if mode & 0o077:
            _close_to_others(handle, path, mode)
        return file.read(MAX_FILE_BYTES)


def _close_to_others(handle: int, path: Path, mode: int) -> None:
    try:
        os.fchmod(handle, FILE_MODE)
    except OSError as error:
        raise TokenFileError(
            f"{path} has mode {mode:o}, so that others can read it, and we may not change that: run `chmod 600` on it "
            "as its owner, and sign in again, since the token may be known to others"
        ) from error
    _log.warning("token_file_mode_mended", found=f"{mode:o}", set_to=f"{FILE_MODE:o}")


def _replace(path: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp makes it with mode 600
    draft = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(handle)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _encode(token: StoredToken) -> bytes:
    values = asdict(token)
    values["signed_in_at"] = token.signed_in_at.isoformat()
    values["expires_at"] = token.expires_at.isoformat()
    values["ends_at"] = token.ends_at.isoformat() if token.ends_at else None
    return json.dumps(values).encode()


def _moment_or_none(told: str | None) -> datetime | None:
    return datetime.fromisoformat(told).astimezone(UTC) if told else None


def _decode(plain: bytes) -> StoredToken:
    try:
        values = json.loads(plain)
        return StoredToken(
            account=str(values["account"]),
            client_id=str(values["client_id"]),
            scopes=tuple(str(scope) for scope in values["scopes"]),
            signed_in_at=datetime.fromisoformat(values["signed_in_at"]).astimezone(UTC),
            expires_at=datetime.fromisoformat(values["expires_at"]).astimezone(UTC),
            access_token=str(values["access_token"]),
            refresh_token=str(values["refresh_token"]),
            ends_at=_moment_or_none(values.get("ends_at")),  # not in a file of before 2026-11
        )
    except (ValueError, KeyError, TypeError):
        # The cause may quote the token: it is cut off on purpose.
        raise TokenFileError("the token file opens, but does not hold a token: sign in again") from None
