"""Cuts, broken mails, big mails and odd answers: nothing is passed over, and one mail never hurts its neighbours."""

from dataclasses import replace

import pytest

from src.common.errors import SettlingAwaitedError, SourceRefusedError, SourceUnavailableError
from src.imap.answers import FlagReport
from src.imap.channel import MAX_ANSWERS
from src.imap.uid_set import UidSet
from src.model.cursor import Cursor
from src.model.envelope import Kind, Place
from src.sources.imap.limits import FLAG_CHUNK, Limits
from tests.fakes.imap_mailbox import PROFILES, MemorySession, Profile
from tests.fakes.pipeline_model import PipelineModel, Row
from tests.unit.sources.imap_reading import PASSING, SMALL, Reader, a_server

PLAIN = Profile("plain")


def test_cut_in_the_middle_keeps_what_came_and_stops_before_the_first_missing() -> None:
    server, model = a_server(PLAIN, mails=10), PipelineModel()
    reader = Reader(server, model, limits=replace(SMALL, batch_mails=8))
    server.answers_left = 2 + 5  # SELECT, two SEARCHes, then four mails
    batch = reader.source.fetch(Cursor())
    assert [envelope.place.uid for envelope in batch.envelopes] == [1, 2, 3, 4]
    assert batch.cursor.get_int("last_uid") == 4
    assert not batch.caught_up


def test_no_body_is_fetched_twice_across_a_cut() -> None:
    server, model = a_server(PLAIN, mails=20), PipelineModel()
    reader = Reader(server, model)
    server.answers_left = 14
    reader.run()
    assert len(model.living()) == 20
    assert set(server.bodies_fetched.values()) == {1}


@pytest.mark.parametrize("position", [1, 7, 20], ids=["first", "middle", "last"])
def test_broken_mail_is_found_and_recorded_and_the_rest_comes(position: int) -> None:
    server, model = a_server(PLAIN, mails=20), PipelineModel()
    server.mailboxes["INBOX"].mails[position].breaks = True
    Reader(server, model).run()
    assert len(model.living()) == 19
    assert [(envelope.place.uid, code) for envelope, code in model.dead.values()] == [(position, "mail_unfetchable")]
    assert server.sessions_opened <= 8


def test_several_broken_mails_in_a_row_are_each_found() -> None:
    server, model = a_server(PLAIN, mails=12), PipelineModel()
    for uid in (4, 5, 6):
        server.mailboxes["INBOX"].mails[uid].breaks = True
    Reader(server, model).run()
    assert sorted(envelope.place.uid for envelope, _ in model.dead.values()) == [4, 5, 6]
    assert len(model.living()) == 9


def test_only_mail_of_a_mailbox_is_given_up_after_more_tries() -> None:
    server, model = a_server(PLAIN, mails=1), PipelineModel()
    server.mailboxes["INBOX"].mails[1].breaks = True
    Reader(server, model).run()
    assert len(model.dead) == 1
    assert server.sessions_opened >= 10


def test_server_that_gives_no_mail_at_all_costs_no_mail() -> None:
    """When its storage is down every mail breaks the connection; none of them is to blame."""
    server, model = a_server(PLAIN, mails=5), PipelineModel()
    server.bodies_break = True
    reader = Reader(server, model)
    for _ in range(40):
        with pytest.raises(SourceUnavailableError):
            reader.step()
    assert not model.dead
    server.bodies_break = False
    reader.run()
    assert len(model.living()) == 5
    assert not model.dead


def test_dead_mail_is_not_fetched_again_by_the_routine_comparison() -> None:
    server, model = a_server(PLAIN, mails=3), PipelineModel()
    server.mailboxes["INBOX"].mails[2].breaks = True
    reader = Reader(server, model)
    reader.run()
    opened = server.sessions_opened
    reader.clock.advance(7200)
    reader.run()
    assert server.sessions_opened == opened
    assert len(model.dead) == 1


def test_mail_over_the_spool_size_is_read_in_slices_while_it_is_published() -> None:
    server, model = a_server(PLAIN, mails=2), PipelineModel()
    big = server.new_mail("y" * 9_000)
    server.mailboxes["INBOX"].put(big)
    reader = Reader(server, model)
    reader.run()
    assert sorted(len(row.raw or b"") for row in model.living())[-1] == len(big.raw)
    sliced = [one for batch in reader.batches for one in batch.envelopes if not isinstance(one.raw, bytes)]
    assert [one.size_bytes for one in sliced] == [len(big.raw)]


