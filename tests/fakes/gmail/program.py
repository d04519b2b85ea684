"""The fake Gmail as a process of its own, so that a measurement counts the client's CPU alone.

    python -m tests.fakes.gmail.program --mails 5000 --bytes 30000 --latency-ms 90 --profile legacy --enforce

Prints one line of JSON: the settings that point a program here, the account and a refresh token. Serves until its
standard input ends; then prints a last line: what was called, spent and refused. Lines that come by the input are
commands, such as `{"do": "act", "times": 3}`, each answered by a line; they are listed in control.py.
"""

import argparse
import json
import sys
from typing import Any

from tests.fakes.gmail.busy_user import synthetic_mail
from tests.fakes.gmail.control import Control
from tests.fakes.gmail.fake_gmail import READ_SCOPE, FakeGmail
from tests.fakes.gmail.paging import LARGEST_PAGE
from tests.fakes.gmail.quota import LEGACY, SINCE_2026


def main() -> None:
    """Serve until standard input ends."""
    options = _options()
    gmail = FakeGmail(seed=options.seed)
    for number in range(options.mails):
        gmail.mailbox.add(synthetic_mail(number, size=options.bytes))
    gmail.service.checks_answers = False  # that is for tests, not for measurements
    gmail.latency_s = options.latency_ms / 1000
    gmail.http.gzip_level = options.gzip_level
    gmail.quota.profile = {profile.name: profile for profile in (SINCE_2026, LEGACY)}[options.profile]
    gmail.quota.is_enforced = options.enforce
    gmail.quota.max_concurrent = options.max_concurrent
    gmail.paging.largest = options.page_size
    gmail.start()
    print(json.dumps(_where(gmail)), flush=True)
    for answer in Control(gmail, seed=options.seed).answers(sys.stdin):
        print(answer, flush=True)
    gmail.stop()
    print(json.dumps(_summary(gmail)), flush=True)


def _where(gmail: FakeGmail) -> dict[str, Any]:
    return {
        "environment": gmail.environment(),
        "account": gmail.mailbox.account,
        "refresh_token": gmail.google.issue_refresh_token(READ_SCOPE),
    }


def _summary(gmail: FakeGmail) -> dict[str, Any]:
    gets = gmail.gets_by_id()
    return {
        "calls": len(gmail.log),
        "refused": sum(seen.status in (403, 429) for seen in gmail.log),
        "mails_fetched": len(gets),
        "mails_fetched_again": sum(times > 1 for times in gets.values()),
        "units": gmail.quota.units(),
        "peak_1_s": gmail.quota.peak(1.0),
        "peak_60_s": gmail.quota.peak(60.0),
        "mean_1_s": round(gmail.quota.mean(1.0), 1),
        "peak_concurrent": gmail.quota.peak_concurrent,
        "errors": gmail.mistakes,
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A Gmail of our own, to be measured against.")
    parser.add_argument("--mails", type=int, default=1000)
    parser.add_argument("--bytes", type=int, default=30_000, help="of one mail")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="a round trip")
    parser.add_argument("--gzip-level", type=int, default=0, choices=range(10))
    parser.add_argument("--profile", choices=[SINCE_2026.name, LEGACY.name], default=SINCE_2026.name)
    parser.add_argument("--enforce", action="store_true", help="refuse calls over the budget")
    parser.add_argument("--max-concurrent", type=int, default=None)
    parser.add_argument("--page-size", type=int, default=LARGEST_PAGE, help="most entries of a list in one answer")
    parser.add_argument("--seed", type=int, default=0, help="of ids, faults and what the user does")
    return parser.parse_args()


if __name__ == "__main__":
    main()
