"""What every action of rules must do. Subclass it, and say which options are right and what they decide."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings

from config.toml_values import WrongValueError
from src.actions.registry import ACTIONS
from src.model.decision import Decision
from src.model.message import Record
from tests.contracts.condition_contract import toml_values
from tests.contracts.mail_records import make_message
from tests.contracts.store_contract import SHARED
from tests.fixtures.records import any_records


class ActionContract:
    """The suite."""

    name: str  # in the registry
    decides: Sequence[tuple[object, Decision]]  # options of the file, and what becomes of an empty decision
    wrong: Sequence[object]  # options that are refused

    def test_it_decides_as_it_shall_and_a_second_time_nothing_more(self) -> None:
        for options, expected in self.decides:
            action = ACTIONS[self.name].read(options)
            once = action.apply(make_message(), Decision())
            assert once == action.apply(make_message(), once) == expected

    def test_it_adds_to_what_was_decided(self) -> None:
        for options, expected in self.decides:
            before = Decision(tags=("before",), rules=("another",))
            after = ACTIONS[self.name].read(options).apply(make_message(), before)
            assert {"before", *expected.tags} == set(after.tags)
            assert after.rules == ("another",)
            assert before == Decision(tags=("before",), rules=("another",))

    def test_wrong_options_are_refused_and_not_repeated(self) -> None:
        for options in (*self.wrong, None, [], {}, [[]], 1, True, ""):
            with pytest.raises(WrongValueError) as refused:
                ACTIONS[self.name].read(options)
            assert str(refused.value).startswith("expected ")
            assert "sesame" not in str(refused.value)

    @settings(SHARED, max_examples=30)
    @given(options=toml_values, record=any_records())
    def test_any_options_are_refused_or_decide_about_any_mail(self, options: object, record: Record) -> None:
        assert record.message is not None
        try:
            action = ACTIONS[self.name].read(options)
        except WrongValueError:
            return
        assert isinstance(action.apply(record.message, Decision()), Decision)