def test_cut_in_the_middle_of_a_big_mail_brings_it_whole_later() -> None:
    server, model = a_server(PLAIN, mails=0), PipelineModel()
    big = server.new_mail("y" * 3_000_000)
    server.mailboxes["INBOX"].put(big)
    reader = Reader(server, model, limits=replace(SMALL, max_mail_bytes=10_000_000))
    server.answers_left = 6  # in the second of three slices
    reader.run()
    assert [row.raw for row in model.living()] == [big.raw]


def test_mail_above_the_limit_is_dead_unread() -> None:
    server, model = a_server(PLAIN, mails=2), PipelineModel()
    huge = server.new_mail("z" * 60_000)
    server.mailboxes["INBOX"].put(huge)
    Reader(server, model).run()
    assert [code for _, code in model.dead.values()] == ["mail_too_large"]
    assert server.bodies_fetched[huge.number] == 0


def test_mail_that_vanished_since_the_search_is_neither_a_failure_nor_an_empty_mail() -> None:
    server, model = a_server(PLAIN, mails=10), PipelineModel()
    reader = Reader(server, model)
    reader.step()
    server.mailboxes["INBOX"].take(9)
    reader.run()
    assert 9 not in {row.place.uid for row in model.rows.values()}
    assert len(model.living()) == 9


def test_batches_are_bounded_by_number_and_bytes() -> None:
    server, model = a_server(PLAIN, mails=30), PipelineModel()
    reader = Reader(server, model, limits=replace(SMALL, batch_mails=1000, batch_bytes=500))
    reader.run()
    sizes = [sum(one.size_bytes for one in batch.envelopes) for batch in reader.batches]
    assert max(sizes) <= 500 + 100  # one mail may go over
    assert len(model.living()) == 30


def test_remaining_counts_down() -> None:
    server, model = a_server(PLAIN, mails=10), PipelineModel()
    reader = Reader(server, model)
    reader.run()
    assert [batch.remaining for batch in reader.batches] == [7, 4, 1, 0, 0]


def test_spurious_uidvalidity_changes_nothing() -> None:
    server, model = a_server(PLAIN, mails=5), PipelineModel()
    reader = Reader(server, model)
    reader.run()
    server.told_uidvalidities = [1]
    reader.run()
    assert {batch.cursor.get_int("uidvalidity") for batch in reader.batches} == {10}
    assert set(server.bodies_fetched.values()) == {1}


def test_spurious_uidvalidity_at_a_lost_cursor_changes_nothing() -> None:
    server, model = a_server(PLAIN, mails=5), PipelineModel()
    reader = Reader(server, model)
    reader.run()
    reader.cursor = Cursor()
    server.told_uidvalidities = [1]
    reader.batches.clear()
    reader.run()
    assert not any(batch.envelopes for batch in reader.batches)
    assert reader.cursor.get_int("uidvalidity") == 10


def test_purged_dead_letter_of_a_mended_mail_comes_back_by_itself() -> None:
    server, model = a_server(PLAIN, mails=6), PipelineModel()
    damaged = server.mailboxes["INBOX"].mails[3]
    damaged.breaks = True
    reader = Reader(server, model)
    reader.run()
    assert len(model.dead) == 1
    damaged.breaks = False
    model.dead.clear()
    reader.clock.advance(7200)
    reader.run()
    assert len(model.living()) == 6


def test_missing_uidvalidity_is_never_acted_on() -> None:
    server, model = a_server(PLAIN, mails=5), PipelineModel()
    reader = Reader(server, model)
    reader.run()
    server.told_uidvalidities = [0] * 10
    for _ in range(3):
        with pytest.raises(PASSING):
            reader.step()
    server.told_uidvalidities = []
    reader.run()
    assert len(model.living()) == 5


