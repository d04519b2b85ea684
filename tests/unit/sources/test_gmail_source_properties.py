"""Whatever happens to a mailbox while it is read, and however often reading breaks off: in the end the database shows
the mailbox as it is, and no mail was fetched twice without need.
"""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.common.errors import GmailRequestError, GmailUnavailableError, IngestError
from src.common.instruments import GMAIL_DRIFT
from src.common.logs import account_tag
from src.sources.gmail.listing import MOST_WALKS
from src.sources.gmail.snapshot import Drift
from src.sources.gmail.stubborn import GIVEN_UP_AFTER_S
from src.sources.gmail.visit import MAILBOX, Wanted
from tests.fakes.gmail.busy_user import ACTS, Act, BusyUser
from tests.fakes.gmail.mailbox import Mailbox
from tests.fixtures.logs import CapturedLogs
from tests.unit.sources.gmail_reading import ACCOUNT, PASSING, SMALL, GmailReader

Event = Act | Literal["step", "work", "restart", "expire", "tokens_end", "fault", "late", "time"]
EVENTS: tuple[Event, ...] = ("step", "work", "restart", "expire", "tokens_end", "fault", "late", "time")

_events = st.lists(st.one_of(st.sampled_from(ACTS), st.just("step"), st.sampled_from(EVENTS)), max_size=60)


@given(events=_events, seed=st.integers(0, 2**32), mails=st.integers(0, 12), tells_labels=st.booleans())
@settings(max_examples=300, deadline=None)
def test_any_sequence_of_events_ends_at_the_mailboxs_truth(
    events: list[Event], seed: int, mails: int, tells_labels: bool
) -> None:
    mailbox = Mailbox("someone@example.org", seed=seed)
    user = BusyUser(mailbox, seed)
    for _ in range(mails):
        user.do("add")
    reader = GmailReader(mailbox, tells_labels=tells_labels)
    for event in events:
        _happen(event, reader, user)

    reader.restart()
    reader.run()

    assert _without_drafts(reader.stored()) == reader.truth()
    assert not reader.model.dead
    census = {item.source_id: item.labels for item in reader.source.census()}
    assert census == {mail_id: labels for mail_id, (_, labels) in reader.stored().items()}


def test_a_look_that_goes_on_in_an_old_walk_over_history_ends_at_the_truth_all_the_same() -> None:
    mailbox = Mailbox("someone@example.org", seed=1)
    user = BusyUser(mailbox, seed=1)
    reader = GmailReader(mailbox)
    reader.run()
    for _ in range(9):  # several pages
        user.do("add")
    while not reader.cursor.values.get("history_page"):
        reader.step()
    reader.restart()
    for _ in range(9):  # behind what the first page told
        user.do("add")
    reader.run()
    assert reader.stored() == reader.truth()


def _happen(event: Event, reader: GmailReader, user: BusyUser) -> None:
    if event == "step":
        try:
            reader.step()
        except PASSING:
            reader.held = None
    elif event == "work":
        reader.model.work(2)
    elif event == "restart":
        reader.restart()
    elif event == "expire":
        reader.mailbox.expire_history()
    elif event == "tokens_end":
        reader.api.tokens_end()
    elif event == "fault":
        reader.api.before_call = _failing_once(reader)
    elif event == "late":
        reader.api.late += 2
    elif event == "time":
        reader.clock.advance(10.0)
    else:
        user.do(event)


def _failing_once(reader: GmailReader) -> Callable[[str], None]:
    def fail(_name: str) -> None:
        reader.api.before_call = lambda _: None
        raise GmailUnavailableError("the connection broke")

    return fail


def _without_drafts(
    stored: dict[str, tuple[bytes, tuple[str, ...]]],
) -> dict[str, tuple[bytes, tuple[str, ...]]]:
    return {mail_id: found for mail_id, found in stored.items() if "DRAFT" not in found[1]}


@given(seed=st.integers(0, 2**32), mails=st.integers(1, 40))
@settings(max_examples=50, deadline=None)
def test_a_mailbox_that_is_changed_at_every_call_is_followed(seed: int, mails: int) -> None:
    mailbox = Mailbox("someone@example.org", seed=seed)
    user, rng = BusyUser(mailbox, seed), random.Random(seed)
    for _ in range(mails):
        user.do("add")
    reader = GmailReader(mailbox)
    left = 60

    def act(_name: str) -> None:
        nonlocal left
        if left and rng.random() < 0.5:
            left -= 1
            user.act()
        reader.clock.advance(rng.choice([0.0, 3.0]))

    reader.api.before_call = act
    reader.run()
    left = 0
    reader.run()

    assert _without_drafts(reader.stored()) == reader.truth()


