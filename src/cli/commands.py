"""How every command ends: an expected error becomes one message and an exit code, never a traceback.

`Commands` is the group all commands hang on. It catches what they raise, says what is wrong, under which code and where
to read on, and ends with the code of src/common/exit_codes.py.
"""

import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from config.settings import SettingsError
from src.cli.output import say
from src.common import exit_codes
from src.common.errors import IngestError
from src.common.logs import redact


class Commands(TyperGroup):
    """A group of commands that turns expected errors into messages."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()  # a closed pipe shows here, not at the interpreter's end
        except (IngestError, SettingsError) as error:
            tell(error)
            raise typer.Exit(exit_codes.exit_code_of(error)) from error
        except BrokenPipeError as error:
            _let_go_of_stdout()
            raise typer.Exit(exit_codes.PIPE_CLOSED) from error
        except KeyboardInterrupt as error:
            say("stopped")
            raise typer.Exit(exit_codes.STOPPED) from error
        return result


def tell(error: IngestError | SettingsError) -> None:
    """Say an expected error: what it is, its code, where to read on."""
    # A SettingsError lists one mistake a line and quotes no values; others may quote what a server said.
    text = str(error) if isinstance(error, SettingsError) else redact(str(error))
    say(text, style="red")
    say(f"[{error.code}] see docs/runbooks/{error.code}.md")


def _let_go_of_stdout() -> None:
    """Point standard output at nothing, so that the interpreter's last flush has nowhere to fail."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())
    os.close(nothing)