def test_renumbered_mailbox_fetches_no_known_body_again() -> None:
    server, model = a_server(PLAIN, mails=30), PipelineModel()
    reader = Reader(server, model)
    reader.run()
    ids = set(model.rows)
    server.mailboxes["INBOX"].renumber(11, gap=40)
    new = server.new_mail()
    server.mailboxes["INBOX"].put(new)
    reader.run()
    assert set(server.bodies_fetched.values()) == {1}
    assert ids < set(model.rows)
    assert {row.place.uid for row in model.living()} == set(server.mailboxes["INBOX"].mails)


def test_after_a_renumbering_flags_reach_the_old_id() -> None:
    server, model = a_server(Profile("condstore", condstore=True), mails=3), PipelineModel()
    reader = Reader(server, model)
    reader.run()
    box = server.mailboxes["INBOX"]
    box.renumber(11, gap=7)
    reader.run()
    box.mails[9].flags = frozenset({"\\Seen"})
    box.touch(box.mails[9])
    reader.run()
    assert model.rows["INBOX/10/2"].labels == ("\\Seen",)


def test_a_renumbering_is_heard_though_the_streams_clock_is_behind_the_database() -> None:
    server, model = a_server(PLAIN, mails=2), PipelineModel()
    box = server.mailboxes["INBOX"]
    box.put(server.new_mail(message_id=""))  # paired by its bytes
    reader = Reader(server, model)
    reader.run()
    for row in model.rows.values():
        row.version = int(reader.clock.now().timestamp() * 1_000_000) + 10**12  # eleven days ahead
    box.take(2)
    box.renumber(11, gap=7)
    reader.run()
    assert {row.source_id: row.place.uid for row in model.living()} == {"INBOX/10/1": 8, "INBOX/10/3": 9}
    assert model.rows["INBOX/10/2"].is_deleted


def test_a_delete_is_heard_at_once_though_the_streams_clock_is_behind_the_database() -> None:
    server, model = a_server(Profile("qresync", condstore=True, qresync=True), mails=2), PipelineModel()
    reader = Reader(server, model)
    reader.run()
    for row in model.rows.values():
        row.version = int(reader.clock.now().timestamp() * 1_000_000) + 10**12  # eleven days ahead
    server.mailboxes["INBOX"].take(2)
    reader.run()
    assert model.rows["INBOX/10/2"].is_deleted


