"""`python -m src.cli`: what nobody expected is told as a fault of ours, with an exit code of its own."""

import pytest

from src.cli import __main__ as program
from src.common import exit_codes


def test_an_unexpected_error_shows_a_traceback_and_ends_with_70(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails() -> None:
        raise ZeroDivisionError("nobody expected this")

    monkeypatch.setattr(program, "app", fails)
    with pytest.raises(SystemExit) as ended:
        program.main()
    assert ended.value.code == exit_codes.INTERNAL
    assert "Traceback" in capsys.readouterr().err
