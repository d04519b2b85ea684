"""DelegatedAccess: access tokens by a service account that acts for the account (domain-wide delegation, RFC 7523).

Order: the key file is read → an assertion is signed → the token address gives an access token. Nothing is stored, so no
ENCRYPTION_KEY is needed: each process asks for itself, once an hour. The key file is read anew each time, so a new key
needs no restart.
google-auth only signs here. Its own Credentials would follow `token_uri` of the key file, and hand on texts of Google.
"""

import json
import os
import stat
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from google.auth import crypt, jwt

from config.settings import Settings
from src.auth.mint import AccessToken
from src.auth.scopes import account_of, wanted_scopes
from src.auth.sign_in_mark import Mark, sign_in_mark
from src.auth.token_endpoint import json_object, known_code, life_s, post, token_of
from src.common.clock import Clock
from src.common.errors import DelegationRefusedError, IngestError, TokenFileError
from src.common.logs import account_tag, get_logger

# Google wants its own token address here, whatever address (a proxy, a test server) the assertion is sent to.
AUDIENCE = "https://oauth2.googleapis.com/token"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASSERTION_LIFE = timedelta(hours=1)  # the longest Google takes
BACKDATED = timedelta(seconds=30)  # so that a clock a little ahead of Google's does no harm
MAX_KEY_FILE_BYTES = 64 * 1024  # a key file has about 2.4 KB

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ServiceAccountKey:
    """What a key file holds. Its `repr` holds no secret."""

    address: str  # of the service account
    client_id: str  # the number by which a domain's administrator allows it; may be empty
    signer: crypt.RSASigner = field(repr=False)


class DelegatedAccess:
    """Plays Mint by the key file of the settings."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._path = Path(settings.google_service_account_file)

    def mark(self) -> Mark:
        """As in Mint: of the key file."""
        return sign_in_mark(self._settings)

    def mint(self, refused: str) -> AccessToken:  # noqa: ARG002 - the role names it
        """As in Mint; each call brings a new token, so `refused` is never given again."""
        key = load_key(self._path)
        form = {"grant_type": JWT_BEARER, "assertion": _assertion(key, self._settings, self._clock)}
        answer = post(self._settings.google_token_uri, form)
        values = json_object(answer)
        if not answer.is_ok:
            raise _refusal(values, self._settings, key.client_id)
        life = timedelta(seconds=life_s(values.get("expires_in")))
        return AccessToken(token_of(values, "access_token"), self._clock.now() + life)


def load_key(path: Path, *, setting: str = "GOOGLE_SERVICE_ACCOUNT_FILE") -> ServiceAccountKey:
    """Return the key of a service account. Raises TokenFileError, which names `setting`; no text quotes the file."""
    content = _read(path, setting)
    try:
        values = json.loads(content)
        signer = crypt.RSASigner.from_service_account_info(values)  # type: ignore[no-untyped-call]
        return ServiceAccountKey(str(values["client_email"]), str(values.get("client_id", "")), signer)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, UnsupportedAlgorithm):
        raise TokenFileError(
            f"{path} ({setting}) is not a service account's key: make one in the Google Cloud console (the service "
            "account, Keys, Add key, JSON)"
        ) from None


def is_open_to_others(path: Path) -> bool:
    """Tell whether other users of the machine may read the key file."""
    return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)


def _read(path: Path, setting: str) -> bytes:
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & 0o077:  # only said: the file is not ours, and mounted secrets often cannot be changed
                _log.warning("service_account_file_open_to_others", mode=f"{mode:o}")
            return file.read(MAX_KEY_FILE_BYTES)
    except OSError as error:
        raise TokenFileError(f"cannot read {path} ({setting}): {error.strerror}") from error


def _assertion(key: ServiceAccountKey, settings: Settings, clock: Clock) -> str:
    begins_at = clock.now() - BACKDATED
    claims = {
        "iss": key.address,
        "sub": account_of(settings),
        "aud": AUDIENCE,
        "scope": " ".join(wanted_scopes(settings)),
        "iat": int(begins_at.timestamp()),
        "exp": int((begins_at + ASSERTION_LIFE).timestamp()),
    }
    signed: bytes = jwt.encode(key.signer, claims)  # type: ignore[no-untyped-call]
    return signed.decode("ascii")


def _refusal(values: dict[str, object], settings: Settings, client_id: str) -> IngestError:
    """Return what a refusal means. Google's description is only looked at for known words, never repeated."""
    code, told = known_code(str(values.get("error", ""))), str(values.get("error_description", "")).lower()
    if code in ("unauthorized_client", "access_denied", "invalid_scope"):
        scopes = " ".join(wanted_scopes(settings))
        allow = f"allow client id {client_id or 'of the service account'} the scope {scopes}"
        reason = f"the domain has not allowed it: in the Google Admin console, Domain-wide delegation, {allow}"
    elif "user id" in told or "account not found" in told:
        reason = (
            f"account {account_tag(account_of(settings))} is not in the domain, or the service account is gone: check "
            "GMAIL_USER or IMAP_USER, and the service account in the Google Cloud console"
        )
    elif "timeframe" in told or "short-lived" in told:
        reason = "this machine's clock is wrong: set it, best by NTP"
    elif "signature" in told:
        reason = "the key is not one of the service account any more: make a new key, replace the file"
    else:
        reason = "see that the service account and its key exist, and that the domain allows them"
    return DelegationRefusedError(f"Google does not let the service account act for the account ({code}): {reason}")
