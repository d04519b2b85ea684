"""Only this machine counts as loopback, and only by a name that needs no DNS."""

import pytest

from src.imap.endpoint import Endpoint


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [
        ("localhost", True),
        ("LOCALHOST", True),
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("127.example.org", False),  # begins like one
        ("localhost.example.org", False),
        ("imap.example.org", False),
        ("10.0.0.1", False),
    ],
)
def test_loopback(host: str, is_loopback: bool) -> None:
    assert Endpoint(host, 143).is_loopback is is_loopback