def flag_ranges(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Return a list that grows with the first and last UID of each question for changed flags."""
    asked: list[tuple[int, int]] = []
    fetch_flags = MemorySession.fetch_flags

    def recorded(
        session: MemorySession,
        uids: UidSet | None = None,
        *,
        changed_since: int | None = None,
        vanished: bool = False,
    ) -> FlagReport:
        assert uids is not None
        if changed_since is not None:
            asked.append((uids.first, uids.last))
        return fetch_flags(session, uids, changed_since=changed_since, vanished=vanished)

    monkeypatch.setattr(MemorySession, "fetch_flags", recorded)
    return asked


def test_many_changes_are_read_in_ranges_and_a_cut_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    server, model = a_server(Profile("condstore", condstore=True), mails=10), PipelineModel()
    reader = Reader(server, model)
    reader.run()
    box = server.mailboxes["INBOX"]
    for uid in (10, 3, 8, 2, 7, 1, 6, 5, 9, 4):  # the order of MODSEQs is not that of UIDs
        box.mails[uid].flags = frozenset({"\\Seen"})
        box.touch(box.mails[uid])
    asked = flag_ranges(monkeypatch)
    for _ in range(3):  # UIDs 1 to 3, 4, 5 to 7 are published
        reader.step()
    told_so_far = len(asked)
    box.mails[2].flags = frozenset({"\\Seen", "\\Flagged"})  # behind our back
    box.touch(box.mails[2])
    box.take(5)
    reader.restart()
    reader.run()
    assert asked[:2] == [(1, 4), (5, 8)]
    assert asked[told_so_far] == (8, 10), "what was told is not told again"
    assert max(last - first for first, last in asked) < SMALL.flag_window
    assert {row.place.uid: row.labels for row in model.rows.values() if row.place.uid != 5} == {
        uid: ("\\Flagged", "\\Seen") if uid == 2 else ("\\Seen",) for uid in (1, 2, 3, 4, 6, 7, 8, 9, 10)
    }
    assert (reader.cursor.get_int("modseq"), reader.cursor.get_int("changed_to")) == (box.modseq, 0)


def test_a_range_of_changes_is_within_what_the_wire_takes_for_one_command() -> None:
    assert max(Limits().flag_window, FLAG_CHUNK) <= MAX_ANSWERS / 2  # unasked answers may come among them


def test_an_operators_odd_checkpoint_of_changes_skips_none() -> None:
    server, model = a_server(Profile("condstore", condstore=True), mails=3), PipelineModel()
    reader = Reader(server, model)
    reader.run()
    box = server.mailboxes["INBOX"]
    for changed in ({"changed_to": 99}, {"changed_to": 99, "changed_modseq": box.modseq + 1}):
        box.mails[1].flags = box.mails[1].flags | {f"odd-{len(changed)}"}
        box.touch(box.mails[1])
        reader.cursor = reader.cursor.moved(**changed)
        reader.run()
    assert model.rows["INBOX/10/1"].labels == ("odd-1", "odd-2")


def test_lost_cursor_after_a_renumbering_keeps_the_old_ids() -> None:
    server, model = a_server(PLAIN, mails=3), PipelineModel()
    reader = Reader(server, model)
    reader.run()
    box = server.mailboxes["INBOX"]
    box.renumber(11, gap=7)
    reader.run()
    box.mails[9].flags = frozenset({"\\Seen"})
    reader.cursor = Cursor()
    reader.run()
    assert set(model.rows) == {"INBOX/10/1", "INBOX/10/2", "INBOX/10/3"}
    assert model.rows["INBOX/10/2"].labels == ("\\Seen",)


def test_renumbering_ends_although_several_new_mails_are_broken() -> None:
    server, model = a_server(PLAIN, mails=4), PipelineModel()
    reader = Reader(server, model)
    reader.run()
    box = server.mailboxes["INBOX"]
    box.renumber(11)
    for _ in range(3):
        box.put(server.new_mail(breaks=True))
        box.put(server.new_mail())
    reader.run()
    assert len(model.living()) == 7
    assert sorted(envelope.place.uid for envelope, _ in model.dead.values()) == [5, 7, 9]


def test_renumbering_waits_for_the_workers_and_says_so_in_the_end() -> None:
    server, model = a_server(PLAIN, mails=3), PipelineModel()
    reader = Reader(server, model)
    reader.run(settle=False)
    server.mailboxes["INBOX"].renumber(11)
    for _ in range(10):
        assert not reader.step()
    assert not reader.batches[-1].envelopes
    reader.clock.advance(61)
    with pytest.raises(SettlingAwaitedError):
        reader.step()
    reader.run()
    assert set(model.rows) == {"INBOX/10/1", "INBOX/10/2", "INBOX/10/3"}


def test_lost_cursor_fetches_only_what_is_missing() -> None:
    server, model = a_server(PLAIN, mails=20), PipelineModel()
    reader = Reader(server, model)
    reader.run()
    del model.rows["INBOX/10/5"]
    reader.cursor = Cursor()
    reader.run()
    assert server.bodies_fetched.total() == 21
    assert len(model.living()) == 20


def test_last_uid_set_to_zero_reads_everything_again() -> None:
    server, model = a_server(PLAIN, mails=20), PipelineModel()
    reader = Reader(server, model)
    reader.run()
    reader.cursor = reader.cursor.moved(last_uid=0)
    reader.batches.clear()
    reader.run()
    told = [one for batch in reader.batches for one in batch.envelopes]
    assert len(told) == 20
    assert all(one.kind is Kind.ADDED and one.force for one in told)
    assert len(model.rows) == 20
    assert reader.cursor.get_int("read_again_to") == 0


def test_mail_the_database_lost_comes_back_by_itself() -> None:
    server, model = a_server(PLAIN, mails=6), PipelineModel()
    reader = Reader(server, model)
    reader.run()
    del model.rows["INBOX/10/4"]
    reader.clock.advance(7200)
    reader.run()
    assert len(model.living()) == 6


def test_mail_marked_deleted_that_the_server_has_lives_again() -> None:
    server, model = a_server(PLAIN, mails=3), PipelineModel()
    reader = Reader(server, model)
    reader.run()
    model.rows["INBOX/10/2"].deleted_version = 10**9
    model._versions = 10**9
    reader.clock.advance(7200)
    reader.run()
    assert not model.rows["INBOX/10/2"].is_deleted
    assert server.bodies_fetched.total() == 3


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_a_stream_whose_clock_is_behind_the_database_is_caught_up_with(profile: Profile) -> None:
    server, model = a_server(profile, mails=3), PipelineModel()
    reader = Reader(server, model)
    reader.run()
    for row in model.rows.values():
        row.version = int(reader.clock.now().timestamp() * 1_000_000) + 10**12  # eleven days ahead
    hidden, flagged, gone = sorted(model.rows.values(), key=lambda row: row.place.uid)
    hidden.deleted_version = hidden.version
    box = server.mailboxes["INBOX"]
    box.mails[2].flags = frozenset({"\\Flagged"})
    box.touch(box.mails[2])
    box.take(3)
    for _ in range(2):
        reader.clock.advance(7200)
        reader.run()
    assert (hidden.is_deleted, gone.is_deleted) == (False, True)
    assert "\\Flagged" in flagged.labels


def test_steady_state_tells_a_new_mail_once_and_nothing_else() -> None:
    server, model = a_server(Profile("qresync", condstore=True, qresync=True), mails=5), PipelineModel()
    reader = Reader(server, model)
    reader.run()
    reader.batches.clear()
    server.mailboxes["INBOX"].put(server.new_mail())
    reader.run()
    reader.run()
    assert [one.kind for batch in reader.batches for one in batch.envelopes] == [Kind.ADDED]


def test_census_lists_everything_or_raises() -> None:
    server, model = a_server(PLAIN, mails=9), PipelineModel()
    reader = Reader(server, model)
    assert [item.place.uid for item in reader.source.census()] == list(range(1, 10))
    server.answers_left = 2
    with pytest.raises(SourceUnavailableError):
        list(reader.source.census())


def test_census_in_the_middle_of_reading_disturbs_nothing() -> None:
    server, model = a_server(PLAIN, mails=9), PipelineModel()
    reader = Reader(server, model)
    reader.step()
    assert len(list(reader.source.census())) == 9
    reader.run()
    assert len(model.living()) == 9


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_mails_whose_flags_are_not_told_are_neither_gone_nor_left_out_of_the_census(profile: Profile) -> None:
    server, model = a_server(profile, mails=5), PipelineModel()
    reader = Reader(server, model)
    reader.run()
    server.untold = {2, 4}
    assert sorted(item.place.uid for item in reader.source.census()) == [1, 2, 3, 4, 5]
    reader.clock.advance(7200)
    reader.run()
    assert len(model.living()) == 5
    server.mailboxes["INBOX"].take(2)
    reader.clock.advance(7200)
    reader.run()
    assert len(model.living()) == 4


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_a_search_that_finds_nothing_does_not_delete_a_mailbox(profile: Profile) -> None:
    server, model = a_server(profile, mails=5), PipelineModel()
    reader = Reader(server, model)
    reader.run()
    server.empty_searches = 4  # the one for new mail, and the one of the reconcile, more than once
    reader.clock.advance(7200)
    reader.run()
    assert Kind.DELETED not in [one.kind for batch in reader.batches for one in batch.envelopes]
    server.empty_searches = 1
    with pytest.raises(SourceRefusedError):
        list(reader.source.census())


def test_a_big_mail_that_comes_empty_each_time_does_not_hold_up_the_mailbox() -> None:
    server, model = a_server(PLAIN, mails=3), PipelineModel()
    box = server.mailboxes["INBOX"]
    server.hollow = {box.put(server.new_mail("x" * SMALL.spool_bytes))}
    box.put(server.new_mail())
    Reader(server, model).run()
    assert len(model.living()) == 4
    assert [code for _, code in model.dead.values()] == ["mail_unfetchable"]


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_an_archive_imported_under_the_mailboxes_name_is_left_alone(profile: Profile) -> None:
    server, model = a_server(profile, mails=3), PipelineModel()
    archived = model.rows["INBOX/1.host"] = Row("INBOX/1.host", Place("INBOX"), b"Subject: old\n\n", version=1)
    reader = Reader(server, model)
    reader.run()
    reader.clock.advance(7200)
    reader.run()
    reader.cursor = Cursor()  # lost
    reader.run()
    assert not archived.is_deleted
    assert archived.place == Place("INBOX")
    assert len(model.living()) == 4
