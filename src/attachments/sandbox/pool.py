"""The pool: a few warm children, each with one task at a time. A child that fails costs its one attachment.

What a child may take of time is watched from here, since one that hangs in C hears nothing. It is killed with all that
it started, and the next task finds a new one.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from src.attachments import temp_files
from src.attachments.extractor import Content
from src.attachments.limits import Limits
from src.attachments.sandbox import frames
from src.attachments.sandbox.turns import Turns
from src.common.errors import SandboxUnavailableError
from src.common.logs import get_logger
from src.model.extraction import Extracted, Extraction

log = get_logger(__name__)

TASKS_OF_A_CHILD = 200  # then a new one takes over: libraries leak
START_S = 30.0  # for a child to be ready; 0.2 s on an idle machine
END_S = 2.0  # for a child to end by itself when its input ends
PROJECT = Path(__file__).resolve().parents[3]
# What of the environment a child gets: where programs and Tesseract's languages are. No setting, no secret.
PASSED_ON = ("PATH", "LANG", "LC_ALL", "TESSDATA_PREFIX", "TZ")
# What one page took of memory stays for the next, up to 32 MB: the most that glibc takes, and where its own bound may
# grow to. At the bound of 128 KB that it begins with, a PDF of 100 pages has its memory from the kernel anew 22,000
# times, a quarter of all its CPU (mallopt(3); other C libraries pass over it).
KEPT_MEMORY = "glibc.malloc.trim_threshold=33554432:glibc.malloc.mmap_threshold=33554432"
_ENDING = "the worker is ending: its children for attachments have ended"
_TIME_OUT_SIGNALS = (signal.SIGXCPU, signal.SIGALRM)


class Pool:
    """Plays `Sandbox` with `size` children, each started when it is first needed. Thread-safe."""

    def __init__(self, size: int = 1, *, temp_dir: Path | None = None, registry: str = "") -> None:
        """`registry`: a module whose REGISTRY the children use instead of the product's, for tests."""
        self._temp_dir = temp_dir
        self._registry = registry
        self._turns = Turns(size)
        self._lock = threading.Lock()
        self._idle: list[_Child] = []
        self._busy: set[_Child] = set()
        self._is_closed = False
        # The kernel kills a child when the thread that started it ends, not only with the process (prctl(2),
        # PR_SET_PDEATHSIG). So all are started by one that lives as long as the pool.
        self._starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="child-starter")

    def take_out(self, content: Content, limits: Limits, seconds: float) -> Extraction:
        """Return what a child found within `seconds`. Blocks while all children are busy.

        Raises SandboxUnavailableError (temporary) when no child can be started.
        """
        with self._turns.one():
            child = self._begin()
            try:
                return child.work(content, limits, seconds)
            finally:
                self._done(child)

    def close(self) -> None:
        """End the children, also those that work: what they were asked for is not wanted any more."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
            for child in self._busy:
                child.stop()
        for child in idle:
            child.end()
        self._starter.shutdown(wait=False)

    def _begin(self) -> "_Child":
        while True:
            with self._lock:
                child = self._idle.pop() if self._idle else None
            if child is None:
                child = _Child(self._temp_dir or temp_files.own_folder(), self._registry, self._starter)
            if child.is_ready:
                break
            child.end()
        with self._lock:
            if not self._is_closed:
                self._busy.add(child)
                return child
        child.end()
        raise SandboxUnavailableError(_ENDING)

    def _done(self, child: "_Child") -> None:
        with self._lock:
            self._busy.discard(child)
            keeps = child.is_usable and not self._is_closed
            if keeps:
                self._idle.append(child)
        if not keeps:
            child.end()


class _Child:
    """One child process, with a folder of its own for temporary files."""

    def __init__(self, temp_dir: Path, registry: str, starter: Executor) -> None:
        self._folder = temp_files.own_subfolder(temp_dir)
        self._tasks_done = 0
        self._is_stopped = False
        self.is_usable = True
        try:
            self._process = starter.submit(
                subprocess.Popen,
                [sys.executable, "-m", "src.attachments.child", str(os.getpid()), *([registry] if registry else [])],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(self._folder.path),
                cwd=self._folder.path,
                start_new_session=True,  # so that it can be killed with all that it starts, and Ctrl-C leaves it alone
            ).result()
        except OSError as error:
            self._folder.remove()
            raise SandboxUnavailableError(f"a child for attachments cannot be started: {error.strerror}") from error
        except RuntimeError as error:  # of a starter that was shut down, or could not start its thread
            self._folder.remove()
            raise SandboxUnavailableError(_ENDING) from error
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._tasks, self._answers = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._tasks, False)
        os.set_blocking(self._answers, False)
        self._wait_until_ready()

    @property
    def is_ready(self) -> bool:
        """True while it lives and has said nothing unasked, which would pass for the answer to the next task."""
        return self._process.poll() is None and not frames.has_something(self._answers)

    def work(self, content: Content, limits: Limits, seconds: float) -> Extraction:
        """Return what it found; never raises on what the content does to it.

        Raises SandboxUnavailableError when it was stopped meanwhile: that is not the content's fault.
        """
        deadline = time.monotonic() + seconds
        self._tasks_done += 1
        try:
            frames.send(self._tasks, frames.task(content, limits, seconds), content.data or b"", deadline=deadline)
            head, _ = frames.receive(self._answers, max_data_bytes=0, deadline=deadline)
            found = frames.answer_from(head, limits)
        except frames.TooSlowError:
            return self._failed("time_out")
        except frames.BrokenPipeToChildError as error:
            if self._is_stopped:
                raise SandboxUnavailableError(_ENDING) from error
            return self._failed("crashed")
        self.is_usable = self._tasks_done < TASKS_OF_A_CHILD and found.reason != "out_of_memory"
        self._folder.empty()  # a reader that was killed could not tidy up
        return found

    def end(self) -> None:
        """End it, with all that it started, and remove what it left."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        if self.is_usable:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(END_S)
        self.kill()
        self._process.wait()
        self._folder.remove()

    def stop(self) -> None:
        """End it although it works. For any thread; the one that waits for it learns why."""
        self._is_stopped = True
        self.kill()

    def kill(self) -> None:
        """Kill its whole group: what it started may live on when itself has ended."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _wait_until_ready(self) -> None:
        try:
            head, _ = frames.receive(self._answers, max_data_bytes=0, deadline=time.monotonic() + START_S)
            if head == frames.READY:
                return
        except (frames.TooSlowError, frames.BrokenPipeToChildError):
            pass
        self.is_usable = False
        self.end()
        raise SandboxUnavailableError("a child for attachments does not start: run `python -m src.cli doctor`")

    def _failed(self, reason: str) -> Extraction:
        self.is_usable = False
        if reason == "crashed":
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(END_S)
        code = self._process.returncode
        self.kill()
        if code is not None and -code in _TIME_OUT_SIGNALS:
            reason = "time_out"
        log.warning("attachment_child_failed", reason=reason, exit_code=code)
        return Extraction(Extracted.FAILED, reason=reason)


def _environment(folder: Path) -> dict[str, str]:
    passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return {
        **passed,
        "PYTHONPATH": str(PROJECT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "GLIBC_TUNABLES": KEPT_MEMORY,
        "OMP_THREAD_LIMIT": "1",  # Tesseract: 1.6 s a page instead of 8.9 with its default on two cores
    }
