"""Reading IMAP: a raw socket that only drains the same FETCH is the floor; ratios are of mails a second.

`python -m scripts.bench.imap [--short]`. Contenders take turns in each round, and the median round counts, since other
work may run on the machine. See docs/imap.md for what was found.
"""

import argparse
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import redis
from rich.console import Console
from rich.table import Table

from scripts.bench.imap_contenders import CONTENDERS, Figures, Target, run
from scripts.bench.office_mails import OfficeMails
from src.store.opening import open_store
from tests.fakes.cutting_proxy import CuttingProxy
from tests.fixtures.dovecot import DovecotServer
from tests.fixtures.dovecot_config import PASSWORD
from tests.fixtures.redis_servers import RedisServer
from tests.fixtures.services import require_program

MEAN_BYTES = 36_000  # of a mail in an office, attachments included
DELAY_S = 0.04  # each way: a round trip of 80 ms
DELAYED = ("floor", "wire", "producer")  # what is measured over the slow line
INTO_REDIS = ("imapclient_xadd", "producer")


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--short", action="store_true", help="fewer mails and rounds")
    options.add_argument("--mails", type=int, default=0)
    options.add_argument("--rounds", type=int, default=0)
    options.add_argument("--only", nargs="*", default=list(CONTENDERS), help="contenders to run")
    chosen = options.parse_args()
    mails, rounds = chosen.mails or (1500 if chosen.short else 10_000), chosen.rounds or (3 if chosen.short else 5)
    with ExitStack() as closing:
        target = closing.enter_context(_mailbox(mails))
        _print("IMAP, plain", _rounds(target.plain, chosen.only, rounds))
        _print("IMAP, TLS", _rounds(target.tls, chosen.only, rounds))
        proxy = closing.enter_context(CuttingProxy(target.plain.port, delay_s=DELAY_S))
        slow = replace(target.plain, port=proxy.port)
        _print("IMAP, 80 ms a round trip", _rounds(slow, [name for name in DELAYED if name in chosen.only], rounds))


@dataclass(frozen=True)
class _Targets:
    """One mailbox, two ways to it."""

    plain: Target
    tls: Target


@contextmanager
def _mailbox(mails: int) -> Iterator[_Targets]:
    """Fill a mailbox of a Dovecot, and start a Redis that keeps nothing on disk."""
    with ExitStack() as closing:
        folder = Path(closing.enter_context(tempfile.TemporaryDirectory()))
        stored = RedisServer(require_program("redis-server"), folder / "redis").start()
        closing.callback(stored.stop)
        server = DovecotServer()
        closing.callback(server.close)
        user = server.new_user()
        server.deliver(user, list(OfficeMails(1, MEAN_BYTES).take(mails)))
        assert len(server.uids(user)) == mails
        url = f"sqlite:///{folder}/mail.db"
        open_store(url, may_migrate=True).close()
        plain = Target(server.plain_port, user, PASSWORD, mails, redis_port=stored.port, database_url=url)
        yield _Targets(plain, replace(plain, port=server.tls_port, ca_file=str(server.certificates.ca)))


def _rounds(target: Target, names: list[str], rounds: int) -> dict[str, list[Figures]]:
    run("floor", target)  # fills the page cache and Dovecot's own
    found: dict[str, list[Figures]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            figures = run(name, target)
            assert figures.mails == target.mails, f"{name} read {figures.mails} of {target.mails} mails"
            found[name].append(figures)
            if name in INTO_REDIS:
                with redis.Redis(port=target.redis_port, protocol=2) as connection:
                    connection.flushall()
    return found


def _print(title: str, found: dict[str, list[Figures]]) -> None:
    table = Table(title=title)
    for column in ("contender", "mails/s", "of floor", "CPU s", "RSS MB"):
        table.add_column(column, justify="left" if column == "contender" else "right")
    floors = [each.seconds for each in found.get("floor", [])]
    for name, runs in found.items():
        rate = statistics.median(each.mails / each.seconds for each in runs)
        ratio = statistics.median(a / b.seconds for a, b in zip(floors, runs, strict=True)) if floors else 0.0
        cpu_s, rss_mb = statistics.median(each.cpu_s for each in runs), max(each.rss_mb for each in runs)
        table.add_row(name, f"{rate:,.0f}", f"{ratio:.2f}", f"{cpu_s:.2f}", f"{rss_mb:.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()
