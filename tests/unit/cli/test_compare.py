"""`compare` says "the same" only of an account that looks the same through IMAP and the API, and else what differs."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from src.common import exit_codes
from src.common.errors import GmailUnavailableError, LoginRefusedError, ScopeMissingError
from src.sources.gmail.visit import Wanted
from tests.fakes.gmail.busy_user import BusyUser
from tests.fakes.gmail.imap_view import ALL_MAIL, TRASH
from tests.fakes.gmail.mailbox import Mail
from tests.unit.cli.desk import Desk
from tests.unit.cli.gmail_account import GmailAccount


def compare(desk: Desk, *arguments: str, exit_code: int = exit_codes.INCOMPLETE) -> dict[str, Any]:
    told: dict[str, Any] = desk.json("compare", *arguments, exit_code=exit_code)
    return told


def add(desk: Desk, number: int = 1, *labels: str) -> str:
    return desk.gmail.mailbox.add(b"Subject: %d\r\n\r\n" % number, labels=labels or ["INBOX", "UNREAD"])


def ids(mails: list[dict[str, Any]]) -> list[str]:
    return [mail["source_id"] for mail in mails]


def test_an_account_is_the_same_both_ways_whatever_its_user_did(desk: Desk) -> None:
    user = BusyUser(desk.gmail.mailbox, seed=1)
    for _ in range(150):
        user.act()
    told = compare(desk, exit_code=exit_codes.OK)
    mails = len(desk.gmail.mailbox.truth())
    assert (told["is_same"], told["imap"], told["api"], told["both"]) == (True, mails, mails, mails)
    assert len(told["sample"]) == 20


def test_the_verdict_is_the_last_line(desk: Desk) -> None:
    add(desk, 1, "INBOX", "STARRED", desk.gmail.work)
    result = desk.run("compare")
    assert result.exit_code == exit_codes.OK
    assert result.stdout.splitlines()[-1] == "the same: 1 mails through both, and 1 of them byte by byte"


def test_mails_that_only_one_has_are_told(desk: Desk) -> None:
    _, second, third = (add(desk, number) for number in range(3))
    desk.gmail.view.server.mailboxes[ALL_MAIL].take(2)
    desk.gmail.api.hidden.add(third)
    told = compare(desk)
    assert (ids(told["only_api"]), ids(told["only_imap"])) == ([second], [third])
    assert told["only_imap"] == [{"source_id": third, "mailbox": ALL_MAIL, "uid": 3}]
    said = desk.run("compare").stdout
    assert said.splitlines()[-1] == "NOT the same: 1 only through IMAP, 1 only through the API"


def test_other_labels_are_told_by_their_names(desk: Desk) -> None:
    mail_id = add(desk, 1, "INBOX", desk.gmail.work)
    shown = desk.gmail.view.server.mailboxes[ALL_MAIL].mails[1]
    shown.flags, shown.labels = frozenset({"\\Flagged"}), frozenset({"\\Inbox", "Home"})
    (gap,) = compare(desk)["labels"]
    assert gap == {
        "source_id": mail_id,
        "only_imap": ["Home", "STARRED", "UNREAD"],
        "only_api": ["Work/Ümläut & Söhne"],
    }
    assert "Home\t1\t0" in desk.run("compare").stdout


def test_other_bytes_are_told(desk: Desk) -> None:
    mail_id = add(desk)
    desk.gmail.view.server.mailboxes[ALL_MAIL].mails[1].raw += b"\r\n"
    (pair,) = compare(desk)["sample"]
    assert (pair["source_id"], pair["is_same"]) == (mail_id, False)
    assert pair["imap"]["size_bytes"] == pair["api"]["size_bytes"] + 2


def test_a_mail_that_one_of_both_cannot_give_is_told(desk: Desk) -> None:
    add(desk)
    desk.gmail.api.not_given.add(next(iter(desk.gmail.mailbox.truth())))
    (pair,) = compare(desk)["sample"]
    assert pair["api"] is None
    assert "did not come" in desk.run("compare").stdout


def test_mail_that_comes_goes_and_changes_meanwhile_is_no_difference(desk: Desk) -> None:
    user = BusyUser(desk.gmail.mailbox, seed=2)
    for _ in range(60):
        user.act()
    left = 40

    def act(_call: str) -> None:
        nonlocal left
        if left:
            left -= 1
            user.act()

    desk.gmail.api.before_call = act
    assert compare(desk, "--sample", "0", exit_code=exit_codes.OK)["is_same"]
    assert left == 0


def test_what_imap_cannot_tell_is_left_out_and_named(desk: Desk) -> None:
    add(desk, 1, "INBOX", "CATEGORY_SOCIAL")
    add(desk, 2, "CHAT")
    told = compare(desk, exit_code=exit_codes.OK)
    assert (told["not_compared"], told["beyond"]) == (["CATEGORY_SOCIAL", "CHAT"], 1)
    assert "CATEGORY_SOCIAL, CHAT" in desk.run("compare").stderr


def test_what_the_settings_leave_out_of_the_api_is_told_and_is_no_difference(desk: Desk) -> None:
    add(desk, 1, "DRAFT")
    add(desk, 2, "TRASH")
    assert compare(desk, exit_code=exit_codes.OK)["unwanted"] == 1
    desk.gmail.wanted = Wanted(spam_and_trash=False, drafts=True)
    assert compare(desk, exit_code=exit_codes.OK)["unwanted"] == 1
    assert "GMAIL_SPAM_AND_TRASH" in desk.run("compare").stderr


def test_only_the_mailboxes_that_imap_reads_are_compared(desk: Desk) -> None:
    desk.gmail = GmailAccount(folders=["INBOX"])
    desk.gmail.read_through_imap = ["INBOX", TRASH]
    add(desk, 1, "INBOX", "UNREAD")  # in this mailbox X-GM-LABELS does not say \Inbox
    add(desk, 2, "SENT")
    add(desk, 3, "TRASH", "STARRED")
    told = compare(desk, exit_code=exit_codes.OK)
    assert (told["imap"], told["api"], told["beyond"]) == (2, 3, 1)
    assert "IMAP_MAILBOX" in desk.run("compare").stderr


def test_the_sample_is_the_newest_and_others_by_the_seed(desk: Desk) -> None:
    mails = [add(desk, number) for number in range(40)]

    def sampled(*more: str) -> set[str]:
        return set(ids(compare(desk, "--sample", "6", *more, exit_code=exit_codes.OK)["sample"]))

    first = sampled()
    assert len(first) == 6
    assert set(mails[-3:]) < first
    assert sampled() == first
    assert sampled("--seed", "5") != first
    assert desk.json("compare", "--sample", "0")["sample"] == []


def _no_full_access(desk: Desk) -> None:
    desk.gmail.view.server.open_session = _raising(ScopeMissingError("full mail access was not granted"))  # type: ignore[method-assign]


def _no_login(desk: Desk) -> None:
    desk.gmail.view.server.refused_logins = 9


def _no_answer(desk: Desk) -> None:
    desk.gmail.api.before_call = _raising(GmailUnavailableError("no answer"))


def _raising(error: Exception) -> Callable[..., Any]:
    def fail(*_: object) -> Any:
        raise error

    return fail


@pytest.mark.parametrize(
    ("trouble", "exit_code", "code"),
    [
        (_no_full_access, exit_codes.OPERATOR_NEEDED, ScopeMissingError.code),
        (_no_login, exit_codes.OPERATOR_NEEDED, LoginRefusedError.code),
        (_no_answer, exit_codes.UNAVAILABLE, GmailUnavailableError.code),
    ],
)
def test_what_could_not_be_found_out_is_no_verdict(
    desk: Desk, trouble: Callable[[Desk], None], exit_code: int, code: str
) -> None:
    add(desk)
    trouble(desk)
    result = desk.run("compare")
    assert (result.exit_code, result.stdout) == (exit_code, "")
    assert f"[{code}]" in result.stderr


def test_a_sign_in_for_the_api_alone_is_told_how_to_serve_both(desk: Desk) -> None:
    _no_full_access(desk)
    assert "python producer.py --auth-setup" in desk.run("compare").stderr


def test_an_imap_server_that_is_not_gmails_is_told(desk: Desk) -> None:
    add(desk)
    server = desk.gmail.view.server
    server.profile = replace(server.profile, gmail=False)
    result = desk.run("compare")
    assert result.exit_code == exit_codes.USAGE
    assert "X-GM-MSGID" in result.stderr


def test_nothing_is_fetched_but_the_sample(desk: Desk) -> None:
    mails = [add(desk, number) for number in range(30)]
    compare(desk, "--sample", "4", exit_code=exit_codes.OK)
    assert len(desk.gmail.api.fetched) == 4
    assert desk.gmail.view.server.bodies_fetched.total() == 4
    assert set(desk.gmail.api.fetched) < set(mails)


def test_the_mailbox_is_not_touched(desk: Desk) -> None:
    add(desk)
    before: dict[str, Mail] = dict(desk.gmail.mailbox.truth())
    compare(desk, exit_code=exit_codes.OK)
    assert desk.gmail.mailbox.truth() == before
