"""Fetching many mails with several calls under way at once.

The caller's thread hands out ids and takes results; the threads fetch. At most `AHEAD` ids for each thread are handed
out and not taken back as results, so results never pile up; a big answer is let go only when the caller asks for the
next one (bounded_answer.py). What a stop or the caller raises ends everything: the threads' connections are broken off,
and the threads are waited for.
"""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from src.common.errors import GmailUnavailableError, IngestError
from src.common.fault import describe_fault
from src.sync.bounded_answer import Reading
from src.sync.gmail_errors import concerns_all
from src.sync.quota import Sleep
from src.sync.quota_scripts import Use

AHEAD = 2  # ids in hand for each thread: one under way, and one result that waits
SETTLE_AFTER_S = 0.05  # a thread without work for so long gives the turn of its last call back
MOST_UNAVAILABLE = 20  # mails in a row for which the API was unavailable: then it is not for the mails' sake
POLL_S = 0.25  # how often the caller's thread looks whether a stop was asked for
JOIN_S = 5.0  # for a thread whose connection was broken off; it sleeps in no other way

Found = TypeVar("Found")  # what a call gives: the mail, or what is known of it, or that it is gone
Get = Callable[[str, Use, Reading, Sleep], Found]


class _OverError(Exception):
    """Raised in a thread when the walk is over. Not a failure."""


@dataclass(frozen=True, slots=True)
class _Fetched(Generic[Found]):
    message_id: str
    result: Found | IngestError
    reading: Reading


class FetchMany(Generic[Found]):
    """One walk."""

    def __init__(
        self,
        get: Get[Found],
        *,
        new_reading: Callable[[Sleep], Reading],
        settle: Callable[[], None],
        sleep: Sleep,
        use: Use,
        threads: int,
    ) -> None:
        """`settle` is called by a thread that has nothing to do, to give back the turns of its calls."""
        self._get = get
        self._settle = settle
        self._new_reading = new_reading
        self._sleep = sleep
        self._use = use
        self._count = threads
        self._todo: queue.SimpleQueue[str | None] = queue.SimpleQueue()  # None: no more
        self._fetched: queue.SimpleQueue[_Fetched[Found]] = queue.SimpleQueue()
        self._is_over = threading.Event()
        self._under_way: set[Reading] = set()
        self._unavailable = 0  # results in a row
        self._threads: list[threading.Thread] = []

    def run(self, message_ids: Iterable[str]) -> Iterator[tuple[str, Found | IngestError]]:
        """See GmailApi.fetch_many and look_up_many."""
        waiting = iter(message_ids)
        in_hand = 0
        try:
            while True:
                while in_hand < AHEAD * self._count and (message_id := next(waiting, None)) is not None:
                    self._hand_out(message_id)
                    in_hand += 1
                if not in_hand:
                    return
                fetched = self._next()
                in_hand -= 1
                try:
                    self._check(fetched.result)
                    yield fetched.message_id, fetched.result
                finally:
                    fetched.reading.done()
                    del fetched  # or it would be held while the next one is waited for
        finally:
            self._end()

    def _check(self, result: Found | IngestError) -> None:
        """Raise what is not an error of this one mail."""
        self._unavailable = self._unavailable + 1 if isinstance(result, GmailUnavailableError) else 0
        if isinstance(result, IngestError) and (concerns_all(result) or self._unavailable >= MOST_UNAVAILABLE):
            raise result

    def _hand_out(self, message_id: str) -> None:
        self._todo.put(message_id)
        if len(self._threads) < self._count:
            thread = threading.Thread(target=self._work, name=f"gmail-fetch-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _next(self) -> _Fetched[Found]:
        while True:
            try:
                return self._fetched.get(timeout=POLL_S)
            except queue.Empty:
                self._sleep(0.0)

    def _work(self) -> None:
        while (message_id := self._next_id()) is not None and not self._is_over.is_set():
            reading = self._new_reading(self._nap)
            self._under_way.add(reading)
            try:
                # Into the queue at once: a local name would hold the mail until this thread fetches its next.
                self._fetched.put(_Fetched(message_id, self._fetch(message_id, reading), reading))
            except _OverError:
                reading.done()
                return
            self._under_way.discard(reading)
        if self._is_over.is_set():
            self._let_go()  # nobody takes what came too late

    def _next_id(self) -> str | None:
        try:
            return self._todo.get(timeout=SETTLE_AFTER_S)
        except queue.Empty:
            self._settle()
            return self._todo.get()

    def _fetch(self, message_id: str, reading: Reading) -> Found | IngestError:
        try:
            return self._get(message_id, self._use, reading, self._nap)
        except IngestError as error:
            return error
        except _OverError:
            raise
        except Exception as error:  # noqa: BLE001  # the top of a thread: the caller would wait for ever
            unforeseen = IngestError(f"fetching a mail failed in an unforeseen way: {describe_fault(error)}")
            unforeseen.__cause__ = error
            return unforeseen

    def _nap(self, seconds: float) -> None:
        if self._is_over.wait(seconds) if seconds else self._is_over.is_set():
            raise _OverError

    def _end(self) -> None:
        self._is_over.set()
        for _ in self._threads:
            self._todo.put(None)
        for reading in list(self._under_way):
            reading.abort()
        for thread in self._threads:
            thread.join(JOIN_S)
        self._let_go()
        self._settle()

    def _let_go(self) -> None:
        while True:
            try:
                self._fetched.get_nowait().reading.done()
            except queue.Empty:
                return
