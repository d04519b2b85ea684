"""The producer, put together: `producer.py`."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

from rich.console import Console

from config.account import Account
from config.accounts import accounts_of
from config.settings import Settings
from src.assembly.services import OpenStream, in_time, open_account, open_store, open_stream, serve
from src.auth.sign_in_mark import sign_in_mark
from src.common import exit_codes
from src.common.beats import Beats
from src.common.clock import SystemClock
from src.common.interpreter import share_one_heap, spare_the_collector, switch_threads_often
from src.common.logs import get_logger
from src.common.shutdown import Shutdown
from src.producer.account_opening import AccountPlan
from src.producer.board import MailboxName
from src.producer.build import ProducerOptions
from src.producer.build import build as build_producer
from src.producer.late_store import LateStore
from src.producer.producer import Producer, exit_code, is_broken
from src.producer.progress import say_left_behind, say_published, shown
from src.producer.pushes import Pushes
from src.sources.source import Source
from src.stream.options import options_from
from src.sync.hints import Hints

log = get_logger(__name__)


def run_producer(
    settings: Settings,
    console: Console,
    *,
    once: bool,
    batch_mails: int,
    accounts: Sequence[Account] = (),
    compares_first: bool = False,
) -> int:
    """Read mail until a stop is asked for, or once to the end; return the exit code.

    Reads `accounts`; none given: those of the settings. Raises errors that keep it from starting: a single account
    that cannot be opened is one, of several each is opened by itself. A Redis that is away is waited for, unless
    `once`. `compares_first`: each mailbox is compared with the database as a whole before anything else.
    """
    accounts = accounts or accounts_of(settings)
    clock, shutdown = SystemClock(), Shutdown()
    beats = Beats(clock)
    shutdown.listen()
    share_one_heap()
    with ExitStack() as closing:
        stream = in_time(lambda: open_stream(settings, name="producer"), shutdown, once=once)
        if stream is None:
            return exit_codes.OK
        closing.callback(stream.close)
        store = LateStore(lambda: open_store(settings))
        closing.callback(store.close)
        pushes = None if once else _open_pushes(settings, stream, closing)
        opening = [
            partial(
                open_account,
                account,
                known=store,
                stream=stream,
                batch_mails=batch_mails,
                pushes=pushes,
                compares_first=compares_first,
            )
            for account in accounts
        ]
        sources, plans = _what_to_read(accounts, opening, shutdown, once=once)
        if not sources and not plans:
            return exit_codes.OK
        options_of = accounts[0].settings if len(accounts) == 1 else settings
        producer = build_producer(
            sources,
            options=replace(producer_options(options_of, once=once), configured=_configured(settings, accounts)),
            stream=stream,
            states=store,
            shutdown=shutdown,
            beats=beats,
            clock=clock,
            accounts=plans,
        )
        switch_threads_often()
        spare_the_collector()
        if once:
            return _run_once(producer, console)
        _serve(settings, producer, beats, stream, store, closing)
        producer.run()
        return exit_codes.INTERNAL if is_broken(producer.board.reports()) else exit_codes.OK


def _configured(settings: Settings, read: Sequence[Account]) -> frozenset[str]:
    """Return the names of all accounts of the settings, of which a single one may have been chosen to be read."""
    others = accounts_of(settings) if settings.accounts_file else ()
    return frozenset(account.name for account in (*read, *others))


def _open_pushes(settings: Settings, stream: OpenStream, closing: ExitStack) -> Pushes:
    pushes = Pushes(Hints(stream.connection, prefix=settings.redis_stream_name), clock=SystemClock())
    closing.callback(pushes.close)
    return pushes


def _what_to_read(
    accounts: Sequence[Account], opening: Sequence[Callable[[], Sequence[Source]]], shutdown: Shutdown, *, once: bool
) -> tuple[Sequence[Source], Sequence[AccountPlan]]:
    """Return the mailboxes of a single account, opened, or how each of several is to be opened.

    Neither, if a stop is asked for before the single one could be opened.
    """
    if len(accounts) == 1:
        return in_time(opening[0], shutdown, once=once) or (), ()
    through_api = sum(account.kind == "gmail" for account in accounts)
    log.info("accounts_to_read", count=len(accounts), through_api=through_api)
    return (), [_plan(account, open_it) for account, open_it in zip(accounts, opening, strict=True)]


def _plan(account: Account, open_it: Callable[[], Sequence[Source]]) -> AccountPlan:
    name = MailboxName(account.name, ",".join(account.mailboxes), account.kind)
    settings = account.settings
    return AccountPlan(name, open_it, settings.imap_poll_interval_seconds, partial(sign_in_mark, settings))


def _run_once(producer: Producer, console: Console) -> int:
    with shown(producer.board, console):
        producer.run()
    reports = producer.board.reports()
    say_published(reports, console)
    say_left_behind(reports, console)
    return exit_code(reports)


def _serve(
    settings: Settings, producer: Producer, beats: Beats, stream: OpenStream, store: LateStore, closing: ExitStack
) -> None:
    served = serve(
        settings,
        metrics_port=settings.producer_metrics_port,
        health_port=settings.producer_health_port,
        beats=beats,
        stream=stream,
        store=store,
        more_status=lambda: {"mailboxes": producer.board.status()},
    )
    for server in served:
        closing.callback(server.close)


def producer_options(settings: Settings, *, once: bool) -> ProducerOptions:
    return ProducerOptions(
        poll_interval_s=settings.imap_poll_interval_seconds,
        lease_s=settings.lease_seconds,
        grace_s=settings.shutdown_grace_seconds,
        once=once,
        most_entries=options_from(settings).entries_per_partition,
        sign_in_mark=partial(sign_in_mark, settings),
    )
