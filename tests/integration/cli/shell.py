"""A shell: the commands as a user runs them, as processes of their own, on an embedded Redis and SQLite."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from src.common import exit_codes

ROOT = Path(__file__).resolve().parents[3]
TIMEOUT_S = 100.0  # for any one command on a loaded machine; each takes about one second


@dataclass
class Shell:
    """Runs commands with settings of their own, in a folder of their own."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.settings = {
            "REDIS_URL": f"embedded:{self.folder}/redis",
            "DATABASE_URL": f"sqlite:///{self.folder}/mail.db",
            "LOG_LEVEL": "WARNING",
            **{f"{who}_{what}_PORT": "0" for who in ("PRODUCER", "WORKER") for what in ("METRICS", "HEALTH")},
            **self.settings,
        }

    def run(self, *arguments: str, expect: int = exit_codes.OK, **more: str) -> subprocess.CompletedProcess[str]:
        """Run `python ARGUMENTS`; fail if it does not end with `expect`, or shows a traceback."""
        ended = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environment(more),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            stdin=subprocess.DEVNULL,
        )
        shown = f"{arguments} ended with {ended.returncode}\n{ended.stdout[-3000:]}\n{ended.stderr[-3000:]}"
        assert ended.returncode == expect, shown
        assert "Traceback" not in ended.stderr, shown
        assert "\x1b[" not in ended.stdout + ended.stderr, f"colours in a pipe: {shown}"
        return ended

    def cli(self, *arguments: str, expect: int = exit_codes.OK, **more: str) -> subprocess.CompletedProcess[str]:
        """Run `python -m src.cli ARGUMENTS`."""
        return self.run("-m", "src.cli", *arguments, expect=expect, **more)

    def json(self, *arguments: str, expect: int = exit_codes.OK, **more: str) -> Any:
        """Run a command with --json; return what a script would read."""
        return json.loads(self.cli(*arguments, "--json", expect=expect, **more).stdout)

    def environment(self, more: dict[str, str]) -> dict[str, str]:
        """Return the environment of a command: nothing of the developer's own settings."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}
        return {**kept, **self.settings, **more}


def mail(number: int, size_bytes: int = 0) -> bytes:
    """Return a small mail; with `size_bytes` at least so big."""
    body = f"The word of this mail is walnut{number}.\n" + "a line that fills\n" * (size_bytes // 18)
    return (
        f"From: Ann <ann@example.org>\nTo: bob@example.com\nSubject: mail {number}\nMessage-ID: <{number}@example.org>\n"
        f"Date: Thu, 1 Jan 2026 10:{number:02}:00 +0000\n\n{body}"
    ).encode()


def write_mbox(path: Path, mails: Iterable[bytes]) -> Path:
    """Write an mbox file."""
    path.write_bytes(b"".join(b"From ann@example.org Thu Jan  1 10:00:00 2026\n" + one + b"\n" for one in mails))
    return path
