"""What is kept of an attachment, by the size rules: in memory, through a temporary file, or metadata only."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from src.attachments.extractor import Content
from src.attachments.keep import LOOKED_AT_BYTES, Keeper
from src.attachments.kept import size_bucket
from src.attachments.limits import DEFAULT, MB, Limits
from src.attachments.registry import REGISTRY as READERS
from src.attachments.take_out import take_out
from src.common.errors import TempSpaceError
from src.model.extraction import Attachment, Extracted, Extraction
from tests.fakes.no_sandbox import NoSandbox, keep

SMALL = Limits(memory_bytes=100, decoded_bytes=1000, text_chars=50, html_bytes=400)


@dataclass
class FakePart:
    """Plays AttachmentPart, and notes how it was read."""

    data: bytes
    content_type: str = "text/plain"
    charset: str = "utf-8"
    filename: str = "a.txt"
    content_id: str = ""
    position: int = 0
    is_inline: bool = False
    known_text: str | None = None
    estimated_size_bytes: int = -1
    reads: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.estimated_size_bytes < 0:
            self.estimated_size_bytes = len(self.data)

    def decode(self) -> bytes:
        self.reads.append("whole")
        return self.data

    def decode_slices(self) -> Iterator[bytes]:
        self.reads.append("slices")
        for start in range(0, len(self.data), 64):
            yield self.data[start : start + 64]


def _metric(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


@pytest.mark.parametrize(
    ("size", "reads", "outcome"),
    [
        (100, ["whole"], Extracted.TEXT),  # up to the first limit: in memory
        (101, ["slices"], Extracted.TEXT),  # above it: in slices
        (1000, ["slices"], Extracted.TEXT),
        (1001, [], Extracted.SKIPPED),  # above the second: never decoded
    ],
)
def test_size_decides_how_it_is_read(size: int, reads: list[str], outcome: Extracted, tmp_path: Path) -> None:
    part = FakePart(b"x" * size)
    kept = keep(part, SMALL, tmp_path / "t")
    assert (part.reads, kept.extraction.outcome, kept.size_bytes) == (reads, outcome, size)
    assert kept.sha256 == ("" if size > 1000 else hashlib.sha256(part.data).hexdigest())


def test_an_estimate_that_was_too_low_does_not_lift_the_limit(tmp_path: Path) -> None:
    kept = keep(FakePart(b"x" * 5000, estimated_size_bytes=500), SMALL, tmp_path / "t")
    assert kept.extraction == Extraction(Extracted.SKIPPED, reason="too_large")
    assert kept.sha256 == ""


@pytest.mark.parametrize("size", [50, 500])
def test_memory_and_file_give_the_same(size: int, tmp_path: Path) -> None:
    data = ("Größe " * size).encode()[:size]
    in_memory = keep(FakePart(data), Limits(text_chars=50), tmp_path / "t")
    in_file = keep(FakePart(data), Limits(text_chars=50, memory_bytes=0), tmp_path / "t")
    assert in_memory == in_file


def test_no_temporary_file_is_left(tmp_path: Path) -> None:
    folder = tmp_path / "t"
    keep(FakePart(b"x" * 500), SMALL, folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert list(folder.iterdir()) == []


def test_a_part_that_is_left_is_described_all_the_same(tmp_path: Path) -> None:
    keeper = Keeper(NoSandbox(), SMALL, tmp_path / "t")
    left = keeper.leave(FakePart(b"x" * 500), "because")
    assert left.extraction == Extraction(Extracted.SKIPPED, reason="because")
    assert (left.size_bytes, left.sha256) == (500, hashlib.sha256(b"x" * 500).hexdigest())
    assert keeper.leave(FakePart(b"x" * 5000), "because").extraction.reason == "too_large"


def test_what_failed_is_counted_by_its_reason(tmp_path: Path) -> None:
    before = _metric("gmail_attachments_skipped_total", reason="broken")
    sandbox = NoSandbox()
    sandbox.take_out = lambda *_: Extraction(Extracted.FAILED, reason="broken")  # type: ignore[method-assign]
    kept = Keeper(sandbox, SMALL, tmp_path / "t").keep(FakePart(b"PK\x03\x04", content_type="application/zip"))
    assert (kept.extraction.outcome, kept.extraction.reason) == (Extracted.FAILED, "broken")
    assert _metric("gmail_attachments_skipped_total", reason="broken") == before + 1


def test_a_type_that_nothing_reads_is_described_without_a_file(tmp_path: Path) -> None:
    data = b"MZ\x90\0" * 100
    kept = keep(FakePart(data, content_type="application/pdf"), SMALL, tmp_path / "t")
    assert kept.extraction == Extraction(Extracted.SKIPPED, reason="executable")
    assert kept.sha256 == hashlib.sha256(data).hexdigest()
    assert not (tmp_path / "t").exists()


def test_a_full_disk_is_a_temporary_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(TempSpaceError):
        keep(FakePart(b"x" * 500), SMALL, tmp_path / "file" / "t")


@pytest.mark.parametrize(
    ("content_type", "charset", "data", "text"),
    [
        ("text/plain", "utf-8", "Grüße\r\nan alle\0".replace("\0", "").encode(), "Grüße\nan alle"),
        ("text/csv", "iso-8859-1", "größer;1".encode("latin-1"), "größer;1"),
        ("text/plain", "", "漢字".encode("utf-16"), "漢字"),  # told by its byte order mark
        ("text/html", "utf-8", b"<p>a</p><script>b</script><p>c", "a\n\nc"),
        ("application/xhtml+xml", "", b"<p>a", "a"),
        ("message/delivery-status", "", b"Action: failed", "Action: failed"),
    ],
)
def test_text_is_taken_out(content_type: str, charset: str, data: bytes, text: str) -> None:
    kept = keep(FakePart(data, content_type=content_type, charset=charset))
    assert (kept.extraction.outcome, kept.extraction.text) == (Extracted.TEXT, text)


def test_binary_content_under_a_text_type_is_skipped() -> None:
    kept = keep(FakePart(b"\1\0\0\2"))
    assert kept.extraction == Extraction(Extracted.SKIPPED, reason="binary_content")


def test_text_is_cut_with_a_mark() -> None:
    kept = keep(FakePart(b"word " * 19, estimated_size_bytes=95), SMALL)
    assert kept.extraction.truncated
    assert len(kept.extraction.text) <= SMALL.text_chars
    assert kept.extraction.text.endswith("[…]")


def test_what_the_parser_knows_needs_no_extractor() -> None:
    kept = keep(FakePart(b"Subject: x\n\ny", content_type="message/rfc822", known_text="x\n\ny"))
    assert kept.extraction.text == "x\n\ny"


def test_blank_text_is_empty() -> None:
    assert keep(FakePart(b" \r\n ")).extraction == Extraction(Extracted.EMPTY)


def test_metrics_count_what_was_read_and_what_was_not() -> None:
    processed = _metric("gmail_attachments_processed_total")
    skipped = _metric("gmail_attachments_skipped_total", reason="too_large")
    timed = _metric("gmail_attachment_processing_seconds_count", size_bucket="<1MB")
    keep(FakePart(b"x"))
    keep(FakePart(b"", estimated_size_bytes=51 * MB))
    assert _metric("gmail_attachments_processed_total") == processed + 1
    assert _metric("gmail_attachments_skipped_total", reason="too_large") == skipped + 1
    assert _metric("gmail_attachment_processing_seconds_count", size_bucket="<1MB") == timed + 1


@pytest.mark.parametrize(
    ("size", "bucket"), [(0, "<1MB"), (MB, "1-10MB"), (10 * MB, "1-10MB"), (10 * MB + 1, "10-50MB"), (51 * MB, ">50MB")]
)
def test_size_buckets_are_those_of_the_contract(size: int, bucket: str) -> None:
    assert size_bucket(size) == bucket


@pytest.mark.parametrize("pattern", [line.pattern for line in READERS if line.here and line.reader])
@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"<", b"\0" * 20, b"a" * 1000, "é".encode() * 300])
def test_every_extractor_takes_any_bytes_within_its_limits(pattern: str, data: bytes) -> None:
    found = take_out(Content(pattern.replace("*", "x"), "", len(data), data=data), SMALL)
    assert len(found.text) <= SMALL.text_chars
    assert "\0" not in found.text


def test_an_attachment_keeps_no_bytes() -> None:
    assert not any(isinstance(getattr(keep(FakePart(b"x")), name), bytes) for name in Attachment.__slots__)


def test_what_is_declared_to_be_waited_for_is_not_decoded_to_see_it() -> None:
    part = FakePart(b"%PDF-" + b"x" * LOOKED_AT_BYTES, content_type="application/pdf", filename="a.pdf")
    keeper = Keeper(NoSandbox())
    assert keeper.now(part) is None
    assert part.reads == []


@pytest.mark.parametrize(
    ("data", "has_ocr_time"),
    [
        (b"%PDF-1.7", True),
        (b"PK\x03\x04", True),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", True),  # may be a message of Outlook, with pictures attached
        (b"\x78\x9f\x3e\x22\0\0", True),  # winmail.dat
        (b"{\\rtf1 words}", False),
    ],
)
def test_what_may_hold_pictures_has_the_time_for_reading_them(data: bytes, has_ocr_time: bool) -> None:
    sandbox = NoSandbox()
    Keeper(sandbox).keep(FakePart(data, content_type="application/octet-stream", filename="a.bin"))
    assert sandbox.seconds == [DEFAULT.seconds + (DEFAULT.ocr.seconds if has_ocr_time else 0)]


def test_a_large_text_that_is_called_a_pdf_is_read_all_the_same() -> None:
    text = "word " * LOOKED_AT_BYTES
    part = FakePart(text.encode(), content_type="application/pdf", filename="a.txt")
    kept = Keeper(NoSandbox()).keep(part)
    assert kept.extraction.text == text.strip()
