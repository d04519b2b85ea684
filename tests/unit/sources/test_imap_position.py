"""The cursor of an IMAP mailbox: what is written is read again, and whatever is found leads somewhere safe."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.model.cursor import Cursor
from src.sources.imap.position import Position

NUMBER = st.integers(0, 2**63 - 1)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@given(
    st.builds(
        Position,
        uidvalidity=NUMBER,
        last_uid=NUMBER,
        modseq=NUMBER,
        changed_modseq=NUMBER,
        changed_to=NUMBER,
        last_reconcile=st.none() | st.integers(0, 2**32).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
        read_again_to=NUMBER,
        compare_to=NUMBER,
        resolve_to=NUMBER,
        was_empty=st.booleans(),
        settling=st.booleans(),
    )
)
def test_position_survives_the_cursor(position: Position) -> None:
    assert Position.of(position.to_cursor()) == position


@pytest.mark.parametrize(
    "values",
    [
        {},  # Redis was wiped
        {"uidvalidity": "3"},  # one key was deleted
        {"last_uid": "3"},
        {"last_uid": "x", "uidvalidity": "3"},  # edited by hand
        {"last_uid": "-1", "uidvalidity": "3"},
        {"last_uid": "", "uidvalidity": "3"},
    ],
)
def test_lost_cursor_is_not_zero(values: dict[str, str]) -> None:
    assert Position.of(Cursor(values)) is None


@given(st.text(), st.text(), st.text())
def test_no_value_of_an_operator_is_too_odd(modseq: str, last_reconcile: str, settling: str) -> None:
    values = {"last_uid": "1", "uidvalidity": "2", "modseq": modseq, "last_reconcile": last_reconcile}
    position = Position.of(Cursor({**values, "settling": settling}))
    assert position is not None
    assert position.modseq >= 0


@pytest.mark.parametrize(
    ("last", "is_due"),
    [
        (None, True),  # never, or asked for
        (NOW - timedelta(seconds=59), False),
        (NOW - timedelta(seconds=60), True),
        (NOW + timedelta(days=1), True),  # the clock was set back
    ],
)
def test_reconcile_is_due(last: datetime | None, is_due: bool) -> None:
    assert Position(last_reconcile=last).reconcile_is_due(NOW, 60.0) is is_due
