"""Sync states reach the database in the end, and never hold anybody up."""

import threading
from dataclasses import replace
from datetime import datetime

import pytest

from src.common.clock import SystemClock
from src.common.errors import DatabaseUnavailableError
from src.model.cursor import Cursor
from src.producer.board import MailboxName
from src.producer.pace import Left
from src.producer.sync_states import SyncStateKeeper
from src.store.protocol import SyncState
from tests.fixtures.services import wait_until

NAME = MailboxName("alice@example.org", "INBOX", "imap")


class States:
    """Plays SyncStates; away while `is_away` is set."""

    def __init__(self) -> None:
        self.saved: list[tuple[str, SyncState]] = []
        self.tries = 0
        self.is_away = threading.Event()
        self.fault: Exception = DatabaseUnavailableError("locked")

    def save_sync_state(self, source: str, state: SyncState) -> None:
        self.tries += 1
        if self.is_away.is_set():
            raise self.fault
        self.saved.append((source, state))

    def sync_states(self, account: str | None = None) -> list[SyncState]:
        if account is None and self.is_away.is_set():
            self.tries += 1
            raise self.fault
        return [state for _, state in self.saved]

    def retire_sync_state(self, state: SyncState, at: datetime) -> bool:
        position = [found for _, found in self.saved].index(state)
        self.saved[position] = (self.saved[position][0], replace(state, retired_at=at))
        return True


def test_the_latest_state_is_written_at_the_end() -> None:
    states = States()
    keeper = SyncStateKeeper(states, SystemClock(), interval_s=60.0)
    keeper.start()
    for uid in range(5):
        keeper.keep(NAME, Cursor({"last_uid": str(uid)}))
    keeper.keep(NAME, Cursor({"last_uid": "5"}), is_caught_up=True)
    keeper.close()
    ((source, state),) = states.saved
    assert (source, state.account, state.mailbox, state.values["last_uid"]) == ("imap", NAME.account, "INBOX", "5")
    assert state.values["last_poll"].isdigit()


@pytest.mark.parametrize("fault", [DatabaseUnavailableError("locked"), ValueError("a bug")], ids=["away", "bug"])
def test_a_database_that_is_away_gets_the_latest_state_when_it_is_back(fault: Exception) -> None:
    states = States()
    states.fault = fault
    states.is_away.set()
    keeper = SyncStateKeeper(states, SystemClock(), interval_s=0.01)
    keeper.start()
    keeper.keep(NAME, Cursor({"last_uid": "1"}))
    wait_until(lambda: states.tries > 2, what="some tries in vain")
    keeper.keep(NAME, Cursor({"last_uid": "2"}), error_code="source_unavailable")
    states.is_away.clear()
    wait_until(lambda: bool(states.saved), what="the state to be written")
    keeper.close()
    assert [state.values["last_uid"] for _, state in states.saved] == ["2"]
    assert states.saved[0][1].error_code == "source_unavailable"


def test_what_is_left_is_written_until_the_mailbox_is_read_to_its_end() -> None:
    states = States()
    keeper = SyncStateKeeper(states, SystemClock(), interval_s=60.0)
    keeper.keep(NAME, Cursor(), left=Left(40, 12.5))
    keeper.start()
    keeper.close()
    assert [(state.left_mails, state.left_s) for _, state in states.saved] == [(40, 12.5)]
    keeper.keep(NAME, Cursor(), is_caught_up=True)
    keeper._save()
    assert [state.left_mails for _, state in states.saved] == [40, None]


def test_names_of_labels_stay_as_they_were_told_last_also_by_an_earlier_process() -> None:
    states = States()
    for told in (None, {"Label_1": "Work"}, None, {"Label_1": "Play"}, {}):
        keeper = SyncStateKeeper(states, SystemClock(), interval_s=60.0)
        keeper.start()
        keeper.keep(NAME, Cursor(), label_names=told)
        keeper.keep(NAME, Cursor(), error_code="gmail_unavailable")
        keeper.close()
    work, play = {"Label_1": "Work"}, {"Label_1": "Play"}
    assert [state.label_names for _, state in states.saved] == [None, work, work, play, {}]


def forgiven(states: States, *, is_away: bool = False) -> list[SyncState]:
    """Return what is written when an error is forgiven."""
    before = len(states.saved)
    keeper = SyncStateKeeper(states, SystemClock(), interval_s=0.01)
    if is_away:
        states.is_away.set()
    keeper.start()
    keeper.forgive(NAME)
    if is_away:
        wait_until(lambda: states.tries > 1, what="some tries in vain")
        states.is_away.clear()
        wait_until(lambda: len(states.saved) > before, what="the state to be written")
    keeper.close()
    return [state for _, state in states.saved[before:]]


