"""The key with which the Pub/Sub subscription is pulled: a service account's, for itself.

The sign-in of a mailbox will not do: it has `gmail.readonly` alone, and the scope for Pub/Sub would open all of a
person's topics and subscriptions, where a service account has the role Pub/Sub Subscriber on one subscription.
The key signs a token by itself for each hour (a self-signed JWT, aip.dev/auth/4111), so that no token address is asked
and there is one thing less to be away.
"""

from pathlib import Path

from google.auth import jwt

from src.auth.service_account import load_key

AUDIENCE = "https://pubsub.googleapis.com/"  # Google's name for the service, wherever the calls are sent


def load_pubsub_key(path: Path) -> jwt.Credentials:
    """Return credentials of the service account. Raises TokenFileError."""
    key = load_key(path, setting="GOOGLE_PUBSUB_CREDENTIALS_FILE")
    return jwt.Credentials(key.signer, key.address, key.address, AUDIENCE)  # type: ignore[no-untyped-call]
