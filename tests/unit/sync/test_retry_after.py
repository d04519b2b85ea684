"""How long Google asks us to wait, in every form, from any text."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from time import asctime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.sync.retry_after import http_date, retry_after_s

NOW = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)
times = st.integers(86_400, 3_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


def told(header: str = "", text: str = "", date: str = "", now: datetime = NOW) -> float | None:
    return retry_after_s(header=header, text=text, date=date, now=now)


@given(seconds=st.integers(1, 10**9 - 1))
def test_seconds(seconds: int) -> None:
    assert told(header=str(seconds)) == seconds


@given(at=times, now=times)
def test_a_date_and_a_time_in_the_text_are_held_against_now(at: datetime, now: datetime) -> None:
    wait_s = (at - now).total_seconds()
    expected = wait_s if wait_s > 0 else None
    assert told(header=format_datetime(at, usegmt=True), now=now) == expected
    assert told(text=f"Quota exceeded. Retry after {at:%Y-%m-%dT%H:%M:%S}.000Z", now=now) == expected


@given(at=times, now=times, off_by=st.timedeltas(-timedelta(days=300), timedelta(days=300)))
def test_with_the_answers_own_date_our_clock_may_be_wrong(at: datetime, now: datetime, off_by: timedelta) -> None:
    header, date = format_datetime(at, usegmt=True), format_datetime(now, usegmt=True)
    assert told(header=header, date=date, now=now + off_by) == told(header=header, now=now)


@given(at=times)
def test_all_three_forms_of_an_http_date(at: datetime) -> None:
    assert http_date(format_datetime(at, usegmt=True)) == at
    assert http_date(at.strftime("%A, %d-%b-%y %H:%M:%S GMT")) == at  # RFC 850, two digits of the year
    assert http_date(asctime(at.timetuple())) == at


@given(header=st.text(max_size=60), text=st.text(max_size=200), date=st.text(max_size=60))
def test_any_text_gives_nothing_or_a_wait(header: str, text: str, date: str) -> None:
    wait_s = told(header=header, text="Retry after " + text, date=date)
    assert wait_s is None or wait_s > 0


@pytest.mark.parametrize(
    ("header", "text", "expected"),
    [
        ("", "", None),
        ("0", "", None),
        ("-5", "", None),
        ("1.5", "", 1.5),
        (" 30 ", "", 30.0),
        ("9" * 400, "", None),  # no wait, and no crash
        ("soon", "", None),
        ("Fri, 01 May 2026 11:59:00 GMT", "", None),  # has come
        ("Fri, 01 May 2026 12:01:00 GMT", "", 60.0),
        ("Fri, 01 May 2026 12:01:00 -0000", "", 60.0),  # no zone told: UTC
        ("Mon, 01 Jan 0001 00:00:00 +2359", "", None),  # before all calendars
        ("", "User-rate limit exceeded.  Retry after 2026-05-01T12:15:00.123Z", 900.123),
        ("", "retry after 2026-05-01T14:15:00+02:00 (Mail sending)", 900.0),
        ("", "Retry after 2026-13-41T12:15:00Z", None),
        ("10", "Retry after 2026-05-01T12:15:00Z", 900.0),  # the later counts
        ("1000", "Retry after 2026-05-01T12:15:00Z", 1000.0),
    ],
)
def test_table(header: str, text: str, expected: float | None) -> None:
    assert told(header=header, text=text) == (None if expected is None else pytest.approx(expected))