def test_a_restart_in_mid_backfill_fetches_nothing_twice() -> None:
    mailbox = Mailbox("someone@example.org")
    user = BusyUser(mailbox)
    for _ in range(20):
        user.do("add")
    reader = GmailReader(mailbox)
    for _ in range(12):
        reader.step()
        reader.held = None  # nothing was fetched ahead
        reader.restart()
    reader.run()
    assert len(reader.api.fetched) <= 20 + 12 * 3  # what a page had fetched when it was left
    assert reader.stored() == reader.truth()


def test_a_change_of_labels_costs_no_fetch() -> None:
    mailbox = Mailbox("someone@example.org")
    ids = [mailbox.add(b"Subject: %d\r\n\r\n" % number) for number in range(5)]
    reader = GmailReader(mailbox)
    reader.run()
    reader.api.fetched.clear()
    mailbox.relabel(*ids, add=["STARRED"], remove=["UNREAD"])
    reader.run()
    assert reader.api.fetched == []
    assert reader.stored() == reader.truth()


def _relabelled(mails: int) -> tuple[GmailReader, list[str]]:
    """Return a reader that is about to read that labels changed, of an API that does not tell them; and the mails."""
    mailbox = Mailbox(ACCOUNT)
    ids = [mailbox.add(b"Subject: %d\r\n\r\n" % number) for number in range(mails)]
    reader = GmailReader(mailbox, tells_labels=False)
    reader.run()
    mailbox.relabel(*ids, add=["STARRED"])
    reader.batches.clear()
    return reader, ids


def test_labels_that_the_history_does_not_tell_are_asked_for_together_and_said_in_batches() -> None:
    reader, ids = _relabelled(40)
    calls = Counter[str]()
    reader.api.before_call = lambda name: calls.update([name])
    reader.run()
    assert calls["look_up"] == len(ids)
    assert calls["get"] == 0, "one by one would take a round trip each"
    assert all(len(batch.envelopes) <= SMALL.batch_mails for batch in reader.batches)
    assert reader.stored() == reader.truth()


def test_labels_that_cannot_be_had_for_now_end_the_look_behind_those_of_the_others() -> None:
    reader, ids = _relabelled(3)
    reader.api.failing.add(ids[1])
    with pytest.raises(GmailUnavailableError):
        _step_on(reader)
    reader.model.work()
    starred = {mail_id for mail_id, (_, labels) in reader.stored().items() if "STARRED" in labels}
    assert starred == {ids[0], ids[2]}
    reader.api.failing.clear()
    reader.held = None
    reader.run()
    assert reader.stored() == reader.truth()


def test_labels_that_can_never_be_had_are_left_to_the_next_comparison(logs: CapturedLogs) -> None:
    reader, ids = _relabelled(3)
    reader.api.failing.add(ids[1])
    with pytest.raises(GmailUnavailableError):
        _step_on(reader)
    reader.held = None
    reader.clock.advance(GIVEN_UP_AFTER_S)
    reader.run()
    (left,) = logs.named("gmail_labels_not_told")
    assert left["code"] == "gmail_unavailable"
    assert reader.stored() != reader.truth()
    reader.compares_first = True
    reader.restart()
    reader.run()
    assert reader.stored() == reader.truth()


def test_names_of_labels_are_known_after_the_first_look_and_follow_new_and_renamed_ones() -> None:
    mailbox = Mailbox(ACCOUNT)
    mail = mailbox.add(b"Subject: 1\r\n\r\n")
    work = mailbox.create_label("Work")
    reader = GmailReader(mailbox)
    assert reader.source.label_names() is None
    reader.run()
    assert reader.source.label_names() == {work: "Work"}

    later = mailbox.create_label("Later")
    mailbox.relabel(mail, add=[later])
    calls = Counter[str]()
    reader.api.before_call = lambda name: calls.update([name])
    reader.run()
    assert reader.source.label_names() == {work: "Work", later: "Later"}
    mailbox.relabel(mail, remove=[later])
    reader.run()
    assert calls["labels"] == 1, "known ones are not asked for again"

    mailbox.delete_label(work)
    reader.compares_first = True
    reader.restart()
    reader.run()
    assert reader.source.label_names() == {later: "Later"}


