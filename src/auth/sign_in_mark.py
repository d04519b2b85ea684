"""What changes when somebody signs in, and not with a refresh: so a program can wait for it without asking anybody.

A token file tells in clear when the sign-in was; a service account's key file is another file once it was replaced. A
mark is a hint: it is only compared, and a wrong one costs a try.
"""

import json
from pathlib import Path

from config.settings import Settings

SIGNED_IN_AT = "signed_in_at"  # in the token file, beside the ciphertext
MAX_FILE_BYTES = 64 * 1024  # a token file is about 2 KB; more than this is not one

Mark = str  # empty: there is no such file


def sign_in_mark(settings: Settings) -> Mark:
    """Return the mark of the account's sign-in, or of its service account's key. Costs a small file to read."""
    key_file = settings.google_service_account_file
    return _which_file(Path(key_file)) if key_file else _when_signed_in(Path(settings.google_token_file))


def _when_signed_in(path: Path) -> Mark:
    try:
        with path.open("rb") as file:
            content = json.loads(file.read(MAX_FILE_BYTES))
    except OSError:
        return ""
    except (ValueError, RecursionError):
        return "unreadable"
    return str(content.get(SIGNED_IN_AT, "unknown")) if isinstance(content, dict) else "unreadable"


def _which_file(path: Path) -> Mark:
    try:
        found = path.stat()
    except OSError:
        return ""
    return f"{found.st_ino}-{found.st_mtime_ns}-{found.st_size}"
