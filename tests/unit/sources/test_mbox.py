"""The mbox source gives back what was written, whatever the writer's habits, and reads on where it stopped."""

import gzip
import hashlib
import mailbox
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.common.errors import FileUnreadableError, MailboxTakenError, SourceUnavailableError
from src.model.cursor import Cursor
from src.model.envelope import Envelope
from tests.contracts.source_contract import SourceContract, SourceWithCensus
from tests.fakes.clock import FakeClock
from tests.unit.sources.mbox_writing import SEPARATOR, mboxrd, raw_of, read_all, source_of

# Lines that look like what an mbox reader steers by.
LINES = st.sampled_from(
    [
        b"",
        b"text",
        b"From here on it is the body",
        b"From alice@example.org Mon Jan  5 10:20:30 2026",
        b">From quoted",
        b">>From quoted twice",
        b"From ",
        b"From: bob@example.org",
        b"Subject: not a header",
        b"Content-Length: 7",
        b"\xff\x00binary",
        b"x" * 3000,
    ]
)


def mails_with(newline: bytes) -> st.SearchStrategy[list[bytes]]:
    """Lists of mails that end with a line end, as every line of an mbox does."""
    body = st.lists(LINES, max_size=6).map(lambda lines: b"".join(line + newline for line in lines))
    header = b"Message-ID: <1@example.org>" + newline + b"Subject: s" + newline + newline
    return st.lists(body.map(lambda text: header + text), max_size=6)


@settings(max_examples=80, deadline=None)
@given(data=st.data(), newline=st.sampled_from([b"\n", b"\r\n"]), slice_bytes=st.sampled_from([100, 8_000_000]))
def test_mails_come_back_as_they_were_written(data: st.DataObject, newline: bytes, slice_bytes: int) -> None:
    mails = data.draw(mails_with(newline))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mails.mbox"
        path.write_bytes(mboxrd(mails, newline=newline))
        found, _ = read_all(source_of(path, slice_bytes=slice_bytes, batch_mails=2))
        assert [raw_of(envelope) for envelope in found] == mails
        assert [envelope.size_bytes for envelope in found] == [len(mail) for mail in mails]
        assert [envelope.source_id for envelope in found] == ids_of(mails)


@settings(max_examples=40, deadline=None)
@given(mails=mails_with(b"\n").filter(bool), stop_after=st.integers(0, 6), batch_mails=st.integers(1, 3))
def test_a_new_process_reads_on_where_the_last_one_stopped(
    mails: list[bytes], stop_after: int, batch_mails: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mails.mbox"
        path.write_bytes(mboxrd(mails))
        cursor = Cursor()
        first: list[Envelope] = []
        source = source_of(path, batch_mails=batch_mails)
        for _ in range(stop_after):
            batch = source.fetch(cursor)
            first += batch.envelopes
            cursor = batch.cursor
        rest, _ = read_all(source_of(path), cursor)
        assert [envelope.source_id for envelope in [*first, *rest]] == ids_of(mails)


@settings(max_examples=40, deadline=None)
@given(mails=mails_with(b"\n"), more=mails_with(b"\n"))
def test_what_is_appended_is_read_and_nothing_else(mails: list[bytes], more: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mails.mbox"
        path.write_bytes(mboxrd(mails))
        source = source_of(path)
        cursor = source.fetch(Cursor()).cursor
        with path.open("ab") as file:
            file.write(mboxrd(more))
        found, _ = read_all(source, cursor)
        assert [envelope.source_id for envelope in found] == ids_of([*mails, *more])[len(mails) :]


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(0, 400))
def test_a_file_cut_anywhere_gives_all_mails_before_the_cut_and_the_rest_of_the_last(cut: int) -> None:
    mails = [b"Subject: %d\n\nbody %d\n" % (number, number) for number in range(5)]
    whole = mboxrd(mails)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mails.mbox"
        path.write_bytes(whole[:cut])
        try:
            found, _ = read_all(source_of(path))
        except FileUnreadableError:
            assert cut < len(SEPARATOR)
            return
        raws = [raw_of(envelope) for envelope in found]
        assert raws[:-1] == mails[: max(len(raws) - 1, 0)]
        # The last one may end early, or with the first letters of a separator, which nothing tells from its text.
        assert not raws or (mails[len(raws) - 1] + b"\n" + SEPARATOR + b"\n").startswith(raws[-1])


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        (0, 3),  # too small
        (5, 3),  # too small
        (10_000_000, 3),  # beyond the file
        (-1, 3),  # no number
        (None, 3),  # the truth
    ],
)
def test_a_content_length_that_leads_nowhere_is_not_believed(tmp_path: Path, claim: int | None, expected: int) -> None:
    body = b"Some text.\nMore.\n"
    length = len(body) if claim is None else claim
    mails = [b"Subject: s\nContent-Length: %d\n\n" % length + body] * 3
    path = tmp_path / "mails.mbox"
    path.write_bytes(mboxrd(mails))
    found, _ = read_all(source_of(path))
    assert [raw_of(envelope) for envelope in found] == mails
    assert len(found) == expected


