"""GmailProgram: the fake Gmail as a process of its own, told and asked from outside (tests/fakes/gmail/control.py)."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from scripts.torturing.feed import ROOT

END_TIMEOUT_S = 10.0


class GmailProgram:
    """Runs from its making until `close`."""

    def __init__(self, log: Path, *, seed: int, page_size: int) -> None:
        options = ("--mails", "0", "--seed", str(seed), "--page-size", str(page_size))
        command = [sys.executable, "-m", "tests.fakes.gmail.program", *options]
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
            )
        where = self._answer()
        self.environment: dict[str, str] = where["environment"]  # settings that point a program there
        self.account: str = where["account"]
        self.refresh_token: str = where["refresh_token"]

    def ask(self, do: str, **values: object) -> dict[str, Any]:
        """Let it do something; return what it answers."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **values}) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """End it. May be called twice."""
        if self._process.poll() is None:
            self._process.communicate(timeout=END_TIMEOUT_S)

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the fake Gmail ended by itself; why is at the end of processes.log")
        answer: dict[str, Any] = json.loads(line)
        return answer
