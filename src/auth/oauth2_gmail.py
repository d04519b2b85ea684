"""The command `python -m src.auth.oauth2_gmail`: signing in to Gmail, looking at a sign-in, ending it.

    --setup       sign in (as `python producer.py --auth-setup` does)
    --info        show account, scopes and expiry, never the token
    --revoke      make Google forget the sign-in, and delete the token file

With a service account there is nothing stored to look at or to end: `--info` shows whose key it is.
Exit codes are those of src/common/exit_codes.py.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from config.accounts import accounts_of
from config.settings import Settings, SettingsError, load
from src.auth import google_oauth
from src.auth.auth_setup import set_up
from src.auth.scopes import account_of, wanted_scopes
from src.auth.service_account import load_key
from src.auth.shared_lock import locked
from src.auth.signed_in import token_file
from src.common import exit_codes, logs
from src.common.errors import IngestError


def revoke(settings: Settings) -> bool:
    """Revoke the sign-in and delete the token file; return False if Google did not know it any more.

    When Google does not answer, the file stays, so that it can be tried again.
    """
    if settings.google_service_account_file:
        raise SettingsError(
            "a service account has no sign-in to end: delete its key in the Google Cloud console, or take the "
            "delegation back in the Google Admin console"
        )
    file = token_file(settings)
    if not file.exists:
        file.load()  # raises with what to do
    with locked(file.path):
        was_known = google_oauth.revoke(settings, file.load().refresh_token)
        file.delete()
    return was_known


def info(settings: Settings) -> dict[str, object]:
    """Return what may be shown: account, scopes, times; never a token or key."""
    if settings.google_service_account_file:
        return _info_of_key(settings)
    file = token_file(settings)
    token = file.load()
    return {
        "account": token.account,
        "account_tag": logs.account_tag(token.account),
        "scopes": list(token.scopes),
        "signed_in_at": token.signed_in_at.isoformat(),
        "sign_in_ends_at": token.ends_at.isoformat() if token.ends_at else None,
        "access_expires_at": token.expires_at.isoformat(),
        "access_is_valid": token.expires_at > datetime.now(UTC),
        "refreshes_itself": bool(token.refresh_token),
        "is_under_newest_key": file.is_under_newest_key(),
        "token_file": str(file.path),
    }


def _info_of_key(settings: Settings) -> dict[str, object]:
    path = Path(settings.google_service_account_file)
    key = load_key(path)
    account = account_of(settings)
    return {
        "account": account,
        "account_tag": logs.account_tag(account),
        "scopes": list(wanted_scopes(settings)),
        "service_account": key.address,
        "client_id": key.client_id,
        "key_file": str(path),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        overrides = {"imap_user": options.username, "gmail_user": options.username} if options.username else {}
        settings = load(**overrides)
        logs.configure(level=settings.log_level, format_=settings.log_format)
        accounts = accounts_of(settings, only=options.account, winning=overrides)
        if len(accounts) > 1:
            raise SettingsError("ACCOUNTS_FILE lists several accounts: say with --account NAME which one is meant")
        return int(options.run(accounts[0].settings, options))
    except (IngestError, SettingsError) as error:
        sys.stderr.write(f"{error}\n  [{error.code}] see docs/runbooks/{error.code}.md\n")
        return exit_codes.exit_code_of(error)
    except KeyboardInterrupt:
        return exit_codes.STOPPED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m src.auth.oauth2_gmail", description="Signing in to Gmail.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--setup", dest="run", action="store_const", const=_run_setup, help="sign in")
    what.add_argument(
        "--info", dest="run", action="store_const", const=_run_info, help="show account, scopes, expiry; no token"
    )
    what.add_argument(
        "--revoke", dest="run", action="store_const", const=_run_revoke, help="revoke at Google, delete the file"
    )
    parser.add_argument("--username", default="", help="the account (IMAP_USER)")
    parser.add_argument("--account", default="", help="the account of ACCOUNTS_FILE")
    parser.add_argument("--headless", action="store_true", help="print the address, paste the redirected one")
    parser.add_argument("--json", action="store_true", help="for --info: one JSON object")
    return parser


def _run_setup(settings: Settings, options: argparse.Namespace) -> int:
    done = set_up(settings, headless=options.headless)
    sys.stdout.write(f"{done.text}\n")
    return done.exit_code


def _run_info(settings: Settings, options: argparse.Namespace) -> int:
    found = info(settings)
    if options.json:
        sys.stdout.write(json.dumps(found) + "\n")
        return exit_codes.OK
    for name, value in found.items():
        text = ", ".join(value) if isinstance(value, list) else "-" if value is None else str(value)
        sys.stdout.write(f"{name.replace('_', ' '):<20} {text}\n")
    return exit_codes.OK


def _run_revoke(settings: Settings, _options: argparse.Namespace) -> int:
    told = "revoked" if revoke(settings) else "Google did not know it any more"
    sys.stdout.write(f"Sign-in ended ({told}); the token file is deleted.\n")
    return exit_codes.OK


if __name__ == "__main__":
    sys.exit(main())
