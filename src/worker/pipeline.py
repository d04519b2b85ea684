"""The worker's main loop, as a table of contents.

    take tickets in hand     intake.py     own pending ones, silent workers', new ones
    cut them into chunks     chunks.py     as many as fit into memory; a suspect of a crash alone
    load their raw mails     loading.py    the next ones while these are worked on
    prepare Records          prepare.py    parse, keep attachments' text
    let slow ones wait       window.py     those with attachments that take their time, beside the others
    store                    splitting.py  one transaction for all; the guilty found by halving
    close                    closing.py    settle, retry or bury, by decide.py

A service that is away is asked again, with everything in hand (patience.py). What is in hand is leased: renewer.py.
"""

import random
from collections.abc import Callable, Sequence

from src.common.beats import Beats
from src.common.errors import AttachmentsBusyError, RawMissingError, RedisOutOfMemoryError
from src.common.instruments import BATCH_COMMIT
from src.common.logs import get_logger
from src.common.retry import RetryPolicy
from src.common.shutdown import Shutdown
from src.model.envelope import Kind
from src.model.message import Record
from src.model.outcome import Done, Outcome, Retry
from src.model.ticket import Ticket
from src.store.protocol import MailWriter
from src.stream.protocol import WorkerStream
from src.worker.allowance import MAIL_SECONDS
from src.worker.chunks import in_chunks, is_suspect
from src.worker.closing import Closing
from src.worker.decide import code_of, decide, describe
from src.worker.hand import Hand
from src.worker.intake import Intake
from src.worker.loading import Loading
from src.worker.patience import Patience
from src.worker.prepare import Prepare, Unfinished
from src.worker.splitting import write_splitting
from src.worker.window import Window

log = get_logger(__name__)

Results = list[tuple[Ticket, Outcome]]
Prepared = list[tuple[Ticket, Record]]

LOOK_UP_S = 0.5  # how often a wait for one slow mail looks up for a stop
SLOW_MAIL_S = 2 * MAIL_SECONDS  # a mail that is worked on for longer is stuck
HARDLY_QUICK_BYTES = 512 * 1024  # of a mail that is put off unread while slow ones have no room: it has attachments
SLOW_LOOK_MS = 50  # longest wait for new mails while slow ones are under way: those that are done are stored by then


