"""Service accounts with domain-wide delegation: a signed assertion, checked, gives a token for a person.

Google's refusals, each with its own words: an unknown account or wrong signature, a person the domain does not have,
scopes that the administrator did not allow.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import jwt

# What google-auth names as audience, wherever the key file says the token address is.
AUDIENCE = "https://oauth2.googleapis.com/token"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ADDRESS = "sync@example.iam.gserviceaccount.example.org"


@dataclass(frozen=True)
class ServiceAccount:
    """One service account."""

    address: str
    public_key: bytes  # PEM
    scopes: frozenset[str]  # those the domain's administrator allowed
    people: Collection[str]  # the domain's accounts


class DelegationRefusedError(Exception):
    """Raised when an assertion gives no token."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(text)
        self.status, self.code, self.text = status, code, text


def make_service_account(scopes: Collection[str], people: Collection[str]) -> tuple[ServiceAccount, str]:
    """Return a service account and its private key as PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private_key = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public_key = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return ServiceAccount(ADDRESS, public_key, frozenset(scopes), people), private_key.decode()


def signer_of(token: str, audience: str, accounts: Mapping[str, ServiceAccount]) -> str | None:
    """Return whose self-signed token this is (aip.dev/auth/4111); None if it is none, or for another service."""
    try:
        address = str(jwt.decode(token, verify=False)["iss"])  # type: ignore[no-untyped-call]
        jwt.decode(token, certs=accounts[address].public_key, audience=audience)  # type: ignore[no-untyped-call]
    except (ValueError, KeyError):
        return None
    return address


def delegation(assertion: str, accounts: Mapping[str, ServiceAccount]) -> tuple[str, str]:
    """Return for whom an assertion asks, and for which scopes; raise DelegationRefusedError."""
    try:
        claims: dict[str, Any] = dict(jwt.decode(assertion, verify=False))  # type: ignore[no-untyped-call]
        account = accounts[claims["iss"]]
        jwt.decode(assertion, certs=account.public_key, audience=AUDIENCE)  # type: ignore[no-untyped-call]
    except (ValueError, KeyError) as error:
        raise DelegationRefusedError(400, "invalid_grant", "Invalid JWT Signature.") from error
    if claims.get("sub") not in account.people:
        raise DelegationRefusedError(400, "invalid_grant", "Invalid email or User ID")
    if not account.scopes >= set(claims.get("scope", "").split()):
        raise DelegationRefusedError(
            401,
            "unauthorized_client",
            "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of "
            "the scopes requested.",
        )
    return claims["sub"], claims["scope"]
