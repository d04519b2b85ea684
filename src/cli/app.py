"""The table of commands: `python -m src.cli COMMAND`. One file a command; docs/commands.md is written from here."""

import typer

from src.cli import attachments, dlq, import_mail, rules
from src.cli.commands import Commands
from src.cli.compare import compare
from src.cli.doctor import doctor
from src.cli.export import export
from src.cli.keygen import keygen
from src.cli.retire import retire
from src.cli.search import search
from src.cli.status import status
from src.cli.verify import verify

app = typer.Typer(
    name="python -m src.cli",
    cls=Commands,
    help="Import, find, check and repair mail. Exit codes and all options: docs/commands.md.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(import_mail.app, name="import")
app.command()(search)
app.command()(export)
app.command()(status)
app.command()(verify)
app.command()(retire)
app.command()(compare)
app.add_typer(dlq.app, name="dlq")
app.add_typer(attachments.app, name="attachments")
app.add_typer(rules.app, name="rules")
app.command()(doctor)
app.command()(keygen)
