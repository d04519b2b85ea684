"""Put a producer together from its parts. `src/assembly` calls this with what it made of the settings; tests call it
with sources and streams of their own.
"""

import itertools
import os
import random
import socket
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from src.common.beats import Beats
from src.common.clock import Clock
from src.common.shutdown import Shutdown
from src.producer.account_opening import AccountOpening, AccountPlan
from src.producer.board import Board, MailboxName
from src.producer.failures import Failures, no_mark
from src.producer.good_news import GoodNews, SharedLines
from src.producer.mailbox_loop import LoopPlan, MailboxLoop
from src.producer.patience import POLICY, Patience
from src.producer.payloads import outgoing_of
from src.producer.producer import Producer
from src.producer.publisher import Publisher
from src.producer.room import Room
from src.producer.sync_states import SyncStateKeeper
from src.sources.source import Source
from src.store.protocol import SyncStates
from src.stream.protocol import ProducerStream

BEAT_SLACK = 3.0  # polls that may fail to come before a loop counts as late
LEAST_BEAT_S = 120.0  # a poll itself takes time: a batch over a slow line


@dataclass(frozen=True, slots=True)
class ProducerOptions:
    """How the producer is to run."""

    poll_interval_s: float = 60.0
    lease_s: float = 60.0
    grace_s: float = 25.0
    once: bool = False  # then a progress bar and what is printed at the end tell, and not the log
    most_entries: int = 10_000  # that may wait on the stream, or on one partition of it
    is_import: bool = False  # of files: what was read to its end is done with
    configured: frozenset[str] = frozenset()  # accounts of the settings that are read, by this process or others
    sign_in_mark: Callable[[], object] = no_mark  # another one each time somebody signs in; None: nobody needs to


def build(
    sources: Sequence[Source],
    *,
    options: ProducerOptions,
    stream: ProducerStream,
    states: SyncStates | None,
    shutdown: Shutdown,
    beats: Beats,
    clock: Clock,
    accounts: Sequence[AccountPlan] = (),
) -> Producer:
    """Return a producer that is ready to run. `states`: where sync states are kept; None keeps none.

    It reads `sources`, and those of `accounts`, which it opens itself.
    """
    owner = owner_name()
    read = {*(source.account for source in sources), *(plan.name.account for plan in accounts)}
    keeper = (
        SyncStateKeeper(states, clock, reader=owner, accounts=read | options.configured, is_import=options.is_import)
        if states is not None
        else None
    )
    producer = Producer(board=Board(), states=keeper, shutdown=shutdown, clock=clock, grace_s=options.grace_s)
    parts = _Parts(producer, options, stream, keeper, shutdown, beats, clock, owner)
    for source in sources:
        beat = "poll" if len(sources) == 1 and not accounts else ""
        loop = parts.mailbox_loop(
            source, poll_interval_s=options.poll_interval_s, sign_in_mark=options.sign_in_mark, beat=beat
        )
        producer.add(loop)
    parts.tell_opened(sources)
    for plan in accounts:
        producer.add(parts.opening(plan))
    return producer


class _Parts:
    """Makes the loops of one producer, from what they share."""

    def __init__(
        self,
        producer: Producer,
        options: ProducerOptions,
        stream: ProducerStream,
        keeper: SyncStateKeeper | None,
        shutdown: Shutdown,
        beats: Beats,
        clock: Clock,
        owner: str,
    ) -> None:
        self._producer = producer
        self._options = options
        self._stream = stream
        self._keeper = keeper
        self._shutdown = shutdown
        self._beats = beats
        self._clock = clock
        self._room = Room()
        self._lines = SharedLines(clock)
        self._owner = owner
        self._positions = itertools.count()

    def mailbox_loop(
        self, source: Source, *, poll_interval_s: float, sign_in_mark: Callable[[], object], beat: str = ""
    ) -> MailboxLoop:
        """Return the loop of one mailbox. `beat` is its name among the beats; empty: by its position."""
        name, position = _name_of(source), next(self._positions)
        beat = beat or f"poll-{position}"
        patience, rng, board = self._patience(), _rng(), self._producer.board
        self._expect(name, beat, poll_interval_s)
        return MailboxLoop(
            source,
            plan=LoopPlan(poll_interval_s, self._options.lease_s, self._owner, self._options.once, position),
            stream=self._stream,
            encode=lambda batch: self._stream.packed(outgoing_of(batch)),  # beside the publishing of the one before
            publisher=Publisher(
                name,
                stream=self._stream,
                board=board,
                room=self._room,
                patience=patience,
                rng=rng,
                beat=partial(self._beats.beat, beat),
                most_entries=self._options.most_entries,
            ),
            patience=patience,
            board=board,
            states=self._keeper,
            clock=self._clock,
            beat=partial(self._beats.beat, beat),
            failures=self._failures(name, beat, patience, sign_in_mark),
            news=None if self._options.once else GoodNews(name, board, self._lines, self._clock),
        )

    def opening(self, plan: AccountPlan) -> AccountOpening:
        """Return what opens an account, and then begins the loops of its mailboxes."""
        beat, patience = f"open-{next(self._positions)}", self._patience()
        self._expect(plan.name, beat, plan.poll_interval_s)

        def begin(sources: Sequence[Source]) -> None:
            self._beats.forget(beat)
            self._producer.board.leave(plan.name)  # first: a mailbox may bear the same name
            for source in sources:
                loop = self.mailbox_loop(source, poll_interval_s=plan.poll_interval_s, sign_in_mark=plan.sign_in_mark)
                self._producer.begin(loop)
            self.tell_opened(sources)

        return AccountOpening(
            plan,
            begin=begin,
            patience=patience,
            failures=self._failures(plan.name, beat, patience, plan.sign_in_mark),
            board=self._producer.board,
            states=self._keeper,
        )

    def tell_opened(self, sources: Sequence[Source]) -> None:
        """Say that these are all mailboxes of their accounts that are read."""
        if self._keeper is not None:
            for account in {source.account for source in sources}:
                self._keeper.reads(account, [_name_of(source) for source in sources if source.account == account])

    def _expect(self, name: MailboxName, beat: str, poll_interval_s: float) -> None:
        self._producer.board.enter(name)
        self._beats.expect(beat, within_s=max(poll_interval_s * BEAT_SLACK, LEAST_BEAT_S))

    def _patience(self) -> Patience:
        return Patience(
            shutdown=self._shutdown, clock=self._clock, rng=_rng(), gives_up=self._options.once, policy=POLICY
        )

    def _failures(
        self, name: MailboxName, beat: str, patience: Patience, sign_in_mark: Callable[[], object]
    ) -> Failures:
        return Failures(
            name,
            once=self._options.once,
            patience=patience,
            board=self._producer.board,
            states=self._keeper,
            trouble=partial(self._beats.trouble, beat),
            sign_in_mark=sign_in_mark,
        )


def _name_of(source: Source) -> MailboxName:
    return MailboxName(source.account, source.mailbox, source.kind)


def _rng() -> random.Random:
    return random.Random()  # noqa: S311 - jitter, no secret


def owner_name() -> str:
    """Return a name for the leases of this process that no other process has, not even a later one of the same id."""
    return f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
