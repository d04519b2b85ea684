"""Gauges about what processes share: the stream and the database, read afresh at each scrape.

Every process of the pipeline serves them, so that one scrape target is enough to see the whole; a dashboard therefore
takes the `max` over processes, never the `sum`. A service that does not answer is told by
`email_ingestion_service_up`, and its other gauges are then missing, not zero. A mailbox that is not read any more
has no gauge: it does not get fresh again, and nobody shall be woken for it.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from src.common.clock import Clock
from src.common.errors import DelegationRefusedError, IngestError, ScopeMissingError, SignInNeededError
from src.common.logs import account_tag
from src.store.protocol import StoreStats, SyncState
from src.stream.protocol import StreamStats

MAX_AGE_S = 2.0  # a scrape within this time of the last look is answered from it: counting rows is not free

# An account with one of these is read again once somebody has signed in, or mended its delegation.
SIGN_IN_CODES = frozenset({SignInNeededError.code, ScopeMissingError.code, DelegationRefusedError.code})


@dataclass(frozen=True, slots=True)
class SharedMetric:
    """Name, kind, labels and meaning of a metric about shared state."""

    name: str
    kind: Literal["gauge", "counter"]
    labels: tuple[str, ...]
    meaning: str

    def family(self) -> GaugeMetricFamily | CounterMetricFamily:
        """Return an empty family to add samples to."""
        if self.kind == "counter":
            return CounterMetricFamily(self.name, self.meaning, labels=self.labels)
        return GaugeMetricFamily(self.name, self.meaning, labels=self.labels)


UP = SharedMetric("email_ingestion_service_up", "gauge", ("service",), "1 if the service answers: redis, database.")
DEPTH = SharedMetric("email_ingestion_stream_depth", "gauge", (), "Mails on the stream, pending ones included.")
PENDING = SharedMetric("email_ingestion_pending", "gauge", (), "Mails in workers' hands.")
BACKLOG_AGE = SharedMetric("email_ingestion_backlog_age_seconds", "gauge", (), "Age of the oldest mail on the stream.")
RETRIES = SharedMetric("email_ingestion_retries", "gauge", ("state",), "Mails that wait for a retry: all, due.")
DEAD = SharedMetric("email_ingestion_dead_letters", "gauge", ("code",), "Dead letters, by error code.")
RAW_BYTES = SharedMetric("email_ingestion_raw_bytes", "gauge", (), "Compressed raw mail on its way, in bytes.")
CAP_USE = SharedMetric("email_ingestion_cap_use_ratio", "gauge", ("of",), "Share of the cap in use: entries, bytes.")
CONSUMERS = SharedMetric("email_ingestion_consumers", "gauge", (), "Workers known to the consumer group.")
EVENTS = SharedMetric(
    "email_ingestion_stream_events_total", "counter", ("event",), "What the scripts counted since the stream began."
)
FRESHNESS = SharedMetric(
    "email_ingestion_mailbox_freshness_seconds",
    "gauge",
    ("account", "mailbox"),
    "Time since the mailbox was last read to its end, while it is to be read; account and mailbox as tags.",
)
MAILBOX_ERROR = SharedMetric(
    "email_ingestion_mailbox_error",
    "gauge",
    ("account", "mailbox", "code"),
    "1 while reading the mailbox fails, with the code of the error.",
)
NEEDS_SIGN_IN = SharedMetric(
    "email_ingestion_needs_sign_in",
    "gauge",
    ("account",),
    "1 while an account is not read since somebody has to sign in, or to mend its service account; account as tag.",
)
STORED = SharedMetric("email_ingestion_stored_mails", "gauge", ("state",), "Rows: mails, deleted, stubs.")

SHARED_METRICS = (
    UP, DEPTH, PENDING, BACKLOG_AGE, RETRIES, DEAD, RAW_BYTES, CAP_USE, CONSUMERS, EVENTS, FRESHNESS, MAILBOX_ERROR,
    NEEDS_SIGN_IN, STORED,
)  # fmt: skip


class SharedStateCollector(Collector):
    """Reads the stream and the database for a scrape. Thread-safe; scrapes at one moment share one look."""

    def __init__(
        self,
        *,
        stream_stats: Callable[[], StreamStats],
        store_stats: Callable[[], StoreStats],
        sync_states: Callable[[], Iterable[SyncState]],
        clock: Clock,
    ) -> None:
        self._stream_stats = stream_stats
        self._store_stats = store_stats
        self._sync_states = sync_states
        self._clock = clock
        self._lock = threading.Lock()
        self._looked_at = float("-inf")
        self._last: list[Metric] = []

    def describe(self) -> list[Metric]:
        """Name the metrics without a look, so that registering needs no service."""
        return [shared.family() for shared in SHARED_METRICS]

    def collect(self) -> list[Metric]:
        """Return all families with their samples."""
        with self._lock:
            if self._clock.monotonic() - self._looked_at > MAX_AGE_S:
                self._last = self._look()
                self._looked_at = self._clock.monotonic()
            return self._last

    def _look(self) -> list[Metric]:
        up = UP.family()
        found: list[Metric] = [up]
        try:
            found += stream_families(self._stream_stats())
            up.add_metric(["redis"], 1)
        except IngestError:
            up.add_metric(["redis"], 0)
        try:
            found += store_families(self._store_stats())
            states = [state for state in self._sync_states() if state.retired_at is None]
            found += mailbox_families(states, now_s=self._clock.now().timestamp())
            found.append(sign_in_family(states))
            up.add_metric(["database"], 1)
        except IngestError:
            up.add_metric(["database"], 0)
        return found


def stream_families(stats: StreamStats) -> Iterator[Metric]:
    """Yield the families that the stream's numbers give."""
    yield _single(DEPTH, stats.waiting)
    yield _single(PENDING, stats.pending)
    yield _single(BACKLOG_AGE, stats.oldest_waiting_s)
    yield _labelled(RETRIES, {"all": stats.retries, "due": stats.retries_due})
    yield _labelled(DEAD, stats.dead_by_code)
    yield _single(RAW_BYTES, stats.raw_bytes)
    entries = (stats.waiting + stats.retries) / max(stats.max_entries, 1)
    yield _labelled(CAP_USE, {"entries": entries, "bytes": stats.raw_bytes / max(stats.max_bytes, 1)})
    yield _single(CONSUMERS, len(stats.consumers))
    yield _labelled(EVENTS, stats.counters)


