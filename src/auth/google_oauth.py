"""The wire to Google's OAuth 2.0 endpoints: the consent address, code for token, refresh, revoke.

Every call ends in a value or in one of our errors: SourceUnavailableError (network, 5xx, 429, an answer that is no
JSON: try again), SignInNeededError (`invalid_grant`: only a new sign-in helps), LoginRefusedError (the OAuth client
itself is wrong). Nothing here keeps a token or writes a file.
Traps (facts/gmail.md): google-auth's default time-out is two minutes, and `from_authorized_user_file` ignores the
token address; so Credentials are built here from their parts. Its refresh also hands on an answer that is no JSON as
text, and fails with a TypeError or AttributeError over it.
"""

import base64
import functools
import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import requests
from google.auth import exceptions as google_errors
from google.auth.transport.requests import Request
from google.oauth2.credentials import Credentials

from config.settings import Settings
from src.auth import token_endpoint
from src.auth.token_endpoint import is_passing, json_object, known_code, life_s, post, text_of, unreachable
from src.common.clock import Clock
from src.common.errors import (
    IngestError,
    LoginRefusedError,
    ScopeMissingError,
    SignInFailedError,
    SignInNeededError,
)

IMAP_SCOPE = "https://mail.google.com/"  # the only one with which Gmail's IMAP lets in
READ_SCOPE = "https://www.googleapis.com/auth/gmail.readonly"  # enough for the Gmail API
MAX_TOLD_LIFE_S = 10 * 365 * 24 * 3600  # of a refresh token; what is longer means that it does not end


@dataclass(frozen=True, slots=True)
class Consent:
    """One sign-in under way: where to send the person, and what to hold the answer against."""

    address: str  # to open in a browser
    redirect_uri: str
    state: str = field(repr=False)
    verifier: str = field(repr=False)  # PKCE, RFC 7636


@dataclass(frozen=True, slots=True)
class Grant:
    """What the token endpoint gave."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)  # empty: not given anew, the old one stays
    expires_at: datetime  # aware UTC
    scopes: tuple[str, ...]  # granted; empty: not told
    ends_at: datetime | None = None  # of the sign-in itself, aware UTC; None: not told, as a rule it has no end


def begin_consent(settings: Settings, *, account: str, scopes: tuple[str, ...], redirect_uri: str) -> Consent:
    """Return a fresh consent address with state and PKCE (S256)."""
    if not settings.google_client_id:
        raise LoginRefusedError(
            "GOOGLE_CLIENT_ID is empty: create an OAuth client of type desktop app and put its id and secret into .env "
            "(see docs/howto/sign-in-to-gmail.md)"
        )
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(64)
    query = {
        "client_id": settings.google_client_id,
        "redirect_uri": redirect_uri,
        "response_type": "code",
        "scope": " ".join(scopes),
        "state": state,
        "code_challenge": challenge_of(verifier),
        "code_challenge_method": "S256",
        "access_type": "offline",  # or there is no refresh token
        "prompt": "consent",  # or a second sign-in brings no refresh token
        "login_hint": account,
    }
    return Consent(f"{settings.google_auth_uri}?{urlencode(query)}", redirect_uri, state, verifier)


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge of a PKCE verifier (RFC 7636 section 4.2)."""
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def exchange_code(settings: Settings, consent: Consent, code: str, clock: Clock) -> Grant:
    """Trade the code of a redirect for tokens."""
    answer = post(
        settings.google_token_uri,
        {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": consent.verifier,
            "redirect_uri": consent.redirect_uri,
            "client_id": settings.google_client_id,
            "client_secret": settings.google_client_secret.get_secret_value(),
        },
    )
    values = json_object(answer)
    if answer.status_code != requests.codes.ok:
        raise _refusal(str(values.get("error", "")), answer.status_code, while_signing_in=True)
    return Grant(
        access_token=text_of(values, "access_token"),
        refresh_token=str(values.get("refresh_token", "")),
        expires_at=clock.now() + timedelta(seconds=life_s(values.get("expires_in"))),
        scopes=tuple(str(values.get("scope", "")).split()),
        ends_at=_end_of_sign_in(values.get("refresh_token_expires_in"), clock),
    )


