"""A mailbox at Gmail ends in the database as it is there: through the real wire, stream, worker and store."""

from datetime import UTC, datetime

import pytest

from src.common import exit_codes
from tests.contracts.mail_records import changed, deleted
from tests.fakes.gmail import faults
from tests.fakes.gmail.busy_user import ACTS, BusyUser, synthetic_mail
from tests.fakes.gmail.fake_gmail import FakeGmail
from tests.fakes.gmail.faults import Fault
from tests.integration.gmail.home import GmailHome


def fill(gmail: FakeGmail, mails: int, *, acts: int = 0) -> BusyUser:
    user = BusyUser(gmail.mailbox, seed=mails)
    for _ in range(mails):
        user.do("add")
    for _ in range(acts):
        user.act()
    return user


def test_backfill_then_changes_end_at_the_truth_and_each_mail_is_fetched_once(home: GmailHome) -> None:
    user = fill(home.gmail, 70, acts=30)
    home.sync()
    assert home.stored() == home.truth()
    assert home.verdict()["is_complete"] is True

    for _ in range(40):
        user.act()
    home.sync()
    assert home.stored() == home.truth()
    assert home.verdict()["is_complete"] is True
    assert {home.gmail.gets(mail_id) for mail_id in home.stored()} == {1}


def test_labels_are_shown_by_their_names_once_the_mailbox_was_read(home: GmailHome) -> None:
    label = home.gmail.mailbox.create_label("Kunden/Öl")
    mail = home.gmail.mailbox.add(b"Subject: invoice\r\n\r\nbody\r\n", labels=[label])
    home.sync()
    (hit,) = home.json("search", "invoice")
    assert (hit["source_id"], hit["labels"], hit["label_names"]) == (mail, [label], ["Kunden/Öl"])


def test_a_change_of_labels_costs_no_fetch_and_an_idle_look_two_units(home: GmailHome) -> None:
    fill(home.gmail, 10)
    home.sync()
    before, units = home.gmail.calls("messages.get"), home.gmail.quota.units()
    home.produce()
    assert home.gmail.quota.units() - units == 2 + 1  # one call to the history; each process asks once for labels
    home.gmail.mailbox.relabel(*home.gmail.mailbox.truth(), add=["STARRED"])
    home.gmail.mailbox.relabel(*home.gmail.mailbox.truth(), remove=["STARRED", "INBOX"])
    archived, *_ = home.gmail.mailbox.truth()
    home.gmail.mailbox.relabel(archived, remove=["UNREAD", "SENT"])  # it has no label then
    home.sync()
    assert home.gmail.calls("messages.get") == before
    assert home.stored() == home.truth()


def test_history_that_expired_is_repaired_with_its_deletes_and_labels(home: GmailHome) -> None:
    user = fill(home.gmail, 30)
    home.sync()
    for act in ACTS:
        user.do(act)
    home.gmail.mailbox.expire_history()
    home.sync()
    assert home.stored() == home.truth()
    assert home.verdict()["is_complete"] is True
    assert {home.gmail.gets(mail_id) for mail_id in home.stored()} == {1}


@pytest.mark.parametrize(
    "fault",
    [
        faults.throttled(retry_after="seconds", wait_s=1),
        faults.throttled(403, "userRateLimitExceeded", retry_after="text", wait_s=0.5),
        faults.FAILED_PRECONDITION,
        faults.server_error(502),
        faults.server_error(503),
        faults.UNAUTHENTICATED,
        faults.HANGS_UP,
        faults.cut(),
        faults.broken_json(),
    ],
    ids=["429", "403", "400", "502", "503", "401", "hangs up", "cut", "broken json"],
)
def test_a_bad_day_costs_no_mail(home: GmailHome, fault: Fault) -> None:
    fill(home.gmail, 8)
    for method in ("getProfile", "messages.list", "history.list", "messages.get"):
        home.gmail.faults.add(fault, method, times=1)
    home.sync()
    assert home.stored() == home.truth()
    assert home.verdict()["is_complete"] is True


def test_a_mail_that_the_api_never_gives_is_dead_with_a_reason_and_its_neighbours_are_stored(home: GmailHome) -> None:
    fill(home.gmail, 5)
    (refused, *others) = sorted(home.gmail.mailbox.truth())
    home.gmail.faults.add(faults.FAILED_PRECONDITION, "messages.get", about=refused)
    home.produce(expect=exit_codes.INCOMPLETE)
    home.drain()
    assert sorted(home.stored()) == others
    told = home.verdict(expect=exit_codes.INCOMPLETE)
    assert told["dead"] == [{"source_id": refused, "mailbox": "Gmail", "uid": 0, "code": "mail_unfetchable"}]
    assert home.verdict("--accept-dead")["is_accounted_for"] is True

    home.gmail.faults.clear()
    home.cli("dlq", "purge", "--all", "--yes")
    home.verdict("--repair", expect=exit_codes.INCOMPLETE)
    home.drain()
    assert home.verdict()["is_complete"] is True


