"""`compare`: does an account look the same through IMAP and through the Gmail API?

Order: IMAP's full list → the API's full list; when something differs, both once more, and only what both looks found
counts, since mail comes and goes meanwhile. Then a few mails are fetched through both and compared byte by byte.
Nothing is published or stored; what it costs is the API's quota: a census, and 20 units for each mail of the sample.
"""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Annotated

import typer
from rich.text import Text

from config.settings import SettingsError
from src.cli.both_ways import BothWays, agreed, choose
from src.cli.both_ways import compare as compare_lists
from src.cli.output import Listing, print_json, print_page, print_table, say
from src.cli.same_bytes import Fingerprint, Pair, pairs
from src.cli.services import services_of
from src.cli.ways import Ways
from src.common import exit_codes
from src.common.errors import ScopeMissingError
from src.sources.gmail.label_words import LabelWords
from src.sources.imap.ids import is_gmail_id
from src.sources.source import CensusItem

SAMPLE = 20  # mails fetched through both
MAX_SAMPLE = 1_000  # 20,000 units of the API's quota, over three minutes of it
SHOWN = 20  # mails of each kind that are listed for people; --json has them all

_SCOPES = (
    "comparing needs a sign-in that opens IMAP too: run `USE_GMAIL_API=false SOURCE=imap python producer.py "
    "--auth-setup` (of ACCOUNTS_FILE: while the account says source = 'imap'), which asks for full mail access; that "
    "serves the API as well. With an app password, IMAP_AUTH=password, the sign-in for the API alone will do"
)


def compare(
    context: typer.Context,
    account: Annotated[str, typer.Option(help="The account; default: the only one that is read.")] = "",
    sample: Annotated[
        int,
        typer.Option(min=0, max=MAX_SAMPLE, help="Mails to fetch through both, to compare their bytes."),
    ] = SAMPLE,
    seed: Annotated[int, typer.Option(help="Chooses the half of the sample that is not the newest mails.")] = 0,
    json_: Annotated[bool, typer.Option("--json", help="Print a JSON object with all ids.")] = False,
) -> None:
    """Read one Gmail account through IMAP and through the API, and say what differs: mails, labels and flags, bytes.

    For an account that is to be switched from one to the other, see docs/howto/migrate-from-imap-to-the-gmail-api.md.
    Changes nothing. Needs a sign-in for both. Labels that IMAP cannot tell (categories, chats) are left out. Ends with
    0 when nothing differs, with 1 when something does, with 3 or 4 when that could not be found out.
    """
    services = services_of(context)
    name = services.account_name(account)
    ways = services.ways(name)
    try:
        found = look(ways)
        chosen = choose(found.both, sample, random.Random(seed))  # noqa: S311 - a sample, no secret
        fetched = pairs(chosen, ways.imap, ways.api) if chosen else []
    except ScopeMissingError as error:
        raise ScopeMissingError(_SCOPES) from error
    if json_:
        print_json(as_json(name, found, fetched))
    else:
        _print(found, fetched)
    raise typer.Exit(exit_codes.OK if _is_same(found, fetched) else exit_codes.INCOMPLETE)


def look(ways: Ways) -> BothWays:
    """Compare the lists, twice if the first look found something."""
    first = _look_once(ways)
    return first if first.is_same else agreed(first, _look_once(ways))


def verdict(found: BothWays, fetched: Sequence[Pair]) -> str:
    """Say in one line how it stands."""
    amiss = {
        "only through IMAP": len(found.only_imap),
        "only through the API": len(found.only_api),
        "with other labels": len(found.labels),
        "with other bytes": sum(not pair.is_same for pair in fetched),
    }
    if not any(amiss.values()):
        return f"the same: {len(found.both)} mails through both, and {len(fetched)} of them byte by byte"
    return "NOT the same: " + ", ".join(f"{count} {what}" for what, count in amiss.items() if count)


