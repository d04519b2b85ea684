"""`keygen`: a key for ENCRYPTION_KEY."""

import sys

from cryptography.fernet import Fernet


def keygen() -> None:
    """Print a new key for ENCRYPTION_KEY, under which tokens are kept.

    Put it into .env. To change keys, put the new one before the old one, with a comma between.
    """
    sys.stdout.write(Fernet.generate_key().decode("ascii") + "\n")
