"""Tally: decoded slices on their way, counted and hashed."""

import hashlib
from collections.abc import Iterable, Iterator


class Tally:
    """Passes slices on, counting and hashing them; stops after `max_bytes`, since an estimate may be wrong."""

    def __init__(self, slices: Iterable[bytes], max_bytes: int) -> None:
        self._slices = slices
        self._max_bytes = max_bytes
        self._sha256 = hashlib.sha256()
        self.size_bytes = 0

    @property
    def is_too_large(self) -> bool:
        return self.size_bytes > self._max_bytes

    @property
    def sha256(self) -> str:
        """Hex digest of what was passed on; empty if it was too large to be passed on to its end."""
        return "" if self.is_too_large else self._sha256.hexdigest()

    def finish(self) -> None:
        """Count the rest."""
        for _ in self:
            pass

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._slices:
            self.size_bytes += len(piece)
            if self.is_too_large:
                return
            self._sha256.update(piece)
            yield piece
