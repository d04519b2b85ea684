"""What a backfill costs in units and fetches, and what a kill adds, with real producers against the fake Gmail.

An idle look and changes of labels have their figures in tests/integration/gmail/test_gmail_sync.py.
"""

from pathlib import Path

import pytest

from src.common.exit_codes import OK
from src.sources.gmail.visit import MAILBOX
from tests.fakes.gmail.busy_user import synthetic_mail
from tests.fakes.gmail.fake_gmail import READ_SCOPE, FakeGmail
from tests.fakes.gmail_process import signed_in
from tests.fixtures.redis_servers import RedisServer
from tests.fixtures.services import wait_until
from tests.integration.producer.programs import start_producer, stream_on, times_on_the_stream

pytestmark = pytest.mark.redis

WAIT_S = 60.0
MOST_UNITS_A_MAIL = 20.1
IN_HAND = 20 + 2 * 20  # mails: two for each thread of the wire, and the batches that are fetched ahead and published


@pytest.fixture
def account(gmail: FakeGmail, tmp_path: Path) -> dict[str, str]:
    """Settings of a producer that is signed in, with a quota that is hardly felt."""
    refresh_token = gmail.google.issue_refresh_token(READ_SCOPE)
    return {
        **signed_in(gmail.environment(), gmail.mailbox.account, refresh_token, tmp_path),
        "GMAIL_QUOTA_UNITS_PER_MINUTE": "600000",
        "LEASE_SECONDS": "2",  # of a producer that died
        "GMAIL_CENSUS_INTERVAL_SECONDS": "1e12",  # a backfill is looked at, not the comparison that may follow it
    }


def test_a_backfill_costs_hardly_more_than_its_mails_and_its_changes_next_to_nothing(
    gmail: FakeGmail, account: dict[str, str], redis7: RedisServer, tmp_path: Path
) -> None:
    ids = [gmail.mailbox.add(synthetic_mail(number, size=500)) for number in range(600)]
    backfill = start_producer(redis7, tmp_path, "--once", **account)
    assert backfill.wait(WAIT_S) == OK, backfill.said()
    assert gmail.quota.units() / len(ids) <= MOST_UNITS_A_MAIL
    assert gmail.gets_by_id() == dict.fromkeys(ids, 1)

    gmail.quota.reset()
    gmail.mailbox.relabel(*ids, add=["STARRED"])
    changes = start_producer(redis7, tmp_path, "--once", **account)
    assert changes.wait(WAIT_S) == OK, changes.said()
    assert gmail.quota.units() / len(ids) <= 0.1
    assert gmail.gets_by_id() == dict.fromkeys(ids, 1)


def test_a_killed_producer_fetches_again_at_most_what_it_had_in_hand(
    gmail: FakeGmail, account: dict[str, str], redis7: RedisServer, tmp_path: Path
) -> None:
    ids = {gmail.mailbox.add(synthetic_mail(number, size=500)) for number in range(300)}
    slow = {**account, "GMAIL_QUOTA_UNITS_PER_MINUTE": "120000"}  # 98 mails a second
    killed = start_producer(redis7, tmp_path, "--once", "--batch-size", "20", **slow)
    stream = stream_on(redis7)
    wait_until(lambda: len(times_on_the_stream(stream, gmail.mailbox.account, MAILBOX)) >= 60, what="some mails")
    killed.kill9()
    published = times_on_the_stream(stream, gmail.mailbox.account, MAILBOX)
    in_hand = gmail.gets_by_id().keys() - published.keys()
    assert len(published) < len(ids)
    assert len(in_hand) <= IN_HAND

    after = start_producer(redis7, tmp_path, "--once", "--batch-size", "20", **account)
    assert after.wait(WAIT_S) == OK, after.said()
    assert times_on_the_stream(stream, gmail.mailbox.account, MAILBOX) == dict.fromkeys(ids, 1)
    assert {each for each, times in gmail.gets_by_id().items() if times > 1} <= in_hand
