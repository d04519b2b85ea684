"""`status`: how it stands, at a glance or refreshed every few seconds."""

import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Annotated

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from config.settings import SettingsError
from src.cli.output import Listing, clean, moment, print_json, print_page, records, size, span, table
from src.cli.services import Services, services_of
from src.common import exit_codes
from src.monitoring.status import (
    LEFT_HOLDS_S,
    AccountStatus,
    MailboxStatus,
    StatusReport,
    Unavailable,
    cap_use,
    gather_status,
    is_full,
)
from src.monitoring.status_json import as_json
from src.store.protocol import StoreStats
from src.stream.protocol import SILENT_AFTER_S, StreamStats

WATCH_S = 2.0  # between two looks of --watch
MOST_WORKERS = 8  # named; the liveliest first
MOST_TAGS = 20  # named; the most frequent first


def status(
    context: typer.Context,
    watch: Annotated[bool, typer.Option("--watch", help="Look again every two seconds, until Ctrl-C.")] = False,
    account: Annotated[str, typer.Option(help="Of the accounts show only this one.")] = "",
    json_: Annotated[bool, typer.Option("--json", help="Print a JSON object; with --watch one every look.")] = False,
) -> None:
    """Show accounts, cursors, stream, cap, retries, dead letters, workers and database.

    Ends with 4 if Redis or the database does not answer; the rest is shown all the same.
    """
    services = services_of(context)
    if watch and not json_ and sys.stdout.isatty():
        _watch(services, account)
    while True:
        report = look(services, account)
        if json_:
            print_json(as_json(report, with_names=True))
        else:
            print_page(_page(report))
        if not watch:
            break
        time.sleep(WATCH_S)
    raise typer.Exit(exit_codes.OK if report.is_whole else exit_codes.UNAVAILABLE)


def look(services: Services, account: str = "") -> StatusReport:
    """Gather the report for the configured mailboxes and all that were ever read; of all accounts, or of one."""
    configured = [(one.name, mailbox) for one in services.accounts() if one.name for mailbox in one.mailboxes]
    report = gather_status(services.stream, services.store, clock=services.clock, configured=configured)
    if not account:
        return report
    chosen = tuple(one for one in report.accounts if one.account == account)
    if not chosen and report.is_whole:
        raise SettingsError("no account of the name given by --account is configured or stored")
    return replace(report, accounts=chosen)


def _watch(services: Services, account: str) -> None:
    with Live(console=Console(highlight=False, markup=False), screen=True, auto_refresh=False) as live:
        while True:
            parts = [_drawn(part, live.console.width) for part in _page(look(services, account))]
            live.update(Group(*parts), refresh=True)
            time.sleep(WATCH_S)


def _drawn(part: Listing | Text, width: int) -> RenderableType:
    return part if isinstance(part, Text) else table(part, width) or records(part)


def _page(report: StatusReport) -> Iterator[Listing | Text]:
    yield from _stream_part(report.stream)
    yield from _database_part(report.database)
    yield from _accounts_part(report)
    yield Text(f"at {moment(report.taken_at)}", style="dim")


def _stream_part(found: StreamStats | Unavailable) -> Iterator[Listing | Text]:
    if isinstance(found, Unavailable):
        yield _down("Redis", found)
        return
    share = f"{cap_use(found):.0%} of the cap ({found.max_entries} mails, {size(found.max_bytes)})"
    full = Text("FULL: producers wait for room", style="red") if is_full(found) else Text("room")
    rows: list[tuple[str, object]] = [
        ("waiting", f"{found.waiting}, of these {found.pending} in workers' hands"),
        ("oldest waiting", span(found.oldest_waiting_s) if found.waiting else "-"),
        ("retries", f"{found.retries}, of these {found.retries_due} due"),
        ("dead letters", _by_code(found)),
        ("raw mail held", f"{size(found.raw_bytes)}, {share}"),
        ("back-pressure", full),
        ("settled so far", found.counters.get("settled", 0)),
        ("workers", _workers(found)),
        ("Redis", found.redis_version),
    ]
    yield Listing(("stream", ""), rows)


