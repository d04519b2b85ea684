"""What any stream must do. A subclass provides `stream`, `lease_s` and `pass_time`; see tests/unit/stream and
tests/integration/stream.
"""

import os
from collections.abc import Iterator
from typing import Protocol

import pytest

from src.model.cursor import Cursor
from src.model.envelope import Kind, RawSlices
from src.model.ticket import Ticket
from src.stream.protocol import DeadLetters, Outgoing, ProducerStream, PublishResult, StreamStats, WorkerStream
from tests.contracts.stream_mails import ACCOUNT, MAILBOX, cursor_at, id_of, lease_of, outgoing, publish, raw_of
from tests.fixtures.logs import CapturedLogs

MAX_ENTRIES = 20
MAX_BYTES = 1024 * 1024
SPOOL_BYTES = 300_000
MAX_CRASHES = 3
A, B, C = "worker-a", "worker-b", "worker-c"


class WholeStream(ProducerStream, WorkerStream, DeadLetters, Protocol):
    """All roles at once."""

    def stats(self) -> StreamStats: ...


class Pieces:
    """A big raw mail that can be read once."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = iter(pieces)
        self.size_bytes = sum(map(len, pieces))

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces


def whole(raw: bytes | RawSlices | None) -> bytes | None:
    """Return a loaded raw mail in one piece."""
    return raw if raw is None or isinstance(raw, bytes) else b"".join(raw)


def assert_conserved(stats: StreamStats) -> None:
    """Every mail that came in is in exactly one place, and the counters say so."""
    count = stats.counters
    came = count.get("published", 0) + count.get("replayed", 0) + count.get("foreign", 0)
    assert came == stats.waiting + stats.retries + count.get("settled", 0) + count.get("dead", 0) + count.get("lost", 0)
    died = count.get("dead", 0) + count.get("dead_at_source", 0)
    assert died == stats.dead + count.get("replayed", 0) + count.get("purged", 0) + count.get("dead_lost", 0)
    assert sum(stats.dead_by_code.values()) == stats.dead
    assert stats.pending <= stats.waiting


class StreamContract:
    """The tests. Mails are told apart by UID."""

    lease_s: float  # of the stream under test

    @pytest.fixture
    def stream(self) -> WholeStream:
        raise NotImplementedError("a subclass gives the stream")

    def pass_time(self, seconds: float) -> None:
        raise NotImplementedError("a subclass moves its clock, or sleeps")

    @pytest.fixture(autouse=True)
    def _conserves(self, stream: WholeStream) -> Iterator[None]:
        stream.ensure_group()
        yield
        assert_conserved(stream.stats())

    def read(self, stream: WholeStream, consumer: str, count: int = 100) -> list[Ticket]:
        return stream.read_new(consumer, count, 50)

    # --- publishing --------------------------------------------------------------------------------------------

    def test_a_published_mail_comes_out_whole(self, stream: WholeStream) -> None:
        assert publish(stream, outgoing(1, size_bytes=15_000)).added == 1
        (ticket,) = self.read(stream, A)
        assert (ticket.envelope_id, ticket.source_id, ticket.kind) == (id_of(1), "INBOX/1/1", Kind.ADDED)
        assert (ticket.place.uid, ticket.attempt, ticket.crashes, ticket.labels) == (1, 0, 0, ("\\Seen",))
        assert ticket.payload["subject"] == "mail 1"
        assert stream.load_raws([ticket]) == [raw_of(1, 15_000)]
        assert stream.settle(A, [ticket], [b"note"]) == 1
        assert stream.stats().waiting == 0

    def test_an_empty_mail_is_a_mail(self, stream: WholeStream) -> None:
        publish(stream, outgoing(1, raw=b""))
        assert stream.load_raws(self.read(stream, A)) == [b""]

    def test_what_was_packed_ahead_comes_out_the_same(self, stream: WholeStream) -> None:
        raws = [b"", b"x", b"small " * 100, b"large " * 10_000, b"big " * SPOOL_BYTES]
        items = [outgoing(uid, raw=raw) for uid, raw in enumerate(raws, start=1)]
        ahead = stream.packed([*items, outgoing(6, Kind.DELETED), outgoing(7, dead_code="mail_too_large")])
        assert publish(stream, *stream.packed(ahead[:2]), *ahead[2:], outgoing(8)).added == 7
        *tickets, _last = self.read(stream, A)
        assert [whole(raw) for raw in stream.load_raws(tickets)] == [*raws, b""]
        assert [letter.code for letter in stream.list_dead()] == ["mail_too_large"]

    def test_a_change_needs_no_raw_mail(self, stream: WholeStream) -> None:
        publish(stream, outgoing(1, Kind.CHANGED), outgoing(2, Kind.DELETED))
        tickets = self.read(stream, A)
        assert [ticket.kind for ticket in tickets] == [Kind.CHANGED, Kind.DELETED]
        assert stream.load_raws(tickets) == [b"", b""]

    @pytest.mark.parametrize("size_bytes", [SPOOL_BYTES + 1, 3 * 1024 * 1024 + 5])
    def test_a_big_mail_travels_in_slices(self, stream: WholeStream, size_bytes: int) -> None:
        raw = bytes(range(256)) * (size_bytes // 256 + 1)
        publish(stream, outgoing(1, raw=raw))
        (ticket,) = self.read(stream, A)
        assert ticket.raw_slices == -(-len(raw) // (1024 * 1024))
        (loaded,) = stream.load_raws([ticket])
        assert not isinstance(loaded, bytes)
        assert whole(loaded) == raw
        assert whole(loaded) == raw, "slices can be read again, after a failed try"
        assert stream.settle(A, [ticket], []) == 1

    def test_slices_that_can_be_read_once_survive_a_full_stream(self, stream: WholeStream) -> None:
        publish(stream, *(outgoing(uid) for uid in range(100, 100 + MAX_ENTRIES)))
        big = outgoing(1, raw=Pieces(b"a" * 2_000_000, b"b" * 10))
        assert publish(stream, big).result is PublishResult.FULL
        stream.settle(A, self.read(stream, A), [])
        assert publish(stream, big).added == 1
        (raw,) = stream.load_raws(self.read(stream, A))
        assert whole(raw) == b"a" * 2_000_000 + b"b" * 10

    def test_versions_are_stamped_in_order_and_kept_when_given(self, stream: WholeStream) -> None:
        publish(stream, outgoing(1), outgoing(2), outgoing(3, Kind.CHANGED, version=7))
        publish(stream, outgoing(4))
        versions = [ticket.version for ticket in self.read(stream, A)]
        assert versions[0] < versions[1] < versions[3]
        assert versions[2] == 7

    def test_a_repeat_is_not_published(self, stream: WholeStream) -> None:
        publish(stream, outgoing(1))
        assert publish(stream, outgoing(1), outgoing(2)).repeated == 1
        stream.settle(A, self.read(stream, A), [])
        published = publish(stream, outgoing(1), outgoing(1))
        assert (published.added, published.repeated) == (0, 2), "remembered after it was settled"

    def test_force_publishes_what_was_settled_but_never_what_is_alive(self, stream: WholeStream) -> None:
        publish(stream, outgoing(1))
        assert publish(stream, outgoing(1, force=True)).repeated == 1
        stream.settle(A, self.read(stream, A), [])
        assert publish(stream, outgoing(1, force=True)).added == 1

    def test_a_dead_mail_is_not_published_again(self, stream: WholeStream) -> None:
        publish(stream, outgoing(1))
        stream.bury(A, self.read(stream, A)[0], code="mail_unparsable", error="no")
        assert publish(stream, outgoing(1), outgoing(1, force=True)).repeated == 2

    def test_changes_without_a_version_are_each_a_statement_of_their_own(self, stream: WholeStream) -> None:
        change = outgoing(1, Kind.CHANGED)
        assert publish(stream, change).added == 1
        assert publish(stream, change).added == 1
        first, second = self.read(stream, A)
        assert first.envelope_id != second.envelope_id
        assert first.version < second.version

    def test_a_change_with_a_version_is_told_once(self, stream: WholeStream) -> None:
        change = outgoing(1, Kind.CHANGED, version=5)
        assert publish(stream, change, change).added == 1
        assert publish(stream, change).repeated == 1

    def test_a_mail_that_cannot_be_given_goes_straight_to_the_dead_letters(self, stream: WholeStream) -> None:
        assert publish(stream, outgoing(1, dead_code="mail_too_large")).dead == 1
        (letter,) = stream.list_dead()
        assert (letter.code, letter.has_raw, letter.envelope_id) == ("mail_too_large", False, id_of(1))
        assert stream.replay([letter.entry_id]) == 0, "without its raw mail it can only be purged"
        assert publish(stream, outgoing(1)).repeated == 1
        assert stream.purge([letter.entry_id]) == 1
        assert publish(stream, outgoing(1)).added == 1

    # --- the cap -----------------------------------------------------------------------------------------------

    def test_a_full_stream_takes_nothing_and_loses_nothing(self, stream: WholeStream) -> None:
        for uid in range(1, MAX_ENTRIES + 1):
            publish(stream, outgoing(uid))
        lease = lease_of(stream)
        told = stream.publish(lease, [outgoing(99)], before=Cursor(), after=cursor_at(99))
        assert told.result is PublishResult.FULL
        assert stream.load_cursor(ACCOUNT, MAILBOX) == Cursor(), "the cursor stays when the stream is full"
        assert stream.stats().waiting == MAX_ENTRIES
        first, *rest = self.read(stream, A)
        stream.retry(A, first, delay_s=60, code="database_unavailable", error="")
        assert publish(stream, outgoing(99)).result is PublishResult.FULL, "a waiting retry takes room too"
        assert stream.settle(A, rest, []) == MAX_ENTRIES - 1
        assert publish(stream, outgoing(99)).added == 1

    def test_a_full_stream_still_takes_repeats_and_dead_letters(self, stream: WholeStream) -> None:
        for uid in range(1, MAX_ENTRIES + 1):
            publish(stream, outgoing(uid))
        told = publish(stream, outgoing(1), outgoing(99, dead_code="mail_too_large"))
        assert (told.result, told.repeated, told.dead) == (PublishResult.PUBLISHED, 1, 1)

    def test_the_cap_counts_bytes(self, stream: WholeStream) -> None:
        noise = [os.urandom(250_000) for _ in range(5)]
        told = [publish(stream, outgoing(uid, raw=raw)).result for uid, raw in enumerate(noise, 1)]
        assert told == [PublishResult.PUBLISHED] * 4 + [PublishResult.FULL]
        stream.settle(A, self.read(stream, A), [])
        assert publish(stream, outgoing(5, raw=noise[4])).added == 1

    def test_a_batch_larger_than_the_cap_passes_an_empty_stream(self, stream: WholeStream) -> None:
        batch = [outgoing(uid) for uid in range(1, MAX_ENTRIES + 10)]
        assert publish(stream, *batch).added == MAX_ENTRIES + 9

    # --- leases and cursors ------------------------------------------------------------------------------------

    def test_one_producer_at_a_time(self, stream: WholeStream) -> None:
        lease = lease_of(stream, "one")
        assert stream.acquire_lease(ACCOUNT, MAILBOX, "two") is None
        assert stream.acquire_lease(ACCOUNT, "Archive", "two") is not None
        assert stream.renew_lease(lease)
        stream.release_lease(lease)
        assert not stream.renew_lease(lease)
        second = lease_of(stream, "two")
        assert second.token > lease.token
        told = stream.publish(lease, [outgoing(1)], before=Cursor(), after=cursor_at(1))
        assert told.result is PublishResult.FENCED
        assert stream.stats().waiting == 0

    def test_a_silent_producer_loses_its_lease(self, stream: WholeStream) -> None:
        lease = lease_of(stream, "one")
        self.pass_time(self.lease_s * 1.5)
        assert not stream.renew_lease(lease)
        told = stream.publish(lease, [outgoing(1)], before=Cursor(), after=cursor_at(1))
        assert told.result is PublishResult.FENCED
        assert lease_of(stream, "two").token > lease.token

    def test_the_same_owner_may_ask_again(self, stream: WholeStream) -> None:
        first, second = lease_of(stream, "one"), lease_of(stream, "one")
        assert second.token > first.token
        told = stream.publish(first, [], before=Cursor(), after=Cursor())
        assert told.result is PublishResult.FENCED

    def test_the_cursor_moves_with_its_entries(self, stream: WholeStream) -> None:
        lease = lease_of(stream)
        assert stream.load_cursor(ACCOUNT, MAILBOX) == Cursor()
        after = cursor_at(2).moved(modseq=17)
        stream.publish(lease, [outgoing(1), outgoing(2)], before=Cursor(), after=after)
        assert stream.load_cursor(ACCOUNT, MAILBOX) == after
        state = stream.mailbox_state(ACCOUNT, MAILBOX)
        assert state["total_emails"] == "2"
        assert int(state["last_poll"]) > 0

    def test_a_moved_cursor_refuses_the_batch(self, stream: WholeStream) -> None:
        lease = lease_of(stream)
        stream.publish(lease, [outgoing(1)], before=Cursor(), after=cursor_at(1))
        told = stream.publish(lease, [outgoing(1), outgoing(2)], before=Cursor(), after=cursor_at(2))
        assert told.result is PublishResult.CURSOR_MOVED
        assert stream.load_cursor(ACCOUNT, MAILBOX) == cursor_at(1)
        assert stream.stats().waiting == 1

    def test_a_value_left_out_of_the_next_cursor_is_gone(self, stream: WholeStream) -> None:
        lease = lease_of(stream)
        before = cursor_at(1).moved(modseq=17)
        stream.publish(lease, [], before=Cursor(), after=before)
        stream.publish(lease, [], before=before, after=cursor_at(2))
        assert stream.load_cursor(ACCOUNT, MAILBOX) == cursor_at(2)

    # --- working -----------------------------------------------------------------------------------------------

    def test_each_ticket_goes_to_one_worker(self, stream: WholeStream) -> None:
        publish(stream, *(outgoing(uid) for uid in range(1, 7)))
        first, second = self.read(stream, A, 3), self.read(stream, B, 100)
        assert len({ticket.envelope_id for ticket in first + second}) == 6
        assert self.read(stream, C) == []

    def test_settling_twice_or_from_other_hands_does_nothing(self, stream: WholeStream) -> None:
        publish(stream, outgoing(1), outgoing(2))
        tickets = self.read(stream, A)
        assert stream.settle(B, tickets, []) == 0
        assert stream.settle(A, tickets, [b"x", b"y"]) == 2
        assert stream.settle(A, tickets, []) == 0
        assert stream.load_raws(tickets) == [None, None]

    def test_own_pending_tickets_come_again_until_none_is_left(self, stream: WholeStream) -> None:
        publish(stream, *(outgoing(uid) for uid in range(1, 6)))
        self.read(stream, A)
        seen: list[str] = []
        while tickets := stream.read_own_pending(A, 2):
            seen += [ticket.envelope_id for ticket in tickets]
        assert sorted(seen) == sorted(id_of(uid) for uid in range(1, 6))
        assert len(stream.read_own_pending(A, 100)) == 5, "the next walk begins anew"

    def test_a_retry_waits_and_comes_back_with_its_count(self, stream: WholeStream) -> None:
        publish(stream, outgoing(1))
        (ticket,) = self.read(stream, A)
        assert not stream.retry(B, ticket, delay_s=0, code="database_unavailable", error="")
        assert stream.retry(A, ticket, delay_s=self.lease_s, code="database_unavailable", error="locked")
        assert not stream.retry(A, ticket, delay_s=0, code="database_unavailable", error="")
        assert stream.promote() == 0
        assert self.read(stream, A) == []
        stats = stream.stats()
        assert (stats.waiting, stats.retries, stats.retries_due) == (0, 1, 0)
        self.pass_time(self.lease_s * 1.2)
        assert stream.stats().retries_due == 1
        assert stream.promote() == 1
        (again,) = self.read(stream, A)
        assert (again.envelope_id, again.attempt, again.version) == (ticket.envelope_id, 1, ticket.version)
        assert stream.load_raws([again]) == [raw_of(1)]
        assert stream.settle(A, [again], []) == 1

    def test_a_retry_for_the_surroundings_sake_uses_up_no_try(self, stream: WholeStream) -> None:
        publish(stream, outgoing(1))
        for counts, attempt in ((True, 1), (False, 1), (False, 1), (True, 2)):
            (ticket,) = self.read(stream, A)
            assert stream.retry(A, ticket, delay_s=0, code="temp_space", error="full", counts=counts)
            assert stream.promote() == 1
            (again,) = self.read(stream, A)
            assert again.attempt == attempt
            stream.hand_back(A, [again])

    def test_tickets_handed_back_are_new_for_any_worker(self, stream: WholeStream) -> None:
        publish(stream, outgoing(1), outgoing(2))
        tickets = self.read(stream, A)
        stream.hand_back(B, tickets)
        assert self.read(stream, B) == [], "only who holds them may hand them back"
        stream.hand_back(A, tickets)
        assert stream.leave(A)
        again = self.read(stream, B)
        assert [(ticket.envelope_id, ticket.crashes) for ticket in again] == [(id_of(1), 0), (id_of(2), 0)]
        assert stream.settle(A, tickets, []) == 0

    def test_a_consumer_that_holds_tickets_cannot_leave(self, stream: WholeStream) -> None:
        publish(stream, outgoing(1))
        tickets = self.read(stream, A)
        assert not stream.leave(A)
        stream.settle(A, tickets, [])
        assert stream.leave(A)
        assert A not in stream.stats().consumers

    def test_a_beat_tells_an_idle_worker_from_a_silent_one(self, stream: WholeStream) -> None:
        for consumer in (A, B):
            assert self.read(stream, consumer) == []
            stream.beat(consumer)
        self.pass_time(self.lease_s * 0.6)
        stream.beat(A)
        told = stream.stats().consumers
        assert told[A] < self.lease_s * 0.5 < told[B]
        assert stream.leave(A)
        assert set(stream.stats().consumers) == {B}

    # --- silent workers ----------------------------------------------------------------------------------------

    def test_a_renewed_lease_keeps_its_tickets(self, stream: WholeStream) -> None:
        publish(stream, outgoing(1), outgoing(2))
        kept, left = self.read(stream, A)
        for _ in range(3):
            self.pass_time(self.lease_s * 0.6)
            assert stream.renew(A, [kept]) == [kept]
        reclaimed = stream.reclaim(B, 100)
        assert [ticket.envelope_id for ticket in reclaimed] == [left.envelope_id]
        assert stream.renew(A, [kept, left]) == [kept]
        assert stream.settle(A, [kept, left], []) == 1, "what another holds by now is left to it"
        assert stream.settle(B, reclaimed, []) == 1

    def test_bystanders_of_a_crash_are_spared(self, stream: WholeStream, logs: CapturedLogs) -> None:
        logs.expect_errors()  # a buried mail is one
        publish(stream, *(outgoing(uid) for uid in range(1, 6)))
        self.read(stream, "crash-0")  # mail 3 kills whoever works on it
        deaths = 0
        for number in range(1, MAX_CRASHES + 1):
            consumer = f"crash-{number}"
            self.pass_time(self.lease_s * 1.5)
            for ticket in stream.reclaim(consumer, 100):
                assert ticket.crashes > 0
                stream.begin(consumer, ticket)
                if ticket.envelope_id == id_of(3):
                    deaths += 1
                    break
                stream.settle(consumer, [ticket], [])
        (letter,) = stream.list_dead()
        assert (letter.envelope_id, letter.code, letter.has_raw) == (id_of(3), "worker_crashed", True)
        assert deaths == MAX_CRASHES - 1, "the first death was the one that made it a suspect"
        stats = stream.stats()
        assert stats.counters["settled"] + stats.waiting == 4

    def test_a_restarted_worker_of_the_same_name_is_handed_its_tickets(self, stream: WholeStream) -> None:
        publish(stream, outgoing(1))
        (ticket,) = self.read(stream, A)
        (again,) = stream.read_own_pending(A, 10)
        assert again.entry_id == ticket.entry_id
        assert stream.settle(A, [again], []) == 1

    # --- dead letters ------------------------------------------------------------------------------------------

    def buried(self, stream: WholeStream, *uids: int) -> list[str]:
        publish(stream, *(outgoing(uid) for uid in uids))
        for ticket in self.read(stream, A):
            assert stream.bury(A, ticket, code="mail_unparsable", error="no header")
        return [letter.entry_id for letter in stream.list_dead()]

    def test_a_dead_letter_tells_all(self, stream: WholeStream) -> None:
        (entry_id,) = self.buried(stream, 1)
        letter = stream.get_dead(entry_id)
        assert letter is not None
        assert letter.ticket is not None
        assert (letter.code, letter.error, letter.attempts) == ("mail_unparsable", "no header", 1)
        assert (letter.ticket.source_id, letter.has_raw) == ("INBOX/1/1", True)
        assert stream.raw_of_dead(entry_id) == raw_of(1)
        stats = stream.stats()
        assert (stats.waiting, stats.pending, stats.dead, stats.dead_by_code) == (0, 0, 1, {"mail_unparsable": 1})

    def test_dead_letters_are_listed_by_page_code_and_account(self, stream: WholeStream) -> None:
        entry_ids = self.buried(stream, 1, 2, 3)
        publish(stream, outgoing(4, dead_code="mail_too_large"))
        assert [letter.entry_id for letter in stream.list_dead(limit=2)] == entry_ids[:2]
        assert [letter.entry_id for letter in stream.list_dead(limit=1, after=entry_ids[1])] == entry_ids[2:3]
        assert len(stream.list_dead(code="mail_too_large")) == 1
        assert len(stream.list_dead(account=ACCOUNT)) == 4
        assert stream.list_dead(account="nobody@example.org") == []

    def test_replay_resets_the_counts_and_does_nothing_twice(self, stream: WholeStream) -> None:
        publish(stream, outgoing(1))
        (ticket,) = self.read(stream, A)
        stream.retry(A, ticket, delay_s=0, code="unexpected", error="")
        self.pass_time(0.002)
        stream.promote()
        (ticket,) = self.read(stream, A)
        stream.bury(A, ticket, code="unexpected", error="")
        (letter,) = stream.list_dead()
        assert letter.attempts == 2
        assert stream.replay([letter.entry_id, letter.entry_id]) == 1
        assert stream.replay([letter.entry_id]) == 0
        (again,) = self.read(stream, A)
        assert (again.envelope_id, again.attempt, again.version) == (ticket.envelope_id, 0, ticket.version)
        assert stream.load_raws([again]) == [raw_of(1)]
        assert stream.settle(A, [again], []) == 1
        assert stream.replay([letter.entry_id]) == 0, "a mail that is done stays done"
        assert stream.get_dead(letter.entry_id) is None

    def test_a_purged_mail_may_come_again(self, stream: WholeStream) -> None:
        entry_ids = self.buried(stream, 1, 2)
        assert stream.purge(entry_ids[:1]) == 1
        assert stream.purge(entry_ids[:1]) == 0
        assert stream.raw_of_dead(entry_ids[0]) is None
        assert publish(stream, outgoing(1), outgoing(2)).added == 1

    def test_an_unreadable_ticket_is_buried_and_its_neighbours_are_read(
        self, stream: WholeStream, logs: CapturedLogs
    ) -> None:
        logs.expect_errors()
        broken = Outgoing("f" * 32, Kind.ADDED, b'{"account": 1}', b"raw")
        publish(stream, outgoing(1), broken, outgoing(2))
        assert [ticket.place.uid for ticket in self.read(stream, A)] == [1, 2]
        (letter,) = stream.list_dead()
        assert (letter.code, letter.ticket, letter.has_raw) == ("ticket_unreadable", None, True)

    # --- looking -----------------------------------------------------------------------------------------------

    def test_where_a_mail_is_can_be_asked(self, stream: WholeStream) -> None:
        publish(stream, *(outgoing(uid) for uid in range(1, 6)))
        one, two, three, four = self.read(stream, A, 4)
        stream.retry(A, one, delay_s=60, code="unexpected", error="")
        stream.bury(A, two, code="unexpected", error="")
        stream.settle(A, [three], [])
        ids = [id_of(uid) for uid in range(1, 7)]
        assert stream.is_on_its_way_or_dead(ACCOUNT, MAILBOX, ids) == [True, True, False, True, True, False]
        places = {ticket.place.uid: place for ticket, place in stream.tickets_of(ACCOUNT, MAILBOX)}
        assert places == {1: "retry", 2: "dead", four.place.uid: "live", 5: "live"}
        assert list(stream.tickets_of(ACCOUNT, "Archive")) == []
        assert {ticket.place.uid for ticket, _ in stream.tickets_of(ACCOUNT)} == places.keys()
        assert list(stream.tickets_of("other@example.org")) == []

    def test_stats_tell_the_age_of_the_oldest(self, stream: WholeStream) -> None:
        assert stream.stats().oldest_waiting_s == 0.0
        publish(stream, outgoing(1))
        self.pass_time(0.05)
        assert 0.03 < stream.stats().oldest_waiting_s < 5
