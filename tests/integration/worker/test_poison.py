"""Mails that hurt the worker: each ends as a dead letter with its code, and the mails beside it are stored."""

import pytest

from tests.integration.worker.workplace import ACCOUNT, Workplace, make_mail

pytestmark = pytest.mark.redis


def _with_poison(poison: str, bystanders: int = 12) -> list[bytes]:
    mails = [make_mail(number) for number in range(bystanders)]
    mails[bystanders // 2] = make_mail(bystanders // 2, poison)
    return mails


@pytest.mark.parametrize("poison", ["raise", "memory"])
def test_a_mail_that_makes_the_parser_raise_is_tried_again_and_dies(workplace: Workplace, poison: str) -> None:
    mails = _with_poison(poison)
    ids = workplace.publish(mails)
    assert workplace.drain() == 1
    workplace.check_all_settled(ids, mails, dead=[ids[6]])
    assert workplace.dead() == {ids[6]: "unexpected"}
    (letter,) = workplace.stream.list_dead()
    assert letter.attempts == 4  # the first try and DLQ_MAX_RETRY_ATTEMPTS more
    assert "secret" not in letter.error
    assert "secret" not in workplace.log()


def test_a_mail_that_ends_the_process_dies_by_its_crash_counter(workplace: Workplace) -> None:
    mails = _with_poison("exit")
    ids = workplace.publish(mails)
    assert workplace.drain_with_restarts(MAX_CRASHES="2") == 2
    workplace.check_all_settled(ids, mails, dead=[ids[6]])
    assert workplace.dead() == {ids[6]: "worker_crashed"}


def test_a_mail_that_hangs_the_loop_ends_the_worker_and_dies_by_its_crash_counter(workplace: Workplace) -> None:
    mails = _with_poison("hang")
    ids = workplace.publish(mails)
    same = {"MAX_CRASHES": "2", "WORK_TIMEOUT_SECONDS": "5"}
    assert workplace.end(workplace.start_worker(**same)) == 70
    assert workplace.drain_with_restarts(**same) == 1
    workplace.check_all_settled(ids, mails, dead=[ids[6]])
    assert workplace.dead() == {ids[6]: "worker_crashed"}
    assert "poisonable_parse" in str(workplace.logged("worker_stuck")[0]["stacks"])


def test_an_entry_that_is_no_ticket_dies_at_once(workplace: Workplace) -> None:
    ids = workplace.publish(_with_poison(""))
    workplace.add_entry({"payload": b"\xff not JSON", "id": "f" * 32})
    workplace.add_entry({"hello": "world"})
    assert workplace.drain() == 1
    assert set(workplace.stored()) == set(ids)
    assert [letter.code for letter in workplace.stream.list_dead()] == ["ticket_unreadable"] * 2


def test_fields_of_a_newer_release_are_ignored(workplace: Workplace) -> None:
    ids = workplace.publish([make_mail(1)])
    workplace.extend_entries({"added_by_a_newer_release": "1"}, {"mood": "sunny", "priority": 7})
    assert workplace.drain() == 0
    workplace.check_all_settled(ids, [make_mail(1)])


def test_a_raw_mail_deleted_by_hand_is_told_and_harms_no_other(workplace: Workplace) -> None:
    ids = workplace.publish(_with_poison(""))
    workplace.delete_raw(ids[3])
    assert workplace.drain() == 1
    assert workplace.dead() == {ids[3]: "raw_missing"}
    assert set(workplace.stored()) == set(ids) - {ids[3]}


BAD_MAILS = {
    "empty": b"",
    "headerless": b"just some text without a header\r\n" * 3,
    "only a header": b"Subject: x",
    "nested 100 deep": b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (depth, depth) for depth in range(100)
    )
    + b"Content-Type: text/plain\r\n\r\ninnermost",
    "NULs": b"Subject: a\x00b\r\n\r\nc\x00d\r\n",
    "unknown charset": b"Subject: =?klingon-8?Q?=FF?=\r\nContent-Type: text/plain; charset=klingon-8\r\n\r\n\xff",
    "broken base64": b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!===\r\n",
    "no end of a boundary": b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n--x\r\n\r\npart',
    "8-bit everywhere": bytes(range(128, 256)) * 10,
    "a line of a megabyte": b"Subject: long\r\n\r\n" + b"x" * 1_000_000,
}


def test_bad_mails_are_stored_and_their_neighbours_too(workplace: Workplace) -> None:
    mails = [mail for bad in BAD_MAILS.values() for mail in (bad, make_mail(len(bad)))]
    ids = workplace.publish(mails)
    assert workplace.drain() == 0
    workplace.check_all_settled(ids, mails)


def test_a_mail_of_200_mb_in_slices_is_stored_in_bounded_memory(workplace: Workplace) -> None:
    part = b"--x\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    head = b'Subject: huge\r\nContent-Type: multipart/mixed; boundary="x"\r\n\r\n' + part
    huge = head + (b"A" * 76 + b"\r\n") * (200 * 1024 * 1024 // 78) + b"--x--\r\n"
    mails = [huge, make_mail(2)]
    ids = workplace.publish(mails)
    worker = workplace.start_worker("--drain", LEASE_SECONDS="20")
    peak = workplace.peak_memory_mb(worker)
    assert workplace.end(worker) == 0
    workplace.check_all_settled(ids, mails)
    assert peak < 320, f"{peak} MB"  # resident pages of the mapped file count, though the kernel may drop them


def test_nearly_everything_failing_stops_the_worker_before_all_is_turned_away(workplace: Workplace) -> None:
    workplace.publish([make_mail(number, "raise") for number in range(150)])
    assert workplace.end(workplace.start_worker(DLQ_MAX_RETRY_ATTEMPTS="0")) == 3
    assert workplace.stats().dead == 100
    assert workplace.stats().waiting == 50
    assert workplace.logged("damage_limit_reached")
    assert ACCOUNT not in workplace.log()
