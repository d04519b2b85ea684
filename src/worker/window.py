"""Window: mails whose attachments take their time, worked on beside the others, so that each holds back only itself.

They stay in hand, so their leases are renewed; the main loop puts them in, and collects and stores those that are done.
Bounded in mails and in bytes of raw mail. One that finds no room is put off: it waits among the retries, in no worker's
memory, until it comes back (comebacks.py), so that the mails behind it go on. A shutdown leaves those that are not done
to another worker.
"""

import queue
import threading
import time
from collections.abc import Callable

from src.common.errors import AttachmentsBusyError
from src.common.instruments import SLOW_MAILS
from src.model.message import Record
from src.model.ticket import Ticket
from src.worker.comebacks import Comebacks
from src.worker.prepare import Finish, Unfinished

MOST_MAILS = 100
MOST_BYTES = 32 * 1024 * 1024  # some 30 mails with a scan: enough to keep the children busy until others come back
MOST_CHARS = 32 * 1024 * 1024  # of attachments' text that waits for the database; then the threads wait as well

Finished = tuple[Ticket, Record | Exception]


class Window:
    """Finishes mails with `threads` threads. Used by the main loop; the threads only finish.

    The threads are daemons: one that waits for a child which takes its time must not keep the process alive.
    """

    def __init__(
        self,
        threads: int,
        *,
        most_mails: int = MOST_MAILS,
        most_bytes: int = MOST_BYTES,
        interrupt: Callable[[], object] = lambda: None,
    ) -> None:
        """`interrupt` ends soon what the threads wait for; it is called when the window is closed."""
        self._interrupt = interrupt
        self._most_mails = most_mails
        self._most_bytes = most_bytes
        self._threads = threads
        self._started: list[threading.Thread] = []
        self._comebacks = Comebacks(threads)
        self._begun: queue.SimpleQueue[tuple[Ticket, Finish] | None] = queue.SimpleQueue()
        self._finished: queue.SimpleQueue[tuple[Finished, float]] = queue.SimpleQueue()  # with the seconds it took
        self._room = threading.Condition()
        self._waiting_chars = 0  # of what is finished; changed under the condition's lock
        self._is_closed = False
        self._held_bytes: dict[str, int] = {}  # by entry id and partition
        self._begun_at: dict[str, float] = {}  # of those that a thread works on, as time.monotonic tells it

    @property
    def mails(self) -> int:
        return len(self._held_bytes)

    @property
    def is_full(self) -> bool:
        return self.mails >= self._most_mails or sum(self._held_bytes.values()) >= self._most_bytes

    def longest_s(self) -> float:
        """Return for how long the threads have worked on the mail they began first; 0 if on none. For any thread."""
        return max((time.monotonic() - began for began in list(self._begun_at.values())), default=0.0)

    def require_room(self) -> None:
        """Raise AttachmentsBusyError when there is no room for one more mail, which is to come back then."""
        if self.is_full:
            raise AttachmentsBusyError(self._comebacks.next_delay_s(self.mails))

    def put(self, ticket: Ticket, mail: Unfinished) -> None:
        """Have a mail finished. Raises as `require_room` does."""
        self.require_room()
        self._held_bytes[_key(ticket)] = mail.held_bytes
        self._begun.put((ticket, mail.finish))
        SLOW_MAILS.set(self.mails)
        if len(self._started) < min(self._threads, self.mails):
            thread = threading.Thread(target=self._work, name=f"slow-{len(self._started)}", daemon=True)
            self._started.append(thread)
            thread.start()

    def collect(self, wait_s: float = 0.0) -> list[Finished]:
        """Return the mails that are done; wait at most `wait_s` for the first."""
        found: list[Finished] = []
        while self._held_bytes:
            try:
                waits = wait_s > 0 and not found
                finished, seconds = self._finished.get(timeout=wait_s) if waits else self._finished.get_nowait()
            except queue.Empty:
                break
            self._comebacks.took(seconds)
            del self._held_bytes[_key(finished[0])]
            self._make_room(_chars(finished[1]))
            found.append(finished)
        SLOW_MAILS.set(self.mails)
        return found

    def close(self, wait_s: float = 0.0) -> None:
        """Let the threads end; nothing that was not begun is worked on. Waits at most `wait_s` for them, so that they
        can remove their temporary files."""
        while True:
            try:
                self._begun.get_nowait()
            except queue.Empty:
                break
        for _ in self._started:
            self._begun.put(None)
        with self._room:
            self._is_closed = True
            self._room.notify_all()
        self._interrupt()
        until = time.monotonic() + wait_s
        for thread in self._started:
            thread.join(max(0.0, until - time.monotonic()))

    def _work(self) -> None:
        while (begun := self._begun.get()) is not None:
            ticket, finish = begun
            began = self._begun_at[_key(ticket)] = time.monotonic()
            found: Record | Exception
            try:
                found = finish()
            except Exception as error:  # noqa: BLE001  # judged by the main loop, as any other mail's
                found = error
            del self._begun_at[_key(ticket)]
            seconds = time.monotonic() - began
            self._wait_for_room(_chars(found))
            self._finished.put(((ticket, found), seconds))
            del begun, finish, found  # or the mail would be held until the next one comes

    def _wait_for_room(self, chars: int) -> None:
        """Wait while the finished mails hold too much text: the database may be away for hours."""
        with self._room:
            self._room.wait_for(
                lambda: self._is_closed or not self._waiting_chars or self._waiting_chars + chars <= MOST_CHARS
            )
            self._waiting_chars += chars

    def _make_room(self, chars: int) -> None:
        with self._room:
            self._waiting_chars -= chars
            self._room.notify_all()


def _chars(found: Record | Exception) -> int:
    if isinstance(found, Exception) or found.message is None:
        return 0
    return sum(len(attachment.extraction.text) for attachment in found.message.attachments)


def _key(ticket: Ticket) -> str:
    return f"{ticket.partition}:{ticket.entry_id}"
