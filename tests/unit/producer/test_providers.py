"""A provider fills in what nobody set, and nothing else."""

import pytest

from src.producer.providers import PROVIDERS, load_for


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IMAP_HOST", "IMAP_PORT", "IMAP_TLS", "IMAP_AUTH"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_provider_makes_valid_settings(provider: str) -> None:
    settings = load_for(provider, _env_file=None)
    for name, value in PROVIDERS[provider].items():
        assert getattr(settings, name) == value


def test_the_environment_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAP_HOST", "mail.example.org")
    settings = load_for("outlook", _env_file=None, imap_auth="password")
    assert (settings.imap_host, settings.imap_auth, settings.imap_tls) == ("mail.example.org", "password", "implicit")
