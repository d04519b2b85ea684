"""Who signs in, and with which rights: as little as the configured source needs."""

from config.settings import Settings
from src.auth.google_oauth import IMAP_SCOPE, READ_SCOPE
from src.common.sign_in_command import AUTH_SETUP

WIDER = {READ_SCOPE: frozenset({IMAP_SCOPE})}  # a scope, and those that include it: full mail access includes reading


def reads_api(settings: Settings) -> bool:
    """Tell whether the account is read through the Gmail API, not through IMAP."""
    return settings.use_gmail_api or settings.source == "gmail"


def account_of(settings: Settings) -> str:
    """Return the account that signs in, as the settings name it; may be empty."""
    return (settings.gmail_user if reads_api(settings) else "") or settings.imap_user


def names_account(settings: Settings) -> str:
    """Return the setting in which the account is to be named."""
    return "GMAIL_USER" if reads_api(settings) else "IMAP_USER"


def wanted_scopes(settings: Settings) -> tuple[str, ...]:
    """Return the scopes that the configured source needs."""
    return (READ_SCOPE,) if reads_api(settings) else (IMAP_SCOPE,)


def missing_scopes(granted: tuple[str, ...], wanted: tuple[str, ...]) -> list[str]:
    """Return the wanted scopes that were not granted, and that no granted one includes."""
    return [scope for scope in wanted if not {scope, *WIDER.get(scope, ())} & set(granted)]


def missing_scopes_text(missing: list[str]) -> str:
    """Say which scopes are missing and what to do."""
    return (
        f"Google granted the sign-in without {', '.join(missing)}: run {AUTH_SETUP} again and "
        "leave every box of the consent page ticked; if no such box appears, add the scope to the project's consent "
        "screen"
    )
