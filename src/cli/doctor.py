"""`doctor`: look at everything the pipeline needs, and say how to mend what is wrong."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from typing import Annotated

import typer
from rich.text import Text

from config.account import Account
from config.accounts import accounts_of
from config.settings import Settings
from src.cli.checks.check import Check, State, green
from src.cli.output import clean, print_json, print_page, print_table, say
from src.cli.services import Services, services_of
from src.common import exit_codes

_SIGNS = {
    State.GREEN: Text("ok", style="green"),
    State.YELLOW: Text("note", style="yellow"),
    State.RED: Text("WRONG", style="bold red"),
}


def doctor(
    context: typer.Context,
    online: Annotated[bool, typer.Option("--online", help="Also log in at Google and the mail server.")] = False,
    account: Annotated[str, typer.Option(help="Of the accounts look at this one only.")] = "",
    json_: Annotated[bool, typer.Option("--json", help="Print a JSON list.")] = False,
) -> None:
    """Check settings, Redis, database, sign-in, machine, rules, what reads attachments; say how to mend what is wrong.

    Changes nothing. Ends with 1 if anything is wrong, with 2 if the settings cannot even be read.
    """
    services = services_of(context)
    with _embedded_redis_as_it_was(services.settings):
        checks = list(run_checks(services, online=online, account=account))
        services.close()
    if json_:
        print_json([asdict(check) for check in checks])
    else:
        _print(checks)
    wrong = sum(check.state is State.RED for check in checks)
    say(f"{wrong} wrong" if wrong else "all is well", style="red" if wrong else "green")
    raise typer.Exit(exit_codes.INCOMPLETE if wrong else exit_codes.OK)


@contextmanager
def _embedded_redis_as_it_was(settings: Settings) -> Iterator[None]:
    """Stop an embedded Redis that was not running before: only looking at the mail server needs one."""
    # Imported here: it brings redis, which `--help` can do without.
    from src.common.embedded_redis import EMBEDDED, find_embedded, stop_embedded

    folder = settings.redis_url.removeprefix(EMBEDDED) if settings.redis_url.startswith(EMBEDDED) else ""
    was_running = bool(folder) and find_embedded(folder) is not None
    try:
        yield
    finally:
        if folder and not was_running:
            stop_embedded(folder)


def _print(checks: Sequence[Check]) -> None:
    """Print all checks; what to do is a column in a pipe, and sentences below the table on a terminal."""
    rows = [(_SIGNS[check.state], check.area, check.name, check.found) for check in checks]
    columns = ("state", "area", "check", "found")
    if not sys.stdout.isatty():
        print_table((*columns, "what to do"), [(*row, check.mend) for row, check in zip(rows, checks, strict=True)])
        return
    print_table(columns, rows)
    print_page(Text(f"{check.name}: {check.mend}") for check in checks if check.mend)


def run_checks(services: Services, *, online: bool, account: str = "") -> Iterator[Check]:
    """Yield all checks, area by area; those of signing in for all accounts, or for one."""
    # Imported here: they bring redis and sqlalchemy, which `--help` can do without.
    from src.cli.checks.attachment_checks import attachment_checks
    from src.cli.checks.database_checks import database_checks
    from src.cli.checks.machine_checks import machine_checks
    from src.cli.checks.push_checks import push_checks
    from src.cli.checks.redis_checks import redis_checks
    from src.cli.checks.rules_checks import rules_checks

    settings = services.settings
    accounts = accounts_of(settings, only=account)  # first: a wrong file is told before anything is looked at
    yield from redis_checks(settings, services.clock)
    yield from database_checks(settings)
    for one in accounts:
        yield from _account_checks(services, one, online=online)
    yield from push_checks(accounts, services.clock, is_online=online)
    yield from machine_checks(settings)
    yield from attachment_checks(settings)
    yield from rules_checks(settings)


def _account_checks(services: Services, account: Account, *, online: bool) -> Iterator[Check]:
    """Yield what is found about signing in, under the account's name if it comes from the file."""
    from src.cli.checks.sign_in_checks import AREA, sign_in_checks  # as above

    look = partial(try_login, services, account.name) if online else None
    checks = sign_in_checks(account.settings, services.clock, look)
    if not services.settings.accounts_file:
        yield from checks
        return
    way = "the Gmail API" if account.kind == "gmail" else "IMAP"
    for check in (green(AREA, "source", f"read through {way}"), *checks):
        yield replace(check, name=f"{account.name}: {check.name}")


def try_login(services: Services, account: str) -> str:
    """Log in and look into each mailbox; say which can be read."""
    sources = services.censuses(account, [], [])
    for source in sources:
        next(iter(source.census()), None)
        source.close()
    return f"logged in; can read {', '.join(clean(source.mailbox) for source in sources)}"
