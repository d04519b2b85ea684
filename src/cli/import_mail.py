"""`import`: read an mbox file or a Maildir folder through the same stream as all other mail, resumable."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from src.cli.output import out, print_json, print_table, say
from src.cli.services import services_of
from src.common import exit_codes

if TYPE_CHECKING:
    from src.assembly.imports import ImportOutcome

app = typer.Typer(no_args_is_help=True, help="Read mail files. Doing it again reads on, and stores nothing twice.")

Account = Annotated[str, typer.Option("--account", help="Name of the account the mails shall belong to.")]
WithWorker = Annotated[
    bool, typer.Option("--with-worker", help="Run a worker beside it; ends when all is in the database.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be published, and change nothing.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as a JSON list.")]


@app.command()
def mbox(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="PATH", help="The file; a Google Takeout's mbox too.")],
    account: Account,
    with_worker: WithWorker = False,
    dry_run: DryRun = False,
    json_: Json = False,
) -> None:
    """Read an mbox file.

    Ends with 1 when a mail was left behind or went to the dead letters.
    """
    _import(context, "mbox", path, account, with_worker=with_worker, dry_run=dry_run, json_=json_)


@app.command()
def maildir(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="PATH", help="The folder; its subfolders are mailboxes.")],
    account: Account,
    with_worker: WithWorker = False,
    dry_run: DryRun = False,
    json_: Json = False,
) -> None:
    """Read a Maildir. Later runs find what is new, changed and gone.

    Ends with 1 when a mail was left behind or went to the dead letters.
    """
    _import(context, "maildir", path, account, with_worker=with_worker, dry_run=dry_run, json_=json_)


def _import(
    context: typer.Context, kind: str, path: Path, account: str, *, with_worker: bool, dry_run: bool, json_: bool
) -> None:
    # Imported here: it brings redis, sqlalchemy and imapclient, which `--help` can do without.
    from rich.console import Console

    from src.assembly.imports import run_import, run_import_dry

    if not account.strip():
        raise typer.BadParameter("--account needs a name")
    if dry_run and with_worker:
        raise typer.BadParameter("--dry-run changes nothing, so there is nothing for --with-worker to do")
    settings = services_of(context).settings
    if dry_run:
        raise typer.Exit(run_import_dry(settings, out(), kind=kind, path=path, account=account))
    outcome = run_import(settings, Console(stderr=True), kind=kind, path=path, account=account, with_worker=with_worker)
    _print(outcome, json_=json_)
    if outcome.newly_dead > 0:
        say("some went to the dead letters: see `python -m src.cli dlq list`")
    if not outcome.is_waited_for:
        say("stopped before all was in the database: the same command goes on, and `status` shows what waits")
    if outcome.exit_code == exit_codes.OK and not with_worker:
        say("on the stream; `python worker.py` (or `--drain`) puts them into the database")
    raise typer.Exit(outcome.exit_code)


def _print(outcome: "ImportOutcome", *, json_: bool) -> None:
    if json_:
        print_json(
            [
                {
                    "mailbox": report.name.mailbox,
                    "state": report.state.value,
                    "published": report.published,
                    "repeated": report.repeated,
                    "dead": report.dead,
                    "error_code": report.error_code,
                    "error": report.error,
                }
                for report in outcome.reports
            ]
        )
        return
    columns = ("mailbox", "state", "published", "there already", "unreadable", "error")
    print_table(
        columns,
        (
            (
                report.name.mailbox,
                report.state.value,
                report.published,
                report.repeated,
                report.dead,
                f"{report.error} [{report.error_code}]" if report.error_code else None,
            )
            for report in outcome.reports
        ),
    )
