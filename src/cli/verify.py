"""`verify`: is every mail of the source in the database, exactly as it should be?

Order: the source's full list → the dead letters → what is on its way → the database. A mail moves along that way, so
one that is on its way while we look is seen at least once. When something is amiss, everything is looked at a second
time, and only what both looks found counts: mail comes and goes meanwhile. A list that breaks off ends the command with
an error, and nothing is concluded from it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from src.cli.completeness import Comparison, Facts, Gap, agreed, compare
from src.cli.output import Listing, print_json, print_page, print_table, say
from src.cli.services import CensusSource, CommandStream, Services, services_of
from src.common import exit_codes
from src.model.envelope import Kind, Place
from src.sources.imap.ids import is_gmail_id
from src.sources.source import CensusItem

SHOWN = 20  # mails of each kind that are listed for people; --json has them all
PAGE = 500  # dead letters asked for in one go
# Kinds of source whose labels are compared. On a mail server it is flags, which change whenever somebody reads mail.
LABELS_ARE_COMPARED = frozenset({"gmail"})

_MEANINGS = {
    "missing": "at the source, and neither in the database nor on its way nor dead",
    "dead": "in the dead letters, see `dlq list`",
    "waiting": "on its way; verify again when the workers are done",
    "extra": "in the database, but gone from the source without being marked deleted",
    "hidden": "at the source, but marked deleted in the database",
    "wrong_labels": "in the database, but with other labels than at the source",
}

_KEPT = "in the database, and in the mbox no more: an archive's mails are never taken for deleted"

_REPAIRED = {
    exit_codes.OK: "published; once the workers are done (`python worker.py --drain`), verify again",
    exit_codes.INCOMPLETE: "not all could be published: some of it went to the dead letters, or another producer reads "
    "this mailbox: stop it and repair again, or wait until it compares by itself (every "
    "IMAP_RECONCILE_INTERVAL_SECONDS; through the Gmail API GMAIL_CENSUS_INTERVAL_SECONDS), and verify again",
}


def verify(
    context: typer.Context,
    account: Annotated[str, typer.Option(help="The account; default: the only one that is read.")] = "",
    mbox: Annotated[list[Path] | None, typer.Option(help="The file an account was imported from; repeatable.")] = None,
    maildir: Annotated[list[Path] | None, typer.Option(help="The Maildir it was imported from; repeatable.")] = None,
    repair: Annotated[bool, typer.Option("--repair", help="Publish what is missing or differs.")] = False,
    accept_dead: Annotated[bool, typer.Option("--accept-dead", help="Dead letters count as accounted for.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print a JSON object with all ids.")] = False,
) -> None:
    """Compare the source's full list of mails with the database and the dead letters.

    Prints what is missing, dead, waiting, extra, hidden, or has wrong labels (compared where the Gmail API is read),
    and what is kept: in the database, but no more in the mbox that it came from, with which nothing is amiss. Ends with
    0 only when the database is complete (with --accept-dead: when each mail is in the database as it is at the source,
    or in the dead letters), with 1 when not, with 3 or 4 when that could not be found out.
    """
    services = services_of(context)
    name = services.account_name(account)
    mboxes, maildirs = mbox or [], maildir or []
    found = look(services, name, services.censuses(name, mboxes, maildirs))
    if not services.has_database():
        say("there is no database yet, so nothing is stored: the first worker or import makes it")
    is_good = found.is_accounted_for if accept_dead else found.is_complete
    if json_:
        print_json(as_json(name, found))
    else:
        _print(name, found)
    if repair and not is_good:
        _repair(services, name, found, mboxes, maildirs)
    raise typer.Exit(exit_codes.OK if is_good else exit_codes.INCOMPLETE)


def look(services: Services, account: str, sources: Sequence[CensusSource]) -> Comparison:
    """Compare, twice if the first look found something amiss."""
    first = _look_once(services, account, sources)
    return agreed(first, _look_once(services, account, sources)) if first.needs_second_look else first


def verdict(account: str, found: Comparison) -> str:
    """Say in one line how it stands."""
    if found.is_complete:
        kept = f" and keeps {len(found.kept)} that are in the file no more" if found.kept else ""
        return f"complete: the source of {account} has {found.at_source} mails, and the database has them all{kept}"
    counts = {name: len(getattr(found, name)) for name in _MEANINGS}
    amiss = ", ".join(f"{count} {_words(name)}" for name, count in counts.items() if count)
    if found.is_accounted_for:
        return f"accounted for, but not complete: {found.stored} of {found.at_source} mails stored; {amiss}"
    return f"NOT complete: {found.stored} of {found.at_source} mails stored; {amiss}"


def as_json(account: str, found: Comparison) -> dict[str, object]:
    """Return the comparison for JSON."""
    return {
        "account": account,
        "is_complete": found.is_complete,
        "is_accounted_for": found.is_accounted_for,
        "verdict": verdict(account, found),
        "at_source": found.at_source,
        "stored": found.stored,
        **{name: [asdict(gap) for gap in getattr(found, name)] for name in (*_MEANINGS, "kept")},
    }


def _look_once(services: Services, account: str, sources: Sequence[CensusSource]) -> Comparison:
    census = list(_whole_census(sources))
    stream = services.stream()
    store = services.store() if services.has_database() else None  # before the first worker: nothing is stored
    mailboxes = {source.mailbox for source in sources}
    states = {state.mailbox for state in store.sync_states(account)} if store else set()
    dead = dict(_dead(stream, account))
    known = store.known_mails(account) if store else ()
    facts = Facts(waiting=_waiting(stream, account, mailboxes | states), dead=dead, known=known)
    archives = {source.mailbox for source in sources if source.kind == "mbox"}
    listed = is_gmail_id if any(source.kind == "gmail" for source in sources) else _no_more
    return compare(census, facts, mailboxes=mailboxes, archives=archives, is_listed_anywhere=listed)


def _whole_census(sources: Iterable[CensusSource]) -> Iterator[CensusItem]:
    """Walk all lists, with one object for equal label sets and places: a million mails have few different ones."""
    label_sets: dict[tuple[str, ...] | None, tuple[str, ...] | None] = {}
    places: dict[Place, Place] = {}
    for source in sources:
        has_labels = source.kind in LABELS_ARE_COMPARED
        for item in source.census():
            labels = label_sets.setdefault(item.labels, item.labels) if has_labels else None
            place = item.place if item.place.uid else places.setdefault(item.place, item.place)
            yield CensusItem(item.source_id, place, labels)


def _no_more(_source_id: str) -> bool:
    return False


def _dead(stream: CommandStream, account: str) -> Iterator[tuple[str, str]]:
    after = ""
    while page := stream.list_dead(account=account, limit=PAGE, after=after):
        for letter in page:
            if letter.ticket and letter.ticket.kind is Kind.ADDED:  # a dead change of a mail does not hold the mail
                yield letter.ticket.source_id, letter.code
        after = page[-1].entry_id


def _waiting(stream: CommandStream, account: str, mailboxes: set[str]) -> dict[str, set[Kind]]:
    """Return what is on its way. It is asked for mailbox by mailbox, including those read under other names before."""
    found: dict[str, set[Kind]] = {}
    for mailbox in sorted(mailboxes):
        for ticket, where in stream.tickets_of(account, mailbox):
            if where != "dead":
                found.setdefault(ticket.source_id, set()).add(ticket.kind)
    return found


def _print(account: str, found: Comparison) -> None:
    rows: list[tuple[object, ...]] = [
        ("at the source", found.at_source, Text()),
        ("stored", found.stored, Text()),
    ]
    for name, meaning in _MEANINGS.items():
        count = len(getattr(found, name))
        rows.append((_words(name), Text(str(count), style="red" if count else ""), Text(meaning if count else "")))
    if found.kept:
        rows.append(("kept", len(found.kept), Text(_KEPT)))
    print_page([Listing(("mails", "count", "meaning"), rows)])
    gaps = [(name, gap) for name in (*_MEANINGS, "kept") for gap in getattr(found, name)[:SHOWN]]
    if gaps:
        columns = ("what", "mailbox", "uid", "source id", "code")
        print_table(columns, (_row(name, gap) for name, gap in gaps), whole=("mailbox", "source id"))
    print_page([Text(verdict(account, found), style="green" if found.is_complete else "bold red")])


def _row(name: str, gap: Gap) -> tuple[object, ...]:
    return _words(name), gap.mailbox, gap.uid or None, gap.source_id, gap.code


def _words(name: str) -> str:
    return name.replace("_", " ")


def _repair(
    services: Services, account: str, found: Comparison, mboxes: Sequence[Path], maildirs: Sequence[Path]
) -> None:
    if found.dead:
        say(
            "dead letters are not repaired: mend their cause (`python -m src.cli dlq list`, and the runbook of each "
            "code), then `python -m src.cli dlq replay --all`"
        )
    if not found.needs_second_look:
        return
    say("repairing: publishing what is missing or differs …")
    code = services.opening.repair(services.settings, account, mboxes=mboxes, maildirs=maildirs)
    say(_REPAIRED.get(code, "the repair did not come to its end, see above; trying again does no harm"))
    if code not in _REPAIRED:
        raise typer.Exit(code)
