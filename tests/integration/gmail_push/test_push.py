"""A push wakes the account it is about, and only a push does: the poll interval of these producers is ten minutes."""

import pytest

from tests.integration.gmail_push.conftest import Home

pytestmark = pytest.mark.redis

MAIL = b"Subject: hello\r\n\r\nbody\r\n"


def test_new_mail_comes_at_once(home: Home) -> None:
    home.gmail.mailbox.add(MAIL)
    home.produce().await_idle()
    home.await_published(1)
    for number in range(2, 5):
        home.gmail.mailbox.add(MAIL)
        home.await_published(number)
