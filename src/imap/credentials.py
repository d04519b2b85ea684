"""What a session logs in with. Asked for anew at each connection, so that a token can be refreshed meanwhile."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

Mechanism = Literal["XOAUTH2", "OAUTHBEARER"]


@dataclass(frozen=True, slots=True)
class Password:
    """Name and password: AUTHENTICATE PLAIN where the server offers it, else LOGIN."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class BearerToken:
    """Name and OAuth 2 access token."""

    user: str
    token: str = field(repr=False)
    mechanism: Mechanism = "XOAUTH2"  # OAUTHBEARER is RFC 7628; XOAUTH2 is what Google and Microsoft had before


Credentials = Password | BearerToken
CredentialsSource = Callable[[], Credentials]  # called once a connection; may raise errors of src/common/errors.py
