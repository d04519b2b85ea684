"""`python producer.py` as a process: woken by pushes, and ended in order."""

from functools import partial
from pathlib import Path

import pytest

from config.settings import Settings
from src.common.exit_codes import OK
from src.stream.redis_stream import RedisStream
from tests.fakes.gmail.fake_gmail import FakeGmail
from tests.fixtures.redis_servers import RedisServer
from tests.fixtures.services import wait_until
from tests.integration.gmail.home import GmailHome
from tests.integration.gmail_push.conftest import SUBSCRIPTION, TOPIC
from tests.integration.producer.programs import published, start_producer, stream_on

pytestmark = pytest.mark.redis

MAIL = b"Subject: hello\r\n\r\nbody\r\n"


def test_a_mail_is_on_the_stream_long_before_the_next_poll(
    gmail: FakeGmail, redis7: RedisServer, push_settings: Settings, tmp_path: Path
) -> None:
    home = GmailHome(tmp_path, gmail, REDIS_URL=redis7.url)
    home.sign_in()
    pushes = {
        "GMAIL_PUBSUB_TOPIC": TOPIC,
        "GMAIL_PUBSUB_SUBSCRIPTION": SUBSCRIPTION,
        "GOOGLE_PUBSUB_CREDENTIALS_FILE": push_settings.google_pubsub_credentials_file,
        "PUBSUB_API_ENDPOINT": gmail.endpoint,
        "IMAP_POLL_INTERVAL_SECONDS": "600",
        "GMAIL_CENSUS_INTERVAL_SECONDS": "1e12",
    }
    stream = stream_on(redis7)
    program = start_producer(redis7, tmp_path, **{**home.settings, **pushes})
    try:
        wait_until(lambda: gmail.calls("messages.list") >= 2, what="the first look")
        for count in (1, 2):
            gmail.mailbox.add(MAIL)
            wait_until(partial(_has, stream, count), what="the mail on the stream")
    finally:
        program.stop()
    assert program.wait(20) == OK, program.said()
    assert "Traceback" not in program.said()


def _has(stream: RedisStream, count: int) -> bool:
    return published(stream) == count