def store_families(stats: StoreStats) -> Iterator[Metric]:
    """Yield the families that the database's numbers give."""
    yield _labelled(STORED, {"mails": stats.mails, "deleted": stats.deleted, "stubs": stats.stubs})


def mailbox_families(states: Iterable[SyncState], *, now_s: float) -> Iterator[Metric]:
    """Yield freshness and errors per mailbox; a mailbox never read to its end has no freshness."""
    freshness, errors = FRESHNESS.family(), MAILBOX_ERROR.family()
    for state in states:
        tags = [account_tag(state.account), account_tag(state.mailbox)]
        if last_poll_s := _seconds(state.values.get("last_poll", "")):
            freshness.add_metric(tags, max(0.0, now_s - last_poll_s))
        if state.error_code:
            errors.add_metric([*tags, state.error_code], 1)
    yield freshness
    yield errors


def sign_in_family(states: Sequence[SyncState]) -> Metric:
    """Return which accounts wait for a sign-in."""
    waiting = {state.account for state in states if state.error_code in SIGN_IN_CODES}
    family = NEEDS_SIGN_IN.family()
    for account in sorted({state.account for state in states}):
        family.add_metric([account_tag(account)], account in waiting)
    return family


def _single(shared: SharedMetric, value: float) -> Metric:
    family = shared.family()
    family.add_metric([], value)
    return family


def _labelled(shared: SharedMetric, values: Mapping[str, float]) -> Metric:
    family = shared.family()
    for label, value in values.items():
        family.add_metric([label], value)
    return family


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
