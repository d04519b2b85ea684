"""The key with which the Pub/Sub subscription is pulled: a service account's, for itself.

The sign-in of a mailbox will not do: it has `gmail.readonly` alone, and the scope for Pub/Sub would open all of a
person's topics and subscriptions, where a service account has the role Pub/Sub Subscriber on one subscription.
The key signs a token by itself for each hour (a self-signed JWT, aip.dev/auth/4111), so that no token address is asked
and there is one thing less to be away.
"""

import json
import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from google.auth import crypt, jwt

from src.common.errors import PushRefusedError

AUDIENCE = "https://pubsub.googleapis.com/"  # Google's name for the service, wherever the calls are sent
MAX_KEY_FILE_BYTES = 64 * 1024  # a key file has about 2.4 KB


def is_open_to_others(path: Path) -> bool:
    """Tell whether other users of the machine may read the key file."""
    return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)


def load_pubsub_key(path: Path) -> jwt.Credentials:
    """Return credentials of the service account. Raises PushRefusedError; no text quotes the file."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_KEY_FILE_BYTES)
    except OSError as error:
        raise PushRefusedError(f"cannot read {path} (GOOGLE_PUBSUB_CREDENTIALS_FILE): {error.strerror}") from error
    try:
        values = json.loads(content)
        signer = crypt.RSASigner.from_service_account_info(values)  # type: ignore[no-untyped-call]
        name = str(values["client_email"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, UnsupportedAlgorithm):
        raise PushRefusedError(
            f"{path} (GOOGLE_PUBSUB_CREDENTIALS_FILE) is not a service account's key: make one in the Google Cloud "
            "console (the service account, Keys, Add key, JSON)"
        ) from None
    return jwt.Credentials(signer, name, name, AUDIENCE)  # type: ignore[no-untyped-call]
