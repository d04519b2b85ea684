"""Which stored states are of mailboxes that nobody reads any more: never one whose reader may only have died."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from src.producer.board import MailboxName
from src.producer.retirement import UNSIGNED_AGE, Reading
from src.store.protocol import SyncState

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ADA, BEA, CID = (f"{name}@example.org" for name in ("ada", "bea", "cid"))


def stored(account: str, mailbox: str = "INBOX", reader: str = "old", *, is_gmail_api: bool = False) -> SyncState:
    return SyncState(account, mailbox, {}, "", NOW, reader, None, is_gmail_api)


def name(account: str, mailbox: str = "INBOX", kind: str = "imap") -> MailboxName:
    return MailboxName(account, mailbox, kind)


def test_a_change_from_imap_to_the_gmail_api_and_back() -> None:
    of_imap, of_gmail = stored(ADA, "Gmail"), stored(ADA, "Gmail", is_gmail_api=True)
    reading = Reading("new", [ADA])
    reading.open(ADA, [name(ADA, "Gmail", "gmail")])
    assert reading.retired([of_imap, of_gmail], NOW) == [of_imap]
    reading.open(ADA, [name(ADA, "Gmail")])
    assert reading.retired([of_imap, of_gmail], NOW) == [of_gmail]


def test_an_account_taken_out_of_the_settings_goes_with_the_process_that_read_it() -> None:
    states = [stored(ADA), stored(BEA), stored(CID, reader="another producer")]
    reading = Reading("new", [ADA])
    assert reading.retired(states, NOW) == [states[1]]


def test_the_predecessor_is_remembered_after_its_states_were_written_anew() -> None:
    reading = Reading("new", [ADA])
    assert reading.retired([stored(ADA)], NOW) == []
    assert reading.retired([stored(ADA, reader="new"), stored(BEA)], NOW) == [stored(BEA)]


def test_an_account_that_could_not_be_opened_yet_keeps_its_alarm() -> None:
    reading = Reading("new", [ADA, BEA])
    reading.open(ADA, [name(ADA)])
    assert reading.retired([stored(ADA), stored(BEA), stored(BEA, "Work")], NOW) == []


def test_what_an_earlier_release_wrote_is_retired_once_it_was_left_alone_for_long() -> None:
    reading = Reading("new", [ADA])
    lately, long_ago = stored(BEA, reader=""), stored(CID, reader="")
    long_ago = replace(long_ago, updated_at=NOW - UNSIGNED_AGE - timedelta(seconds=1))
    assert reading.retired([stored(ADA, reader=""), lately, long_ago], NOW) == [long_ago]


STATES = st.lists(
    st.builds(
        SyncState,
        account=st.sampled_from([ADA, BEA, CID]),
        mailbox=st.sampled_from(["INBOX", "Work"]),
        updated_at=st.just(NOW),
        reader=st.sampled_from(["old", "other", "new"]),
        retired_at=st.sampled_from([None, NOW]),
        is_gmail_api=st.booleans(),
    ),
    unique_by=lambda state: (state.account, state.mailbox, state.is_gmail_api),
)


@given(states=STATES, age=st.timedeltas(timedelta(), timedelta(days=400)))
def test_what_is_read_and_what_others_read_is_never_retired_however_old(
    states: list[SyncState], age: timedelta
) -> None:
    reading = Reading("new", [ADA, BEA])
    reading.open(ADA, [name(ADA), name(ADA, "Work")])
    predecessors = {state.reader for state in states if state.account != CID} - {"new"}
    for state in reading.retired(states, NOW + age):
        assert state.retired_at is None
        if state.account == ADA:
            assert state.is_gmail_api  # which is not read any more
        else:
            assert (state.account, state.reader in predecessors) == (CID, True)
