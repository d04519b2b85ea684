"""MailboxLoop: reads one mailbox for as long as the producer runs, or once to its end.

One round: hold the lease → load the cursor → fetch and publish until caught up → wait for the next poll. While a batch
is published the next one is fetched and made ready, so two batches of mail are held at most.

What fails is met by `failures.py`: after a wait a new round begins from the stored cursor, so that nothing is skipped.
No failure touches the other mailboxes.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from typing import TypeVar

from src.common.clock import Clock
from src.common.errors import LeaseLostError
from src.common.instruments import IMAP_POLL_DURATION, LAST_POLL_TIMESTAMP
from src.common.logs import account_tag, get_logger
from src.model.cursor import Batch, Cursor
from src.producer.board import Board, MailboxName, State
from src.producer.failures import Failures
from src.producer.good_news import GoodNews
from src.producer.held_lease import HeldLease
from src.producer.pace import Left, Pace
from src.producer.patience import Patience, StopAskedError
from src.producer.publisher import Publisher
from src.producer.source_thread import SourceThread
from src.producer.sync_states import SyncStateKeeper
from src.sources.source import NamesLabels, Source, Waiter
from src.stream.protocol import Outgoing, ProducerStream

log = get_logger(__name__)

Result = TypeVar("Result")
Encode = Callable[[Batch], list[Outgoing]]
Fetched = tuple[Batch, list[Outgoing]]

LOOK_UP_S = 0.5  # how often a wait for the source looks up for a stop or a lost lease
NOTHING_YET_S = 0.5  # before asking a source again that has nothing just now, yet is not caught up
MOVED_WAIT_S = 0.05  # after a cursor that someone else moved: an argument with a program must not become a hot loop
DEAD_AFTER_LEASES = 1.5  # times of a lease after which the one who holds it must be alive
CLOSE_TIMEOUT_S = 10.0  # for the source to let go of its connection


def no_names() -> Mapping[str, str]:
    """Stand for the names of labels that are names themselves."""
    return {}


@dataclass(frozen=True, slots=True)
class LoopPlan:
    """How a mailbox is to be read."""

    poll_interval_s: float
    lease_s: float
    owner: str  # of the lease: this process
    once: bool  # end as soon as the mailbox was read to its end, or cannot be
    position: int  # of the mailbox among those of this producer, for the names of threads


class MailboxLoop:
    """The loop of one mailbox; `run` is the body of its thread."""

    def __init__(
        self,
        source: Source,
        *,
        plan: LoopPlan,
        stream: ProducerStream,
        encode: Encode,
        publisher: Publisher,
        patience: Patience,
        board: Board,
        states: SyncStateKeeper | None,
        clock: Clock,
        beat: Callable[[], None],
        failures: Failures,
        news: GoodNews | None = None,
    ) -> None:
        """`news`: what the log says while all is well; None: nothing."""
        self.name = MailboxName(source.account, source.mailbox, source.kind)
        self._source = source
        self._plan = plan
        self._stream = stream
        self._encode = encode
        self._publisher = publisher
        self._patience = patience
        self._board = board
        self._states = states
        self._clock = clock
        self._beat = beat
        self._failures = failures
        self._news = news
        self._label_names = source.label_names if isinstance(source, NamesLabels) else no_names
        self._pace = Pace(clock)
        self._thread = SourceThread(name=f"source-{plan.position}")
        self._refused_since: float | None = None  # when the lease was first found with another producer

    def run(self) -> None:
        """Read until a stop is asked for; with `once`, until the mailbox is read to its end or given up."""
        try:
            while not self._round():
                pass
        except StopAskedError:
            if self._board.report(self.name).state is not State.CAUGHT_UP:
                self._board.set(self.name, State.STOPPED)
        finally:
            if isinstance(self._source, Waiter):
                self._source.interrupt()
            if not self._thread.close(self._source.close, CLOSE_TIMEOUT_S):
                log.warning("source_still_busy", account=account_tag(self.name.account), source=self.name.kind)

    def _round(self) -> bool:
        """Read under one lease; return True when there is nothing left to do."""
        try:
            lease = self._stream.acquire_lease(self.name.account, self.name.mailbox, self._plan.owner)
            if lease is None:
                return self._stand_by()
            self._refused_since = None
            with HeldLease(self._stream, lease, lease_s=self._plan.lease_s, clock=self._clock) as held:
                while True:
                    self._catch_up(held)
                    if self._plan.once:
                        return True
                    self._wait_for_news(held)
        except StopAskedError:
            raise
        except Exception as error:  # noqa: BLE001 - the top of the loop: one mailbox must not end the others
            return self._failures.met(error, self._publisher.stored)

    def _stand_by(self) -> bool:
        """Wait while another producer reads this mailbox. With `once`, only as long as a dead one's lease may live."""
        now = self._clock.monotonic()
        if self._refused_since is None:
            self._refused_since = now
            log.info("mailbox_read_by_another", account=account_tag(self.name.account))
        error = LeaseLostError("another producer reads this mailbox")
        self._board.set(self.name, State.STANDBY, code=error.code, error=str(error))
        self._beat()  # Redis answered, and that is all there is to do
        if self._plan.once and now - self._refused_since > self._plan.lease_s * DEAD_AFTER_LEASES:
            return True
        self._patience.wait(self._plan.lease_s / 3)
        return False

    def _catch_up(self, held: HeldLease) -> None:
        """Fetch and publish until the source has nothing more."""
        began = self._clock.monotonic()
        self._board.set(self.name, State.READING)
        self._pace.begin()
        if self._news is not None:
            self._news.begin()
        upcoming = self._fetch_after(self._publisher.load())
        is_caught_up = False
        while not is_caught_up:
            batch, outgoing = self._result(upcoming, held)
            is_caught_up = batch.caught_up
            reads_ahead = not is_caught_up and _is_whole_in_memory(batch)
            if reads_ahead:
                self._pause_if_idle(batch)
                upcoming = self._fetch_after(batch.cursor)
            if not self._publisher.publish(held, batch, outgoing):
                upcoming.cancel()
                self._patience.wait(MOVED_WAIT_S)
                upcoming, is_caught_up = self._fetch_after(self._publisher.stored), False
            elif not reads_ahead and not is_caught_up:
                upcoming = self._fetch_after(batch.cursor)
            self._came_on(batch)
        self._caught_up(began)

    def _pause_if_idle(self, batch: Batch) -> None:
        if not batch.envelopes and not batch.failures and batch.cursor == self._publisher.stored:
            self._patience.wait(NOTHING_YET_S)

    def _came_on(self, batch: Batch) -> None:
        self._pace.told(batch.remaining)
        left = self._pace.left()
        self._keep_state(left=left)
        if self._news is not None:
            self._news.reading(left)

    def _caught_up(self, began: float) -> None:
        self._patience.progressed()
        self._keep_state(is_caught_up=True)
        self._board.set(self.name, State.CAUGHT_UP)
        if self._news is not None:
            self._news.caught_up()
        if self.name.kind == "imap":
            IMAP_POLL_DURATION.observe(self._clock.monotonic() - began)
        LAST_POLL_TIMESTAMP.labels(account_tag(self.name.account), account_tag(self.name.mailbox)).set(
            self._clock.now().timestamp()
        )

    def _wait_for_news(self, held: HeldLease) -> None:
        """Wait for the next poll, or for the server to tell of something new."""
        source = self._source
        if not isinstance(source, Waiter):
            deadline = self._clock.monotonic() + self._plan.poll_interval_s
            while (left_s := deadline - self._clock.monotonic()) > 0:
                held.check()
                self._patience.wait(min(left_s, LOOK_UP_S))
            return
        waiting = self._thread.submit(lambda: source.wait(self._plan.poll_interval_s))
        try:
            self._result(waiting, held)
        except (StopAskedError, LeaseLostError):
            source.interrupt()
            raise

    def _fetch_after(self, cursor: Cursor) -> "Future[Fetched]":
        """Begin to fetch, and to make ready for the stream: both in the source's thread, beside the publishing."""

        def fetch() -> Fetched:
            batch = self._source.fetch(cursor)
            return batch, self._encode(batch)

        return self._thread.submit(fetch)

    def _result(self, future: Future[Result], held: HeldLease) -> Result:
        """Wait for the source's answer, looking up now and then."""
        while True:
            try:
                return future.result(LOOK_UP_S)
            except FutureTimeoutError:
                if future.done():  # the source itself raised a TimeoutError
                    raise
                self._patience.check()
                held.check()

    def _keep_state(self, *, is_caught_up: bool = False, left: Left | None = None) -> None:
        if self._states is not None:
            self._states.keep(
                self.name,
                self._publisher.stored,
                is_caught_up=is_caught_up,
                left=left,
                label_names=self._label_names(),
            )


def _is_whole_in_memory(batch: Batch) -> bool:
    """Tell whether the source is free while this batch is published: big mails are read from it slice by slice."""
    envelopes = (*batch.envelopes, *(failure.envelope for failure in batch.failures))
    return all(isinstance(envelope.raw, bytes) for envelope in envelopes)
