"""An answer of the API within bounds: time, bytes, and how many big ones are held at once.

httplib2 reads and unpacks an answer of any size, and refuses one that packs well. Its connections read through
`BoundedResponse`, which unpacks by itself, within the `Reading` of the call.
"""

import http.client
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from src.sync.gmail_answers import garbage

MIB = 1024 * 1024
MAX_RAW_ANSWER_BYTES = 72 * MIB  # unpacked; Gmail takes mails up to about 50 MB, as base64 in JSON
MAX_ANSWER_BYTES = 16 * MIB  # of any other answer; a page of 500 changes has well under 1 MiB
SMALL_ANSWER_BYTES = 4 * MIB  # an answer that grows beyond waits until no other big one is held
READ_DEADLINE_S = 180.0  # for one answer, all in all; each single read has the time-out of the settings
READ_BYTES = 64 * 1024  # most of one read
WAIT_POLL_S = 0.25  # how often one who waits for a big answer to be done looks whether to stop
_PACKED = ("gzip", "x-gzip", "deflate")


class AnswerTooLargeError(Exception):
    """Raised when an answer is larger than its call allows. Known to the callers of this module only."""


class BigAnswers:
    """Who may hold a big answer now: one at a time, from its first big byte until it was taken over."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def acquire(self, sleep: Callable[[float], None], deadline: float) -> None:
        """Wait for it; `sleep(0)` is called now and then, and what it raises ends the wait."""
        while not self._lock.acquire(timeout=WAIT_POLL_S):
            sleep(0.0)
            if time.monotonic() > deadline:
                raise TimeoutError("other big answers took too long")

    def release(self) -> None:
        """Let the next one have it. From any thread."""
        self._lock.release()


class Line(Protocol):
    """What an answer is read from: GmailHttp."""

    reading: "Reading"  # of the answer under way

    def abort(self) -> None:
        """End the call under way, from another thread."""
        ...


class Reading:
    """The bounds of one answer. `done` must be called once the answer is not held any more."""

    def __init__(self, big: BigAnswers, *, most_bytes: int, sleep: Callable[[float], None]) -> None:
        self._big = big
        self._most_bytes = most_bytes
        self._sleep = sleep
        self._deadline = time.monotonic() + READ_DEADLINE_S
        self._is_big = False
        self._line: Line | None = None
        self._is_aborted = False

    def begin(self, line: Line) -> None:
        """Begin to read, from `line`: the call may have waited long for its turn before."""
        self._deadline = time.monotonic() + READ_DEADLINE_S
        self._line = line
        line.reading = self
        self.check(0)

    def abort(self) -> None:
        """End the reading soon, from another thread."""
        self._is_aborted = True
        if self._line is not None:
            self._line.abort()

    def check(self, size_bytes: int) -> None:
        """Say how large the answer has grown. Raises AnswerTooLargeError or TimeoutError."""
        if size_bytes > self._most_bytes:
            raise AnswerTooLargeError
        if self._is_aborted or time.monotonic() > self._deadline:
            raise TimeoutError("an answer took too long")
        if size_bytes > SMALL_ANSWER_BYTES and not self._is_big:
            self._big.acquire(self._sleep, self._deadline)
            self._is_big = True

    def done(self) -> None:
        """Say that the answer is not held any more. May be called twice."""
        if self._is_big:
            self._is_big = False
            self._big.release()


class BoundedResponse(http.client.HTTPResponse):
    """An answer that is read and unpacked within the bounds of its Reading."""

    def __init__(self, reading: Callable[[], Reading], *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._reading = reading

    def read(self, amt: int | None = None) -> bytes:
        """Return the whole answer, unpacked. Raises IncompleteRead when it ends early.

        It is gathered in one growing buffer: a list of blocks would leave its memory in each thread's own heap.
        """
        if amt is not None:
            return super().read(amt)
        packing = (self.headers.get("content-encoding") or "").strip().lower()
        body = bytearray()
        for block in self._unpacked() if packing in _PACKED else self._blocks():
            body += block
        self.close()
        # The JSON of a big mail is not copied once more; an error has to be bytes for the client.
        return body if self.status < 300 else bytes(body)  # type: ignore[return-value]

    def getheaders(self) -> list[tuple[str, str]]:
        """Leave out how it was packed, or httplib2 would unpack it again."""
        return [(name, value) for name, value in super().getheaders() if name.lower() != "content-encoding"]

    def _blocks(self) -> Iterator[bytes]:
        size = 0
        reading = self._reading()
        while block := self.read1(READ_BYTES):
            size += len(block)
            reading.check(size)
            yield block
        if self.length:
            raise http.client.IncompleteRead(b"", self.length)

    def _unpacked(self) -> Iterator[bytes]:
        size = 0
        reading = self._reading()
        unpack = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # gzip or zlib, by its head
        try:
            for block in self._blocks():
                while block:
                    plain = unpack.decompress(block, READ_BYTES)
                    block = unpack.unconsumed_tail
                    size += len(plain)
                    reading.check(size)
                    yield plain
        except zlib.error as error:
            raise garbage("it is not packed as it says") from error
        if not unpack.eof:
            raise http.client.IncompleteRead(b"")
