"""INTERNALDATE is read in all the spellings that servers use."""

from datetime import UTC, datetime

import pytest

from src.imap.internal_date import parse_internal_date


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        (b"17-Jul-1996 02:44:25 -0700", datetime(1996, 7, 17, 9, 44, 25, tzinfo=UTC)),  # as RFC 9051 has it
        (b" 7-Jul-1996 02:44:25 +0200", datetime(1996, 7, 7, 0, 44, 25, tzinfo=UTC)),  # day padded with a blank
        (b"7-jul-1996 2:44:25 +0530", datetime(1996, 7, 6, 21, 14, 25, tzinfo=UTC)),  # one digit, small letters
        (b"01-Jan-2000  00:00:00 +00:00", datetime(2000, 1, 1, tzinfo=UTC)),  # two blanks, zone with a colon
        (b"01-Jan-2000 00:00:00", datetime(2000, 1, 1, tzinfo=UTC)),  # no zone
        (b"31-Dec-2016 23:59:60 +0000", datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)),  # a leap second
        (b"01-Jan-0001 00:00:00 +1400", None),  # before all time once in UTC
        (b"31-Feb-2020 00:00:00 +0000", None),  # no such day
        (b"01-Foo-2020 00:00:00 +0000", None),  # no such month
        (b"", None),
        (b"yesterday", None),
    ],
)
def test_reads_every_spelling(text: bytes, moment: datetime | None) -> None:
    assert parse_internal_date(text) == moment