def test_a_mail_that_is_not_visible_at_once_is_looked_for_again(home: GmailHome) -> None:
    home.sync()
    fill(home.gmail, 1)
    home.gmail.faults.add(faults.NOT_FOUND, "messages.get", times=1)
    home.sync()
    assert home.stored() == home.truth()


def test_an_old_mail_that_is_not_there_once_is_looked_for_again(home: GmailHome) -> None:
    fill(home.gmail, 6)
    home.gmail.faults.add(faults.NOT_FOUND, "messages.get", times=2, once_each=True)
    home.sync()
    assert home.stored() == home.truth()


def test_a_sign_in_that_ended_is_said_and_after_a_new_one_it_goes_on(home: GmailHome) -> None:
    fill(home.gmail, 4)
    home.produce()
    home.gmail.google.sign_out(home.account)
    home.gmail.google.end_access_tokens()
    fill(home.gmail, 4)
    home.produce(expect=exit_codes.OPERATOR_NEEDED)
    home.sign_in()
    home.sync()
    assert home.stored() == home.truth()


def test_verify_names_what_differs_and_repair_mends_it(home: GmailHome) -> None:
    fill(home.gmail, 12)
    home.sync()
    hidden, relabelled, *_ = sorted(home.stored())
    home.gmail.mailbox.delete(gone := sorted(home.stored())[2])
    home.sync()
    home.spoil(deleted, hidden)
    home.spoil(changed, relabelled, labels=("Label_9", "INBOX"))
    home.spoil(changed, gone, labels=("INBOX",))

    told = home.verdict(expect=exit_codes.INCOMPLETE)
    assert {what: [gap["source_id"] for gap in told[what]] for what in ("hidden", "wrong_labels", "extra")} == {
        "hidden": [hidden],
        "wrong_labels": [relabelled],
        "extra": [gone],
    }
    home.verdict("--repair", expect=exit_codes.INCOMPLETE)
    home.drain()
    assert home.stored() == home.truth()
    assert home.verdict()["is_complete"] is True


def test_a_full_sync_brings_what_the_database_lost_and_fetches_nothing_else(home: GmailHome) -> None:
    fill(home.gmail, 12)
    home.sync()
    lost = sorted(home.stored())[:3]
    home.forget(lost)
    home.sync()  # the history has nothing new
    assert home.stored() != home.truth()
    home.produce(compares_first=True)
    home.drain()
    assert home.stored() == home.truth()
    assert {mail_id for mail_id, times in home.gmail.gets_by_id().items() if times > 1} == set(lost)


def test_filters_bring_what_they_name_and_verify_agrees(home: GmailHome) -> None:
    box = home.gmail.mailbox
    work = box.create_label("Work")
    long_ago, lately = datetime(2020, 5, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC)
    for number in range(4):
        box.add(synthetic_mail(number, size=300), labels=[work], received_at=long_ago)
        box.add(synthetic_mail(10 + number, size=300), labels=["INBOX"], received_at=lately)
        box.add(synthetic_mail(20 + number, size=300), labels=[work, "INBOX"], received_at=lately)
        box.add(synthetic_mail(30 + number, size=300), labels=[work, "SPAM"], received_at=lately)
    narrow = home.narrowed(GMAIL_LABELS="work", GMAIL_SINCE="2024-01-01", GMAIL_SPAM_AND_TRASH="false")
    narrow.sync()
    wanted = {mail.id for mail in box.truth().values() if {work, "INBOX"} <= mail.labels}
    assert narrow.stored().keys() == wanted == home.gmail.gets_by_id().keys()
    assert narrow.verdict()["is_complete"] is True

    archived, spam = sorted(wanted)[0], next(mail.id for mail in box.truth().values() if "SPAM" in mail.labels)
    box.relabel(archived, remove=[work])  # what is stored stays, and its labels are told
    box.relabel(spam, remove=["SPAM"])  # what comes to be wanted is fetched
    narrow.sync()
    assert narrow.stored().keys() == wanted | {spam}
    assert narrow.verdict()["is_complete"] is True
