"""The registry opens what a request names, and says what is wrong with it."""

from pathlib import Path

import pytest

from config.settings import SettingsError, load
from src.common.clock import SystemClock
from src.common.errors import FileUnreadableError
from src.producer.late_store import NothingKnown
from src.sources.registry import SOURCES
from src.sources.request import SourceRequest
from src.stream.memory.stream import MemoryStream
from tests.unit.sources.maildir_writing import make_folder


def request(path: Path | None = None, **settings: object) -> SourceRequest:
    own = load(_env_file=None, raw_spool_bytes=100_000, max_mail_bytes=2_000_000, **settings)
    return SourceRequest(own, "alice", NothingKnown(), MemoryStream(), SystemClock(), batch_mails=7, path=path)


def test_a_maildir_gives_a_source_for_each_folder(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "Maildir")
    make_folder(root / ".Sent")
    found = SOURCES["maildir"](request(root))
    assert [(source.account, source.kind, source.mailbox) for source in found] == [
        ("alice", "maildir", "INBOX"),
        ("alice", "maildir", "Sent"),
    ]


def test_imap_gives_a_source_for_each_mailbox_once_and_connects_to_nothing() -> None:
    found = SOURCES["imap"](request(imap_user="alice", imap_auth="password", imap_mailbox="INBOX, Work,INBOX"))
    assert [source.mailbox for source in found] == ["INBOX", "Work"]


def test_imap_needs_a_user() -> None:
    with pytest.raises(SettingsError, match="IMAP_USER"):
        SOURCES["imap"](request(imap_user=""))


@pytest.mark.parametrize("kind", ["mbox", "maildir"])
def test_files_that_are_not_there_are_refused(tmp_path: Path, kind: str) -> None:
    for path in (None, tmp_path / "nowhere"):
        with pytest.raises(FileUnreadableError):
            SOURCES[kind](request(path))


def test_limits_come_from_the_settings() -> None:
    limits = request().file_limits()
    assert (limits.batch_mails, limits.slice_bytes, limits.max_mail_bytes) == (7, 100_000, 2_000_000)