def test_a_content_length_that_fits_saves_unquoted_lines(tmp_path: Path) -> None:
    body = b"Quoted mail follows.\n\n" + SEPARATOR + b"\nSubject: inner\n\n>From stays as it is\n"
    mail = b"Subject: outer\nContent-Length: %d\n\n" % len(body) + body
    path = tmp_path / "mails.mbox"
    path.write_bytes(b"".join(SEPARATOR + b"\n" + mail + b"\n" for _ in range(2)))  # mboxcl2: nothing is quoted
    found, _ = read_all(source_of(path))
    assert [raw_of(envelope) for envelope in found] == [mail, mail]


def test_what_python_writes_is_read(tmp_path: Path) -> None:
    mails = [b"Subject: %d\n\nFrom the start\n\nFrom me to you\n" % number for number in range(5)]
    path = tmp_path / "mails.mbox"
    box = mailbox.mbox(path)
    for mail in mails:
        box.add(mail)
    box.close()
    found, _ = read_all(source_of(path))
    assert [raw_of(envelope) for envelope in found] == mails


@pytest.mark.parametrize(
    "separator",
    [
        b"From ",  # Thunderbird today
        b"From - Mon Jan 05 10:20:30 2026",  # Thunderbird before
        b"From 1799999999999999999@xxx Mon Jan 05 10:20:30 +0000 2026",  # Takeout
        b"From alice@example.org Mon Jan  5 10:20:30 CET 2026",  # old sendmail
        b"From alice@example.org  Mon Jan  5 10:20 2026",  # no seconds
        b"From alice@example.org Mon Jan  5 10:20:30 2026 +0100",
    ],
)
def test_separators_of_many_writers_are_known(tmp_path: Path, separator: bytes) -> None:
    mails = [b"Subject: %d\n\nbody\n" % number for number in range(3)]
    path = tmp_path / "mails.mbox"
    path.write_bytes(mboxrd(mails, separator=separator))
    found, _ = read_all(source_of(path))
    assert [raw_of(envelope) for envelope in found] == mails


def test_the_separator_tells_when_a_mail_came(tmp_path: Path) -> None:
    path = tmp_path / "mails.mbox"
    path.write_bytes(mboxrd([b"A: b\n\n"], separator=b"From a@example.org Mon Jan  5 10:20:30 +0100 2026"))
    found, _ = read_all(source_of(path))
    assert found[0].received_at == datetime(2026, 1, 5, 9, 20, 30, tzinfo=UTC)


def test_takeout_tells_labels_and_thread(tmp_path: Path) -> None:
    header = (
        b"X-GM-THRID: 1799999999999999999\n"
        b'X-Gmail-Labels: Inbox,=?UTF-8?Q?Entw=C3=BCrfe?=,"Trips, far",\n Opened\n'
        b"Subject: s\n\nbody\n"
    )
    path = tmp_path / "All mail.mbox"
    path.write_bytes(mboxrd([header], separator=b"From 1799999999999999998@xxx Mon Jan 05 10:20:30 +0000 2026"))
    (envelope,), _ = read_all(source_of(path))
    assert envelope.labels == ("Entwürfe", "Inbox", "Opened", "Trips, far")
    assert envelope.gmail is not None
    assert envelope.gmail.thread_id == f"{1799999999999999999:x}"
    assert envelope.gmail.message_id == f"{1799999999999999998:x}"
    assert raw_of(envelope) == header


def test_a_whole_label_list_may_be_one_encoded_word(tmp_path: Path) -> None:
    mail = b"X-Gmail-Labels: =?UTF-8?B?R2Vzw6RuZGUsV2ljaHRpZw==?=\nSubject: s\n\n"
    path = tmp_path / "mails.mbox"
    path.write_bytes(mboxrd([mail]))
    (envelope,), _ = read_all(source_of(path))
    assert envelope.labels == ("Gesände", "Wichtig")


def test_an_empty_file_is_read_to_its_end_at_once(tmp_path: Path) -> None:
    path = tmp_path / "empty.mbox"
    path.touch()
    assert read_all(source_of(path)) == ([], Cursor())


