"""Reading beside the process: what a file does there costs that one call, and the next is answered as ever."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.attachments import bounded_call, pdf_pages
from src.attachments.bounded_call import call_within
from src.attachments.extractor import Content, NotExtractedError
from src.attachments.limits import Limits
from src.attachments.pdf import Pdf
from tests.fakes import reading_beside
from tests.fixtures import office_files

FILE = Content("application/pdf", "", 3, data=b"abc")


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    yield
    bounded_call.end()


@settings(max_examples=40, deadline=None)
@given(data=st.binary(max_size=300_000), name=st.text(), number=st.integers(-(2**53), 2**53))
def test_content_and_arguments_arrive_as_they_are(data: bytes, name: str, number: int) -> None:
    name = name.encode("utf-8", "replace").decode()
    content = Content("application/pdf", "", len(data), data=data, filename=name)
    assert call_within(20, reading_beside.echo, content, number) == [data.hex(), name, number]


def test_content_in_a_file_is_read_there(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(b"in a file")
    content = Content("application/pdf", "", 9, path=path)
    assert call_within(20, reading_beside.echo, content) == [b"in a file".hex(), ""]


def test_the_process_is_kept_for_the_next_file_and_holds_no_file_of_ours() -> None:
    first = call_within(20, reading_beside.process_id, FILE)
    assert first != os.getpid()
    with Path(__file__).open("rb"):
        assert call_within(20, reading_beside.open_files, FILE) == 6, "standard three, two pipes, and the listing"
    assert call_within(20, reading_beside.process_id, FILE) == first


@pytest.mark.parametrize(
    ("read", "reason", "seconds"),
    [
        (reading_beside.hang, "time_out", 0.3),
        (reading_beside.segfault, "crashed", 20),
        (reading_beside.leave, "crashed", 20),
        (reading_beside.answer_no_json, "crashed", 20),
        (reading_beside.answer_garbage, "crashed", 20),
        (reading_beside.answer_a_list, "crashed", 20),
        (reading_beside.answer_a_reason_that_is_none, "crashed", 20),
        (reading_beside.eat_memory, "out_of_memory", 20),
        (reading_beside.recurse, "broken", 20),
        (reading_beside.refuse, "encrypted", 20),
    ],
)
def test_trouble_costs_one_call_and_its_process(read: Callable[..., Any], reason: str, seconds: float) -> None:
    before = call_within(20, reading_beside.process_id, FILE)
    began = time.monotonic()
    with pytest.raises(NotExtractedError) as raised:
        call_within(seconds, read, FILE)
    assert raised.value.reason == reason
    assert time.monotonic() - began < 10
    assert not Path(f"/proc/{before}").exists()
    assert call_within(20, reading_beside.process_id, FILE) not in (before, os.getpid())


def test_nothing_is_left_of_one_that_was_ended() -> None:
    process = call_within(20, reading_beside.process_id, FILE)
    bounded_call.end()
    assert not Path(f"/proc/{process}").exists()
    bounded_call.end()  # there is none to end


def test_a_process_killed_between_two_files_costs_none() -> None:
    os.kill(call_within(20, reading_beside.process_id, FILE), signal.SIGKILL)
    time.sleep(0.1)
    assert call_within(20, reading_beside.echo, FILE) == [b"abc".hex(), ""]


def test_what_it_says_unasked_is_not_taken_for_the_next_answer() -> None:
    before = call_within(20, reading_beside.process_id, FILE)
    call_within(20, reading_beside.talk_unasked, FILE)
    time.sleep(0.1)
    assert call_within(20, reading_beside.process_id, FILE) not in (before, "false")


def test_one_that_has_grown_is_replaced() -> None:
    grown = call_within(20, reading_beside.keep_much, FILE)
    assert call_within(20, reading_beside.process_id, FILE) != grown


def test_one_that_has_served_long_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_call, "CALLS_OF_A_FORK", 3)
    served = [call_within(20, reading_beside.process_id, FILE) for _ in range(6)]
    assert [served.count(each) for each in dict.fromkeys(served)] == [3, 3]


def test_a_fork_of_this_process_has_one_of_its_own() -> None:
    ours = call_within(20, reading_beside.process_id, FILE)
    reading, writing = os.pipe()
    other = os.fork()
    if other == 0:
        os.write(writing, str(call_within(20, reading_beside.process_id, FILE)).encode())
        bounded_call.end()
        os._exit(0)
    os.close(writing)
    assert int(os.read(reading, 20)) != ours
    os.close(reading)
    assert call_within(20, reading_beside.process_id, FILE) == ours
    os.waitpid(other, 0)


@pytest.mark.parametrize("trouble", [reading_beside.hang, reading_beside.segfault, reading_beside.run_out_of_memory])
def test_where_pdfium_fails_pypdf_has_its_turn_and_the_next_file_has_pdfium(
    trouble: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = office_files.pdf("walnut on a page")
    content = Content("application/pdf", "", len(data), data=data)
    limits = Limits(engine_seconds=2.0)
    with monkeypatch.context() as patched:
        patched.setattr(pdf_pages, "by_pdfium", trouble)
        assert "walnut" in Pdf().extract(content, limits).text
    bounded_call.end()  # it knows readers by name, and of this one the trouble
    with monkeypatch.context() as patched:
        patched.setattr(pdf_pages, "by_pypdf", trouble)
        assert "walnut" in Pdf().extract(content, limits).text
