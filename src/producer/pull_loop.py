"""PullLoop: events of a Pub/Sub subscription → a hint for each account, stored in Redis → acknowledged.

In this order, so that what was not stored comes again. Stale events, those of strangers and those that Gmail did not
make are acknowledged too, or they would come for ever.
"""

import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Protocol

from src.common.clock import Clock
from src.common.errors import IngestError
from src.common.instruments import PUSH_EVENTS, PUSH_UP
from src.sync.push_data import changed_account

EMPTY_ROUND_S = 1.0  # least time of a pull that brings nothing: an answer at once must not make a hot loop


class PulledEvent(Protocol):
    """One message of a subscription."""

    @property
    def ack_id(self) -> str: ...

    @property
    def data(self) -> bytes: ...


class Events(Protocol):
    """A subscription; `src/sync/pubsub.py` plays it."""

    def pull(self) -> Sequence[PulledEvent]: ...

    def acknowledge(self, ack_ids: Sequence[str]) -> None: ...

    def close(self) -> None: ...


class HintStore(Protocol):
    """Where hints are told; `src/sync/hints.py` plays it."""

    def tell(self, tags: Iterable[str]) -> None: ...


class PullLoop:
    """Pulls one subscription, for a PushThread."""

    def __init__(
        self,
        open_events: Callable[[], Events],
        hints: HintStore,
        *,
        name: str,
        reads: Callable[[], Collection[str]],
        clock: Clock,
    ) -> None:
        """`open_events` is called again after a failure that an operator must mend: the key file may be another one by
        then. `name` is the subscription's. `reads` returns the tags of the accounts that this process reads."""
        self._open = open_events
        self._hints = hints
        self._reads = reads
        self._clock = clock
        self._up = PUSH_UP.labels(name.rpartition("/")[2])
        self._events: Events | None = None
        self._stop = threading.Event()

    def go_round(self) -> None:
        """Pull once. Raises what the subscription and Redis raise."""
        began = self._clock.monotonic()
        try:
            events = self._opened()
            received = events.pull()
            if received:
                self._hints.tell(self._counted(received))
                events.acknowledge([event.ack_id for event in received])
        except Exception as error:
            self._up.set(float(self._stop.is_set()))  # one that was stopped has not failed
            if not (isinstance(error, IngestError) and error.is_temporary):
                self._close()
            raise
        self._up.set(1)
        if not received:
            self._stop.wait(max(EMPTY_ROUND_S - (self._clock.monotonic() - began), 0.0))

    def interrupt(self) -> None:
        """End the round, from another thread."""
        self._stop.set()
        self._close()

    def _opened(self) -> Events:
        events = self._events
        if events is None:
            events = self._events = self._open()
            if self._stop.is_set():  # meanwhile, and what was not yet there could not be closed
                events.close()
        return events

    def _close(self) -> None:
        events, self._events = self._events, None
        if events is not None:
            events.close()

    def _counted(self, received: Sequence[PulledEvent]) -> set[str]:
        """Return the tags of the accounts that changed, also of those that another process may read."""
        tags = [changed_account(event.data) for event in received]
        own = self._reads()
        told = Counter("broken" if tag is None else "hint" if tag in own else "other" for tag in tags)
        for outcome, count in told.items():
            PUSH_EVENTS.labels(outcome).inc(count)
        return {tag for tag in tags if tag is not None}