def _by_code(stats: StreamStats) -> Text:
    if not stats.dead:
        return Text("0")
    codes = ", ".join(f"{code} {count}" for code, count in sorted(stats.dead_by_code.items()))
    return Text(f"{stats.dead} ({codes}); see `dlq list`", style="red")


def _workers(stats: StreamStats) -> str:
    heard = sorted(stats.consumers.items(), key=lambda item: item[1])
    return ", ".join(f"{clean(name)} ({_life(silent_s)})" for name, silent_s in heard[:MOST_WORKERS]) or "none"


def _life(silent_s: float) -> str:
    return "alive" if silent_s <= SILENT_AFTER_S else f"silent for {span(silent_s)}"


def _database_part(found: StoreStats | Unavailable) -> Iterator[Listing | Text]:
    if isinstance(found, Unavailable):
        yield _down("The database", found)
        return
    rows: list[tuple[str, object]] = [
        ("mails", f"{found.mails}, of these {found.deleted} deleted at the source"),
        ("not come yet", f"{found.stubs} mails of which only a change came so far"),
        ("with defects", found.with_defects),
        ("attachments", _by_outcome(found)),
        *((("tags", _by_tag(found)),) if found.mails_by_tag else ()),
        ("newest", found.newest_received_at),
        ("size", size(found.size_bytes)),
    ]
    yield Listing(("database", ""), rows)


def _by_outcome(stats: StoreStats) -> str:
    """Return the ledger: how many there are, and how they ended, the most frequent first."""
    counts = sorted(stats.attachments_by_outcome.items(), key=lambda item: -item[1])
    told = ", ".join(f"{name.replace(':', ' ')} {count}" for name, count in counts)
    return f"{stats.attachments} ({told})" if told else str(stats.attachments)


def _by_tag(stats: StoreStats) -> str:
    """Return how many mails carry each tag, the most frequent first."""
    told = [f"{clean(tag)} {mails}" for tag, mails in list(stats.mails_by_tag.items())[:MOST_TAGS]]
    return ", ".join([*told, "…"] if len(stats.mails_by_tag) > MOST_TAGS else told)


def _accounts_part(report: StatusReport) -> Iterator[Listing | Text]:
    columns = ("account", "tag in logs", "mails", "mailbox", "read up to", "read to its end", "state")
    rows = [row for account in report.accounts for row in _account_rows(account, report.taken_at)]
    if rows:
        yield Listing(columns, rows, whole=("account", "mailbox"))
    else:
        yield Text("no account has been read yet")


def _account_rows(account: AccountStatus, now: datetime) -> Iterator[tuple[object, ...]]:
    mails = account.stored.mails if account.stored else None
    if not account.mailboxes:
        yield account.account, account.tag, mails, None, None, None, None
    for number, box in enumerate(account.mailboxes):
        owner = (account.account, account.tag, mails) if number == 0 else (Text(""), Text(""), Text(""))
        yield (*owner, box.mailbox, _position(box), _age(box), _state(box, now))


def _position(box: MailboxStatus) -> str:
    return ", ".join(
        f"{name} {box.cursor[name]}" for name in ("last_uid", "uidvalidity", "history_id") if name in box.cursor
    )


def _age(box: MailboxStatus) -> str:
    return f"{span(box.age_s)} ago" if box.age_s is not None else "never"


def _state(box: MailboxStatus, now: datetime) -> Text:
    if box.retired_at is not None:
        return Text(f"not read any more, since {moment(box.retired_at)}", style="dim")
    if box.error_code:
        return Text(f"{box.error_code}: see docs/runbooks/{box.error_code}.md", style="red")
    return Text(_left(box, now) or ("ok" if box.age_s is not None else "not read to its end yet"))


def _left(box: MailboxStatus, now: datetime) -> str:
    """Say what is left of a long poll; nothing if there is none."""
    if box.left_mails is None or box.left_at is None:
        return ""
    age_s = (now - box.left_at).total_seconds()
    if age_s > LEFT_HOLDS_S:
        return f"not read to its end, {box.left_mails} left {span(age_s)} ago"
    about = f", about {span(box.left_s)}" if box.left_s is not None else ""
    return f"reading, {box.left_mails} left{about}"


def _down(name: str, found: Unavailable) -> Text:
    return Text(f"{name} is away: {found.message} [{found.code}]", style="red")