@pytest.mark.parametrize("error", [GmailUnavailableError("label names of 1 MB"), GmailRequestError("no such call")])
def test_names_of_labels_that_are_not_told_keep_no_mail_from_being_read(error: IngestError) -> None:
    mailbox = Mailbox(ACCOUNT)
    mailbox.add(b"Subject: 1\r\n\r\n")
    reader = GmailReader(mailbox)

    def fail(name: str) -> None:
        if name == "labels":
            raise error

    reader.api.before_call = fail
    reader.run()
    assert reader.stored() == reader.truth()
    assert reader.source.label_names() is None

    reader.api.before_call = lambda _name: None
    reader.run()
    assert reader.source.label_names() == {}


def test_a_history_that_ends_while_all_is_compared_begins_anew() -> None:
    mailbox = Mailbox("someone@example.org")
    mailbox.add(b"Subject: 1\r\n\r\n")
    reader = GmailReader(mailbox)
    reader.run()
    reader.compares_first = True
    reader.restart()

    def expire(name: str) -> None:
        if name == "labels":  # asked for at the beginning of the comparison
            reader.api.before_call = lambda _: None
            mailbox.add(b"Subject: 2\r\n\r\n")
            mailbox.expire_history()

    reader.api.before_call = expire
    reader.run()
    assert reader.batches[-1].caught_up
    assert reader.stored() == reader.truth()


def test_a_full_sync_that_begins_in_mid_backfill_marks_what_is_gone() -> None:
    mailbox = Mailbox("someone@example.org")
    ids = [mailbox.add(b"Subject: %d\r\n\r\n" % number) for number in range(12)]
    reader = GmailReader(mailbox)
    while reader.cursor.values.get("listing") != "1" or len(reader.stored()) < 3:
        reader.step()
        reader.model.work()
    stored = sorted(reader.stored())
    mailbox.delete(stored[0])  # and the history tells nothing of it
    reader.model.cursors[MAILBOX] = reader.cursor.moved(history_id=mailbox.history_id)
    reader.compares_first = True
    reader.restart()
    reader.run()
    assert set(ids) - {stored[0]} == reader.stored().keys()


def test_new_mail_does_not_wait_for_a_comparison() -> None:
    reader, mailbox, _ = _compared_soon()
    added: list[str] = []
    lists_after = 0

    def act(name: str) -> None:
        nonlocal lists_after
        reader.clock.advance(1.0)
        if name == "list" and not added:
            added.append(mailbox.add(b"Subject: new\r\n\r\n"))
        lists_after += name == "list" and added[0] in {entry.envelope.source_id for entry in reader.model.live}

    reader.api.before_call = act
    reader.run(settle=False)
    assert lists_after > 10, "most of the lists are still to come when the mail is on the stream"
    reader.model.work()
    assert reader.stored() == reader.truth()


@given(seed=st.integers(0, 2**32), live_every_s=st.sampled_from([0.0, 2.0, 1e9]))
@settings(max_examples=60, deadline=None)
def test_what_a_user_does_while_all_is_compared_is_no_drift(seed: int, live_every_s: float) -> None:
    reader, _, user = _compared_soon(seed, live_every_s)
    rng, left = random.Random(seed), 30

    def act(name: str) -> None:
        nonlocal left
        if name == "list" and left and rng.random() < 0.5:
            left -= 1
            user.act()
        reader.clock.advance(1.0)

    reader.api.before_call = act
    reader.run()
    drift = [GMAIL_DRIFT.labels(account=account_tag(ACCOUNT), kind=kind.value)._value.get() for kind in Drift]
    left = 0
    reader.run()
    assert _without_drafts(reader.stored()) == reader.truth()
    assert drift == [0, 0, 0]


