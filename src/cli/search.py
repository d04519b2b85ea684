"""`search`: find mails by their words."""

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer
from rich.text import Text

from src.cli.label_names import LabelNames
from src.cli.output import clean, print_json, print_table, say
from src.cli.services import services_of
from src.store.protocol import SearchHit
from src.store.query import parse_query

MAX_HITS = 10_000  # of one search: more is an export


class Order(StrEnum):
    """Which hit comes first."""

    newest = "newest"
    relevance = "relevance"


def search(
    context: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="WORD…",
            help="Words that must all occur. In the shell's quotes: '\"a phrase\"', 'word*', 'word -without'.",
        ),
    ] = None,
    account: Annotated[str, typer.Option(help="Only mails of this account.")] = "",
    tag: Annotated[str, typer.Option(help="Only mails that rules gave this tag; no word is needed then.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=MAX_HITS, help="Show at most so many.")] = 20,
    order: Annotated[Order, typer.Option(help="Which come first.")] = Order.newest,
    deleted: Annotated[bool, typer.Option("--deleted", help="Include mails that are deleted at the source.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list.")] = False,
) -> None:
    """Search subject, people, body and the text of attachments.

    Ends with 0 whether or not something was found.
    """
    if not words and not tag:
        raise typer.BadParameter("what for? Give a word, or --tag NAME")
    query = " ".join(words or ())
    store = services_of(context).store()
    hits = store.search(
        query, account=account or None, limit=limit, include_deleted=deleted, order=order.value, tag=tag or None
    )
    labels = LabelNames(store.sync_states(account or None))
    if as_json:
        print_json([_as_json(hit, labels) for hit in hits])
        return
    if not hits:
        asked = parse_query(query)
        can_find = asked.wanted or (tag and not asked.unwanted)
        say("nothing found" if can_find else "give at least one word that must occur")
        return
    columns = ("received", "from", "subject", "labels", "text")
    print_table(columns, (_row(hit, labels) for hit in hits), free=("subject", "labels", "text"))
    if len(hits) == limit:
        say(f"the first {limit}; more with --limit")


def _row(hit: SearchHit, labels: LabelNames) -> tuple[object, ...]:
    subject = Text(clean(hit.subject) or "(no subject)", style="strike" if hit.is_deleted else "")
    given = ", ".join(labels.given(hit.account, hit.labels))
    return hit.received_at, hit.sender, subject, Text(clean(given)), _marked(hit.snippet)


def _marked(snippet: str) -> Text:
    """Return the snippet with its «matches» in bold."""
    text = Text(clean(snippet))
    text.highlight_regex("«[^»]*»", "bold")
    return text


def _as_json(hit: SearchHit, labels: LabelNames) -> dict[str, object]:
    received_at = hit.received_at.isoformat() if hit.received_at else None
    return {**asdict(hit), "received_at": received_at, "label_names": labels.names(hit.account, hit.labels)}
