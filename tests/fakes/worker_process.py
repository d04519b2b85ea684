"""A worker process that can be hurt: `python -m tests.fakes.worker_process [--drain]`, settings from the environment.

The real worker, with two things put in:
- the parser obeys a header of the mail, `X-Poison: raise | memory | hang | exit | slow`;
- `DIE_AT=STEP` kills the process (kill -9) at that step, the first time it comes there:
  `read` (mails delivered, not begun), `parsed` (in mid-batch), `stored` (committed, not settled),
  `reclaimed` (others' mails taken over, the reclaim lease held).
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from mmap import mmap
from typing import Any

from config.settings import load
from src.assembly.rules import decide_of, rules_of
from src.assembly.worker import keeper_of
from src.common.beats import Beats
from src.common.clock import SystemClock
from src.common.logs import configure
from src.common.redis_client import connect
from src.common.shutdown import Shutdown
from src.mail.parse import Parsed, parse
from src.store.opening import open_store
from src.stream.options import options_from
from src.stream.redis_stream import RedisStream
from src.worker.build import build
from src.worker.prepare import Prepare

SLOW_S = 0.05


def poisonable_parse(raw: bytes | mmap) -> Parsed:
    """Parse, unless the mail says otherwise."""
    head = raw[:2000]
    if b"X-Poison: raise" in head:
        raise ValueError("poison: the secret of this mail")
    if b"X-Poison: memory" in head:
        raise MemoryError
    if b"X-Poison: hang" in head:
        sys.stderr.write('{"event": "mail_hangs"}\n')  # as a log line: tests wait for it
        sys.stderr.flush()
        threading.Event().wait()
    if b"X-Poison: exit" in head:
        os._exit(9)
    if b"X-Poison: slow" in head:
        time.sleep(SLOW_S)
    _die_at("parsed", after=3)
    return parse(raw)


_visits: dict[str, int] = {}


def _die_at(step: str, after: int = 0) -> None:
    _visits[step] = _visits.get(step, 0) + 1
    if os.environ.get("DIE_AT") == step and _visits[step] > after:
        os.kill(os.getpid(), signal.SIGKILL)


def _dying(step: str, action: Callable[..., Any], *, only_if_found: bool) -> Callable[..., Any]:
    """Return `action` with death after it."""

    def wrapped(*arguments: Any) -> Any:
        result = action(*arguments)
        if result or not only_if_found:
            _die_at(step)
        return result

    return wrapped


def main(arguments: Sequence[str]) -> int:
    """Run one worker."""
    settings = load()
    configure(level=settings.log_level, format_="json")
    clock, shutdown = SystemClock(), Shutdown()
    shutdown.listen()
    connection = connect(settings)
    stream: Any = RedisStream(connection, options_from(settings))
    stream.read_new = _dying("read", stream.read_new, only_if_found=True)
    stream.reclaim = _dying("reclaimed", stream.reclaim, only_if_found=True)
    decide = decide_of(rules_of(settings))
    busy_timeout_s = float(os.environ.get("BUSY_TIMEOUT_S", "10"))
    store: Any = open_store(settings.database_url, busy_timeout_s=busy_timeout_s, decide=decide)
    store.write = _dying("stored", store.write, only_if_found=False)
    keeper = keeper_of(settings, store)
    worker = build(
        settings,
        stream=stream,
        store=store,
        prepare=Prepare(poisonable_parse, keeper.keep, keeper.now, decide=decide),
        shutdown=shutdown,
        beats=Beats(clock),
        clock=clock,
        drain="--drain" in arguments,
        close_stream=connection.close,
    )
    try:
        return worker.run()
    finally:
        keeper.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