@pytest.mark.parametrize("is_away", [False, True], ids=["at once", "when the database is back"])
def test_a_forgiven_error_is_taken_from_what_is_stored(is_away: bool) -> None:
    states = States()
    stored = SyncState(NAME.account, NAME.mailbox, {"last_uid": "4", "last_poll": "1700000000"}, "login_refused", None)
    states.saved.append(("imap", stored))
    (written,) = forgiven(states, is_away=is_away)
    assert (written.error_code, written.values) == ("", stored.values)


@pytest.mark.parametrize("mailbox", [NAME.mailbox, "Other"])
def test_forgiving_makes_no_state_and_leaves_those_that_are_well(mailbox: str) -> None:
    states = States()
    error_code = "" if mailbox == NAME.mailbox else "login_refused"
    states.saved.append(("imap", SyncState(NAME.account, mailbox, {}, error_code, None)))
    assert forgiven(states) == []


def test_what_was_kept_before_it_was_forgiven_is_not_written() -> None:
    states = States()
    keeper = SyncStateKeeper(states, SystemClock(), interval_s=60.0)
    keeper.start()
    keeper.keep(NAME, Cursor(), error_code="login_refused")
    keeper.forgive(NAME)
    keeper.close()
    assert states.saved == []


def test_a_new_process_in_trouble_keeps_when_the_mailbox_was_last_read_to_its_end() -> None:
    states = States()
    earlier = SyncState(NAME.account, NAME.mailbox, {"last_uid": "4", "last_poll": "1700000000"}, "", None)
    states.saved.append(("imap", earlier))
    keeper = SyncStateKeeper(states, SystemClock(), interval_s=60.0)
    keeper.start()
    keeper.keep(NAME, Cursor({"last_uid": "4"}), error_code="login_refused")
    keeper.close()
    _, written = states.saved[-1]
    assert (written.error_code, written.values["last_poll"]) == ("login_refused", "1700000000")


def test_a_mailbox_taken_out_of_the_settings_is_retired_and_one_that_is_read_is_not() -> None:
    states = States()
    states.saved += [("imap", SyncState(NAME.account, mailbox, {"last_uid": "4"})) for mailbox in ("INBOX", "Work")]
    keeper = SyncStateKeeper(states, SystemClock(), reader="host-2", accounts=[NAME.account], interval_s=60.0)
    keeper.reads(NAME.account, [NAME])
    keeper.start()
    keeper.keep(NAME, Cursor({"last_uid": "5"}), is_caught_up=True)
    keeper.close()
    found = {state.mailbox: (state.values["last_uid"], state.retired_at is None) for _, state in states.saved}
    assert found == {"INBOX": ("5", True), "Work": ("4", False)}
    assert states.saved[-1][1].reader == "host-2"


def test_a_database_that_is_away_at_first_still_has_them_retired() -> None:
    states = States()
    states.saved.append(("imap", SyncState(NAME.account, "Work", {})))
    states.is_away.set()
    keeper = SyncStateKeeper(states, SystemClock(), reader="host-2", accounts=[NAME.account], interval_s=0.01)
    keeper.reads(NAME.account, [NAME])
    keeper.start()
    wait_until(lambda: states.tries > 2, what="some tries in vain")
    states.is_away.clear()
    wait_until(lambda: states.saved[0][1].retired_at is not None, what="the state to be retired")
    keeper.close()


@pytest.mark.parametrize("is_caught_up", [True, False])
def test_an_import_is_done_with_at_its_end_and_retires_nothing_of_others(is_caught_up: bool) -> None:
    states = States()
    states.saved.append(("imap", SyncState(NAME.account, "INBOX", {})))
    archive = replace(NAME, mailbox="archive", kind="mbox")
    keeper = SyncStateKeeper(states, SystemClock(), accounts=[NAME.account], is_import=True, interval_s=60.0)
    keeper.reads(NAME.account, [archive])
    keeper.start()
    keeper.keep(archive, Cursor({"offset": "5"}), is_caught_up=is_caught_up)
    keeper.close()
    (_, inbox), (_, imported) = states.saved
    assert inbox.retired_at is None
    assert (imported.retired_at is not None) == is_caught_up


def test_an_import_that_is_broken_off_expects_nobody_to_keep_it_fresh() -> None:
    states = States()
    archive = replace(NAME, mailbox="archive", kind="mbox")
    states.saved.append(("imap", SyncState(NAME.account, "archive", {"last_poll": "1700000000"})))
    keeper = SyncStateKeeper(states, SystemClock(), accounts=[NAME.account], is_import=True, interval_s=60.0)
    keeper.start()
    keeper.keep(archive, Cursor({"offset": "5"}))
    keeper.close()
    assert "last_poll" not in states.saved[-1][1].values
