"""Responses are the same however their bytes come in, and nothing the server sends takes unbounded memory."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.common.errors import SourceUnavailableError
from src.imap.response import Continuation, Oversize, Response, Tagged, Untagged, read_response
from src.imap.wire import Wire

STREAM = (
    b"* 1 FETCH (UID 7 FLAGS (\\Seen) BODY[] {11}\r\nhello\r\n{3}\r)\r\n"
    b'* 2 FETCH (BODY[] ~{4}\r\n\x00\r\n\xff UID 8 X-GM-LABELS ({2}\r\nab "c"))\r\n'
    b"+ idling\r\n"
    b"* VANISHED (EARLIER) 1:5,9\r\n"
    b"* OK text that ends like a literal {5}\r\n"
    b"* 3 EXISTS\n"
    b"M1 OK [READ-ONLY] done\r\n"
)
EXPECTED: list[Response] = [
    Untagged(1, b"FETCH", [b"(UID 7 FLAGS (\\Seen) BODY[] ", b"hello\r\n{3}\r", b")"]),
    Untagged(2, b"FETCH", [b"(BODY[] ", b"\x00\r\n\xff", b" UID 8 X-GM-LABELS (", b"ab", b' "c"))']),
    Continuation(b"idling"),
    Untagged(0, b"VANISHED", [b"(EARLIER) 1:5,9"]),
    Untagged(0, b"OK", [b"text that ends like a literal {5}"]),
    Untagged(3, b"EXISTS", [b""]),
    Tagged(b"M1", b"OK", b"[READ-ONLY] done"),
]


@contextmanager
def fed_wire(segments: list[bytes], *, timeout_s: float = 5.0, closes: bool = True) -> Iterator[Wire]:
    """Give a Wire to which the segments come one by one, each only once the one before was read."""
    near, far = socket.socketpair()
    wire = Wire(near, timeout_s)

    def feed() -> None:
        try:
            for segment in segments:
                far.sendall(segment)
            if closes:
                far.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the reader had enough

    thread = threading.Thread(target=feed)
    thread.start()
    try:
        yield wire
    finally:
        wire.close()
        far.close()
        thread.join(5)


def segments_of(data: bytes, cuts: set[int]) -> list[bytes]:
    """Cut bytes at these places."""
    ends = sorted({*cuts, len(data)})
    return [data[a:b] for a, b in zip([0, *ends], ends, strict=False) if a < b]


@settings(max_examples=60, deadline=None)
@given(st.sets(st.integers(1, len(STREAM) - 1)))
def test_any_segmentation_gives_the_same_responses(cuts: set[int]) -> None:
    with fed_wire(segments_of(STREAM, cuts)) as wire:
        assert [read_response(wire) for _ in EXPECTED] == EXPECTED


def test_a_split_at_every_single_byte_gives_the_same_responses() -> None:
    for cut in range(1, len(STREAM)):
        with fed_wire([STREAM[:cut], STREAM[cut:]]) as wire:
            assert [read_response(wire) for _ in EXPECTED] == EXPECTED


def test_a_literal_beyond_the_limit_is_skipped_and_the_answer_goes_on() -> None:
    with fed_wire([b"* 1 FETCH (BODY[] {300000}\r\n" + b"x" * 300_000 + b" UID 7)\r\nM1 OK done\r\n"]) as wire:
        assert read_response(wire, literal_limit=1000) == Untagged(
            1, b"FETCH", [b"(BODY[] ", Oversize(300_000), b" UID 7)"]
        )
        assert read_response(wire) == Tagged(b"M1", b"OK", b"done")


@pytest.mark.parametrize(
    "data",
    [
        b"* 1 FETCH (BODY[] {9999999999}\r\n",  # a literal beyond all bounds
        b"garbage\r\n",
        b"\r\n",
        b"* \r\n",
        b"* 1 FETCH (BODY[] {10}\r\nabc",  # ends in the middle of a literal
        b"* 1 FETCH (",  # ends in the middle of a line
        b"",
    ],
)
def test_what_cannot_be_understood_is_our_error(data: bytes) -> None:
    with fed_wire([data]) as wire, pytest.raises(SourceUnavailableError):
        read_response(wire)


def test_an_endless_line_is_given_up() -> None:
    with fed_wire([b"* " + b"x" * 65536] * 4) as wire, pytest.raises(SourceUnavailableError, match="more than 100000"):
        wire.read_line(100_000)


def test_silence_is_an_error_after_the_time_out() -> None:
    with (
        fed_wire([b"* 1 FET"], timeout_s=0.1, closes=False) as wire,
        pytest.raises(SourceUnavailableError, match="time"),
    ):
        read_response(wire)


def test_wait_tells_data_wake_and_time_apart() -> None:
    reader, writer = socket.socketpair()
    with reader, writer, fed_wire([b"* 1 EXISTS\r\n* 2 EXISTS\r\n"], closes=False) as wire:
        assert wire.wait(5, reader) == "data"
        assert wire.read_line() == b"* 1 EXISTS"
        assert wire.wait(5, reader) == "data"  # in the buffer, with nothing left on the socket
        assert wire.read_line() == b"* 2 EXISTS"
        assert wire.wait(0.05, reader) == "timeout"
        writer.send(b"!")
        started = time.monotonic()
        assert wire.wait(5, reader) == "woken"
        assert time.monotonic() - started < 1


def test_wait_notices_the_end() -> None:
    reader, writer = socket.socketpair()
    with reader, writer, fed_wire([]) as wire:
        assert wire.wait(5, reader) == "data"
        with pytest.raises(SourceUnavailableError, match="closed"):
            wire.read_line()
