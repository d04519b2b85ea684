"""`attachments`: have attachments read anew, once what they lacked is there."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from src.cli.output import print_json, say
from src.cli.services import services_of
from src.common import exit_codes

if TYPE_CHECKING:
    from src.assembly.reprocess import ReprocessOutcome

app = typer.Typer(no_args_is_help=True, help="Attachments: have them read anew.")


@app.callback()
def attachments() -> None:
    """Have attachments read anew. How they ended: `status`; each one: `export`."""


@app.command()
def reprocess(
    context: typer.Context,
    reason: Annotated[
        str, typer.Option(help="Those that ended for it, as `status` shows, such as time_out; or unscanned.")
    ] = "",
    outdated: Annotated[
        bool, typer.Option("--outdated", help="Those read by another version of a reader, or within other bounds.")
    ] = False,
    account: Annotated[str, typer.Option(help="The account; default: the only one that is read.")] = "",
    mbox: Annotated[list[Path] | None, typer.Option(help="The file an account was imported from; repeatable.")] = None,
    maildir: Annotated[list[Path] | None, typer.Option(help="The Maildir it was imported from; repeatable.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the result as a JSON object.")] = False,
) -> None:
    """Fetch the mails of such attachments once more and put them on the stream; workers read them anew.

    What was read well before stays if the new try fails. A producer may run meanwhile. Stopped, it may be run again.
    Ends with 1 when some of the mails are no longer at the source.
    """
    if bool(reason) == outdated:
        raise typer.BadParameter("which ones? Give --reason REASON, such as ocr_unavailable, or --outdated")
    services = services_of(context)
    name = services.account_name(account)
    done = services.opening.reprocess(
        services.settings, name, reason=reason, outdated=outdated, mboxes=mbox or [], maildirs=maildir or []
    )
    if json_:
        print_json(asdict(done))
    else:
        _say(done, none="all were read in this way" if outdated else "no such attachments")
    raise typer.Exit(done.exit_code)


def _say(done: "ReprocessOutcome", *, none: str) -> None:
    if not done.meant:
        say(f"{none}: see the ledger in `python -m src.cli status`")
        return
    say(f"mails with such attachments: {done.meant}; published: {done.published}")
    if done.repeated:
        say(f"{done.repeated} were on their way already")
    if done.missing:
        say(
            f"{done.missing} did not come: gone from the source, numbered anew there (let a producer read it first), "
            "or not of the mailboxes or files named"
        )
    if done.left:
        say(f"{done.left} were left: reading broke off before them, so run it again")
    if done.published and done.exit_code in (exit_codes.OK, exit_codes.INCOMPLETE):
        say("`python worker.py` (or `--drain`) reads them anew")
