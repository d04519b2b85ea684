"""Worker: one process's life from start to ordered end.

The order of the end, within one budget of SHUTDOWN_GRACE_SECONDS:
1. stop reading, finish the chunk in hand (store, settle); 2. hand back what was not begun; 3. stop the maintenance and
the renewer; 4. leave the group, if nothing is pending; 5. stop serving metrics and health; 6. close the connections.
A step that fails is logged and does not keep the others from happening. A second signal leaves at once.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from src.common.beats import Beats
from src.common.errors import IngestError
from src.common.exit_codes import OK, OPERATOR_NEEDED, exit_code_of
from src.common.interpreter import spare_the_collector
from src.common.logs import get_logger
from src.common.shutdown import Shutdown
from src.store.protocol import MailWriter
from src.stream.protocol import WorkerStream
from src.worker.background import Background
from src.worker.closing import DamageLimitReachedError
from src.worker.drain import Drain
from src.worker.grace import Grace
from src.worker.hand import Hand
from src.worker.loading import Loading
from src.worker.pipeline import Pipeline
from src.worker.watchdog import unwind
from src.worker.window import Window

log = get_logger(__name__)

READ_WITHIN_S = 30.0  # a worker whose reading or committing went well longer ago than this is not ready
LEAST_STEP_S = 1.0  # what each step of the end is given even if the budget is used up


class Service(Protocol):
    """Something that is served beside the work since before it began: metrics, health."""

    def close(self) -> None:
        """Stop serving."""
        ...


class Worker:
    """Put together by `build_worker` in src/assembly/worker.py."""

    def __init__(
        self,
        *,
        pipeline: Pipeline,
        stream: WorkerStream,
        store: MailWriter,
        hand: Hand,
        loading: Loading,
        window: Window,
        consumer: str,
        backgrounds: Sequence[Background],
        watchdog: Background,
        beats: Beats,
        shutdown: Shutdown,
        grace: Grace,
        close_stream: Callable[[], None],
        drain: Drain | None = None,
    ) -> None:
        self.beats = beats
        self._pipeline = pipeline
        self._stream = stream
        self._store = store
        self._hand = hand
        self._loading = loading
        self._window = window
        self._consumer = consumer
        self._backgrounds = backgrounds
        self._watchdog = watchdog
        self._shutdown = shutdown
        self._grace = grace
        self._close_stream = close_stream
        self._drain = drain

    def run(self, services: Sequence[Service] = ()) -> int:
        """Work until SIGTERM or SIGINT, or until drained; return the exit code. Call it from the main thread."""
        log.info("worker_started", consumer=self._consumer)
        code = self._work()
        self._shutdown.ask()  # from here on the grace counts, whatever the reason
        self._end(services)
        log.info("worker_ended", consumer=self._consumer, exit_code=code)
        return code

    def _work(self) -> int:
        spare_the_collector()
        for loop in ("read", "commit"):
            self.beats.expect(loop, within_s=READ_WITHIN_S)
        for background in (*self._backgrounds, self._watchdog):
            background.start()
        try:
            if self._drain is not None:
                self._drain.begin()
            self._pipeline.run()
            return self._drain.exit_code() if self._drain is not None and not self._shutdown.is_asked else OK
        except DamageLimitReachedError:
            log.error("damage_limit_reached", advice="see docs/worker.md, Limit the damage")
            return OPERATOR_NEEDED
        except IngestError as error:
            log.error("worker_failed", code=error.code, error=str(error))
            return OK if self._shutdown.is_asked and error.is_temporary else exit_code_of(error)
        except Exception as error:
            log.exception("worker_failed", code=IngestError.code)
            return exit_code_of(error)

    def _end(self, services: Sequence[Service]) -> None:
        self._step("hand_back", lambda: self._stream.hand_back(self._consumer, self._hand.held()))
        for background in self._backgrounds:
            self._step("stop_thread", partial(self._stop, background))
        self._step("stop_loading", self._loading.close)
        self._step("stop_slow_work", lambda: self._window.close(LEAST_STEP_S))
        self._step("leave_group", lambda: self._stream.leave(self._consumer))
        for service in services:
            self._step("stop_serving", service.close)
        self._step("close_store", self._store.close)
        self._step("close_stream", self._close_stream)
        self._step("stop_watchdog", lambda: self._stop(self._watchdog))
        unwind()

    def _stop(self, background: Background) -> None:
        if not background.stop(max(self._grace.left_s(), LEAST_STEP_S)):
            log.warning("still_running", loop=background.name)

    def _step(self, step: str, action: Callable[[], object]) -> None:
        try:
            action()
        except Exception as error:  # noqa: BLE001  # the other steps must happen all the same
            log.warning("shutdown_step_failed", step=step, code=getattr(error, "code", IngestError.code))
