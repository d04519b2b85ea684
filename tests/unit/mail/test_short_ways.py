"""The parser's short ways, for what most mails are, give what the general ones give; so does what it remembers."""

from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

from hypothesis import given
from hypothesis import strategies as st

from scripts.make_mails import mail
from src.mail import addresses, dates
from src.mail.limits import DEFAULT, Limits
from src.mail.parse import parse
from src.mail.preview import TEXT_CHARS, preview

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=ZONES)  # noqa: DTZ001  (bounds are naive)
PIECES = st.sampled_from(
    ["Ada", "Archer", '"', "<", ">", ",", "a@example.org", " ", "(x)", "=?utf-8?q?=C3=A4?=", ";", ":"]
)


@given(MOMENTS)
def test_a_usual_date_is_read_as_the_general_way_reads_it(moment: datetime) -> None:
    moment = moment.replace(microsecond=0)
    usual = format_datetime(moment)
    odd = usual.replace(" ", "  ")  # two spaces: no longer the usual form
    assert dates.read(usual) == moment.astimezone(UTC)
    assert dates.read(odd) == dates.read(usual)


@given(st.lists(PIECES, max_size=8).map("".join))
def test_a_remembered_address_field_is_the_one_that_was_read(value: str) -> None:
    first = addresses.read(value, DEFAULT)
    assert addresses.read(value, DEFAULT) == first
    assert addresses.read(value, Limits()) == first  # other limits, though the same: read anew


def test_a_limit_counts_for_what_is_remembered_too() -> None:
    value = "a@example.org, b@example.org, c@example.org"
    assert len(addresses.read(value, DEFAULT)[0]) == 3
    found, was_cut = addresses.read(value, Limits(addresses=2))
    assert [len(found), was_cut] == [2, True]


def test_a_mail_parsed_again_gives_the_same() -> None:
    for number in range(40):
        raw = mail(number)
        assert parse(raw).message == parse(raw).message
        assert preview(raw) == preview(raw)


def test_a_short_look_shows_the_beginning_of_the_whole_text() -> None:
    for number in range(120):  # all languages, charsets and transfer encodings of the sample mails
        raw = mail(number)
        assert preview(raw).body_text.split() == parse(raw).message.body_text[:TEXT_CHARS].split()
