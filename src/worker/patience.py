"""Patience: ask a service that is away again and again, with back-off, holding the mails meanwhile.

Nothing is settled, nothing counts as a failed try of a mail: it is not the mail's fault. The renewer keeps the leases,
`/ready` and `email_ingestion_worker_waits` tell. Every move on the stream and every write to the database may be
repeated, so a lost reply needs no other care. During a shutdown the asking ends when the grace is over.
"""

import random
from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type

from src.common.beats import Beats
from src.common.clock import Clock
from src.common.errors import DatabaseUnavailableError, RedisOutOfMemoryError, RedisUnavailableError, TemporaryError
from src.common.instruments import WORKER_WAITS
from src.common.logs import get_logger
from src.common.retry import RetryPolicy, next_delay_s
from src.common.shutdown import Shutdown
from src.worker.grace import Grace

log = get_logger(__name__)

SERVICE_POLICY = RetryPolicy(max_attempts=0, initial_s=0.1, cap_s=5.0)  # waits between two questions; tries: no bound
STEP_IN_SHUTDOWN_S = 0.2  # longest wait between two questions once a stop was asked for
_AWAY = (RedisUnavailableError, RedisOutOfMemoryError, DatabaseUnavailableError)

T = TypeVar("T")


class Patience:
    """Calls services until they answer. Used by the main loop only."""

    def __init__(self, shutdown: Shutdown, grace: Grace, beats: Beats, clock: Clock, rng: random.Random) -> None:
        self._shutdown = shutdown
        self._grace = grace
        self._beats = beats
        self._clock = clock
        self._rng = rng
        self.redis_breaks = 0  # failed calls to Redis so far: replies may have been lost

    def ask(self, loop: str, action: Callable[[], T]) -> T:
        """Return what `action` returns, as soon as its service answers.

        Raises the service's error only when a shutdown's grace is over; every other error at once.
        """
        asking = Retrying(
            retry=retry_if_exception_type(_AWAY),
            wait=lambda state: next_delay_s(state.attempt_number, SERVICE_POLICY, self._rng),
            stop=lambda _state: self._grace.left_s() <= 0,
            sleep=self._sleep,
            after=lambda state: self._failed(loop, state),
            reraise=True,
        )
        result = asking(action)
        if failures := asking.statistics["attempt_number"] - 1:
            self._came_back(loop, failures)
        return result

    def _failed(self, loop: str, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome is not None else None
        assert isinstance(error, _AWAY)
        service = _service(error)
        self.redis_breaks += service == "redis"
        self._beats.trouble(loop, error.code)
        WORKER_WAITS.labels(service).set(1)
        if state.attempt_number == 1:
            log.warning("service_away", service=service, code=error.code, error=str(error))

    def _sleep(self, delay_s: float) -> None:
        if self._shutdown.wait(delay_s):
            self._clock.sleep(min(delay_s, STEP_IN_SHUTDOWN_S))

    def _came_back(self, loop: str, failures: int) -> None:
        for service in ("redis", "database"):
            WORKER_WAITS.labels(service).set(0)
        self._beats.beat(loop)
        log.info("service_back", loop=loop, failures=failures)


def _service(error: TemporaryError) -> str:
    return "database" if isinstance(error, DatabaseUnavailableError) else "redis"
