"""Whatever the bytes, parsing gives a clean, bounded message and never raises; bytes and mmap give the same."""

import gc
import mmap
import tempfile

from hypothesis import given, settings
from hypothesis import strategies as st

from src.mail.limits import Limits
from src.mail.parse import parse
from src.mail.preview import preview
from src.model.message import Message
from tests.fakes.no_sandbox import keep
from tests.fixtures.mails import assert_clean_message, assert_clean_preview, hostile_mails, mutated_mails
from tests.mail.corpus import STRANGE_MAILS

TIGHT = Limits(
    depth=2, parts=4, header_block_bytes=200, line_chars=60, addresses=2, parameters=2, references=2, subject_chars=20,
    kept_headers=3, kept_header_chars=20, kept_headers_total_chars=60, body_chars=30, html_preview_chars=10,
)  # fmt: skip
any_mail = st.one_of(hostile_mails, mutated_mails(), st.binary(max_size=300))


def _whole(raw: bytes | mmap.mmap, limits: Limits = Limits()) -> Message:  # noqa: B008  (frozen)
    parsed = parse(raw, limits)
    return parsed.with_attachments([keep(part) for part in parsed.parts])


@settings(max_examples=300, deadline=None)
@given(any_mail)
def test_any_bytes_give_a_clean_message(raw: bytes) -> None:
    assert_clean_message(_whole(raw))


@settings(max_examples=150, deadline=None)
@given(any_mail)
def test_any_bytes_stay_within_tight_limits(raw: bytes) -> None:
    message = _whole(raw, TIGHT)
    assert_clean_message(message, TIGHT)
    assert len(message.attachments) <= TIGHT.parts


@settings(max_examples=150, deadline=None)
@given(any_mail)
def test_any_bytes_give_a_clean_preview_that_agrees_with_the_message(raw: bytes) -> None:
    look, message = preview(raw), parse(raw).message
    assert_clean_preview(look)
    assert (look.date, look.message_id) == (message.date, message.message_id[:500])
    assert message.subject.startswith(look.subject)


@settings(max_examples=50, deadline=None)
@given(any_mail.filter(bool))
def test_a_mapped_file_gives_the_same_as_bytes(raw: bytes) -> None:
    with tempfile.TemporaryFile() as file:
        file.write(raw)
        file.flush()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            assert _whole(mapped) == _whole(raw)
            assert preview(mapped) == preview(raw)


@settings(max_examples=50, deadline=None)
@given(any_mail)
def test_parsing_twice_gives_the_same(raw: bytes) -> None:
    assert _whole(raw) == _whole(raw)


def test_parsing_leaves_nothing_to_the_garbage_collector() -> None:
    """A cycle would hold the raw mail, up to 200 MB, until the collector happens to come."""
    mails = [found.raw for found in STRANGE_MAILS if len(found.raw) < 3_000]
    gc.collect()
    gc.disable()
    try:
        for raw in mails:
            _whole(raw)
            preview(raw)
        assert gc.collect() == 0
    finally:
        gc.enable()
