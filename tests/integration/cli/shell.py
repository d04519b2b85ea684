"""A shell: the commands on an embedded Redis and SQLite.

`cli` and `drain` run them in this process, which saves the second that a process needs to start; `process` runs them
as a user does. Each fails on a traceback.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from config.settings import Settings, load
from src.assembly.worker import run_worker
from src.cli.app import app
from src.cli.opening import SettingsOpening
from src.cli.services import Services
from src.common import exit_codes

ROOT = Path(__file__).resolve().parents[3]
TIMEOUT_S = 100.0  # for any one process on a loaded machine; each takes about one second


@dataclass(frozen=True)
class Said:
    """What a command printed."""

    stdout: str
    stderr: str


class Shell:
    """Runs commands with settings of their own, in a folder of their own."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.settings: dict[str, str] = {
            "REDIS_URL": f"embedded:{folder}/redis",
            "DATABASE_URL": f"sqlite:///{folder}/mail.db",
            "LOG_LEVEL": "WARNING",
            **{f"{who}_{what}_PORT": "0" for who in ("PRODUCER", "WORKER") for what in ("METRICS", "HEALTH")},
            **settings,
        }

    def having(self, **settings: str) -> "Shell":
        """Return a shell in the same place with more settings."""
        return Shell(self.folder, **{**self.settings, **settings})

    def cli(self, *arguments: str, expect: int = exit_codes.OK) -> Said:
        """Run a command in this process."""
        services = Services(SettingsOpening(), self.loaded())
        result = CliRunner(env=self._worker_environment()).invoke(app, list(arguments), obj=services)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        said = Said(result.stdout, result.stderr)
        _check(arguments, result.exit_code, expect, said)
        return said

    def json(self, *arguments: str, expect: int = exit_codes.OK) -> Any:
        """Run a command with --json; return what a script would read."""
        return json.loads(self.cli(*arguments, "--json", expect=expect).stdout)

    def json_lines(self, *arguments: str) -> list[Any]:
        """Run a command that prints an object a line; return them."""
        return [json.loads(line) for line in self.cli(*arguments).stdout.splitlines()]

    def drain(self, expect: int = exit_codes.OK) -> None:
        """Run a worker until nothing is on its way."""
        assert run_worker(self.loaded(), drain=True) == expect

    def process(self, *arguments: str, expect: int = exit_codes.OK) -> Said:
        """Run `python ARGUMENTS`."""
        ended = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,  # not where a developer's own .env may lie
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            stdin=subprocess.DEVNULL,
        )
        said = Said(ended.stdout, ended.stderr)
        _check(arguments, ended.returncode, expect, said)
        return said

    def environment(self) -> dict[str, str]:
        """Return the environment of a process: nothing of the developer's own settings."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}
        return {**kept, "PYTHONPATH": str(ROOT), **self.settings}

    def loaded(self) -> Settings:
        """Return the settings."""
        return load(_env_file=None, **{name.lower(): value for name, value in self.settings.items()})

    def _worker_environment(self) -> Mapping[str, str]:
        return self.settings  # a worker started beside an import is a process: it reads them from there


def _check(arguments: tuple[str, ...], ended: int, expected: int, said: Said) -> None:
    shown = f"{arguments} ended with {ended}\n{said.stdout[-3000:]}\n{said.stderr[-3000:]}"
    assert ended == expected, shown
    assert "Traceback" not in said.stderr, shown
    assert "\x1b[" not in said.stdout + said.stderr, f"colours in a pipe: {shown}"


def mail(number: int, size_bytes: int = 0) -> bytes:
    """Return a small mail; with `size_bytes` at least so big."""
    body = f"The word of this mail is walnut{number}.\n" + "a line that fills\n" * (size_bytes // 18)
    return (
        f"From: Ann <ann@example.org>\nTo: bob@example.com\nSubject: mail {number}\n"
        f"Message-ID: <{number}@example.org>\n"
        f"Date: Thu, 1 Jan 2026 10:{number:02}:00 +0000\n\n{body}"
    ).encode()


def write_mbox(path: Path, mails: Iterable[bytes]) -> Path:
    """Write an mbox file."""
    path.write_bytes(b"".join(b"From ann@example.org Thu Jan  1 10:00:00 2026\n" + one + b"\n" for one in mails))
    return path
