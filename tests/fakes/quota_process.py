"""A process that calls as fast as the governor lets it: `python -m tests.fakes.quota_process URL ACCOUNT SECONDS`.

Prints one line, `ready`, waits for a line on its standard input, and then, for SECONDS, lets several threads make calls
that take no time. Last it prints when each call left, by the clock that all processes of a machine share.
"""

import sys
import threading
import time

from src.common.clock import SystemClock
from src.sync.quota import Governor
from src.sync.quota_profile import PROFILES
from src.sync.quota_scripts import QuotaScripts
from tests.fixtures.redis_servers import connection_to

THREADS = 4


def main(url: str, account: str, seconds: float) -> None:
    """Run it."""
    redis = connection_to(url)
    scripts = QuotaScripts(redis.commands, account=account, prefix="mails")
    governor = Governor(scripts, PROFILES["legacy"], account=account, clock=SystemClock())
    left: list[float] = []
    print("ready", flush=True)
    sys.stdin.readline()
    end = time.monotonic() + seconds

    def call() -> None:
        while time.monotonic() < end:
            with governor.call("get", use="backfill"):
                left.append(time.monotonic())

    threads = [threading.Thread(target=call) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    redis.close()
    print(*left)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
