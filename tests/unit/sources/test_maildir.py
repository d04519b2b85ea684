"""The Maildir source brings what is there, and later what is new, changed and gone, however files move meanwhile."""

import os
import random
import tempfile
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.common.errors import FileUnreadableError, MailboxTakenError
from src.model.cursor import Cursor
from src.model.envelope import Envelope, Kind, Place
from src.sources.maildir_folders import folders, keywords, labels, mail_file
from src.store.protocol import KnownMail
from tests.contracts.source_contract import SourceContract, SourceWithCensus
from tests.unit.sources.maildir_writing import Knowing, make_folder, put, read_pass, source_of


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "Maildir")


def test_mails_of_cur_and_new_come_with_their_flags_and_times(root: Path) -> None:
    put(root, "1.a.host:2,FS", b"Subject: a\n\n")
    fresh = put(root, "2.b.host", b"Subject: b\n\n", part="new")
    put(root, "3.c.host", part="tmp")  # half written
    os.utime(fresh, (1_000_000_000, 1_000_000_000))
    found, _ = read_pass(source_of(root, Knowing()), Cursor())
    assert [(it.source_id, it.raw, it.labels) for it in found] == [
        ("INBOX/1.a.host", b"Subject: a\n\n", ("\\Flagged", "\\Seen")),
        ("INBOX/2.b.host", b"Subject: b\n\n", ()),
    ]
    assert found[1].received_at == datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC)


def test_folders_of_both_layouts_are_found_under_their_decoded_names(root: Path) -> None:
    for name in (".Sent", ".Work.Entw&APw-rfe", "Nested/Deep", ".ill&formed", "Sent"):
        make_folder(root / name)
    (root / "no folder").mkdir()
    found = [folder.name for folder in folders(root)]
    assert found == ["INBOX", ".Sent", "Work.Entwürfe", "ill&formed", "Nested/Deep", "Sent"]


def test_a_folder_without_cur_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileUnreadableError, match="a Maildir was expected"):
        folders(tmp_path)


@pytest.mark.parametrize(
    ("name", "unique", "flags"),
    [
        ("1.M2P3.host,S=10,W=12:2,RS", "1.M2P3.host,S=10,W=12", "RS"),  # Dovecot's sizes belong to the name
        ("1.host;2,S", "1.host", "S"),  # on file systems without colons
        ("1.host:2,", "1.host", ""),
        ("1.host:1,experimental", "1.host:1,experimental", ""),
        ("1.host", "1.host", ""),
        ("caf\udce9:2,S", "caf\\xe9", "S"),  # a name that is no UTF-8
    ],
)
def test_a_file_name_is_the_unique_name_and_flags(name: str, unique: str, flags: str) -> None:
    file = mail_file(f"cur/{name}")
    assert (file.unique, file.flags) == (unique, flags)


def test_keyword_letters_are_named_by_dovecots_file(root: Path) -> None:
    (root / "dovecot-keywords").write_text("0 Important\n1 $Junk\nbroken line\n99 too many\n", encoding="utf-8")
    assert labels("Sbaz", keywords(root)) == ("$Junk", "Important", "\\Seen")


def test_the_cursor_of_a_servers_mailbox_is_left_alone(root: Path) -> None:
    put(root, "1.host:2,")
    with pytest.raises(MailboxTakenError):  # or its `last_uid` would grow, and pass mails that nobody read
        source_of(root, Knowing()).fetch(Cursor({"last_uid": "7", "uidvalidity": "3"}))


def test_what_is_no_file_holds_nobody_up(root: Path) -> None:
    put(root, "1.host:2,")
    os.mkfifo(root / "cur" / "2.host:2,")
    batch = source_of(root, Knowing()).fetch(Cursor())
    assert [it.source_id for it in batch.envelopes] == ["INBOX/1.host"]
    assert [it.code for it in batch.failures] == ["file_unreadable"]


def test_a_database_that_forgot_gets_every_mail_again(root: Path) -> None:
    put(root, "1.host:2,")
    _, cursor = read_pass(source_of(root, Knowing()), Cursor())
    for stored in (cursor, cursor.moved(last_uid=0)):
        found, _ = read_pass(source_of(root, Knowing()), stored)
        assert [(it.kind, it.force) for it in found] == [(Kind.ADDED, True)]  # the stream published it lately


def test_a_second_run_tells_what_is_new_changed_and_gone(root: Path) -> None:
    knowing = Knowing()
    kept, flagged, gone = (put(root, f"{number}.host:2,") for number in range(3))
    found, cursor = read_pass(source_of(root, knowing), Cursor())
    knowing.settle(found)
    flagged.rename(flagged.with_name("1.host:2,S"))
    gone.unlink()
    put(root, "0.earlier.name", part="new")  # sorts before all others
    found, cursor = read_pass(source_of(root, knowing), cursor)
    assert {(it.source_id, it.kind, it.labels) for it in found} == {
        ("INBOX/0.earlier.name", Kind.ADDED, ()),
        ("INBOX/1.host", Kind.CHANGED, ("\\Seen",)),
        ("INBOX/2.host", Kind.DELETED, None),
    }
    knowing.settle(found)
    assert read_pass(source_of(root, knowing), cursor)[0] == []
    assert kept.exists()


