"""Actor: a process that plays a part in the fault run: killed at random, and started again until its part is over."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


class Actor:
    """One command. `is_over` once it ended by itself with one of `last_codes`."""

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path, last_codes: tuple[int, ...]
    ) -> None:
        self.name = name
        self.is_over = False
        self.kills = 0
        self.starts = 0
        self.odd_ends: list[int] = []  # exit codes with which it ended by itself, though its part was not over
        self._command = command
        self._environment = {**os.environ, **environment}
        self._log = log
        self._last_codes = last_codes
        self._process: subprocess.Popen[bytes] | None = None

    def keep_alive(self) -> None:
        """Start it if it does not run and its part is not over."""
        if self.is_over or self._is_running():
            return
        if self._process is not None and (code := self._process.returncode) != -signal.SIGKILL:
            if code in self._last_codes:
                self.is_over = True
                return
            self.odd_ends.append(code)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, env=self._environment, stdout=log, stderr=log)
        self.starts += 1

    def kill(self) -> bool:
        """kill -9, if it runs; return whether it did."""
        if self._process is None or not self._is_running():
            return False
        self._process.kill()
        self._process.wait()
        self.kills += 1
        return True

    def stall(self) -> bool:
        """Stop it in its tracks (SIGSTOP), if it runs; `wake` lets it go on."""
        return self._signal(signal.SIGSTOP)

    def wake(self) -> bool:
        """Let it go on."""
        return self._signal(signal.SIGCONT)

    def end(self, timeout_s: float) -> int | None:
        """Ask it to end (SIGTERM); return its exit code, None if it did not run."""
        if not self._signal(signal.SIGTERM) or self._process is None:
            return None
        return self._process.wait(timeout_s)

    def _signal(self, number: int) -> bool:
        if self._process is None or not self._is_running():
            return False
        self._process.send_signal(number)
        return True

    def _is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None
