"""What a FETCH answer tells becomes values; what it does not tell stays None and is never made up."""

from datetime import UTC, datetime

import pytest

from src.common.errors import SourceUnavailableError
from src.imap.answers import FlagChange, GmailTags, MailFacts
from src.imap.fetch_answer import attributes, body_of, flag_change, mail_facts, slice_of, uid_of, usual_facts
from src.imap.response import Part, Untagged


def _fetch(*parts: Part) -> Untagged:
    return Untagged(1, b"FETCH", list(parts))


def test_everything_that_gmail_tells() -> None:
    found = attributes(
        _fetch(
            b'(X-GM-THRID 1266894439832287888 X-GM-MSGID 1278455344230334865 X-GM-LABELS ("\\\\Inbox" Entw&APw-rfe) '
            b'UID 4 RFC822.SIZE 44827 INTERNALDATE "17-Jul-1996 02:44:25 -0700" FLAGS (\\Seen \\Recent $Junk) '
            b"MODSEQ (917162500) BODY[HEADER.FIELDS (MESSAGE-ID)] ",
            b"Message-ID:\r\n <a@example.org>\r\n\r\n",
            b")",
        )
    )
    assert mail_facts(found, utf8=False) == MailFacts(
        uid=4,
        size_bytes=44827,
        received_at=datetime(1996, 7, 17, 9, 44, 25, tzinfo=UTC),
        flags=("$Junk", "\\Seen"),
        modseq=917162500,
        gmail=GmailTags(1278455344230334865, 1266894439832287888, ("Entwürfe", "\\Inbox")),
        message_id="a@example.org",
    )


def test_everything_that_objectid_tells() -> None:
    found = attributes(_fetch(b"(UID 4 RFC822.SIZE 1 EMAILID (M1-a) THREADID NIL FLAGS ())"))
    facts = mail_facts(found, utf8=False)
    assert (facts.email_id, facts.thread_id, facts.gmail, facts.modseq, facts.received_at) == (
        "M1-a",
        "",
        None,
        None,
        None,
    )


def test_flags_with_labels_and_without() -> None:
    with_labels = attributes(_fetch(b"(UID 4 FLAGS (\\Seen) X-GM-LABELS () MODSEQ (5))"))
    assert flag_change(with_labels, utf8=False) == FlagChange(4, ("\\Seen",), 5, ())
    assert flag_change(attributes(_fetch(b"(UID 4 FLAGS ())")), utf8=False) == FlagChange(4, (), None, None)


def test_labels_are_plain_utf8_once_that_is_enabled() -> None:
    found = attributes(_fetch(b"(UID 4 FLAGS () X-GM-LABELS (", "Entwürfe".encode(), b" R&D))"))
    assert flag_change(found, utf8=True).labels == ("Entwürfe", "R&D")


def test_a_body_is_told_from_none() -> None:
    assert body_of(attributes(_fetch(b"(UID 4 BODY[] ", b"", b")"))) == b""
    assert slice_of(attributes(_fetch(b'(UID 4 BODY[]<1048576> "abc")'))) == b"abc"
    assert body_of(attributes(_fetch(b"(UID 4 BODY[] NIL)"))) is None
    assert body_of(attributes(_fetch(b"(FLAGS ())"))) is None
    assert uid_of(attributes(_fetch(b"(FLAGS ())"))) == 0


@pytest.mark.parametrize("text", [b"", b"5", b"(UID)", b"(UID 5 FLAGS)", b"((a) b)"])
def test_an_answer_without_pairs_is_refused(text: bytes) -> None:
    with pytest.raises(SourceUnavailableError):
        attributes(_fetch(text))


@pytest.mark.parametrize("text", [b"(UID x)", b"(UID (1))", b"(UID NIL)", b"(UID 123456789012345678901)"])
def test_a_uid_that_is_no_number_is_refused(text: bytes) -> None:
    with pytest.raises(SourceUnavailableError):
        uid_of(attributes(_fetch(text)))


@pytest.mark.parametrize(
    "text",
    [
        b'(UID 4 RFC822.SIZE 10 INTERNALDATE "17-Jul-1996 02:44:25 -0700" FLAGS (\\Seen $Junk) MODSEQ (9))',
        b'(UID 4 RFC822.SIZE 10 INTERNALDATE "17-Jul-1996 02:44:25 -0700" FLAGS ())',
    ],
)
def test_an_answer_in_the_usual_order_reads_as_one_in_any_order(text: bytes) -> None:
    assert usual_facts(_fetch(text)) == mail_facts(attributes(_fetch(text)), utf8=False)


@pytest.mark.parametrize(
    "text",
    [
        b'(RFC822.SIZE 10 UID 4 INTERNALDATE "17-Jul-1996 02:44:25 -0700" FLAGS ())',  # another order
        b'(UID 4 RFC822.SIZE 10 INTERNALDATE "17-Jul-1996 02:44:25 -0700" FLAGS () EMAILID (M1))',  # something more
        b"(UID 4 FLAGS ())",  # a change of flags
    ],
)
def test_an_answer_that_looks_otherwise_is_left_to_the_reader_of_all(text: bytes) -> None:
    assert usual_facts(_fetch(text)) is None


def test_a_body_alone_reads_as_one_among_other_items() -> None:
    alone = attributes(_fetch(b"(UID 4 BODY[] ", b"abc", b")"))
    among = attributes(_fetch(b"(BODY[] ", b"abc", b" UID 4)"))
    assert alone == among == {b"UID": b"4", b"BODY[]": b"abc"}
