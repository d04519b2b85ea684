"""Producer: the loops of all mailboxes, each in a thread, and their ordered end. A loop may begin others.

The end, once a stop was asked for or all loops ended: no new poll begins → each loop publishes or drops what is in hand
(what was not published stays before the cursor) and gives its lease back → the last sync states are written. All within
one grace; who is still busy by then is named in the log and left behind.

A loop meets its errors itself. One that ends by an error all the same (a fault of ours while it met another) must not
leave its mailbox unread in silence: the whole producer ends in order, with an exit code that has it started again.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from src.common import exit_codes
from src.common.clock import Clock
from src.common.errors import IngestError, all_errors
from src.common.fault import describe_fault
from src.common.logs import account_tag, get_logger
from src.common.shutdown import Shutdown
from src.producer.board import Board, MailboxName, MailboxReport, State
from src.producer.sync_states import SyncStateKeeper

log = get_logger(__name__)

LOOK_UP_S = 0.2  # how often the main thread looks up for a stop


class Loop(Protocol):
    """What a thread of the producer does."""

    name: MailboxName

    def run(self) -> None:
        """Go on until a stop is asked for, or until there is nothing left to do."""
        ...


@dataclass(frozen=True, slots=True)
class _Running:
    loop: Loop
    thread: threading.Thread


class Producer:
    """Runs the loops; `run` blocks the main thread until all is over."""

    def __init__(
        self, *, board: Board, states: SyncStateKeeper | None, shutdown: Shutdown, clock: Clock, grace_s: float
    ) -> None:
        self.board = board
        self._loops: list[Loop] = []
        self._lock = threading.Lock()
        self._begun: list[_Running] = []
        self._states = states
        self._shutdown = shutdown
        self._clock = clock
        self._grace_s = grace_s

    def add(self, loop: Loop) -> None:
        """Have `run` begin this loop."""
        self._loops.append(loop)

    def begin(self, loop: Loop) -> None:
        """Begin a loop in a thread of its own; called by `run`, and by loops that bring others."""
        with self._lock:
            thread = threading.Thread(target=self._run_loop, args=(loop,), name=f"mailbox-{len(self._begun)}")
            thread.daemon = True  # one that hangs must not keep the process alive after the grace
            thread.start()
            self._begun.append(_Running(loop, thread))

    def run(self) -> None:
        """Read all mailboxes until a stop is asked for, or, with `once`, until each is read or given up."""
        for loop in self._loops:
            self.begin(loop)
        if self._states is not None:
            self._states.start()
        while not self._shutdown.is_asked and (busy := self._busy()):
            busy[0].thread.join(LOOK_UP_S)
        self._join()
        if self._states is not None:
            self._states.close()

    def _run_loop(self, loop: Loop) -> None:
        """Run one loop, the body of its thread; if it breaks, say so and ask all to stop."""
        try:
            loop.run()
        except BaseException as error:  # noqa: BLE001 - the end of a thread, which nobody else would hear of
            self.board.set(loop.name, State.BROKEN, code=IngestError.code, error=describe_fault(error))
            self._shutdown.ask()
            log.error(
                "mailbox_loop_ended",
                account=account_tag(loop.name.account),
                source=loop.name.kind,
                error=describe_fault(error),
            )

    def _join(self) -> None:
        deadline = self._clock.monotonic() + self._grace_s
        while (busy := self._busy()) and (left_s := deadline - self._clock.monotonic()) > 0:
            busy[0].thread.join(left_s)
        for running in self._busy():
            name = running.loop.name
            log.warning("mailbox_still_busy", account=account_tag(name.account), source=name.kind)

    def _busy(self) -> list[_Running]:
        """Return the loops that have not ended: one that brought others ends after it has begun them."""
        with self._lock:
            return [running for running in self._begun if running.thread.is_alive()]


def is_broken(reports: Sequence[MailboxReport]) -> bool:
    """Tell whether a loop ended by a fault, so that the process must be started again to read that mailbox."""
    return any(report.state is State.BROKEN for report in reports)


def exit_code(reports: Sequence[MailboxReport]) -> int:
    """Return what a run of `--once` ends with: whether something was left behind, and what helps."""
    if is_broken(reports):
        return exit_codes.INTERNAL
    behind = [report for report in reports if report.is_left_behind]
    if not behind:
        return exit_codes.INCOMPLETE if any(report.dead for report in reports) else exit_codes.OK
    blocked = any(report.state is State.BLOCKED for report in behind)
    if blocked:
        return exit_codes.OPERATOR_NEEDED
    is_away = all(report.error_code in _TEMPORARY_CODES for report in behind)
    return exit_codes.UNAVAILABLE if is_away else exit_codes.INCOMPLETE


_TEMPORARY_CODES = frozenset(error.code for error in all_errors() if error.is_temporary) - {"unexpected", "lease_lost"}
