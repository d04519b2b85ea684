"""Reuse: a text that was taken out of the same bytes, in the same way, is not taken out again.

Newsletters bring the same logo and replies the same document a thousand times. The last ones are remembered here, all
others are looked for in the database. Only what was read without any trouble is used again: what failed once may go
well the next time.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable

from src.common.errors import IngestError
from src.common.instruments import ATTACHMENTS_REUSED
from src.model.extraction import Extracted, Extraction

REMEMBERED = 256  # the last ones
REMEMBERED_CHARS = 8_192  # longest text that is remembered: 2 million characters in all

LookUp = Callable[[str, str], Extraction | None]  # (SHA-256 in hex, recipe): what the database has


def nothing(sha256: str, recipe: str) -> Extraction | None:  # noqa: ARG001 - the role of a database without the text
    """Plays LookUp for a database that has none."""
    return None


class Reuse:
    """Finds extractions by the SHA-256 of the bytes and the recipe. Thread-safe."""

    def __init__(self, look_up: LookUp = nothing) -> None:
        self._look_up = look_up
        self._remembered: OrderedDict[tuple[str, str], Extraction] = OrderedDict()
        self._lock = threading.Lock()

    def at_hand(self, sha256: str, recipe: str) -> Extraction | None:
        """Return what is remembered; asks nobody."""
        with self._lock:
            found = self._remembered.get((sha256, recipe))
            if found is not None:
                self._remembered.move_to_end((sha256, recipe))
                ATTACHMENTS_REUSED.inc()
        return found

    def find(self, sha256: str, recipe: str) -> Extraction | None:
        """Return what is remembered, or in the database. One that is away has nothing: the text is taken out anew."""
        found = self.at_hand(sha256, recipe)
        if found is not None:
            return found
        try:
            found = self._look_up(sha256, recipe)
        except IngestError:
            return None
        if found is not None:
            ATTACHMENTS_REUSED.inc()
            self.remember(sha256, recipe, found)
        return found

    def remember(self, sha256: str, recipe: str, extraction: Extraction) -> None:
        """Keep it for the next time, if it may be used again."""
        if not is_reusable(extraction) or len(extraction.text) > REMEMBERED_CHARS:
            return
        with self._lock:
            self._remembered[sha256, recipe] = extraction
            if len(self._remembered) > REMEMBERED:
                self._remembered.popitem(last=False)


def is_reusable(extraction: Extraction) -> bool:
    """Tell whether reading the same bytes in the same way again would find the same."""
    return extraction.outcome in (Extracted.TEXT, Extracted.EMPTY) and not extraction.reason
