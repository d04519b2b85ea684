"""Put a producer together from its parts. `src/assembly` calls this with what it made of the settings; tests call it
with sources and streams of their own.
"""

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
from src.producer.board import Board, MailboxName
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
    once: bool = False
    most_entries: int = 10_000  # that may wait on the stream, or on one partition of it
    sign_in_mark: Callable[[], object] = lambda: None  # another one each time somebody signs in; None: nobody needs to


def build(
    sources: Sequence[Source],
    *,
    options: ProducerOptions,
    stream: ProducerStream,
    states: SyncStates | None,
    shutdown: Shutdown,
    beats: Beats,
    clock: Clock,
) -> Producer:
    """Return a producer that is ready to run. `states`: where sync states are kept; None keeps none."""
    board, room, owner = Board(), Room(), owner_name()
    keeper = SyncStateKeeper(states, clock) if states is not None else None
    loops: list[MailboxLoop] = []
    for position, source in enumerate(sources):
        name = MailboxName(source.account, source.mailbox, source.kind)
        board.enter(name)
        loop = "poll" if len(sources) == 1 else f"poll-{position}"
        beats.expect(loop, within_s=max(options.poll_interval_s * BEAT_SLACK, LEAST_BEAT_S))
        rng = random.Random()  # noqa: S311 - jitter, no secret
        patience = Patience(shutdown=shutdown, clock=clock, rng=rng, gives_up=options.once, policy=POLICY)
        publisher = Publisher(
            name,
            stream=stream,
            board=board,
            room=room,
            patience=patience,
            rng=rng,
            beat=partial(beats.beat, loop),
            most_entries=options.most_entries,
        )
        plan = LoopPlan(
            poll_interval_s=options.poll_interval_s,
            lease_s=options.lease_s,
            owner=owner,
            once=options.once,
            position=position,
            sign_in_mark=options.sign_in_mark,
        )
        loops.append(
            MailboxLoop(
                source,
                plan=plan,
                stream=stream,
                encode=outgoing_of,
                publisher=publisher,
                patience=patience,
                board=board,
                states=keeper,
                clock=clock,
                beat=partial(beats.beat, loop),
                trouble=partial(beats.trouble, loop),
            )
        )
    return Producer(loops, board=board, states=keeper, shutdown=shutdown, clock=clock, grace_s=options.grace_s)


def owner_name() -> str:
    """Return a name for the leases of this process that no other process has, not even a later one of the same id."""
    return f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
