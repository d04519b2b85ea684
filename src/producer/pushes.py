"""Pushes: which source of this process is woken by which hint, and the loops that bring the hints.

One subscription serves all accounts of a topic, so there is one loop for each subscription, however many accounts name
it, and one that listens to Redis. They begin with the first account that wants them.
"""

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

from config.settings import Settings
from src.common.clock import Clock
from src.producer.hint_loop import HintLoop
from src.producer.pull_loop import Events, PullLoop
from src.producer.push_thread import PushThread
from src.sync.hints import Hints
from src.sync.push_data import hint_tag

Ring = Callable[[], None]
Where = tuple[str, str, str]  # subscription, endpoint, key file


class Pushes:
    """Plays PushHints of `src/sources/request.py`. Thread-safe."""

    def __init__(self, hints: Hints, *, clock: Clock) -> None:
        self._hints = hints
        self._clock = clock
        self._lock = threading.Lock()
        self._rings: dict[str, Ring] = {}  # by tag
        self._pulled: set[Where] = set()
        self._threads: list[PushThread] = []

    def wake(self, address: str, ring: Ring, settings: Settings) -> None:
        """Have `ring` called, from another thread, whenever something may be new in the mailbox of this address."""
        with self._lock:
            self._rings[hint_tag(address)] = ring
            if not self._threads:
                self._begin_to_listen()
            if settings.gmail_pubsub_subscription:
                self._begin_to_pull(settings)

    def close(self) -> None:
        """End all loops. May be called twice."""
        with self._lock:
            threads, self._threads = self._threads, []
        for thread in threads:
            thread.ask()
        for thread in threads:
            thread.join()

    def _begin_to_listen(self) -> None:
        loop = HintLoop(self._hints, self._woken)
        self._threads.append(PushThread("listen", loop.go_round, interrupt=loop.interrupt, clock=self._clock))

    def _begin_to_pull(self, settings: Settings) -> None:
        name = settings.gmail_pubsub_subscription
        where = (name, settings.pubsub_api_endpoint, settings.google_pubsub_credentials_file)
        if where in self._pulled:
            return
        self._pulled.add(where)
        open_it = partial(open_subscription, settings, self._clock)
        loop = PullLoop(open_it, self._hints, name=name, reads=self._rings.keys, clock=self._clock)
        self._threads.append(PushThread("pull", loop.go_round, interrupt=loop.interrupt, clock=self._clock))

    def _woken(self, tag: str) -> None:
        ring = self._rings.get(tag)
        if ring is not None:
            ring()


def open_subscription(settings: Settings, clock: Clock) -> Events:
    """Return the subscription of the settings. Connects to nothing yet.

    Raises TokenFileError for a key file that is none, and InsecureConnectionError.
    """
    from src.auth.pubsub_key import load_pubsub_key  # these load Google's libraries: 20 MB that IMAP has no use for
    from src.sync.pubsub import Subscription

    file = settings.google_pubsub_credentials_file
    return Subscription(
        settings.gmail_pubsub_subscription,
        load_pubsub_key(Path(file)) if file else None,
        clock=clock,
        endpoint=settings.pubsub_api_endpoint,
    )