class Pipeline:
    """Works until asked to stop, or until `is_drained` says so after a round that found nothing to do."""

    def __init__(
        self,
        *,
        stream: WorkerStream,
        store: MailWriter,
        intake: Intake,
        loading: Loading,
        prepare: Prepare,
        window: Window,
        closing: Closing,
        hand: Hand,
        patience: Patience,
        beats: Beats,
        shutdown: Shutdown,
        policy: RetryPolicy,
        rng: random.Random,
        consumer: str,
        is_drained: Callable[[], bool] = lambda: False,
    ) -> None:
        self._stream = stream
        self._store = store
        self._intake = intake
        self._loading = loading
        self._prepare = prepare
        self._window = window
        self._closing = closing
        self._hand = hand
        self._patience = patience
        self._beats = beats
        self._shutdown = shutdown
        self._policy = policy
        self._rng = rng
        self._consumer = consumer
        self._is_drained = is_drained

    def run(self) -> None:
        """Work. On return or on an error, what was not begun is still in hand."""
        while not self._shutdown.is_asked:
            if not self.work_once() and self._is_drained():
                return

    def work_once(self) -> int:
        """Go one round; return how many tickets there were."""
        self._closing.close_postponed()
        finished = self._store_slow()
        tickets = self._intake.next_tickets(SLOW_LOOK_MS if self._window.mails else None)
        self._beats.beat("read")
        for chunk in in_chunks(tickets):
            if self._shutdown.is_asked:
                break
            self._work_on(chunk)
        self._beats.beat("commit")
        return len(tickets) + finished

    def _store_slow(self, wait_s: float = 0.0) -> int:
        """Store the slow mails that are done; return how many. Waits at most `wait_s` for one."""
        finished = self._window.collect(wait_s)
        if finished:
            prepared = [(ticket, found) for ticket, found in finished if isinstance(found, Record)]
            failed: Results = [
                (ticket, self._decide(ticket, found)) for ticket, found in finished if isinstance(found, Exception)
            ]
            self._store_and_close([ticket for ticket, _ in finished], prepared, failed)
        return len(finished)

    def _work_on(self, chunk: Sequence[Ticket]) -> None:
        if is_suspect(chunk[0]) and not self._is_begun_alone(chunk[0]):
            return
        prepared, failed = self._prepare_all(chunk)
        self._store_and_close(chunk, prepared, failed)

    def _store_and_close(self, tickets: Sequence[Ticket], prepared: Prepared, failed: Results) -> None:
        stored = self._store_all(prepared)
        self._closing.close(stored + failed)
        self._hand.release([ticket for ticket in tickets if self._hand.is_lost(ticket)])

    def _is_begun_alone(self, suspect: Ticket) -> bool:
        """Begin a suspect once nothing else is under way, or it would be blamed for what a slow mail does; return
        whether it was."""
        while self._window.mails and not self._shutdown.is_asked:
            self._store_slow(SLOW_LOOK_MS / 1_000)
            if self._window.longest_s() < SLOW_MAIL_S:  # else the watchdog shall see it
                self._beats.move("read")
        return not self._shutdown.is_asked and self._patience.ask("read", lambda: self._begin(suspect))

    def _begin(self, suspect: Ticket) -> bool:
        """Say that work on a suspect starts; where Redis has no memory for that, give it back and return False."""
        try:
            self._stream.begin(self._consumer, suspect)
        except RedisOutOfMemoryError:
            self._stream.hand_back(self._consumer, [suspect])
            self._hand.release([suspect])
            return False
        return True

    def _prepare_all(self, chunk: Sequence[Ticket]) -> tuple[Prepared, Results]:
        """Return the Records of the tickets that are still ours, and what becomes of those that failed; slow ones go
        into the window, but for a suspect of a crash, which is worked on alone. Without room there they are put off."""
        prepared: Prepared = []
        failed = self._put_off_unread(chunk)
        put_off = {id(ticket) for ticket, _ in failed}
        for ticket, raw in self._loading.raws([ticket for ticket in chunk if id(ticket) not in put_off]):
            self._beats.move("read")
            if self._hand.is_lost(ticket):
                continue
            self._hand.begin(ticket)
            try:
                begun = self._prepare.begin(ticket, raw)
                if isinstance(begun, Unfinished) and not is_suspect(ticket):
                    self._window.put(ticket, begun)
                    continue
                record = self._finished_alone(ticket, begun) if isinstance(begun, Unfinished) else begun
                if record is not None:
                    prepared.append((ticket, record))
            except AttachmentsBusyError as busy:
                failed.append((ticket, _come_back(busy)))
            except Exception as error:  # noqa: BLE001  # whatever a mail does, its neighbours go on
                failed.append((ticket, self._decide(ticket, error)))
        self._hand.begin(None)
        return prepared, failed

    def _put_off_unread(self, chunk: Sequence[Ticket]) -> Results:
        """Put off, while there is no room for slow mails, those that are hardly quick by their size: to fetch and parse
        them to find that out would be the most that a scan costs here."""
        put_off: Results = []
        for ticket in chunk:
            if ticket.kind is Kind.ADDED and ticket.size_bytes >= HARDLY_QUICK_BYTES and not is_suspect(ticket):
                try:
                    self._window.require_room()
                except AttachmentsBusyError as busy:
                    put_off.append((ticket, _come_back(busy)))
        return put_off

    def _finished_alone(self, ticket: Ticket, mail: Unfinished) -> Record | None:
        """Wait for one slow mail; None when a stop is asked for meanwhile: it is then handed back. Raises its error."""
        alone = Window(1)
        alone.put(ticket, mail)
        while not self._shutdown.is_asked:
            for _, found in alone.collect(LOOK_UP_S):
                alone.close()
                if isinstance(found, Exception):
                    raise found
                return found
            if alone.longest_s() < SLOW_MAIL_S:  # else the watchdog shall see it
                self._beats.move("read")
        alone.close()
        return None

    def _store_all(self, prepared: Prepared) -> Results:
        """Store the Records; return what becomes of each ticket. One that another worker took over is left to it."""
        ours = [(ticket, record) for ticket, record in prepared if not self._hand.is_lost(ticket)]
        guilty = dict(write_splitting(self._write, [record for _, record in ours]))
        return [
            (ticket, self._decide(ticket, guilty[at]) if at in guilty else Done())
            for at, (ticket, _) in enumerate(ours)
        ]

    def _write(self, records: Sequence[Record]) -> None:
        def write() -> None:
            with BATCH_COMMIT.time():
                self._store.write(records)

        self._beats.move("read")
        self._patience.ask("commit", write)

    def _decide(self, ticket: Ticket, error: Exception) -> Outcome:
        if not isinstance(error, RawMissingError):  # else closing.py finds out whether the ticket is ours still
            log.warning("work_failed", envelope_id=ticket.envelope_id, code=code_of(error), error=describe(error))
        return decide(error, ticket.attempt, self._policy, self._rng)


def _come_back(busy: AttachmentsBusyError) -> Retry:
    return Retry(busy.delay_s, busy.code, str(busy), counts=False)