def test_what_lies_before_the_first_separator_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "mails.mbox"
    for preamble in (b"garbage\n\n", b"\n", b"\xef\xbb\xbf"):
        path.write_bytes(preamble + mboxrd([b"Subject: s\n\nbody\n"]))
        found, _ = read_all(source_of(path))
        assert [raw_of(envelope) for envelope in found] == [b"Subject: s\n\nbody\n"]


def test_a_file_that_is_no_mbox_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "picture.mbox"
    path.write_bytes(b"\x89PNG and so on\n" * 100)
    with pytest.raises(FileUnreadableError, match="an mbox was expected"):
        source_of(path).fetch(Cursor())


def test_a_file_name_that_is_no_utf8_makes_a_name_that_is(tmp_path: Path) -> None:
    path = tmp_path / "caf\udce9.mbox"
    path.write_bytes(mboxrd([b"Subject: s\n\n"]))
    source = source_of(path)
    assert source.mailbox == "caf\\xe9.mbox"
    assert len(source.fetch(Cursor()).envelopes) == 1


def test_a_broken_gzip_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mails.mbox.gz"
    for content in (b"no gzip", gzip.compress(mboxrd([b"Subject: s\n\n"]))[:-9]):
        path.write_bytes(content)
        with pytest.raises(FileUnreadableError):
            source_of(path).fetch(Cursor())


def test_a_missing_file_is_named_by_its_fault_not_its_name(tmp_path: Path) -> None:
    with pytest.raises(FileUnreadableError, match="No such file") as caught:
        source_of(tmp_path / "alice@example.org.mbox").fetch(Cursor())
    assert "alice" not in str(caught.value)


def test_a_rewritten_file_is_read_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "mails.mbox"
    mails = [b"Subject: %d\n\nbody\n" % number for number in range(4)]
    path.write_bytes(mboxrd(mails))
    _, cursor = read_all(source_of(path))
    path.write_bytes(mboxrd(mails[1:]))  # shorter: the first was deleted
    found, moved = read_all(source_of(path), cursor)
    assert [envelope.source_id for envelope in found] == ids_of(mails)[1:]
    assert moved.values["last_uid"] == "3"


def test_the_cursor_of_a_servers_mailbox_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "INBOX"
    path.write_bytes(mboxrd([b"Subject: 1\n\none\n"]))
    with pytest.raises(MailboxTakenError):
        source_of(path).fetch(Cursor({"last_uid": "7", "uidvalidity": "3"}))


def test_a_last_mail_that_gets_its_rest_later_is_read_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "mails.mbox"
    mails = [b"Subject: 1\n\none\n", b"Subject: 2\n\ntwo\nwords\nof text\n"]
    path.write_bytes(mboxrd(mails)[:-12])  # whoever copies the file is slow
    source = source_of(path)
    first = source.fetch(Cursor())
    path.write_bytes(mboxrd(mails))
    second = source.fetch(first.cursor)
    assert [raw_of(envelope) for envelope in second.envelopes] == mails  # the first one under the id it had before
    assert {item.source_id for item in source.census()} == {envelope.source_id for envelope in second.envelopes}


def test_a_file_rewritten_while_it_is_open_is_read_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "mails.mbox"
    path.write_bytes(mboxrd([b"Subject: a\n\n1\n", b"Subject: b\n\n2\n"]))
    source = source_of(path)
    cursor = source.fetch(Cursor()).cursor
    path.write_bytes(mboxrd([b"Subject: c\n\nother\n", b"Subject: d\n\nothers\n", b"Subject: b\n\n2\n"]))
    found, _ = read_all(source, cursor)
    assert len(found) == 3


def test_a_mail_in_the_middle_of_its_writing_waits(tmp_path: Path) -> None:
    path = tmp_path / "mails.mbox"
    whole = mboxrd([b"Subject: a\n\nbody\n", b"Subject: b\n\na longer body\n"])
    path.write_bytes(whole[:-8])
    clock = WritingClock(path, whole)
    source = source_of(path, clock, settle_s=1.0)
    first = source.fetch(Cursor())
    assert [raw_of(envelope) for envelope in first.envelopes] == [b"Subject: a\n\nbody\n"]
    assert not first.caught_up
    found, _ = read_all(source, first.cursor)
    assert [raw_of(envelope) for envelope in found] == [b"Subject: b\n\na longer body\n"]


class WritingClock(FakeClock):
    """The first time someone sleeps, the file is finished."""

    def __init__(self, path: Path, content: bytes) -> None:
        super().__init__(datetime.fromtimestamp(path.stat().st_mtime, UTC))
        self._path, self._content = path, content

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if self._path.read_bytes() != self._content:
            self._path.write_bytes(self._content)


