"""`verify` says "complete" only when it is, and says what is wrong when it is not."""

from typing import Any

import pytest

from src.common import exit_codes
from src.model.envelope import Kind, Place
from src.model.message import Record
from tests.contracts.mail_records import added, deleted
from tests.contracts.stream_mails import ACCOUNT, MAILBOX, outgoing, publish
from tests.unit.cli.desk import Desk

WORD = {"missing", "dead", "waiting", "extra", "hidden"}


def stored(uid: int) -> Record:
    return added(f"{MAILBOX}/1/{uid}", account=ACCOUNT, place=Place(MAILBOX, 1, uid))


def uids(told: dict[str, Any], what: str) -> list[int]:
    return [gap["uid"] for gap in told[what]]


def verify(desk: Desk, *arguments: str, exit_code: int) -> dict[str, Any]:
    told: dict[str, Any] = desk.json("verify", *arguments, exit_code=exit_code)
    return told


def test_complete(desk: Desk) -> None:
    desk.source.uids = [1, 2]
    desk.mails.write([stored(1), stored(2)])
    result = desk.run("verify", "--account", ACCOUNT)
    assert result.exit_code == exit_codes.OK
    assert result.stdout.strip().splitlines()[-1].startswith("complete: ")


def test_finds_a_missing_an_extra_a_dead_a_waiting_and_a_hidden_one(desk: Desk) -> None:
    desk.source.uids = [1, 2, 3, 4, 5]
    desk.mails.write([stored(1), stored(5), deleted(f"{MAILBOX}/1/5", account=ACCOUNT), stored(6)])
    publish(desk.memory, outgoing(3), outgoing(4, dead_code="mail_too_large"))
    told = verify(desk, exit_code=exit_codes.INCOMPLETE)
    assert {what: uids(told, what) for what in WORD} == {
        "missing": [2],
        "waiting": [3],
        "dead": [4],
        "hidden": [5],
        "extra": [6],
    }
    assert (told["at_source"], told["stored"], told["is_complete"]) == (5, 1, False)
    said = desk.run("verify").stdout.strip().splitlines()[-1]
    assert said == "NOT complete: 1 of 5 mails stored; 1 missing, 1 dead, 1 waiting, 1 extra, 1 hidden"


def test_a_mail_waiting_for_a_retry_is_waiting(desk: Desk) -> None:
    desk.source.uids = [1]
    publish(desk.memory, outgoing(1))
    desk.memory.ensure_group()
    (ticket,) = desk.memory.read_new("w", 1, 0)
    desk.memory.retry("w", ticket, delay_s=60, code="database_unavailable", error="")
    assert uids(verify(desk, exit_code=exit_codes.INCOMPLETE), "waiting") == [1]


def test_a_deletion_on_its_way_is_waiting_and_no_extra(desk: Desk) -> None:
    desk.mails.write([stored(1)])
    publish(desk.memory, outgoing(1, Kind.DELETED, version=9))
    told = verify(desk, exit_code=exit_codes.INCOMPLETE)
    assert (uids(told, "waiting"), uids(told, "extra")) == ([1], [])


def test_dead_letters_count_as_accounted_for_when_asked(desk: Desk) -> None:
    desk.source.uids = [1, 2]
    desk.mails.write([stored(1)])
    publish(desk.memory, outgoing(2, dead_code="mail_too_large"))
    verify(desk, exit_code=exit_codes.INCOMPLETE)
    told = verify(desk, "--accept-dead", exit_code=exit_codes.OK)
    assert (told["is_complete"], told["is_accounted_for"]) == (False, True)
    assert told["dead"][0]["code"] == "mail_too_large"


def test_a_dead_change_does_not_account_for_a_mail_that_is_missing(desk: Desk) -> None:
    desk.source.uids = [1]
    publish(desk.memory, outgoing(1, Kind.CHANGED, version=9, dead_code="database_refused"))
    assert uids(verify(desk, "--accept-dead", exit_code=exit_codes.INCOMPLETE), "missing") == [1]


def test_nothing_is_concluded_from_a_list_that_breaks_off(desk: Desk) -> None:
    desk.source.uids = [1, 2, 3]
    desk.mails.write([stored(1)])
    desk.source.breaks_after = 1
    result = desk.run("verify", "--json")
    assert result.exit_code == exit_codes.UNAVAILABLE
    assert result.stdout == ""
    assert "source_unavailable" in result.stderr


def test_a_mail_that_arrives_while_we_look_is_not_extra(desk: Desk) -> None:
    desk.source.uids = [1]
    desk.mails.write([stored(1), stored(2)])  # 2 came after the source was listed, and was stored at once
    looks: list[int] = []

    def arrive() -> None:
        looks.append(1)
        if len(looks) == 2:
            desk.source.uids = [1, 2]

    desk.source.on_census = arrive
    assert verify(desk, exit_code=exit_codes.OK)["extra"] == []


def test_a_mail_deleted_while_we_look_is_not_hidden(desk: Desk) -> None:
    desk.source.uids = [1, 2]
    desk.mails.write([stored(1), stored(2), deleted(f"{MAILBOX}/1/2", account=ACCOUNT)])
    looks: list[int] = []

    def vanish() -> None:
        looks.append(1)
        if len(looks) == 2:
            desk.source.uids = [1]

    desk.source.on_census = vanish
    assert verify(desk, exit_code=exit_codes.OK)["hidden"] == []


def test_repair_publishes_what_is_missing_and_is_not_yet_success(desk: Desk) -> None:
    desk.source.uids = [1]
    result = desk.run("verify", "--repair")
    assert (result.exit_code, desk.repairs) == (exit_codes.INCOMPLETE, 1)
    assert "verify again" in result.stderr


@pytest.mark.parametrize(
    ("repair", "ends_with", "says"),
    [
        (exit_codes.INCOMPLETE, exit_codes.INCOMPLETE, "another producer"),  # the mailbox is being read
        (exit_codes.UNAVAILABLE, exit_codes.UNAVAILABLE, "trying again"),  # the mail server is away
        (exit_codes.OPERATOR_NEEDED, exit_codes.OPERATOR_NEEDED, "see above"),  # it refuses the login
    ],
)
def test_a_repair_that_fails_is_not_called_published(desk: Desk, repair: int, ends_with: int, says: str) -> None:
    desk.source.uids = [1]
    desk.repair_ends_with = repair
    result = desk.run("verify", "--repair")
    assert result.exit_code == ends_with
    assert says in result.stderr


def test_repair_leaves_dead_letters_to_the_operator(desk: Desk) -> None:
    desk.source.uids = [1]
    publish(desk.memory, outgoing(1, dead_code="mail_too_large"))
    result = desk.run("verify", "--repair")
    assert (result.exit_code, desk.repairs) == (exit_codes.INCOMPLETE, 0)
    assert "dlq replay" in result.stderr


def test_repair_of_what_is_complete_does_nothing(desk: Desk) -> None:
    assert desk.run("verify", "--repair").exit_code == exit_codes.OK
    assert desk.repairs == 0


def test_without_redis_or_database_it_says_so(desk: Desk) -> None:
    desk.is_redis_away = True
    assert desk.run("verify").exit_code == exit_codes.UNAVAILABLE
    desk.is_redis_away, desk.is_database_away = False, True
    result = desk.run("verify")
    assert result.exit_code == exit_codes.UNAVAILABLE
    assert "database_unavailable" in result.stderr