def as_json(account: str, found: BothWays, fetched: Sequence[Pair]) -> dict[str, object]:
    """Return what was found for JSON."""
    return {
        "account": account,
        "is_same": _is_same(found, fetched),
        "verdict": verdict(found, fetched),
        "imap": found.imap,
        "api": found.api,
        "both": len(found.both),
        "only_imap": [asdict(mail) for mail in found.only_imap],
        "only_api": [asdict(mail) for mail in found.only_api],
        "labels": [asdict(gap) for gap in found.labels],
        "sample": [{"is_same": pair.is_same, **asdict(pair)} for pair in fetched],
        "beyond": found.beyond,
        "unwanted": found.unwanted,
        "not_compared": found.not_compared,
    }


def _is_same(found: BothWays, fetched: Sequence[Pair]) -> bool:
    return found.is_same and all(pair.is_same for pair in fetched)


def _look_once(ways: Ways) -> BothWays:
    special_uses = {source.mailbox: source.special_use() for source in ways.imap}
    words = LabelWords(ways.api.labels(), special_uses)
    return compare_lists(_through_imap(ways), ways.api.census(), words, is_wanted=ways.is_wanted)


def _through_imap(ways: Ways) -> Iterator[CensusItem]:
    mails = with_gmail_id = 0
    for source in ways.imap:
        for item in source.census():
            mails += 1
            with_gmail_id += is_gmail_id(item.source_id)
            yield item
    if mails and not with_gmail_id:
        raise SettingsError("IMAP_HOST is no server of Gmail's: it does not tell X-GM-MSGID, the id that both share")


def _print(found: BothWays, fetched: Sequence[Pair]) -> None:
    other_bytes = [pair for pair in fetched if not pair.is_same]
    counts = [
        ("through IMAP", found.imap),
        ("through the API", found.api),
        ("through both", len(found.both)),
        ("only through IMAP", len(found.only_imap)),
        ("only through the API", len(found.only_api)),
        ("with other labels", len(found.labels)),
        ("fetched through both", len(fetched)),
        ("with other bytes", len(other_bytes)),
    ]
    print_page([Listing(("mails", "count"), counts)])
    if found.labels:
        print_table(("label", "only through IMAP", "only through the API"), _by_label(found), free=("label",))
    gaps = list(_gaps(found))
    if gaps:
        print_table(("what", "source id", "mailbox", "uid", "labels"), gaps, whole=("source id",), free=("labels",))
    if other_bytes:
        rows = [(pair.source_id, _told(pair.imap), _told(pair.api)) for pair in other_bytes]
        print_table(("other bytes", "through IMAP", "through the API"), rows, whole=("other bytes",))
    for note in _notes(found):
        say(note)
    style = "green" if _is_same(found, fetched) else "bold red"
    print_page([Text(verdict(found, fetched), style=style)])


def _by_label(found: BothWays) -> list[tuple[str, int, int]]:
    imap = Counter(name for gap in found.labels for name in gap.only_imap)
    api = Counter(name for gap in found.labels for name in gap.only_api)
    return [(name, imap[name], api[name]) for name in sorted(imap.keys() | api.keys())]


def _gaps(found: BothWays) -> Iterator[tuple[object, ...]]:
    for what, mails in (("only through IMAP", found.only_imap), ("only through the API", found.only_api)):
        for mail in mails[:SHOWN]:
            yield what, mail.source_id, mail.mailbox, mail.uid or None, None
    for gap in found.labels[:SHOWN]:
        told = [f"IMAP: {name}" for name in gap.only_imap] + [f"API: {name}" for name in gap.only_api]
        yield "other labels", gap.source_id, None, None, ", ".join(told)


def _told(found: Fingerprint | None) -> str:
    return f"{found.size_bytes} bytes, SHA-256 {found.sha256}" if found else "did not come"


def _notes(found: BothWays) -> Iterator[str]:
    if found.beyond:
        yield f"{found.beyond} mails lie in none of the mailboxes that IMAP_MAILBOX names: the API would bring them too"
    if found.unwanted:
        yield (
            f"{found.unwanted} mails that IMAP reads would not be read through the API, see GMAIL_DRAFTS, "
            "GMAIL_SPAM_AND_TRASH and GMAIL_LABELS"
        )
    if found.not_compared:
        yield f"not compared, for IMAP cannot tell these labels: {', '.join(found.not_compared)}"
