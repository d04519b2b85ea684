"""Providers: what `--provider` fills in for well-known mail servers. What is set in the environment or `.env` wins."""

from collections.abc import Mapping

from config.settings import Settings, load

PROVIDERS: Mapping[str, Mapping[str, object]] = {
    "imap": {},  # nothing: everything comes from the settings
    "gmail": {"imap_host": "imap.gmail.com", "imap_port": 993, "imap_tls": "implicit", "imap_auth": "xoauth2"},
    "outlook": {"imap_host": "outlook.office365.com", "imap_port": 993, "imap_tls": "implicit", "imap_auth": "xoauth2"},
    "yahoo": {"imap_host": "imap.mail.yahoo.com", "imap_port": 993, "imap_tls": "implicit", "imap_auth": "password"},
    "icloud": {"imap_host": "imap.mail.me.com", "imap_port": 993, "imap_tls": "implicit", "imap_auth": "password"},
    "fastmail": {"imap_host": "imap.fastmail.com", "imap_port": 993, "imap_tls": "implicit", "imap_auth": "password"},
}


def load_for(provider: str, **overrides: object) -> Settings:
    """Return the settings, with what `provider` (empty: none) fills in where nothing was set. Raises SettingsError."""
    settings = load(**overrides)
    missing = {
        name: value for name, value in PROVIDERS.get(provider, {}).items() if name not in settings.model_fields_set
    }
    return load(**overrides, **missing) if missing else settings
