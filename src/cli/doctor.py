"""`doctor`: look at everything the pipeline needs, and say how to mend what is wrong."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated

import typer
from rich.text import Text

from config.settings import Settings
from src.cli.checks.check import Check, State
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
    json_: Annotated[bool, typer.Option("--json", help="Print a JSON list.")] = False,
) -> None:
    """Check settings, Redis, database, sign-in, machine and what reads attachments; say how to mend what is wrong.

    Changes nothing. Ends with 1 if anything is wrong, with 2 if the settings cannot even be read.
    """
    services = services_of(context)
    with _embedded_redis_as_it_was(services.settings):
        checks = list(run_checks(services, online=online))
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


def run_checks(services: Services, *, online: bool) -> Iterator[Check]:
    """Yield all checks, area by area."""
    # Imported here: they bring redis and sqlalchemy, which `--help` can do without.
    from src.cli.checks.attachment_checks import attachment_checks
    from src.cli.checks.database_checks import database_checks
    from src.cli.checks.machine_checks import machine_checks
    from src.cli.checks.push_checks import push_checks
    from src.cli.checks.redis_checks import redis_checks
    from src.cli.checks.sign_in_checks import sign_in_checks

    settings = services.settings
    yield from redis_checks(settings, services.clock)
    yield from database_checks(settings)
    yield from sign_in_checks(settings, services.clock, (lambda: try_login(services)) if online else None)
    if settings.use_gmail_api or settings.source == "gmail":
        account = settings.gmail_user or settings.imap_user
        yield from push_checks(settings, account, services.clock, is_online=online)
    yield from machine_checks(settings)
    yield from attachment_checks(settings)


def try_login(services: Services) -> str:
    """Log in and look into each mailbox; say which can be read."""
    sources = services.censuses(services.settings.imap_user, [], [])
    for source in sources:
        next(iter(source.census()), None)
        source.close()
    return f"logged in; can read {', '.join(clean(source.mailbox) for source in sources)}"
