"""What every condition of rules must do. Subclass it, and say for which values and mails it holds."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.toml_values import WrongValueError
from src.model.message import Record
from src.rules.conditions.registry import CONDITIONS
from src.rules.facts import Facts
from tests.contracts.store_contract import SHARED
from tests.fixtures.records import any_records

# Whatever TOML can hold.
toml_values = st.recursive(
    st.one_of(st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just(date(2026, 1, 31))),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=2)),
    max_leaves=4,
)


def holds(name: str, value: object, record: Record) -> bool:
    """Ask a condition."""
    assert record.message is not None
    return CONDITIONS[name].read(value).holds(Facts(record, record.message))


class ConditionContract:
    """The suite."""

    name: str  # in the registry
    fits: Sequence[tuple[object, Record]]  # values of the file, and mails for which the condition holds
    fits_not: Sequence[tuple[object, Record]]
    wrong: Sequence[object]  # values that are refused

    def test_it_holds_where_it_shall(self) -> None:
        for value, record in self.fits:
            assert holds(self.name, value, record), value

    def test_it_holds_nowhere_else(self) -> None:
        for value, record in self.fits_not:
            assert not holds(self.name, value, record), value

    def test_a_wrong_value_is_refused_and_not_repeated(self) -> None:
        for value in (*self.wrong, None, [], {}, [[]], [{}], date(2026, 1, 31), 1.5, ""):
            with pytest.raises(WrongValueError) as refused:
                CONDITIONS[self.name].read(value)
            assert str(refused.value).startswith("expected ")
            assert "sesame" not in str(refused.value)

    @settings(SHARED, max_examples=30)
    @given(value=toml_values)
    def test_any_value_is_read_or_refused(self, value: object) -> None:
        with suppress(WrongValueError):
            assert CONDITIONS[self.name].read(value).needs_attachments in (True, False)

    @settings(SHARED, max_examples=30)
    @given(record=any_records())
    def test_it_answers_about_any_mail(self, record: Record) -> None:
        for value, _ in (*self.fits, *self.fits_not):
            assert holds(self.name, value, record) in (True, False)

    @settings(SHARED, max_examples=30)
    @given(record=any_records())
    def test_what_needs_no_attachments_does_not_look_at_them(self, record: Record) -> None:
        assert record.message is not None
        bare = replace(record, message=replace(record.message, attachments=(), body_text=""))
        for value, _ in self.fits:
            if not CONDITIONS[self.name].read(value).needs_attachments:
                assert holds(self.name, value, record) == holds(self.name, value, bare)
