"""A home for one account, on an embedded Redis and SQLite, with a fake Gmail over HTTP."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from src.common.embedded_redis import stop_embedded
from tests.fakes.gmail.fake_gmail import FakeGmail
from tests.integration.gmail.home import GmailHome


@pytest.fixture
def home(tmp_path: Path, gmail: FakeGmail) -> Iterator[GmailHome]:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    home = GmailHome(tmp_path, gmail)
    home.sign_in()
    yield home
    for number, handler in handlers.items():  # producers and workers in this process put their own in place
        signal.signal(number, handler)
    stop_embedded(tmp_path / "redis")
