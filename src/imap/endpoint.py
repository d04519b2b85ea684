"""Endpoint: where a mail server is, and how to speak to it."""

from dataclasses import dataclass
from typing import Literal

Tls = Literal["implicit", "starttls", "none"]

_LOOPBACK_NAMES = frozenset(("localhost", "ip6-localhost", "::1"))


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where and how to connect."""

    host: str
    port: int
    tls: Tls = "implicit"
    ca_file: str = ""  # CA certificates of a private server; empty: the system's
    timeout_s: float = 60.0  # for connecting, and without a byte while an answer is due
    allow_plaintext: bool = False  # let tls "none" send passwords and tokens to another machine

    @property
    def is_loopback(self) -> bool:
        """Whether the host is this machine by its very name, without asking DNS."""
        return self.host.lower() in _LOOPBACK_NAMES or (
            self.host.startswith("127.") and self.host.replace(".", "").isdigit()
        )
