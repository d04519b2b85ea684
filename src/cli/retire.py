"""`retire`: say that an account is not read any more, where the producer cannot know it by itself."""

from typing import Annotated

import typer

from config.settings import SettingsError
from src.cli.output import say
from src.cli.services import services_of
from src.common import exit_codes


def retire(
    context: typer.Context,
    account: Annotated[str, typer.Option(help="Name of the account, as `status` shows it.")],
) -> None:
    """Mark an account as not read any more, so that nobody is woken since its mail is not fresh. Its mails stay.

    The producer does so by itself for what is taken out of the settings, but for an account that was the only one: that
    looks like a producer that died. Whoever reads the account again makes it live again.
    Ends with 1 if a mailbox was written just now, so that somebody seems to read it.
    """
    services = services_of(context)
    store = services.store()
    states = store.sync_states(account)
    if not states:
        raise SettingsError("no account of the name given by --account was ever read")
    now = services.clock.now()
    told = [store.retire_sync_state(state, now) for state in states if state.retired_at is None]
    say(f"{sum(told)} mailboxes are marked as not read any more; {len(states) - len(told)} were before")
    if not all(told):
        say("a mailbox was written just now: is a producer still reading it?", style="yellow")
        raise typer.Exit(exit_codes.INCOMPLETE)
