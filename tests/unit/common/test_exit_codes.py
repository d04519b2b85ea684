"""Exit codes: every error of the tree has one, and scripts can tell "try again" from "an operator is needed"."""

import pytest

from config.settings import SettingsError
from src.common import exit_codes
from src.common.errors import IngestError, all_errors


@pytest.mark.parametrize("error", all_errors(), ids=lambda error: error.code)
def test_a_temporary_error_says_try_again_and_a_permanent_one_says_operator(error: type[IngestError]) -> None:
    expected = exit_codes.UNAVAILABLE if error.is_temporary else exit_codes.OPERATOR_NEEDED
    assert exit_codes.exit_code_of(error("x")) == expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (SettingsError("x"), exit_codes.USAGE),
        (KeyboardInterrupt(), exit_codes.STOPPED),
        (BrokenPipeError(), exit_codes.PIPE_CLOSED),
        (ZeroDivisionError(), exit_codes.INTERNAL),
    ],
)
def test_other_ends(error: BaseException, expected: int) -> None:
    assert exit_codes.exit_code_of(error) == expected


def test_every_code_has_a_meaning_and_no_two_are_the_same() -> None:
    codes = {name: value for name, value in vars(exit_codes).items() if name.isupper() and isinstance(value, int)}
    assert set(codes.values()) == set(exit_codes.MEANINGS)
    assert len(set(codes.values())) == len(codes)
