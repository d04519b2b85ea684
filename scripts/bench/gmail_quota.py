"""Proof of the quota: a backfill sits at the account's budget and never above it. `python -m scripts.bench.gmail_quota`

The fake Gmail counts units call by call as they come in and refuses what goes over the budget, as Google does. Of any
window, wherever it begins, the peak must be at most the budget; the mean from the first call to the last at least 0.94
of it; no call may be refused. One process is the real producer. Two are programs that list and fetch half of the
mailbox each: two producers would not read one account at once, since a lease keeps the second one waiting.
"""

import argparse
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.bench.gmail_contenders import Run
from scripts.torturing.mortal_redis import MortalRedis
from src.common.exit_codes import INCOMPLETE, OK
from src.store.opening import open_store
from src.sync.quota_profile import PROFILES, ProfileName
from tests.fakes.gmail_process import GmailProcess

WANTED_MEAN = 0.94
MAILS: Mapping[ProfileName, int] = {
    "legacy": 5000,  # 105 s
    "2026": 600,  # two minutes, so that whole windows of 60 s are among it; 5,000 would take 17
}
MAIL_BYTES = 30_000


@dataclass(frozen=True)
class Proof:
    """What the fake saw."""

    profile: ProfileName
    mails: int
    processes: int
    peak: float  # of any window, as a share of the budget
    mean: float  # the same, from the first call to the last
    refused: int
    fetched_again: int
    units_a_mail: float
    seconds: float

    @property
    def never_over(self) -> bool:
        return self.peak <= 1.0 and not self.refused

    @property
    def holds(self) -> bool:
        return self.never_over and self.mean >= WANTED_MEAN and not self.fetched_again

    def __str__(self) -> str:
        return (
            f"{self.profile}, {self.mails} mails, {self.processes} process{'es' if self.processes > 1 else ''}, "
            f"{self.seconds:.0f} s: peak {self.peak:.3f} of the budget (wanted at most 1), "
            f"mean {self.mean:.3f} (wanted {WANTED_MEAN}), {self.refused} refused, {self.fetched_again} fetched twice, "
            f"{self.units_a_mail:.2f} units a mail{'' if self.holds else '  MISSED'}"
        )


def prove(profile: ProfileName, *, mails: int, processes: int, redis_url: str, folder: Path) -> Proof:
    """Read a mailbox of so many mails; the Redis must be empty."""
    database_url = f"sqlite:///{folder}/{profile}-{processes}.db"
    open_store(database_url, may_migrate=True).close()
    gmail = GmailProcess(mails=mails, size_bytes=MAIL_BYTES, profile=profile, enforce=True)
    try:
        environment = {
            **gmail.environment(folder),
            "REDIS_URL": redis_url,
            "REDIS_MAX_STREAM_LENGTH": str(mails + 1),
            "DATABASE_URL": database_url,
            "GMAIL_QUOTA_PROFILE": profile,
            "LOG_LEVEL": "ERROR",
        }
        read, seconds = _read(environment, processes)
        assert read == mails, f"{read} of {mails} mails were read"
    finally:
        told = gmail.end()
    return _proof(profile, mails, processes, told, seconds)


def _read(environment: Mapping[str, str], processes: int) -> tuple[int, float]:
    name = "producer" if processes == 1 else "walk"
    runs = [Run(name, environment, part=f"{number}/{processes}") for number in range(1, processes + 1)]
    for run in runs:
        run.begin()
    figures = [run.figures() for run in runs]
    return sum(each.mails for each in figures), max(each.seconds for each in figures)


def _proof(profile: ProfileName, mails: int, processes: int, told: Mapping[str, Any], seconds: float) -> Proof:
    quota = PROFILES[profile]
    return Proof(
        profile=profile,
        mails=mails,
        processes=processes,
        peak=told[f"peak_{quota.window_s:.0f}_s"] / quota.units,
        mean=told["mean_1_s"] * quota.window_s / quota.units,
        refused=told["refused"],
        fetched_again=told["mails_fetched_again"],
        units_a_mail=told["units"] / mails,
        seconds=seconds,
    )


def main() -> int:
    """Prove what the command line names, or all; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", nargs="*", choices=list(MAILS), default=list(MAILS))
    parser.add_argument("--processes", nargs="*", type=int, default=[1, 2])
    parser.add_argument("--mails", type=int, default=0)
    options = parser.parse_args()
    missed = 0
    for profile in options.profile:
        for processes in options.processes:
            proof = _on_own_redis(profile, options.mails or MAILS[profile], processes)
            print(proof, flush=True)
            missed += not proof.holds
    return INCOMPLETE if missed else OK


def _on_own_redis(profile: ProfileName, mails: int, processes: int) -> Proof:
    with ExitStack() as closing:
        folder = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="gmail-quota-")))
        server = MortalRedis(folder / "redis")
        server.start(is_durable=False)
        closing.callback(server.kill)
        url = f"redis://127.0.0.1:{server.port}/0"
        return prove(profile, mails=mails, processes=processes, redis_url=url, folder=folder)


if __name__ == "__main__":
    sys.exit(main())