def test_a_deleted_mail_that_comes_back_lives_again(root: Path) -> None:
    knowing = Knowing()
    path = put(root, "1.host:2,S")
    found, cursor = read_pass(source_of(root, knowing), Cursor())
    knowing.settle(found)
    path.unlink()
    found, cursor = read_pass(source_of(root, knowing), cursor)
    knowing.settle(found)
    put(root, "1.host:2,S")
    found, _ = read_pass(source_of(root, knowing), cursor)
    assert [(it.kind, it.labels) for it in found] == [(Kind.CHANGED, ("\\Seen",))]


def test_a_mail_on_its_way_is_not_read_again_and_one_that_the_database_lacks_is(root: Path) -> None:
    knowing = Knowing()
    put(root, "1.host:2,")
    put(root, "2.host:2,")
    found, cursor = read_pass(source_of(root, knowing), Cursor())
    knowing.on_its_way = {found[0].id}
    knowing.mails[found[1].source_id] = KnownMail(found[1].source_id, Place("INBOX"), (), False, False, "", 0, None, "")
    again, _ = read_pass(source_of(root, knowing), cursor)
    assert [(it.source_id, it.kind, it.force) for it in again] == [("INBOX/2.host", Kind.ADDED, True)]


def test_importing_another_maildir_does_not_delete_the_first_ones_mails(tmp_path: Path) -> None:
    knowing = Knowing()
    first, second = make_folder(tmp_path / "a"), make_folder(tmp_path / "b")
    put(first, "1.host:2,")
    put(second, "2.host:2,")
    found, cursor = read_pass(source_of(first, knowing), Cursor())
    knowing.settle(found)
    found, _ = read_pass(source_of(second, knowing), cursor)
    assert [(it.source_id, it.kind) for it in found] == [("INBOX/2.host", Kind.ADDED)]


def test_mails_that_came_by_imap_or_from_an_mbox_are_let_alone(root: Path) -> None:
    knowing = Knowing()
    put(root, "1.host:2,")
    found, cursor = read_pass(source_of(root, knowing), Cursor())
    knowing.settle(found)
    for source_id, uidvalidity in (("INBOX/7/1", 7), ("0123456789abcdef:1", 0)):
        place = Place("INBOX", uidvalidity, 1)
        knowing.mails[source_id] = KnownMail(source_id, place, (), False, True, "", 0, None, "")
    assert read_pass(source_of(root, knowing), cursor)[0] == []


def test_last_uid_zero_brings_every_mail_again(root: Path) -> None:
    knowing = Knowing()
    for number in range(5):
        put(root, f"{number}.host:2,")
    found, cursor = read_pass(source_of(root, knowing), Cursor())
    knowing.settle(found)
    again, cursor = read_pass(source_of(root, knowing, batch_mails=2), cursor.moved(last_uid=0))
    assert [(it.kind, it.force) for it in again] == [(Kind.ADDED, True)] * 5
    assert read_pass(source_of(root, knowing), cursor)[0] == []


