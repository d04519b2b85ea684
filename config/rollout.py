"""Which accounts a percentage roll-out has switched: always the same ones, in every process and release.

Each account has a fixed place between 0 and 100, drawn from its name. Raising the percentage takes in those whose place
comes next, and never lets one go.
"""

import hashlib

SALT = b"use_gmail_api\0"  # so that another roll-out, some day, does not begin with the same accounts
PLACE_BYTES = 6  # 48 bits: as a float between 0 and 1 exact, and never rounded up to 1


def is_switched(account: str, percent: float) -> bool:
    """Tell whether `account` is among the first `percent` of 100: none at 0, all at 100."""
    # Upper and lower case are one: a name typed otherwise must not switch.
    digest = hashlib.sha256(SALT + account.casefold().encode("utf-8", "surrogatepass")).digest()
    place = int.from_bytes(digest[:PLACE_BYTES], "big") / 256**PLACE_BYTES
    return bool(place * 100 < percent)
