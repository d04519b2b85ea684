"""PushThread: goes round one of the loops that bring hints, until it is closed.

What fails is said once, shown by a metric, and tried again with growing waits. Nothing here can harm the mailboxes:
without hints they are polled.
"""

import random
import threading
from collections.abc import Callable
from typing import Literal

from src.common.clock import Clock
from src.common.errors import IngestError
from src.common.fault import describe_fault
from src.common.instruments import PUSH_ERRORS
from src.common.logs import get_logger, redact
from src.common.retry import RetryPolicy, next_delay_s

log = get_logger(__name__)

Step = Literal["pull", "listen"]  # label of the metric
POLICY = RetryPolicy(max_attempts=0, initial_s=1.0, cap_s=60.0)  # of the waits; it is tried for ever
BLOCKED_RETRY_S = 300.0  # between tries of what an operator must mend
CLOSE_TIMEOUT_S = 5.0  # for a round to end that was interrupted


class PushThread:
    """A daemon: a round that never returns cannot keep the process alive."""

    def __init__(
        self,
        step: Step,
        go_round: Callable[[], None],
        *,
        interrupt: Callable[[], None],
        clock: Clock,
        policy: RetryPolicy = POLICY,
    ) -> None:
        """`interrupt` ends a round soon; called from another thread, once no other round will begin."""
        self._step = step
        self._go_round = go_round
        self._interrupt = interrupt
        self._clock = clock
        self._policy = policy
        self._rng = random.Random()  # noqa: S311 - jitter, no secret
        self._stop = threading.Event()
        self._failures = 0
        self._failed_with = ""  # code of the last round; said once
        self._thread = threading.Thread(target=self._run, name=f"push-{step}", daemon=True)
        self._thread.start()

    def ask(self) -> None:
        """Ask the loop to end."""
        self._stop.set()
        self._interrupt()

    def join(self) -> None:
        """Wait a little for its end, once it was asked."""
        self._thread.join(CLOSE_TIMEOUT_S)
        if self._thread.is_alive():
            log.warning("push_loop_still_busy", step=self._step)

    def _run(self) -> None:
        while not self._stop.is_set():
            began = self._clock.monotonic()
            try:
                self._go_round()
            except Exception as error:  # noqa: BLE001 - the top of the loop
                if self._stop.is_set():
                    return
                wait_s = self._failed(error)
                # From the round's begin: a pull that broke off after a minute has waited long enough.
                self._stop.wait(max(wait_s - (self._clock.monotonic() - began), 0.0))
            else:
                self._went_well()

    def _went_well(self) -> None:
        if self._failed_with:
            log.info("push_loop_recovered", step=self._step)
        self._failures, self._failed_with = 0, ""

    def _failed(self, error: Exception) -> float:
        """Say what went wrong; return how long to wait."""
        code = error.code if isinstance(error, IngestError) else IngestError.code
        said = redact(str(error)) if isinstance(error, IngestError) else describe_fault(error)
        PUSH_ERRORS.labels(self._step, code).inc()
        if code != self._failed_with:
            log.warning("push_loop_failed", step=self._step, code=code, error=said)
        self._failures, self._failed_with = self._failures + 1, code
        if isinstance(error, IngestError) and not error.is_temporary:
            return BLOCKED_RETRY_S
        return next_delay_s(self._failures, self._policy, self._rng)
