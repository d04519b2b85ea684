"""The small parts: chunks, the hand, the record, the damage limit, the note, the grace."""

import math

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.common.shutdown import Shutdown
from src.model.envelope import GmailIds
from src.model.message import Message
from src.model.outcome import Done, Skipped
from src.model.ticket import Ticket
from src.worker.chunks import in_chunks
from src.worker.damage import DamageLimit
from src.worker.grace import Grace
from src.worker.hand import Hand
from src.worker.note import make_note
from src.worker.record import make_record, thread_id
from tests.fakes.clock import FakeClock
from tests.unit.worker.tickets import make_message, make_ticket

# --- chunks ----------------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 2))))
def test_chunks_hold_every_ticket_once_within_the_bound_and_suspects_alone_at_the_end(
    told: list[tuple[int, int]],
) -> None:
    tickets = [
        make_ticket(number, size_bytes=size, crashes=max(crashes - 1, 0)) for number, (size, crashes) in enumerate(told)
    ]
    chunks = list(in_chunks(tickets, most_bytes=250))
    assert sorted(ticket.version for chunk in chunks for ticket in chunk) == list(range(len(tickets)))
    for chunk in chunks:
        assert len(chunk) == 1 or sum(ticket.size_bytes for ticket in chunk) <= 250
        assert len(chunk) == 1 or not any(ticket.crashes for ticket in chunk)
    begins = [chunk[0].crashes > 0 for chunk in chunks]
    assert begins == sorted(begins)


# --- hand ------------------------------------------------------------------------------------------------------------


def test_a_lost_ticket_is_held_but_not_renewed() -> None:
    hand = Hand()
    first, second = make_ticket(1), make_ticket(2)
    hand.take([first, second])
    assert hand.mark_lost([first]) == 1
    assert hand.mark_lost([first]) == 0  # told once
    assert hand.is_lost(first)
    assert hand.held() == [second]
    hand.release([first, second])
    assert not hand.is_lost(first)
    assert hand.held() == []


def test_a_ticket_released_meanwhile_is_not_lost() -> None:
    hand = Hand()
    ticket = make_ticket()
    hand.take([ticket])
    hand.release([ticket])
    assert hand.mark_lost([ticket]) == 0


def test_the_same_entry_id_in_two_partitions_is_two_tickets() -> None:
    hand = Hand()
    hand.take([make_ticket(1), make_ticket(1, partition=1)])
    assert len(hand.held()) == 2


def test_only_what_does_not_block_the_loop_may_be_given_back() -> None:
    hand = Hand()
    first, second = make_ticket(1), make_ticket(2)
    hand.take([first, second])
    assert hand.not_begun() == []  # no single one blocks: nobody can be cleared
    hand.begin(first)
    assert hand.not_begun() == [second]


# --- record ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ticket", "message", "expected"),
    [
        (make_ticket(gmail=GmailIds("1", "18c")), make_message(references=("a@x", "b@x")), "18c"),  # the source's wins
        (make_ticket(), make_message(references=("a@x", "b@x"), in_reply_to="b@x"), "a@x"),  # the thread's root
        (make_ticket(), make_message(in_reply_to="b@x", message_id="c@x"), "b@x"),
        (make_ticket(), make_message(message_id="c@x"), "c@x"),  # begins a thread
        (make_ticket(), make_message(message_id=""), ""),
        (make_ticket(), None, ""),  # a change brings no mail
    ],
)
def test_thread_id(ticket: Ticket, message: Message | None, expected: str) -> None:
    assert thread_id(ticket, message) == expected


def test_a_record_says_what_the_ticket_says() -> None:
    ticket = make_ticket(5, labels=("Seen",))
    record = make_record(ticket, make_message(), "ab")
    assert (record.account, record.source_id, record.version) == (ticket.account, ticket.source_id, 5)
    assert (record.labels, record.place, record.sha256) == (("Seen",), ticket.place, "ab")


# --- damage limit ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("done", "dead", "is_reached"),
    [
        (0, 99, False),  # too few to judge
        (0, 100, True),  # nothing works
        (10, 100, True),  # nearly nothing
        (100, 100, False),  # an import with many bad mails
        (10_000, 100, False),
    ],
)
def test_damage_limit(done: int, dead: int, is_reached: bool) -> None:
    limit = DamageLimit()
    limit.count(done=done, dead=dead)
    assert limit.is_reached is is_reached


def test_damage_limit_looks_at_the_latest_only() -> None:
    limit = DamageLimit()
    limit.count(done=1_000_000)
    for _ in range(500):
        limit.count(dead=1)
    assert limit.is_reached
    limit.count(done=500)
    assert not limit.is_reached


# --- note and grace --------------------------------------------------------------------------------------------------


def test_a_note_tells_how_to_find_the_row_and_nothing_of_the_mail() -> None:
    ticket = make_ticket(3, payload={"subject": "secret plan"})
    note = orjson.loads(make_note(ticket, Skipped("not_wanted"), "2026-05-04T12:00:00.000+00:00"))
    assert note == {
        "id": ticket.envelope_id,
        "account": "alice@example.org",
        "source": "imap",
        "source_id": "INBOX/1/3",
        "kind": "added",
        "outcome": "skipped",
        "reason": "not_wanted",
        "at": "2026-05-04T12:00:00.000+00:00",
    }
    assert orjson.loads(make_note(ticket, Done(), "x"))["outcome"] == "done"


def test_grace_counts_from_the_moment_a_stop_is_asked_for() -> None:
    clock, shutdown = FakeClock(), Shutdown()
    grace = Grace(shutdown, clock, 25.0)
    clock.advance(1000)
    assert grace.left_s() == math.inf
    shutdown.ask()
    assert grace.left_s() == 25.0
    clock.advance(26)
    assert grace.left_s() == -1.0
