"""`python -m src.cli`."""

import sys
import traceback

if __name__ == "__main__":  # what follows takes a second to import
    from src.common.program_start import begin

    begin()

from src.cli.app import app
from src.common import exit_codes
from src.common.program_start import usual_signals


def main() -> None:
    """Run a command. What nobody expected ends with a traceback and a code of its own: it is a fault of ours."""
    try:
        app()
    except Exception:  # noqa: BLE001 - the top: expected errors were told in src/cli/commands.py
        traceback.print_exc()
        sys.exit(exit_codes.INTERNAL)


if __name__ == "__main__":
    usual_signals()  # from here on commands tell of Ctrl-C themselves
    main()
