"""Dry run: fetch what a producer would publish, show it, and change nothing.

No lease is taken, no cursor moved, nothing put on the stream or into the database. The table is for the person at the
terminal, so it may show subjects and senders; nothing of it is logged. In a pipe it becomes tab-separated lines.

Each mailbox gets one try: whoever looks may look again. What kept one from being read decides the exit code; of several
accounts, one that cannot even be opened is told like a mailbox that cannot be read.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from rich import box
from rich.console import Console, JustifyMethod, OverflowMethod
from rich.table import Table
from rich.text import Text

from config.settings import SettingsError
from src.common import exit_codes
from src.common.errors import IngestError
from src.common.shutdown import Shutdown
from src.mail.preview import preview
from src.model.cursor import Batch, Cursor
from src.model.envelope import Envelope, Kind
from src.producer.payloads import head_of
from src.producer.progress import printable
from src.sources.source import Source

SAMPLE_MAILS = 10  # shown of each mailbox: enough to recognise it
MAX_EMPTY_STEPS = 3  # in which a source may wait for workers, which a dry run does not have
SUBJECT_CHARS = 60
SENDER_CHARS = 40

LoadCursor = Callable[[str, str], Cursor]  # (account, mailbox)


@dataclass(frozen=True, slots=True)
class Reading:
    """One account to look at."""

    account: str
    mailboxes: str  # as configured; told when it cannot be opened
    open: Callable[[], Sequence[Source]]  # may connect; raises as a source does


@dataclass
class Preview:
    """What would be published of one mailbox."""

    mailbox: str  # with its account where there are several
    counts: dict[Kind, int] = field(default_factory=lambda: dict.fromkeys(Kind, 0))
    unfetchable: int = 0
    size_bytes: int = 0
    first: datetime | None = None
    last: datetime | None = None
    samples: list[tuple[str, ...]] = field(default_factory=list)  # rows of the table
    error: str = ""  # why reading ended early
    code: int = exit_codes.OK  # what that is for the caller

    def add(self, batch: Batch) -> None:
        """Count a batch."""
        self.unfetchable += len(batch.failures)
        for envelope in batch.envelopes:
            self.counts[envelope.kind] += 1
            self.size_bytes += envelope.size_bytes
            if envelope.received_at is not None:
                self.first = min(self.first or envelope.received_at, envelope.received_at)
                self.last = max(self.last or envelope.received_at, envelope.received_at)
            if envelope.kind is Kind.ADDED and len(self.samples) < SAMPLE_MAILS:
                self.samples.append(_sample(envelope))  # now: a big mail can be read only until the next fetch


def dry_run(readings: Sequence[Reading], load_cursor: LoadCursor, *, shutdown: Shutdown, console: Console) -> int:
    """Read all accounts to their end and print what was found; return the exit code.

    Raises what keeps the only account from being opened.
    """
    previews: list[Preview] = []
    for reading in readings:
        prefix = f"{reading.account} " if len(readings) > 1 else ""
        try:
            sources = reading.open()
        except (IngestError, SettingsError) as error:
            if len(readings) == 1:
                raise
            previews.append(
                Preview(prefix + reading.mailboxes, error=_told(error), code=exit_codes.exit_code_of(error))
            )
            continue
        for source in sources:
            with console.status(f"reading {printable(prefix + source.mailbox)}"):
                found = look(source, load_cursor(source.account, source.mailbox), shutdown=shutdown, prefix=prefix)
            previews.append(found)
            _print_samples(found, console)
    _print_summary(previews, console)
    return _exit_code([found.code for found in previews if found.error])


def _exit_code(codes: Sequence[int]) -> int:
    """Return one code for what kept mailboxes from being read, judged as after `--once`."""
    if exit_codes.OPERATOR_NEEDED in codes:
        return exit_codes.OPERATOR_NEEDED
    return codes[0] if len(set(codes)) == 1 else exit_codes.INCOMPLETE if codes else exit_codes.OK


def look(source: Source, cursor: Cursor, *, shutdown: Shutdown, prefix: str = "") -> Preview:
    """Read one source to its end, from the cursor. `prefix` stands before the mailbox's name: whose it is."""
    found = Preview(prefix + source.mailbox)
    empty_steps = 0
    try:
        while not shutdown.is_asked:
            batch = source.fetch(cursor)
            found.add(batch)
            brought = bool(batch.envelopes or batch.failures)
            empty_steps = 0 if brought or batch.cursor != cursor else empty_steps + 1
            cursor = batch.cursor
            if batch.caught_up:
                break
            if empty_steps >= MAX_EMPTY_STEPS:
                found.error = "the source waits until workers have settled what was published before"
                found.code = exit_codes.INCOMPLETE
                break
        else:
            found.error, found.code = "stopped", exit_codes.INCOMPLETE
    except IngestError as error:
        found.error, found.code = _told(error), exit_codes.exit_code_of(error)
    finally:
        source.close()
    return found


def _told(error: IngestError | SettingsError) -> str:
    return f"{error} [{error.code}]"


def _print_samples(found: Preview, console: Console) -> None:
    if not found.samples:
        return
    title = f"{printable(found.mailbox)}: the first mails"
    _print_table(console, title, ("id", "received", "size", "from", "subject"), found.samples, overflow="ellipsis")


def _sample(envelope: Envelope) -> tuple[str, ...]:
    shown = preview(head_of(envelope))
    return (
        str(envelope.place.uid) if envelope.place.uid else envelope.source_id,
        _day(envelope.received_at or shown.date),
        f"{envelope.size_bytes:,}",
        shown.sender[:SENDER_CHARS],
        shown.subject[:SUBJECT_CHARS],
    )


def _print_summary(previews: Sequence[Preview], console: Console) -> None:
    rows = []
    for found in previews:
        counts = (found.counts[Kind.ADDED], found.counts[Kind.CHANGED], found.counts[Kind.DELETED], found.unfetchable)
        cells = (found.mailbox, *counts, f"{found.size_bytes:,}", _day(found.first), _day(found.last))
        rows.append(tuple(str(cell) for cell in cells))
    title = "Dry run: this would be published; nothing was changed"
    columns = ("mailbox", "new", "changed", "deleted", "unfetchable", "bytes", "first", "last")
    _print_table(console, title, columns, rows, overflow="fold")
    for found in previews:
        if found.error:
            console.print(Text(f"{printable(found.mailbox)}: not read to its end: {found.error}"), soft_wrap=True)


def _print_table(
    console: Console, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, overflow: OverflowMethod
) -> None:
    shown = [[printable(cell) for cell in row] for row in rows]
    if not console.is_terminal:
        lines = [title, "\t".join(columns), *("\t".join(row) for row in shown)]
        console.file.write("\n".join(lines) + "\n")  # not by print(), which turns tabs into blanks
        return
    table = Table(box=box.SIMPLE_HEAD, title=Text(title), title_justify="left")
    for column in columns:
        justify: JustifyMethod = "right" if column == "size" else "left"
        table.add_column(column, no_wrap=overflow == "ellipsis", overflow=overflow, justify=justify)
    for row in shown:
        table.add_row(*map(Text, row))
    console.print(table)


def _day(when: datetime | None) -> str:
    return when.strftime("%Y-%m-%d %H:%M") if when else "-"
