"""The fake Gmail in a process of its own, seen from outside, and the settings that sign a program in there.

A process of its own so that a measurement has the client's CPU and threads for itself. The program inside is
`tests/fakes/gmail/program.py`.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet

from src.auth.token_file import StoredToken, TokenFile
from tests.fakes.gmail.fake_gmail import READ_SCOPE
from tests.fakes.google_oauth import CLIENT_ID

ROOT = Path(__file__).resolve().parents[2]
END_TIMEOUT_S = 60.0  # it sums up what it served
_LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


class GmailProcess:
    """One mailbox, full from the start."""

    def __init__(self, *, mails: int, size_bytes: int = 30_000, **options: object) -> None:
        """`options`: those of the program, as `latency_ms=90`; True sets one that takes no value."""
        command = [sys.executable, "-m", "tests.fakes.gmail.program", "--mails", str(mails), "--bytes", str(size_bytes)]
        for name, value in options.items():
            flag = f"--{name.replace('_', '-')}"
            command += [flag] if value is True else [flag, str(value)]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)
        assert self._process.stdout is not None
        self._where = json.loads(self._process.stdout.readline())
        self._summary: dict[str, Any] | None = None

    @property
    def account(self) -> str:
        return str(self._where["account"])

    def environment(self, folder: Path) -> dict[str, str]:
        """Return the settings of a program that is signed in here; its token lies in `folder`."""
        return signed_in(self._where["environment"], self.account, self._where["refresh_token"], folder)

    def end(self) -> dict[str, Any]:
        """End it, and return what it says was called, spent and refused. May be called twice."""
        if self._summary is None:
            said, _ = self._process.communicate(timeout=END_TIMEOUT_S)
            self._summary = json.loads(said)
        return self._summary


def signed_in(google: Mapping[str, str], account: str, refresh_token: str, folder: Path) -> dict[str, str]:
    """Put a token in `folder`, as a finished sign-in leaves it; return the settings of a program that reads with it."""
    key = Fernet.generate_key()
    path = folder / "tokens" / "gmail_token.json"
    token = StoredToken(account, CLIENT_ID, (READ_SCOPE,), _LONG_AGO, _LONG_AGO, "", refresh_token)
    TokenFile(path, [Fernet(key)]).save(token)
    return {
        **google,
        "SOURCE": "gmail",
        "GMAIL_USER": account,
        "GOOGLE_TOKEN_FILE": str(path),
        "ENCRYPTION_KEY": key.decode(),
    }
