"""Produce: read mail and put it on the stream. `python producer.py --help` lists the options.

Exit codes are those of src/common/exit_codes.py; with `--once`, anything but 0 means that mail was left behind.
"""

if __name__ == "__main__":  # what follows takes a second to import
    from src.common.program_start import begin

    begin()

import argparse
import sys
from collections.abc import Sequence

from rich.console import Console

from config.account import Account
from config.accounts import accounts_of
from config.settings import Settings, SettingsError
from src.assembly.dry_run import run_dry
from src.assembly.producer import run_producer
from src.common import exit_codes, logs
from src.common.errors import IngestError
from src.producer.providers import PROVIDERS, load_for

# Option, its meaning, and the setting that it overrides.
OVERRIDES = (
    ("--username", str, "name to log in with, and of the account", "imap_user"),
    ("--mailbox", str, "mailboxes to read, separated by commas", "imap_mailbox"),
    ("--poll-interval", float, "seconds between polls", "imap_poll_interval_seconds"),
    ("--query", str, "Gmail API: of the old mails only those that Gmail finds by this", "gmail_query"),
    (
        "--since",
        str,
        "Gmail API: of the old mails only those received from this day on (2024-01-31)",
        "gmail_since",
    ),
    ("--labels", str, "Gmail API: only mails with one of these labels, separated by commas", "gmail_labels"),
)

ONCE = "catch up with all mailboxes, then exit; one that fails is tried again for at most 4 minutes without progress"
FULL_SYNC = (
    "compare each mailbox as a whole with the database first: fetch what is missing, mark what is gone; then go on"
)
AUTH_SETUP = "sign in to Gmail, then exit; with 1 if that was done, but the mailbox cannot be looked at"
MAILBOX_IS_FOR_IMAP = (
    "--mailbox is for IMAP and has no effect here: through the Gmail API all mail is read, or what --labels names, "
    "as in --labels INBOX"
)
PIPE_WIDTH = 200  # columns of a table that goes into a pipe or a file


def main(arguments: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        overrides = {setting: value for *_, setting in OVERRIDES if (value := getattr(options, setting)) is not None}
        if "imap_user" in overrides:
            overrides["gmail_user"] = overrides["imap_user"]
        settings = load_for(options.provider or "", **overrides)
        logs.configure(level=settings.log_level, format_=settings.log_format)
        return _run(settings, accounts_of(settings, only=options.account, winning=overrides), options)
    except (IngestError, SettingsError) as error:
        text = str(error) if isinstance(error, SettingsError) else logs.redact(str(error))
        sys.stderr.write(f"{text}\n  [{error.code}] see docs/runbooks/{error.code}.md\n")
        return exit_codes.exit_code_of(error)
    except KeyboardInterrupt:
        return exit_codes.STOPPED


def _run(settings: Settings, accounts: Sequence[Account], options: argparse.Namespace) -> int:
    if options.auth_setup:
        return _sign_in(accounts, is_headless=options.headless)
    if options.imap_mailbox is not None and all(account.kind == "gmail" for account in accounts):
        sys.stderr.write(f"{MAILBOX_IS_FOR_IMAP}\n")
    if options.dry_run:
        return run_dry(settings, accounts, _output(), batch_mails=options.batch_size)
    return run_producer(
        settings,
        Console(stderr=True),
        once=options.once,
        batch_mails=options.batch_size,
        accounts=accounts,
        compares_first=options.full_sync,
    )


def _sign_in(accounts: Sequence[Account], *, is_headless: bool) -> int:
    from src.auth.auth_setup import set_up  # loads google-auth: 16 MB that reading with a password spares

    if len(accounts) > 1:
        raise SettingsError("ACCOUNTS_FILE lists several accounts: say with --account NAME which one is to sign in")
    done = set_up(accounts[0].settings, headless=is_headless)
    sys.stderr.write(f"{done.text}\n" if done.flaw else f"{done.text} Now run `python producer.py`.\n")
    return done.exit_code


def _output() -> Console:
    return Console(width=None if sys.stdout.isatty() else PIPE_WIDTH)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="producer.py", description="Read mail and put it on the stream.")
    for name, kind, meaning, setting in OVERRIDES:
        parser.add_argument(name, dest=setting, type=kind, help=f"{meaning} ({setting.upper()})")
    parser.add_argument("--account", default="", help="read this account of ACCOUNTS_FILE only")
    parser.add_argument("--batch-size", type=_batch_size, default=50, help="most mails published in one step (50)")
    parser.add_argument("--provider", choices=PROVIDERS, help="fill in host and sign-in of a well-known provider")
    parser.add_argument("--once", action="store_true", help=ONCE)
    parser.add_argument("--full-sync", action="store_true", help=FULL_SYNC)
    parser.add_argument("--dry-run", action="store_true", help="show what would be published, and change nothing")
    parser.add_argument("--auth-setup", action="store_true", help=AUTH_SETUP)
    parser.add_argument("--headless", action="store_true", help="sign in with a browser on another machine")
    return parser


def _batch_size(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError("expected a whole number from 1 to 1000")
    return int(text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
