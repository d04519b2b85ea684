"""Reading IMAP: a raw socket that only drains the same FETCH is the floor; ratios are of mails a second.

`python -m scripts.bench.imap [--short]`. Contenders take turns in each round, and the median round counts, since other
work may run on the machine. See docs/imap.md for what was found.
"""

import argparse
import statistics
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.table import Table

from scripts.bench.imap_contenders import CONTENDERS, Figures, Target, run
from scripts.bench.office_mails import OfficeMails
from tests.fixtures.dovecot import DovecotServer
from tests.fixtures.dovecot_config import PASSWORD

MEAN_BYTES = 36_000  # of a mail in an office, attachments included


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--short", action="store_true", help="fewer mails and rounds")
    options.add_argument("--mails", type=int, default=0)
    options.add_argument("--rounds", type=int, default=0)
    options.add_argument("--only", nargs="*", default=list(CONTENDERS), help="contenders to run")
    chosen = options.parse_args()
    mails, rounds = chosen.mails or (1500 if chosen.short else 10_000), chosen.rounds or (3 if chosen.short else 5)
    with _mailbox(mails) as (server, user):
        for name, port, ca_file in (("plain", server.plain_port, ""), ("TLS", server.tls_port, server.certificates.ca)):
            target = Target(port, user, PASSWORD, mails, str(ca_file))
            _print(name, _rounds(target, chosen.only, rounds))


@contextmanager
def _mailbox(mails: int) -> Iterator[tuple[DovecotServer, str]]:
    server = DovecotServer()
    try:
        user = server.new_user()
        server.deliver(user, list(OfficeMails(1, MEAN_BYTES).take(mails)))
        assert len(server.uids(user)) == mails
        yield server, user
    finally:
        server.close()


def _rounds(target: Target, names: list[str], rounds: int) -> dict[str, list[Figures]]:
    run("floor", target)  # fills the page cache and Dovecot's own
    found: dict[str, list[Figures]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            figures = run(name, target)
            assert figures.mails == target.mails, f"{name} read {figures.mails} of {target.mails} mails"
            found[name].append(figures)
    return found


def _print(title: str, found: dict[str, list[Figures]]) -> None:
    table = Table(title=f"IMAP, {title}")
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
