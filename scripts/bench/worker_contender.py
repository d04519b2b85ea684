"""One process of a contender: imports everything, says `ready`, waits for a line, works until the stream is empty or it
gets SIGTERM.

`python -m scripts.bench.worker_contender floor|product SETTING…`; at the end it prints CPU seconds and peak memory.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from config.settings import Settings, load
from scripts.bench import floor
from src.attachments.keep import Keeper
from src.attachments.sandbox.pool import Pool
from src.common import logs
from src.common.beats import Beats
from src.common.clock import SystemClock
from src.common.redis_client import connect
from src.common.shutdown import Shutdown
from src.mail.parse import parse
from src.store.opening import open_store
from src.stream.options import options_from
from src.stream.redis_stream import RedisStream
from src.worker.build import build
from src.worker.prepare import Prepare


def main(name: str) -> None:
    """Work as the contender `name`."""
    settings = load()
    logs.configure(level="WARNING", format_="json")
    work = _product(settings) if name == "product" else _floor(settings)
    print("ready", flush=True)
    sys.stdin.readline()
    cpu = time.process_time()
    work()
    peak_mb = _peak_kib() / 1024
    print(f"{time.process_time() - cpu} {peak_mb}", flush=True)


def _peak_kib() -> int:
    """Return the most memory this process held. Not `ru_maxrss`: that one begins with the parent's."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


def _product(settings: Settings) -> Callable[[], object]:
    connection = connect(settings)
    clock = SystemClock()
    keeper, shutdown = Keeper(Pool(settings.attachment_processes)), Shutdown()
    shutdown.listen()
    worker = build(
        settings,
        stream=RedisStream(connection, options_from(settings)),
        store=open_store(settings.database_url),
        prepare=Prepare(parse, keeper.keep, keeper.now),
        shutdown=shutdown,
        beats=Beats(clock),
        clock=clock,
        drain=True,
        close_stream=connection.close,
    )

    def work() -> None:
        worker.run()
        keeper.close()

    return work


def _floor(settings: Settings) -> Callable[[], object]:
    if settings.database_url.startswith("sqlite"):
        return lambda: floor.work(settings.redis_url, settings.database_url.removeprefix("sqlite:///"))
    return lambda: floor.work_postgres(settings.redis_url, settings.database_url)


if __name__ == "__main__":
    main(sys.argv[1])
