"""The quota as Google would count it: the whole wire against the fake Gmail, which notes each call as it comes in.

These are short versions of `make gmail-quota`. What the governor promises is held in simulated time, for any traffic,
by test_quota_scripts.py; here threads, processes and connections have their say too. A machine that stalls for 50 ms
delays calls by more than any pace allows for, so a run that was spoiled is made again.
"""

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.bench.gmail_contenders import Run
from src.auth.api_credentials import ApiCredentials
from src.common.clock import SystemClock
from src.common.redis_client import RedisConnection
from src.sync.gmail_api import GmailApi
from src.sync.gmail_values import RawMessage
from src.sync.quota import Governor
from src.sync.quota_profile import PROFILES, QuotaProfile
from src.sync.quota_scripts import QuotaScripts
from tests.fakes.gmail.busy_user import synthetic_mail
from tests.fakes.gmail.fake_gmail import READ_SCOPE, FakeGmail
from tests.fakes.gmail.quota import LEGACY
from tests.fakes.gmail.quota import QuotaProfile as Bill
from tests.fakes.gmail_process import signed_in
from tests.fixtures.redis_servers import RedisServer

pytestmark = pytest.mark.redis

WANTED_MEAN = 0.94
RUNS = 5
# The shape of 2026, twenty times as fast: 300 mails in a window.
QUICK_2026 = replace(PROFILES["2026"], window_s=3.0, spread_s=0.05)


@pytest.fixture
def mailbox(gmail: FakeGmail) -> Callable[[int], FakeGmail]:
    """Fills the mailbox with so many mails of 30 KB."""

    def fill(mails: int) -> FakeGmail:
        for number in range(mails):
            gmail.mailbox.add(synthetic_mail(number, size=30_000))
        gmail.service.checks_answers = False  # that would take longer than all the rest
        return gmail

    return fill


def is_at_the_budget(gmail: FakeGmail, profile: QuotaProfile) -> bool:
    """Say whether no window was over the budget, and the mean close to it."""
    is_never_over = gmail.quota.peak(profile.window_s) <= profile.units and not gmail.quota.refusals
    return is_never_over and gmail.quota.mean(profile.window_s) >= WANTED_MEAN * profile.units


def any_run(run: Callable[[], bool], gmail: FakeGmail) -> bool:
    for _ in range(RUNS):
        gmail.quota.reset()
        gmail.log.clear()
        if run():
            return True
    return False


def test_one_process_sits_at_the_budget_of_a_window(
    mailbox: Callable[[int], FakeGmail], redis: RedisConnection
) -> None:
    gmail = mailbox(500)
    ids = list(gmail.mailbox.truth())
    gmail.quota.profile = Bill("quick", gmail.quota.profile.costs, ((QUICK_2026.window_s, QUICK_2026.units),))
    gmail.quota.is_enforced = True
    token = gmail.google.issue_access_token(READ_SCOPE)

    def run() -> bool:
        redis.commands.flushall()
        scripts = QuotaScripts(redis.commands, account=gmail.mailbox.account, prefix="mails")
        governor = Governor(scripts, QUICK_2026, account=gmail.mailbox.account, clock=SystemClock())
        api = GmailApi(ApiCredentials(lambda refused="": token), governor, clock=SystemClock(), endpoint=gmail.endpoint)
        with closing(governor), closing(api):
            mails = [mail for _, mail in api.fetch_many(ids, use="backfill") if isinstance(mail, RawMessage)]
        assert len(mails) == 500
        return is_at_the_budget(gmail, QUICK_2026)

    assert any_run(run, gmail)


def test_two_processes_on_one_account_share_the_budget(
    mailbox: Callable[[int], FakeGmail], redis7: RedisServer, tmp_path: Path
) -> None:
    gmail = mailbox(260)
    gmail.quota.profile, gmail.quota.is_enforced = LEGACY, True
    refresh_token = gmail.google.issue_refresh_token(READ_SCOPE)
    environment = {
        **signed_in(gmail.environment(), gmail.mailbox.account, refresh_token, tmp_path),
        "REDIS_URL": redis7.url,
        "GMAIL_QUOTA_PROFILE": "legacy",
    }

    def run() -> bool:
        both = [Run("walk", environment, part=part) for part in ("1/2", "2/2")]
        for one in both:
            one.begin()
        assert [one.figures().mails for one in both] == [130, 130]
        return is_at_the_budget(gmail, PROFILES["legacy"])

    assert any_run(run, gmail)
