"""The fault run judges rightly: whatever differs from Gmail is told; all acts and mischiefs happen."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.settings import Settings, load
from scripts.torturing import gmail_audit
from scripts.torturing.gmail_audit import Mails
from scripts.torturing.gmail_life import GmailLife, GmailWeather
from src.store.opening import open_store
from tests.contracts.mail_records import added, deleted

ACCOUNT = "ada@example.org"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A database with two mails, and a third that was deleted."""
    settings = load(database_url=f"sqlite:///{tmp_path}/mail.db")
    store = open_store(settings.database_url)
    store.write([added(each, account=ACCOUNT, labels=("INBOX",)) for each in ("a", "b", "c")])
    store.write([deleted("c", account=ACCOUNT, version=9)])
    store.close()
    return settings


def stored(settings: Settings) -> Mails:
    store = open_store(settings.database_url)
    try:
        mails = [mail for mail in store.known_mails(ACCOUNT) if not mail.is_deleted]
        return {mail.source_id: (mail.sha256, tuple(mail.labels)) for mail in mails}
    finally:
        store.close()


def test_a_database_like_the_mailbox_has_no_findings(settings: Settings) -> None:
    assert stored(settings).keys() == {"a", "b"}
    assert gmail_audit.compared(stored(settings), settings, ACCOUNT) == []


def test_each_difference_is_told(settings: Settings) -> None:
    truth = stored(settings)
    sha256, labels = truth["a"]
    for other, told in (
        ({**truth, "d": ("0" * 64, ())}, "1 mails are missing, such as d"),
        ({"b": truth["b"]}, "1 mails are there, though gone from the mailbox, such as a"),
        ({**truth, "a": ("0" * 64, labels)}, "1 mails are stored with other content, such as a"),
        ({**truth, "a": (sha256, ("INBOX", "STARRED"))}, "1 mails are stored with other labels, such as a"),
    ):
        assert gmail_audit.compared(other, settings, ACCOUNT) == [told]


def test_drafts_are_not_asked_for() -> None:
    told: dict[str, tuple[str, list[str]]] = {"a": ("1", ["DRAFT"]), "b": ("2", [])}
    assert gmail_audit.wanted(told) == {"b": ("2", ())}


def test_fetching_again_must_have_a_reason() -> None:
    assert gmail_audit.fetched_again({"fetched_again": 3, "faults": 3}, 0, batch_mails=50) == []
    assert gmail_audit.fetched_again({"fetched_again": 100, "faults": 0}, 1, batch_mails=50) == []
    (told,) = gmail_audit.fetched_again({"fetched_again": 4, "faults": 3}, 0, batch_mails=50)
    assert told.startswith("4 mails were fetched again")


def test_a_round_begun_anew_counts_but_not_a_reply_that_was_lost(tmp_path: Path) -> None:
    log = tmp_path / "processes.log"
    log.write_text(
        '{"event": "mailbox_failed"}\n{"event": "cursor_moved", "by_us": false}\n'
        '{"event": "cursor_moved", "by_us": true}\n{"event": "worker_started"}\n{"event": "mailbox_fai'
    )
    assert gmail_audit.new_rounds(log) == 2


@given(
    acts=st.integers(1, 200),
    looks=st.lists(st.integers(0, 500), max_size=20),
    counts=st.tuples(*[st.integers(0, 3)] * 3),
)
def test_all_acts_and_mischiefs_happen_once(acts: int, looks: list[int], counts: tuple[int, int, int]) -> None:
    weather = GmailWeather(1.0, 0, *counts, page_size=500)
    life = GmailLife(acts=acts, weather=weather, seed=1)
    done = 0
    happened: list[str] = []
    for through in [*looks, 10 * acts]:
        done += life.acts_due(through)
        happened += life.mischiefs_due()
    assert life.is_over
    assert done == acts
    assert sorted(happened) == sorted(weather.mischiefs())
