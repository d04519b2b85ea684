"""The wire to Google's OAuth 2.0 endpoints: the consent address, code for token, refresh, revoke.

Every call ends in a value or in one of our errors: SourceUnavailableError (network, 5xx, 429, an answer that is no
JSON: try again), SignInNeededError (`invalid_grant`: only a new sign-in helps), LoginRefusedError (the OAuth client
itself is wrong). Nothing here keeps a token or writes a file.
google-auth could refresh too, but waits two minutes for an answer, reads one of any size, hands its text on, and fails
with a TypeError over JSON that is no object.
"""

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlencode

from config.settings import Settings
from src.auth.bounded_http import BAD_REQUEST, Answer
from src.auth.token_endpoint import WHOM, json_object, known_code, life_s, post, token_of, unreachable
from src.common.clock import Clock
from src.common.errors import (
    IngestError,
    LoginRefusedError,
    ScopeMissingError,
    SignInFailedError,
    SignInNeededError,
)
from src.common.sign_in_command import AUTH_SETUP

IMAP_SCOPE = "https://mail.google.com/"  # the only one with which Gmail's IMAP lets in
READ_SCOPE = "https://www.googleapis.com/auth/gmail.readonly"  # enough for the Gmail API
PASSING_ERRORS = ("server_error", "temporarily_unavailable", "internal_failure")  # which Google sends with a 4xx too
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
    return _grant(answer, clock, while_signing_in=True)


def refresh(settings: Settings, *, refresh_token: str, scopes: tuple[str, ...], clock: Clock) -> Grant:
    """Ask for a new access token with these scopes, which were granted before."""
    answer = post(
        settings.google_token_uri,
        {
            "grant_type": "refresh_token",
            "refresh_token": refresh_token,
            "scope": " ".join(scopes),
            "client_id": settings.google_client_id,
            "client_secret": settings.google_client_secret.get_secret_value(),
        },
    )
    return _grant(answer, clock, while_signing_in=False)


def revoke(settings: Settings, token: str) -> bool:
    """Make Google forget the sign-in; return False if Google did not know it any more."""
    answer = post(settings.google_revoke_uri, {"token": token})
    if answer.is_ok:
        return True
    if answer.status == BAD_REQUEST:  # {"error": "invalid_token"}: revoked or expired before
        return False
    raise unreachable(f"{WHOM} answered {answer.status}")


def _grant(answer: Answer, clock: Clock, *, while_signing_in: bool) -> Grant:
    values = json_object(answer)
    if not answer.is_ok:
        raise _refusal(str(values.get("error", "")), answer.status, while_signing_in=while_signing_in)
    return Grant(
        access_token=token_of(values, "access_token"),
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


def _refusal(error: str, status: int, *, while_signing_in: bool) -> IngestError:
    if not error or error in PASSING_ERRORS:
        return unreachable(f"{WHOM} answered {status}")
    if error == "invalid_grant" and while_signing_in:
        return SignInFailedError("Google refused the code (used before, too old, or of another sign-in): start again")
    if error == "invalid_scope":
        return ScopeMissingError(f"Google does not grant all scopes any more: run {AUTH_SETUP}")
    if error == "invalid_grant":
        return SignInNeededError(
            "Google says that the sign-in is not valid any more (invalid_grant; an app in Testing lives 7 days, and a "
            f"changed password or 6 months without use end it too): run {AUTH_SETUP}"
        )
    return LoginRefusedError(
        f"{WHOM} answered {status} ({known_code(error)}): check GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET"
    )
