"""Attachments read anew: their mails are fetched once more from where they came from, and go through the stream.

The producer that reads the same mailboxes goes on meanwhile: what is fetched here has leases of its own, moves no
cursor, and says nothing new of a mail but what is in its attachments.
"""

from collections.abc import Iterable, Sequence, Set
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from rich.console import Console

from config.settings import Settings, SettingsError
from src.assembly.producer import producer_options
from src.assembly.services import open_sources, open_store, open_stream
from src.common import exit_codes
from src.common.beats import Beats
from src.common.clock import SystemClock
from src.common.shutdown import Shutdown
from src.producer.build import build as build_producer
from src.producer.producer import exit_code
from src.producer.progress import say_left_behind, shown
from src.sources.refetching import Refetching
from src.sources.source import Refetch, Source
from src.store.protocol import KnownMail, Store
from src.stream.redis_stream import RedisStream

MAILS_AT_ONCE = 50_000  # asked of a source in one pass: some 25 MB of what is known of them
BATCH_MAILS = 50  # published in one step


@dataclass(frozen=True, slots=True)
class Meant:
    """Which attachments are to be read anew."""

    reason: str = ""  # those that ended for it
    way: str = ""  # those not read in this way: the end of a recipe


@dataclass(frozen=True, slots=True)
class ReprocessOutcome:
    """What came of it."""

    meant: int  # mails with such an attachment
    published: int
    repeated: int  # on their way already
    missing: int  # no longer at the source, or it could not give them
    left: int  # not published: the source failed, another run reads it, or a stop was asked for
    exit_code: int


def run_reprocess(
    settings: Settings, console: Console, *, account: str, origins: Sequence[tuple[str, Path | None]], meant: Meant
) -> ReprocessOutcome:
    """Publish the mails of `account` once more that have such an attachment; `origins` are kinds and paths of sources.

    Waits whenever the stream is full. Raises what keeps it from starting.
    """
    shutdown = Shutdown()
    shutdown.listen()
    total = ReprocessOutcome(0, 0, 0, 0, 0, exit_codes.OK)
    with ExitStack() as closing:
        stream = open_stream(settings, name="reprocess")
        closing.callback(stream.close)
        store = open_store(settings)
        closing.callback(store.close)
        mails = store.mails_to_read_again(account, reason=meant.reason, way=meant.way)
        while not shutdown.is_asked and not total.left and (some := list(islice(mails, MAILS_AT_ONCE))):
            sources = _sources(settings, account, origins, stream, store)
            total = _added(total, _publish(settings, console, stream, shutdown, sources, some))
    return total


def _sources(
    settings: Settings, account: str, origins: Iterable[tuple[str, Path | None]], stream: RedisStream, store: Store
) -> list[Source]:
    return [
        source
        for kind, path in origins
        for source in open_sources(
            settings, kind=kind, account=account, known=store, stream=stream, path=path, batch_mails=BATCH_MAILS
        )
    ]


def _publish(
    settings: Settings,
    console: Console,
    stream: RedisStream,
    shutdown: Shutdown,
    sources: Sequence[Source],
    mails: Sequence[KnownMail],
) -> ReprocessOutcome:
    again = [_of_its_mailbox(source, mails) for source in sources]
    clock = SystemClock()
    producer = build_producer(
        again,
        options=producer_options(settings, once=True),
        stream=stream,
        states=None,
        shutdown=shutdown,
        beats=Beats(clock),
        clock=clock,
    )
    with shown(producer.board, console):
        producer.run()
    reports = producer.board.reports()
    say_left_behind(reports, console)
    published = sum(report.published for report in reports)
    repeated = sum(report.repeated for report in reports)
    gone = [(source.mailbox, it.missing) for source, it in zip(sources, again, strict=True)]
    missing = sum(_is_missing(mail, gone) for mail in mails)
    is_whole = not any(report.is_left_behind for report in reports)
    left = 0 if is_whole else max(len(mails) - missing - published - repeated, 0)
    code = exit_code(reports)
    if code == exit_codes.OK and missing:
        code = exit_codes.INCOMPLETE
    return ReprocessOutcome(len(mails), published, repeated, missing, left, code)


def _of_its_mailbox(source: Source, mails: Iterable[KnownMail]) -> Refetching:
    if not isinstance(source, Refetch):
        raise SettingsError(f"the source {source.kind} cannot bring single mails again")
    return Refetching(source, [mail for mail in mails if mail.place.mailbox == source.mailbox])


def _is_missing(mail: KnownMail, gone: Iterable[tuple[str, Set[str]]]) -> bool:
    """Tell whether none has it; `gone` are mailboxes and the ids that each lacks: several files may have one name."""
    return all(mail.source_id in ids for mailbox, ids in gone if mailbox == mail.place.mailbox)


def _added(one: ReprocessOutcome, other: ReprocessOutcome) -> ReprocessOutcome:
    return ReprocessOutcome(
        one.meant + other.meant,
        one.published + other.published,
        one.repeated + other.repeated,
        one.missing + other.missing,
        one.left + other.left,
        max(one.exit_code, other.exit_code),
    )
