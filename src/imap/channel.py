"""Channel: commands out, answers in, on a logged-in connection; several commands may be under way.

Any fault that leaves the answers out of step closes the connection. What nobody asked for (a new mail, an expunge)
raises `has_news`, so that no event between two commands is lost.
"""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from src.common.errors import SourceUnavailableError
from src.common.logs import redact
from src.imap.response import SMALL_LITERAL_BYTES, Continuation, Tagged, Untagged, garbage, read_response
from src.imap.wake import Wake
from src.imap.wire import Event, Wire

MAX_ANSWERS = 100_000  # untagged answers to a command that are held together, such as the lines of LIST
MAX_ANSWER_BYTES = 64 * 1024 * 1024  # of those together

_NEWS = frozenset((b"EXISTS", b"EXPUNGE", b"VANISHED"))


@dataclass(frozen=True, slots=True)
class Reply:
    """All that came for one command."""

    status: bytes  # OK, NO or BAD
    text: bytes  # after the status, such as `[READ-ONLY] Selected`
    untagged: tuple[Untagged, ...]

    def named(self, name: bytes) -> Iterator[Untagged]:
        """Yield the untagged answers of one name."""
        return (answer for answer in self.untagged if answer.name == name)


class Channel:
    """The commands of one connection. Used from one thread."""

    def __init__(self, wire: Wire, *, utf8: bool = False) -> None:
        self.wire = wire
        self.wake = Wake()
        self.utf8 = utf8  # UTF8=ACCEPT is enabled: names and labels are UTF-8
        self.has_news = False
        self.is_closed = False
        self._tags = (b"M%d" % number for number in itertools.count(1))  # imapclient's own tags never begin so
        self._is_walking = False

    def start(self, command: bytes) -> bytes:
        """Send a command without waiting; return its tag. Several may be under way; their answers may be mixed."""
        self._check_open()
        tag = next(self._tags)
        self.send(tag + b" " + command + b"\r\n")
        return tag

    def send(self, line: bytes) -> None:
        """Send bytes as they are."""
        try:
            self.wire.send(line)
        except SourceUnavailableError:
            self.close()
            raise

    def next_answer(self, literal_limit: int = SMALL_LITERAL_BYTES) -> Untagged | Tagged:
        """Read one answer: of any command under way, or what nobody asked for."""
        response = self._next(literal_limit)
        if isinstance(response, Continuation):
            self.close()
            raise garbage("an invitation to go on where nothing was left to say")
        return response

    def answers(self, tag: bytes, literal_limit: int = SMALL_LITERAL_BYTES) -> Iterator[Untagged | Tagged]:
        """Yield the answers up to the end of command `tag`, the only one under way, with its end as the last."""
        while True:
            response = self.next_answer(literal_limit)
            if isinstance(response, Tagged) and response.tag != tag:
                self.close()
                raise garbage("the end of a command that is not under way")
            yield response
            if isinstance(response, Tagged):
                return

    def run(self, command: bytes) -> Reply:
        """Send a command and collect its answers, within bounds."""
        return self.finish(self.start(command))

    def finish(self, tag: bytes) -> Reply:
        """Collect the answers up to the end of command `tag`, within bounds."""
        untagged: list[Untagged] = []
        size = 0
        for answer in self.answers(tag):
            if isinstance(answer, Tagged):
                return Reply(answer.status, answer.text, tuple(untagged))
            untagged.append(answer)
            size += sum(len(part) for part in answer.parts if isinstance(part, bytes))
            if len(untagged) > MAX_ANSWERS or size > MAX_ANSWER_BYTES:
                self.close()
                raise garbage(f"more than {MAX_ANSWERS} lines or {MAX_ANSWER_BYTES} bytes for one command")
        raise AssertionError("answers end with a Tagged")

    def until_continuation(self) -> Tagged | None:
        """Read until the server waits for more (None), or ended the command instead."""
        while True:
            response = self._next(SMALL_LITERAL_BYTES)
            if isinstance(response, Continuation):
                return None
            if isinstance(response, Tagged):
                return response

    def wait(self, timeout_s: float) -> Event:
        """Block until the server sends something, `wake` is set, or the time is over."""
        try:
            return self.wire.wait(timeout_s, self.wake.reader)
        except SourceUnavailableError:
            self.close()
            raise

    def read_event(self) -> None:
        """Read one response that nobody asked for, as IDLE brings them."""
        if not isinstance(self._next(SMALL_LITERAL_BYTES), Untagged):
            self.close()
            raise garbage("the end of a command while idling")

    @contextmanager
    def walk(self) -> Iterator[None]:
        """Keep the channel for one walk over mails; when the walk does not come to its end, close the connection."""
        self._check_open()
        self.check_free()
        self._is_walking = True
        is_whole = False
        try:
            yield
            is_whole = True
        finally:
            self._is_walking = False
            if not is_whole:
                self.close()

    def check_free(self) -> None:
        """Raise RuntimeError in the middle of a walk: its answers and those of another command would mix."""
        if self._is_walking:
            raise RuntimeError("the session is in the middle of a walk over mails: end it first")

    def close(self) -> None:
        """Close the connection at once. May be called twice; never raises."""
        self.is_closed = True
        self.wire.close()
        self.wake.close()

    def _next(self, literal_limit: int) -> Untagged | Tagged | Continuation:
        try:
            response = read_response(self.wire, literal_limit)
        except BaseException:  # an interrupt too would leave half an answer behind
            self.close()
            raise
        if isinstance(response, Untagged):
            if response.name in _NEWS:
                self.has_news = True
            elif response.name == b"BYE":
                self.close()
                reason = redact(response.text.decode("utf-8", "replace"))
                raise SourceUnavailableError(f"the mail server ended the connection: {reason}")
        return response

    def _check_open(self) -> None:
        if self.is_closed:
            raise SourceUnavailableError("the connection to the mail server is closed")
