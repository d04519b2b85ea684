"""Transfer encodings: what was encoded comes back, whole and in slices; broken input gives the same both ways."""

import base64
import binascii
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.mail import transfer
from src.mail.defects import Defect

ENCODINGS = ["", "7bit", "8bit", "binary", "base64", "quoted-printable", "x-uuencode"]


def _in_slices(data: bytes, encoding: str, slice_bytes: int) -> bytes:
    with patch.object(transfer, "SLICE_BYTES", slice_bytes), patch.object(transfer, "MAX_UNBROKEN_BYTES", 100):
        return b"".join(found.data for found in transfer.decode_slices(data, 0, len(data), encoding))


@given(st.binary(max_size=300), st.integers(1, 50))
def test_base64_comes_back(data: bytes, slice_bytes: int) -> None:
    encoded = base64.encodebytes(data).replace(b"\n", b"\r\n")
    assert transfer.decode(encoded, "base64") == (data, None)
    assert _in_slices(encoded, "base64", slice_bytes) == data


@given(st.binary(max_size=300), st.integers(100, 200))
def test_quoted_printable_comes_back(data: bytes, slice_bytes: int) -> None:
    encoded = binascii.b2a_qp(data, istext=False)
    assert transfer.decode(encoded, "quoted-printable").data == data
    assert _in_slices(encoded, "quoted-printable", slice_bytes) == data


@given(
    st.lists(st.sampled_from([b"QQ==", b"QUI=", b"QUJD", b"=", b"Q", b"!", b"\r\n", b" "]), max_size=30),
    st.integers(1, 40),
)
def test_broken_base64_is_the_same_in_slices(pieces: list[bytes], slice_bytes: int) -> None:
    data = b"".join(pieces)
    assert _in_slices(data, "base64", slice_bytes) == transfer.decode(data, "base64").data


@given(st.binary(max_size=200), st.sampled_from([*ENCODINGS, "x-nobody-knows"]), st.integers(1, 60))
def test_no_bytes_raise(data: bytes, encoding: str, slice_bytes: int) -> None:
    transfer.decode(data, encoding)
    _in_slices(data, encoding, slice_bytes)


@pytest.mark.parametrize(
    ("data", "expected", "defect"),
    [
        (b"aGk=", b"hi", None),  # whole
        (b"aGk", b"hi", Defect.BAD_BASE64),  # padding missing
        (b"aGkh\r\naGk", b"hi!hi", Defect.BAD_BASE64),  # cut off
        (b"aG?k=", b"hi", Defect.BAD_BASE64),  # foreign character
        (b"aGk=aGk=", b"hihi", Defect.BAD_BASE64),  # two behind each other
        (b"a", b"", Defect.BAD_BASE64),  # too short for a byte
        (b"", b"", None),
    ],
)
def test_base64_gives_what_it_can(data: bytes, expected: bytes, defect: Defect | None) -> None:
    assert transfer.decode(data, "base64") == (expected, defect)
