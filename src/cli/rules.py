"""`rules`: look at the rules file before workers do."""

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from config.settings import SettingsError
from src.cli.output import print_json, print_table, say
from src.cli.services import services_of
from src.common import exit_codes

if TYPE_CHECKING:
    from src.rules.rule import Rule, Rules

app = typer.Typer(no_args_is_help=True, help="Rules: look at them before workers do.")


@app.callback()
def rules() -> None:
    """Look at the rules file before workers do. How many mails carry each tag: `status`."""


@app.command()
def check(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="The file; default: that of RULES_FILE.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print a JSON list.")] = False,
) -> None:
    """Read the rules file; show its rules in the order in which they are looked at, or all that is wrong with it.

    Changes nothing. Ends with 2 if anything is wrong.
    """
    found = _read(context, file)
    if json_:
        print_json([_as_json(rule) for rule in found.rules])
        return
    print_table(("rule", "when", "then", "stop"), (_row(rule) for rule in found.rules), free=("when", "then"))
    say(f"{len(found.rules)} rules; workers that run take them over when they are started again")


@app.command("test")
def ask(
    context: typer.Context,
    source_id: Annotated[
        str, typer.Argument(metavar="SOURCE_ID", help="The mail, by its `source_id` as `search --json` shows it.")
    ],
    account: Annotated[str, typer.Option(help="The account; default: the only one that is read.")] = "",
    file: Annotated[Path | None, typer.Option(help="The rules file; default: that of RULES_FILE.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
) -> None:
    """Ask the rules about a stored mail, as it is now: which match, and which tags it would get.

    Changes nothing. Ends with 1 if there is no such mail.
    """
    found = _read(context, file)
    services = services_of(context)
    record = services.store().stored_record(services.account_name(account), source_id)
    decision = found.decide(record) if record is not None else None
    if record is None or decision is None:
        say("no such mail is stored in this account: names and ids are compared exactly")
        raise typer.Exit(exit_codes.INCOMPLETE)
    matching = list(found.matching(record))
    if json_:
        print_json({"matching": matching, "rules": decision.rules, "tags": decision.tags})
        return
    print_table(
        ("rule", "matches", "is applied"), (_asked(rule.name, matching, decision.rules) for rule in found.rules)
    )
    say(f"tags: {', '.join(decision.tags) or 'none'}")


def _asked(name: str, matching: Collection[str], applied: Collection[str]) -> tuple[object, ...]:
    return name, "yes" if name in matching else "no", "yes" if name in applied else "no"


def _read(context: typer.Context, file: Path | None) -> "Rules":
    from src.assembly.rules import read_rules, rules_of  # brings the store, which `--help` can do without

    if file is not None:
        return read_rules(file, "the file")
    found = rules_of(services_of(context).settings)
    if found is None:
        raise SettingsError("there are no rules: RULES_FILE is empty; give a file, or see docs/rules.md")
    return found


def _row(rule: "Rule") -> tuple[object, ...]:
    return rule.name, _written(rule.when), _written(rule.then), "yes" if rule.stops else "no"


def _written(table: object) -> str:
    return orjson.dumps(table).decode()


def _as_json(rule: "Rule") -> dict[str, object]:
    return {
        "name": rule.name,
        "when": rule.when,
        "then": rule.then,
        "stop": rule.stops,
        "needs_attachments": rule.asked.needs_attachments,
    }
