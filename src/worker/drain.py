"""Drain: `worker.py --drain` works until stream, retries and pending are empty, then ends.

Retries that are due later and mails in other workers' hands are waited for. The exit code tells whether something went
to the dead letters meanwhile, whoever put it there.
"""

from typing import Protocol

from src.common.exit_codes import INCOMPLETE, OK
from src.stream.protocol import StreamStats
from src.worker.patience import Patience

DRAIN_BLOCK_MS = 200  # longest wait for new mail while draining: an empty stream should end the run soon


class StatsSource(Protocol):
    """What can look at the stream."""

    def stats(self) -> StreamStats:
        """Look at the stream."""
        ...


class Drain:
    """Whether the stream is empty, and what died since the start."""

    def __init__(self, stream: StatsSource, patience: Patience) -> None:
        self._stream = stream
        self._patience = patience
        self._dead_before: int | None = None

    def begin(self) -> None:
        """Remember how many had died before."""
        self._dead_before = _died(self._look())

    def is_done(self) -> bool:
        """Tell whether nothing waits, is in anyone's hands, or waits for a retry."""
        stats = self._look()
        return stats.waiting == 0 and stats.pending == 0 and stats.retries == 0

    def exit_code(self) -> int:
        """Return INCOMPLETE when something went to the dead letters since `begin`, else OK."""
        died = self._dead_before is not None and _died(self._look()) > self._dead_before
        return INCOMPLETE if died else OK

    def _look(self) -> StreamStats:
        return self._patience.ask("read", self._stream.stats)


def _died(stats: StreamStats) -> int:
    return stats.counters.get("dead", 0)
