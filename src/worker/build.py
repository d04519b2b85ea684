"""Put a worker together from its parts. `src/assembly` calls this with what it made of the settings; tests call it
with streams, stores and parsers of their own.
"""

import os
import random
import socket
from collections.abc import Callable
from typing import Protocol

from config.settings import Settings
from src.common.beats import Beats
from src.common.clock import Clock
from src.common.instruments import PROMOTED
from src.common.retry import RetryPolicy
from src.common.shutdown import Shutdown
from src.store.protocol import MailWriter
from src.stream.protocol import BEAT_EVERY_S, StreamStats, WorkerStream
from src.worker.background import Background
from src.worker.closing import Closing
from src.worker.damage import DamageLimit
from src.worker.drain import DRAIN_BLOCK_MS, Drain
from src.worker.grace import Grace
from src.worker.hand import Hand
from src.worker.intake import Intake
from src.worker.loading import Loading
from src.worker.maintenance import TICK_S, Chore, Maintenance
from src.worker.patience import Patience
from src.worker.pipeline import SLOW_MAIL_S, Pipeline
from src.worker.prepare import Prepare
from src.worker.renewer import ROUNDS_PER_LEASE, Renewer
from src.worker.watchdog import LOOK_EVERY_S, Watchdog
from src.worker.window import Window
from src.worker.worker import Worker

PROMOTE_EVERY_S = 1.0  # how late a due retry may come back
RECLAIM_PARTS = 4.0  # silent workers are looked for this many times in a lease
GROUP_CHECK_EVERY_S = 30.0
SWEEP_EVERY_S = 30.0  # CONTRACT.md: what a crash left of temporary files is taken after 30 s
INDEX_EVERY_S = 5.0
INDEX_BATCH = 500  # mails added to a lagging full-text index by one call


class WorkingStream(WorkerStream, Protocol):
    """A stream to work on and to look at."""

    def stats(self) -> StreamStats: ...


def default_consumer() -> str:
    """Return a name that no other process of the group has."""
    return f"{socket.gethostname()}-{os.getpid()}"


def build(
    settings: Settings,
    *,
    stream: WorkingStream,
    store: MailWriter,
    prepare: Prepare,
    shutdown: Shutdown,
    beats: Beats,
    clock: Clock,
    drain: bool = False,
    sweep: Callable[[], object] = lambda: None,
    interrupt_slow: Callable[[], object] = lambda: None,
    close_stream: Callable[[], None] = lambda: None,
) -> Worker:
    """Return a worker that is ready to run. `sweep` removes temporary files that a crash left, `interrupt_slow` ends
    what reads attachments."""
    rng = random.Random()  # noqa: S311  # jitter, not a secret
    consumer = settings.consumer_name or default_consumer()
    grace = Grace(shutdown, clock, settings.shutdown_grace_seconds)
    patience = Patience(shutdown, grace, beats, clock, rng)
    hand = Hand()
    loading = Loading(stream, patience)
    intake = Intake(
        stream,
        hand,
        patience,
        consumer=consumer,
        batch_size=settings.batch_size,
        block_ms=min(settings.block_timeout_ms, DRAIN_BLOCK_MS) if drain else settings.block_timeout_ms,
    )
    window = Window(settings.attachment_processes, interrupt=interrupt_slow)
    draining = Drain(stream, patience) if drain else None
    pipeline = Pipeline(
        stream=stream,
        store=store,
        intake=intake,
        loading=loading,
        prepare=prepare,
        window=window,
        closing=Closing(stream, hand, patience, DamageLimit(), clock, consumer),
        hand=hand,
        patience=patience,
        beats=beats,
        shutdown=shutdown,
        policy=RetryPolicy(
            settings.dlq_max_retry_attempts, settings.dlq_initial_backoff_seconds, settings.dlq_max_backoff_seconds
        ),
        rng=rng,
        consumer=consumer,
        is_drained=draining.is_done if draining else lambda: False,
    )
    chores = [
        Chore("beat", BEAT_EVERY_S, lambda: stream.beat(consumer)),
        Chore("promote", PROMOTE_EVERY_S, lambda: PROMOTED.inc(stream.promote())),
        Chore("reclaim", settings.lease_seconds / RECLAIM_PARTS, intake.reclaim_is_due.set),
        Chore("group", GROUP_CHECK_EVERY_S, stream.ensure_group),
        Chore("sweep", SWEEP_EVERY_S, sweep),
        Chore("index", INDEX_EVERY_S, lambda: store.index_pending(INDEX_BATCH)),
    ]
    watchdog = Watchdog(
        beats,
        grace,
        settings.work_timeout_seconds,
        loops=("read", "commit"),
        hand_back_rest=lambda: stream.hand_back(consumer, hand.not_begun()),
        slow_mail_s=window.longest_s,
        slow_timeout_s=SLOW_MAIL_S,
    )

    def background(name: str, action: Callable[[], None], every_s: float) -> Background:
        return Background(name, action, every_s=every_s, beats=beats)

    return Worker(
        pipeline=pipeline,
        stream=stream,
        store=store,
        hand=hand,
        loading=loading,
        window=window,
        consumer=consumer,
        backgrounds=[
            background("maintain", Maintenance(chores, clock, rng), TICK_S),
            background("renew", Renewer(stream, hand, consumer), settings.lease_seconds / ROUNDS_PER_LEASE),
        ],
        watchdog=background("watchdog", watchdog, LOOK_EVERY_S),
        beats=beats,
        shutdown=shutdown,
        grace=grace,
        close_stream=close_stream,
        drain=draining,
    )
