"""Fetching many mails with several calls under way at once.

The caller's thread hands out ids and takes results; the threads fetch. At most `AHEAD` ids for each thread are handed
out and not taken back as results, so results never pile up; a big answer is let go only when the caller asks for the
next one (gmail_http.py). What a stop or the caller raises ends everything: the threads' connections are broken off, and
the threads are waited for.
"""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from src.common.errors import IngestError
from src.common.fault import describe_fault
from src.sync.gmail_errors import concerns_all
from src.sync.gmail_http import Reading
from src.sync.gmail_values import GoneMessage, RawMessage
from src.sync.quota import Sleep
from src.sync.quota_scripts import Use

AHEAD = 2  # ids in hand for each thread: one under way, and one result that waits
POLL_S = 0.25  # how often the caller's thread looks whether a stop was asked for
JOIN_S = 5.0  # for a thread whose connection was broken off; it sleeps in no other way

Result = RawMessage | GoneMessage | IngestError
GetRaw = Callable[[str, Use, Reading, Sleep], RawMessage | GoneMessage]


class _OverError(Exception):
    """Raised in a thread when the walk is over. Not a failure."""


@dataclass(frozen=True, slots=True)
class _Fetched:
    message_id: str
    result: Result
    reading: Reading


class FetchMany:
    """One walk."""

    def __init__(
        self, get_raw: GetRaw, new_reading: Callable[[Sleep], Reading], *, sleep: Sleep, use: Use, threads: int
    ) -> None:
        self._get_raw = get_raw
        self._new_reading = new_reading
        self._sleep = sleep
        self._use = use
        self._count = threads
        self._todo: queue.SimpleQueue[str | None] = queue.SimpleQueue()  # None: no more
        self._fetched: queue.SimpleQueue[_Fetched] = queue.SimpleQueue()
        self._is_over = threading.Event()
        self._under_way: set[Reading] = set()
        self._threads: list[threading.Thread] = []

    def run(self, message_ids: Iterable[str]) -> Iterator[tuple[str, Result]]:
        """See GmailApi.fetch_many."""
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
                    yield fetched.message_id, _of_one_mail(fetched.result)
                finally:
                    fetched.reading.done()
        finally:
            self._end()

    def _hand_out(self, message_id: str) -> None:
        self._todo.put(message_id)
        if len(self._threads) < self._count:
            thread = threading.Thread(target=self._work, name=f"gmail-fetch-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _next(self) -> _Fetched:
        while True:
            try:
                return self._fetched.get(timeout=POLL_S)
            except queue.Empty:
                self._sleep(0.0)

    def _work(self) -> None:
        while (message_id := self._todo.get()) is not None and not self._is_over.is_set():
            reading = self._new_reading(self._nap)
            self._under_way.add(reading)
            try:
                result = self._fetch(message_id, reading)
            except _OverError:
                reading.done()
                return
            self._fetched.put(_Fetched(message_id, result, reading))
            self._under_way.discard(reading)
        if self._is_over.is_set():
            self._let_go()  # nobody takes what came too late

    def _fetch(self, message_id: str, reading: Reading) -> Result:
        try:
            return self._get_raw(message_id, self._use, reading, self._nap)
        except IngestError as error:
            return error
        except _OverError:
            raise
        except Exception as error:  # noqa: BLE001  # the top of a thread: the caller would wait for ever
            unforeseen = IngestError(f"fetching a mail failed in an unforeseen way: {describe_fault(error)}")
            unforeseen.__cause__ = error
            return unforeseen

    def _nap(self, seconds: float) -> None:
        if self._is_over.wait(seconds):
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

    def _let_go(self) -> None:
        while True:
            try:
                self._fetched.get_nowait().reading.done()
            except queue.Empty:
                return


def _of_one_mail(result: Result) -> Result:
    if isinstance(result, IngestError) and concerns_all(result):
        raise result
    return result