def test_a_file_cut_while_a_big_mail_is_read_is_an_error_and_no_short_mail(tmp_path: Path) -> None:
    path = tmp_path / "mails.mbox"
    path.write_bytes(mboxrd([b"Subject: big\n\n" + b"line\n" * 400_000]))
    (envelope,) = source_of(path, slice_bytes=1000).fetch(Cursor()).envelopes
    with path.open("r+b") as file:
        file.truncate(500_000)
    with pytest.raises(SourceUnavailableError):
        raw_of(envelope)


def test_a_big_mail_comes_in_slices_below_a_mebibyte(tmp_path: Path) -> None:
    path = tmp_path / "mails.mbox"
    mail = b"Subject: big\n\n" + b"x" * 3_000_000 + b"\n>From quoted\n" + b"From y\n" * 100_000
    path.write_bytes(mboxrd([mail]))
    (envelope,) = source_of(path, slice_bytes=1000).fetch(Cursor()).envelopes
    assert not isinstance(envelope.raw, bytes)
    assert max(len(part) for part in envelope.raw) < 1024 * 1024
    assert raw_of(envelope) == mail  # and it can be read twice


def test_a_mail_over_the_limit_goes_to_the_dead_letters_and_its_neighbours_come(tmp_path: Path) -> None:
    path = tmp_path / "mails.mbox"
    mails = [b"Subject: a\n\n\n", b"Subject: big\n\n" + b"x" * 5000 + b"\n", b"Subject: c\n\n\n"]
    path.write_bytes(mboxrd(mails))
    batch = source_of(path, max_mail_bytes=1000).fetch(Cursor())
    assert [raw_of(envelope) for envelope in batch.envelopes] == [mails[0], mails[2]]
    (failure,) = batch.failures
    assert (failure.code, failure.envelope.size_bytes) == ("mail_too_large", len(mails[1]))
    assert failure.envelope.raw == mails[1]  # so that it can be replayed under a higher limit
    assert batch.caught_up
    (bare,) = source_of(path, max_mail_bytes=1000, kept_bytes=2000).fetch(Cursor()).failures
    assert bare.envelope.raw == b""


def test_last_uid_zero_reads_all_again_by_force_and_only_once(tmp_path: Path) -> None:
    path = tmp_path / "mails.mbox"
    mails = [b"Subject: %d\n\n" % number for number in range(5)]
    path.write_bytes(mboxrd(mails))
    _, cursor = read_all(source_of(path))
    again, cursor = read_all(source_of(path, batch_mails=2), cursor.moved(last_uid=0))
    assert [(envelope.source_id, envelope.force) for envelope in again] == [(name, True) for name in ids_of(mails)]
    assert read_all(source_of(path), cursor)[0] == []


def test_a_gzipped_file_is_read_like_a_plain_one(tmp_path: Path) -> None:
    mails = [b"Subject: %d\n\n" % number for number in range(5)]
    path = tmp_path / "mails.mbox.gz"
    path.write_bytes(gzip.compress(mboxrd(mails)))
    found, _ = read_all(source_of(path))
    assert [raw_of(envelope) for envelope in found] == mails


def test_remaining_leads_to_nothing_left(tmp_path: Path) -> None:
    path = tmp_path / "mails.mbox"
    path.write_bytes(mboxrd([b"Subject: %04d\n\nbody\n" % number for number in range(1000)]))
    source = source_of(path, batch_mails=100)
    cursor, told = Cursor(), []
    for _ in range(10):
        batch = source.fetch(cursor)
        cursor = batch.cursor
        told.append(batch.remaining)
    assert told == [900, 800, 700, 600, 500, 400, 300, 200, 100, 0]


def ids_of(mails: Sequence[bytes]) -> list[str]:
    """Return the ids that docs/architecture.md promises."""
    found = []
    for number, mail in enumerate(mails):
        times = list(mails[: number + 1]).count(mail)
        found.append(f"{hashlib.sha256(mail).hexdigest()[:32]}:{times}")
    return found


class TestMboxContract(SourceContract):
    """The mbox source keeps what every source promises."""

    @pytest.fixture
    def source(self, tmp_path: Path) -> SourceWithCensus:
        path = tmp_path / "mails.mbox"
        path.write_bytes(mboxrd([b"Subject: %d\n\nbody\n" % (number % 7) for number in range(25)]))
        return source_of(path, batch_mails=4)

    @pytest.fixture
    def slicing_source(self, tmp_path: Path) -> SourceWithCensus:
        path = tmp_path / "big.mbox"
        path.write_bytes(mboxrd([b"Subject: big\n\nFrom here on\n" + b"a line\n" * 500_000]))
        return source_of(path, slice_bytes=1000)