def test_a_label_that_is_deleted_while_all_is_compared_is_on_no_mail() -> None:
    reader, mailbox, _ = _compared_soon()
    label = mailbox.create_label("Work")
    mailbox.relabel(*mailbox.truth(), add=[label])
    reader.run()

    def delete(name: str) -> None:
        if name == "list":
            reader.api.before_call = lambda _: None
            mailbox.delete_label(label)

    reader.compares_first = True
    reader.restart()
    reader.api.before_call = delete
    reader.run()
    assert reader.stored() == reader.truth()


def test_tokens_that_run_out_while_all_is_compared_have_the_list_walked_anew() -> None:
    reader, _, _ = _compared_soon()
    lists = 0

    def act(name: str) -> None:
        nonlocal lists
        lists += name == "list"
        if name == "list" and lists in (12, 30):  # in the middle of a list
            reader.api.tokens_end()

    reader.api.before_call = act
    reader.run()
    assert reader.batches[-1].caught_up
    assert reader.stored() == reader.truth()


@pytest.mark.parametrize("listed", ["list", "history"])
def test_tokens_that_gmail_refuses_each_time_end_the_look_and_cost_nothing_later(listed: str) -> None:
    mailbox = Mailbox(ACCOUNT)
    reader = GmailReader(mailbox)
    if listed == "history":
        reader.run()
    for number in range(9):  # several pages
        mailbox.add(b"Subject: %d\r\n\r\n" % number)
    calls = Counter[str]()

    def act(name: str) -> None:
        calls[name] += 1
        reader.api.tokens_end()

    reader.api.before_call = act
    with pytest.raises(GmailUnavailableError, match=f"{MOST_WALKS} times"):
        _step_on(reader)
    assert calls[listed] <= 2 * MOST_WALKS + 1, "each walk is a page and a refusal; one list is that of the drafts"

    reader.api.before_call = lambda _name: None
    reader.run()
    assert reader.stored() == reader.truth()
    assert len(reader.api.fetched) == 9


def test_a_history_that_gmail_forgets_each_time_ends_the_look_and_costs_nothing_later() -> None:
    mailbox = Mailbox(ACCOUNT)
    reader = GmailReader(mailbox)
    reader.run()

    def act(name: str) -> None:
        if name == "history":
            mailbox.add(b"Subject: the last one that it tells of\r\n\r\n")
            mailbox.expire_history()

    reader.api.before_call = act
    with pytest.raises(GmailUnavailableError, match="gone 6 times"):
        _step_on(reader)

    reader.api.before_call = lambda _name: None
    reader.run()
    assert reader.stored() == reader.truth()
    assert len(reader.api.fetched) == len(mailbox.truth())


def test_old_mails_that_the_query_leaves_out_are_not_fetched_when_they_are_relabelled() -> None:
    mailbox = Mailbox(ACCOUNT)
    old = [mailbox.add(b"Subject: old %d\r\n\r\n" % number) for number in range(8)]
    wanted = Wanted(query="lately", spam_and_trash=False)
    lately = [mailbox.add(b"Subject: lately %d\r\n\r\n" % number) for number in range(2)]
    spam = mailbox.add(b"Subject: lately in spam\r\n\r\n", labels=["SPAM"])
    reader = GmailReader(mailbox, wanted=wanted)
    reader.run()
    assert reader.stored().keys() == set(lately)

    mailbox.relabel(*old, *lately, add=["STARRED"])
    mailbox.relabel(spam, remove=["SPAM"])
    new = mailbox.add(b"Subject: the query does not find it\r\n\r\n")
    mailbox.relabel(new, remove=["UNREAD"])
    reader.api.fetched.clear()
    reader.run()
    assert reader.stored().keys() == {*lately, spam, new}
    assert sorted(reader.api.fetched) == sorted([spam, new])


def _step_on(reader: GmailReader) -> None:
    """Read on for much longer than it takes to read a few mails."""
    for _ in range(100):
        reader.step()
        reader.model.work()


def _compared_soon(seed: int = 1, live_every_s: float = 5.0) -> tuple[GmailReader, Mailbox, BusyUser]:
    """Return a reader that has read a mailbox, and compares all of it at its next look."""
    mailbox = Mailbox(ACCOUNT, seed=seed)
    user = BusyUser(mailbox, seed)
    for _ in range(20):
        user.do("add")
    reader = GmailReader(mailbox, limits=replace(SMALL, live_every_s=live_every_s))
    reader.run()
    reader.compares_first = True
    reader.restart()
    return reader, mailbox, user
