"""`dlq`: look at dead letters, put them back to work, or delete them for good."""

import os
import re
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from src.cli.output import Listing, clean, moment, print_json, print_page, print_table, say, size
from src.cli.services import CommandStream, services_of
from src.common import exit_codes
from src.common.errors import FileUnreadableError
from src.common.logs import account_tag
from src.stream.protocol import DeadLetter

PAGE = 500  # dead letters asked for, replayed or deleted in one go
_ID = re.compile(r"(\d{1,4}:)?\d{1,20}-\d{1,20}")  # of the dead-letter stream; with partitions their number first
_NO_RAW = (
    "without a raw mail stay dead: there is nothing to replay. Mend the cause, then `dlq purge` them: the source is "
    "asked for them at the next comparison, or at once by `python -m src.cli verify --repair`"
)

app = typer.Typer(no_args_is_help=True, help="Dead letters: mails that could not be processed, kept with the reason.")

Ids = Annotated[list[str] | None, typer.Argument(metavar="ID…", help="Ids, as `dlq list` shows them.")]
All = Annotated[bool, typer.Option("--all", help="All of them.")]
Code = Annotated[str, typer.Option("--code", help="Only those with this error code.")]
Account = Annotated[str, typer.Option("--account", help="Only those of this account.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_(
    context: typer.Context,
    code: Code = "",
    account: Account = "",
    limit: Annotated[int, typer.Option(min=1, help="Show at most so many.")] = 100,
    json_: Json = False,
) -> None:
    """List dead letters, oldest first."""
    stream = services_of(context).stream()
    found = list(islice(_walk(stream, code=code, account=account), limit))
    if json_:
        print_json([as_json(letter) for letter in found])
        return
    if not found:
        say("no dead letters")
        return
    columns = ("id", "died", "code", "account", "subject")  # fits 80 columns; `show` and --json tell the rest
    print_table(columns, (_row(letter) for letter in found), whole=("id", "died", "code"), free=("subject",))
    if len(found) == limit:
        say(f"the first {limit}; more with --limit")


@app.command()
def show(
    context: typer.Context,
    entry_id: Annotated[str, typer.Argument(metavar="ID", help="As `dlq list` shows it.")],
    raw: Annotated[Path | None, typer.Option(help="Save the raw mail into this file ('-': print it).")] = None,
    json_: Json = False,
) -> None:
    """Show one dead letter: error, times, and what is known of the mail."""
    _check_ids([entry_id])
    stream = services_of(context).stream()
    letter = stream.get_dead(entry_id)
    if letter is None:
        say(f"there is no dead letter {clean(entry_id)}: see `dlq list`")
        raise typer.Exit(exit_codes.INCOMPLETE)
    if raw is not None:
        _save_raw(stream, entry_id, raw)
    if raw is not None and str(raw) == "-":
        return
    if json_:
        print_json({**as_json(letter), "payload": letter.ticket.payload if letter.ticket else None})
        return
    print_page([Listing(("dead letter", clean(entry_id)), list(_details(letter)))])
    say(f"what {letter.code} means and how to mend it: docs/runbooks/{letter.code}.md")


@app.command()
def replay(context: typer.Context, ids: Ids = None, all_: All = False, code: Code = "", account: Account = "") -> None:
    """Put dead letters back on the stream, with their counters reset.

    Mend the cause first, or they come back. Doing it twice does nothing the second time. Ends with 1 when some stay
    dead, since they have no raw mail.
    """
    stream = services_of(context).stream()
    done = without_raw = 0
    for some in _chosen(stream, ids, is_all=all_, code=code, account=account):
        replayed = stream.replay(some)
        done += replayed
        if replayed < len(set(some)):
            without_raw += sum(stream.get_dead(entry_id) is not None for entry_id in set(some))
    say(f"{done} put back on the stream")
    if without_raw:
        say(f"{without_raw} {_NO_RAW}")
    _judge(done + without_raw, ids)
    if without_raw:
        raise typer.Exit(exit_codes.INCOMPLETE)


@app.command()
def purge(
    context: typer.Context,
    ids: Ids = None,
    all_: All = False,
    code: Code = "",
    account: Account = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete dead letters and their raw mails for good.

    What is still at its source counts as missing for `verify` from then on. Asks first, unless --yes is given.
    """
    stream = services_of(context).stream()
    chosen = [entry_id for some in _chosen(stream, ids, is_all=all_, code=code, account=account) for entry_id in some]
    if chosen and not yes and not _is_sure(len(chosen)):
        say("nothing deleted")
        raise typer.Exit(exit_codes.INCOMPLETE)
    done = sum(stream.purge(chosen[start : start + PAGE]) for start in range(0, len(chosen), PAGE))
    say(f"{done} deleted")
    _judge(done, ids)


def as_json(letter: DeadLetter) -> dict[str, object]:
    """Return a dead letter for JSON, without the mail's own content."""
    ticket = letter.ticket
    return {
        "entry_id": letter.entry_id,
        "envelope_id": letter.envelope_id,
        "code": letter.code,
        "error": letter.error,
        "attempts": letter.attempts,
        "died_at": letter.died_at.isoformat(),
        "first_seen_at": letter.first_seen_at.isoformat() if letter.first_seen_at else None,
        "has_raw": letter.has_raw,
        "account": ticket.account if ticket else None,
        "source_id": ticket.source_id if ticket else None,
        "kind": ticket.kind.value if ticket else None,
        "mailbox": ticket.place.mailbox if ticket else None,
        "size": ticket.size_bytes if ticket else None,
        "subject": ticket.payload.get("subject") if ticket else None,
    }


def _walk(stream: CommandStream, *, code: str, account: str) -> Iterator[DeadLetter]:
    after = ""
    while page := stream.list_dead(code=code, account=account, limit=PAGE, after=after):
        yield from page
        after = page[-1].entry_id


def _chosen(
    stream: CommandStream, ids: list[str] | None, *, is_all: bool, code: str, account: str
) -> Iterator[list[str]]:
    """Yield the ids meant, in pages. Refuses a call that names none, or names them twice."""
    if ids and (is_all or code or account):
        raise typer.BadParameter("give ids, or --all, --code or --account, not both")
    if not ids and not (is_all or code or account):
        raise typer.BadParameter("which ones? Give ids (see `dlq list`), --all, --code CODE or --account NAME")
    if ids:
        _check_ids(ids)
        yield from (ids[start : start + PAGE] for start in range(0, len(ids), PAGE))
        return
    walk = _walk(stream, code=code, account=account)
    while page := [letter.entry_id for letter in islice(walk, PAGE)]:
        yield page


def _check_ids(ids: list[str]) -> None:
    for entry_id in ids:
        if not _ID.fullmatch(entry_id):
            raise typer.BadParameter(f"{clean(entry_id)} is not an id as `dlq list` shows them")


def _judge(done: int, ids: list[str] | None) -> None:
    if ids and done < len(set(ids)):
        say(f"{len(set(ids)) - done} of the ids name no dead letter (any more): see `dlq list`")
        raise typer.Exit(exit_codes.INCOMPLETE)


def _is_sure(count: int) -> bool:
    if not sys.stdin.isatty():
        say("purge deletes for good: add --yes where nobody can be asked")
        return False
    return typer.confirm(f"Delete {count} dead letters and their raw mails for good?", err=True)


def _save_raw(stream: CommandStream, entry_id: str, path: Path) -> None:
    content = stream.raw_of_dead(entry_id)
    if content is None:
        say("this dead letter has no raw mail")
        raise typer.Exit(exit_codes.INCOMPLETE)
    if str(path) == "-":
        sys.stdout.buffer.write(content)
        return
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)  # mail is private, and nothing is replaced
        with os.fdopen(handle, "wb") as file:
            file.write(content)
    except OSError as error:
        raise FileUnreadableError(f"cannot write the raw mail ({error.strerror}): give --raw a new file") from error
    say(f"raw mail saved, {size(len(content))}")


def _row(letter: DeadLetter) -> tuple[object, ...]:
    about = (letter.ticket.account, letter.ticket.payload.get("subject")) if letter.ticket else (None, None)
    return letter.entry_id, moment(letter.died_at), letter.code, *about


def _details(letter: DeadLetter) -> Iterator[tuple[str, object]]:
    yield "code", Text(letter.code, style="red")
    yield "error", letter.error
    yield "tries", letter.attempts
    yield "died", letter.died_at
    yield "published", letter.first_seen_at
    yield "raw mail", "kept (save it with --raw FILE)" if letter.has_raw else "none"
    yield "envelope", letter.envelope_id
    if letter.ticket is None:
        yield "ticket", "unreadable"
        return
    ticket = letter.ticket
    yield "account", f"{ticket.account} (tag {account_tag(ticket.account)})"
    yield "source id", f"{ticket.source} {ticket.source_id}"
    yield "kind", ticket.kind.value
    yield "size", size(ticket.size_bytes)
    for name in ("from", "to", "subject", "date", "message_id"):
        value = ticket.payload.get(name)
        yield name, ", ".join(map(str, value)) if isinstance(value, list) else value