def _end_of_sign_in(told: object, clock: Clock) -> datetime | None:
    """Return when the refresh token ends. Google tells it only where the access was given for a limited time."""
    if isinstance(told, bool) or not isinstance(told, int | float) or not 0 < told < MAX_TOLD_LIFE_S:
        return None
    return clock.now() + timedelta(seconds=told)


def refresh(settings: Settings, *, refresh_token: str, scopes: tuple[str, ...], clock: Clock) -> Grant:
    """Ask for a new access token with these scopes, which were granted before."""
    credentials = Credentials(  # type: ignore[no-untyped-call]  # google-auth is typed in part
        token=None,
        refresh_token=refresh_token,
        token_uri=settings.google_token_uri,
        client_id=settings.google_client_id,
        client_secret=settings.google_client_secret.get_secret_value(),
        scopes=list(scopes),  # without them google-auth does not tell which were granted
    )
    with requests.Session() as session:
        try:
            request = functools.partial(Request(session), timeout=token_endpoint.TIMEOUT_S)
            credentials.refresh(request)  # type: ignore[no-untyped-call]
        except google_errors.TransportError as error:
            raise unreachable("the token address does not answer") from error
        except google_errors.RefreshError as error:
            raise _refresh_refusal(error) from None  # its text may quote the answer, which may hold a token
        except (ValueError, TypeError, AttributeError, KeyError, OverflowError):
            raise unreachable("the token address gave an answer that is no token") from None
    if not isinstance(credentials.token, str) or not credentials.token:
        raise unreachable("the token address gave an answer without a token")
    expiry = credentials.expiry.replace(tzinfo=UTC) if credentials.expiry else datetime.now(UTC)
    left_s = life_s((expiry - datetime.now(UTC)).total_seconds())  # google-auth reads the system's clock
    return Grant(
        access_token=credentials.token,
        refresh_token=credentials.refresh_token if credentials.refresh_token != refresh_token else "",
        expires_at=clock.now() + timedelta(seconds=left_s),
        scopes=tuple(credentials.granted_scopes or ()),
    )


def revoke(settings: Settings, token: str) -> bool:
    """Make Google forget the sign-in; return False if Google did not know it any more."""
    answer = post(settings.google_revoke_uri, {"token": token})
    if answer.status_code == requests.codes.ok:
        return True
    if answer.status_code == requests.codes.bad_request:  # {"error": "invalid_token"}: revoked or expired before
        return False
    raise _refusal("", answer.status_code, while_signing_in=False)


def _refresh_refusal(error: google_errors.RefreshError) -> IngestError:
    details = error.args[1] if len(error.args) > 1 and isinstance(error.args[1], dict) else {}
    if error.retryable or not details.get("error"):
        return unreachable("the token address failed for a while")
    return _refusal(str(details["error"]), 400, while_signing_in=False)


def _refusal(error: str, status: int, *, while_signing_in: bool) -> IngestError:
    if is_passing(status):
        return unreachable(f"Google's sign-in service answered {status}")
    if error == "invalid_grant" and while_signing_in:
        return SignInFailedError("Google refused the code (used before, too old, or of another sign-in): start again")
    if error == "invalid_scope":
        return ScopeMissingError("Google does not grant all scopes any more: run `python producer.py --auth-setup`")
    if error == "invalid_grant":
        return SignInNeededError(
            "Google says that the sign-in is not valid any more (invalid_grant; an app in Testing lives 7 days, and a "
            "changed password or 6 months without use end it too): run `python producer.py --auth-setup`"
        )
    return LoginRefusedError(
        f"Google's sign-in service answered {status} ({known_code(error)}): check GOOGLE_CLIENT_ID and "
        "GOOGLE_CLIENT_SECRET"
    )