@settings(max_examples=30, deadline=None)
@given(
    names=st.sets(st.integers(0, 99), min_size=1, max_size=12), batch_mails=st.integers(1, 4), steps=st.integers(0, 5)
)
def test_a_pass_broken_off_anywhere_is_ended_by_the_next_process(names: set[int], batch_mails: int, steps: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = make_folder(Path(folder) / "Maildir")
        for name in names:
            put(root, f"{name:02}.host:2,")
        knowing, cursor = Knowing(), Cursor()
        published: list[Envelope] = []
        source = source_of(root, knowing, batch_mails=batch_mails)
        for _ in range(steps):
            batch = source.fetch(cursor)
            published += batch.envelopes
            knowing.on_its_way |= {envelope.id for envelope in batch.envelopes}
            cursor = batch.cursor
        rest, _ = read_pass(source_of(root, knowing, batch_mails=batch_mails), cursor, publish_to=knowing)
        ids = [envelope.source_id for envelope in [*published, *rest]]
        assert sorted(ids) == [f"INBOX/{name:02}.host" for name in sorted(names)]


def test_a_mail_renamed_after_it_was_listed_is_found_under_its_new_name(root: Path) -> None:
    paths = [put(root, f"{number}.host:2,") for number in range(4)]
    source = source_of(root, Knowing(), batch_mails=2)
    first = source.fetch(Cursor())
    paths[2].rename(paths[2].with_name("2.host:2,S"))  # a flag was set
    paths[3].unlink()
    rest, _ = read_pass(source, first.cursor)
    assert [(it.source_id, it.labels) for it in rest] == [("INBOX/2.host", ("\\Seen",))]


def test_a_mail_that_one_listing_misses_is_not_taken_for_deleted(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    knowing = Knowing()
    put(root, "1.host:2,")
    found, cursor = read_pass(source_of(root, knowing), Cursor())
    knowing.settle(found)
    source = source_of(root, knowing)
    scans = iter([False, False, True, True])  # new and cur, blind the first time

    def scandir(path: Path) -> "os._ScandirIterator[str]":
        return real(path) if next(scans) else real(root / "tmp")

    real = os.scandir
    monkeypatch.setattr(os, "scandir", scandir)
    assert source.fetch(cursor).envelopes == ()


def test_passes_beside_a_program_that_sets_flags_end_in_the_truth(root: Path) -> None:
    knowing, cursor = Knowing(), Cursor()
    for number in range(100):
        put(root, f"{number:03}.host:2,")
    is_over = threading.Event()
    busy = threading.Thread(target=set_flags_until, args=(root / "cur", is_over))
    busy.start()
    try:
        for _ in range(8):
            found, cursor = read_pass(source_of(root, knowing), cursor)
            knowing.settle(found)
    finally:
        is_over.set()
        busy.join()
    for _ in range(2):
        found, cursor = read_pass(source_of(root, knowing), cursor)
        knowing.settle(found)
    assert found == []
    truth = {f"INBOX/{mail_file(f'cur/{path.name}').unique}": path.name[-1] == "S" for path in (root / "cur").iterdir()}
    assert len(truth) == 100
    assert {name: known.labels == ("\\Seen",) for name, known in knowing.mails.items()} == truth
    assert not any(known.is_deleted for known in knowing.mails.values())


def set_flags_until(folder: Path, is_over: threading.Event) -> None:
    rng = random.Random(1)
    while not is_over.is_set():
        path = rng.choice(list(folder.iterdir()))
        path.rename(path.with_name(path.name.partition(":")[0] + rng.choice([":2,", ":2,S"])))


def test_an_unreadable_mail_is_a_failure_and_its_neighbours_come(root: Path) -> None:
    loop = root / "cur" / "1.host:2,"
    loop.symlink_to(loop)
    put(root, "2.host:2,")
    batch = source_of(root, Knowing()).fetch(Cursor())
    assert [failure.code for failure in batch.failures] == ["file_unreadable"]
    assert [envelope.source_id for envelope in batch.envelopes] == ["INBOX/2.host"]


def test_a_mail_over_the_limit_goes_to_the_dead_letters(root: Path) -> None:
    put(root, "1.host:2,", b"x" * 5000)
    put(root, "2.host:2,")
    batch = source_of(root, Knowing(), max_mail_bytes=1000).fetch(Cursor())
    assert [(failure.code, failure.envelope.raw) for failure in batch.failures] == [("mail_too_large", b"x" * 5000)]
    assert [envelope.source_id for envelope in batch.envelopes] == ["INBOX/2.host"]


def test_a_big_mail_comes_in_slices_even_if_it_is_renamed_meanwhile(root: Path) -> None:
    content = b"Subject: big\n\n>From stays\n" + b"x" * 3_000_000
    path = put(root, "1.host:2,", content)
    (envelope,) = source_of(root, Knowing(), slice_bytes=1000).fetch(Cursor()).envelopes
    path.rename(path.with_name("1.host:2,S"))
    assert not isinstance(envelope.raw, bytes)
    assert b"".join(envelope.raw) == content


def test_a_stream_whose_clock_is_behind_the_database_is_told_the_version(root: Path) -> None:
    knowing = Knowing()
    for name in ("1.changed", "2.gone", "3.hidden", "4.not-ahead"):
        put(root, f"{name}:2,")
    found, cursor = read_pass(source_of(root, knowing), Cursor())
    knowing.settle(found)
    ahead = int(datetime.now(UTC).timestamp() * 1_000_000) + 10**12  # eleven days
    for source_id, mail in knowing.mails.items():
        knowing.mails[source_id] = replace(mail, version=5 if "not-ahead" in source_id else ahead)
    knowing.mails["INBOX/3.hidden"] = replace(knowing.mails["INBOX/3.hidden"], is_deleted=True)
    (root / "cur" / "1.changed:2,").rename(root / "cur" / "1.changed:2,S")
    (root / "cur" / "2.gone:2,").unlink()
    (root / "cur" / "4.not-ahead:2,").rename(root / "cur" / "4.not-ahead:2,S")
    found, _ = read_pass(source_of(root, knowing), cursor)
    assert [(it.source_id, it.kind, it.version) for it in found] == [
        ("INBOX/1.changed", Kind.CHANGED, ahead + 1),
        ("INBOX/2.gone", Kind.DELETED, ahead + 1),
        ("INBOX/3.hidden", Kind.CHANGED, ahead + 1),
        ("INBOX/4.not-ahead", Kind.CHANGED, None),
    ]


class TestMaildirContract(SourceContract):
    """The Maildir source keeps what every source promises."""

    @pytest.fixture
    def source(self, root: Path) -> SourceWithCensus:
        for number in range(25):
            put(root, f"{number:02}.host:2,S", b"Subject: %d\n\n" % number)
        return source_of(root, Knowing(), batch_mails=4)

    @pytest.fixture
    def slicing_source(self, root: Path) -> SourceWithCensus:
        put(root, "1.host:2,S", b"Subject: big\n\n" + b"x" * 3_000_000)
        return source_of(root, Knowing(), slice_bytes=1000)
