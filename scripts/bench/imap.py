"""Reading IMAP: a raw socket that only drains the same FETCH is the floor; ratios are of mails a second.

`python -m scripts.bench.imap [--short]`. Contenders take turns in each round, and the median round counts, since other
work may run on the machine. The producer reads as `python producer.py --once` does, with the default batch size; its
imports are not timed, its log-in, its first look at Redis and the database are. Found figures: docs/performance.md.
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
LARGE_BYTES = 30 * 1024 * 1024  # of the mail whose memory is measured


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
        if "producer" in chosen.only:
            _print("Memory: 200 mails", _rounds(target.few, ["producer"], 1))
            _print("Memory: the same and one of 30 MB", _rounds(target.few_and_large, ["producer"], 1))


@dataclass(frozen=True)
class _Targets:
    """One mailbox and two ways to it, and two small mailboxes whose difference is one large mail."""

    plain: Target
    tls: Target
    few: Target
    few_and_large: Target


@contextmanager
def _mailbox(mails: int) -> Iterator[_Targets]:
    """Fill a mailbox of a Dovecot, and start a Redis that keeps nothing on disk."""
    with ExitStack() as closing:
        folder = Path(closing.enter_context(tempfile.TemporaryDirectory()))
        stored = RedisServer(require_program("redis-server"), folder / "redis").start()
        closing.callback(stored.stop)
        server = DovecotServer()
        closing.callback(server.close)
        user, few, few_and_large = server.new_user(), server.new_user(), server.new_user()
        server.deliver(user, list(OfficeMails(1, MEAN_BYTES).take(mails)))
        assert len(server.uids(user)) == mails
        some = list(OfficeMails(2, MEAN_BYTES).take(200))
        server.deliver(few, some)
        server.deliver(few_and_large, [*some, b"Subject: large\r\n\r\n" + b"0123456789abcdef" * (LARGE_BYTES // 16)])
        url = f"sqlite:///{folder}/mail.db"
        open_store(url, may_migrate=True).close()
        plain = Target(server.plain_port, user, PASSWORD, mails, redis_port=stored.port, database_url=url)
        yield _Targets(
            plain,
            replace(plain, port=server.tls_port, ca_file=str(server.certificates.ca)),
            replace(plain, user=few, mails=len(some)),
            replace(plain, user=few_and_large, mails=len(some) + 1),
        )


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
    for column in ("contender", "mails/s", "of floor", "CPU µs a mail", "RSS MB"):
        table.add_column(column, justify="left" if column == "contender" else "right")
    floors = [each.seconds for each in found.get("floor", [])]
    for name, runs in found.items():
        rate = statistics.median(each.mails / each.seconds for each in runs)
        ratio = statistics.median(a / b.seconds for a, b in zip(floors, runs, strict=True)) if floors else 0.0
        cpu_us = statistics.median(each.cpu_s / each.mails for each in runs) * 1e6
        rss_mb = max(each.rss_mb for each in runs)
        table.add_row(name, f"{rate:,.0f}", f"{ratio:.2f}", f"{cpu_us:,.0f}", f"{rss_mb:.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()
