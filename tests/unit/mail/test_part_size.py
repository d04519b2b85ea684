"""The size of an attachment before it is decoded: never below what it is where the size decides, and quickly told."""

import base64

import pytest

from src.mail import part
from src.mail.parse import parse


def estimate(size: int, filler: bytes = b"") -> int:
    head = b'Content-Type: application/pdf; name="a.pdf"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    data = base64.encodebytes(b"x" * size).replace(b"\n", b"\r\n")
    return parse(head + filler + data).parts[0].estimated_size_bytes


@pytest.mark.parametrize("size", [10_000, 700_000, 800_000, 2_000_000, 8_000_000])
def test_it_is_a_few_percent_off_at_most(size: int) -> None:
    assert abs(estimate(size) - size) <= size * 0.05


def test_above_a_megabyte_blank_lines_do_not_make_it_look_smaller() -> None:
    assert estimate(2_000_000, b"\r\n" * 1_000) >= 2_000_000


def test_where_it_decides_it_is_counted() -> None:
    size = part.EXACT_FROM_BYTES
    assert abs(estimate(size, b"\r\n" * 100_000) - size) <= 2
