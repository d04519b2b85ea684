"""What `import` says at its end of what is not in the database yet."""

import pytest

from src.assembly import imports
from src.common import exit_codes
from tests.unit.cli.desk import Desk

IMPORT = ("import", "mbox", "old.mbox", "--account", "box")


@pytest.mark.parametrize("is_waited_for", [True, False])
def test_a_stop_while_mails_wait_says_that_they_do(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, is_waited_for: bool
) -> None:
    """As while the virus scanner is away: the file was read to its end, and only the exit code would tell."""
    code = exit_codes.OK if is_waited_for else exit_codes.INCOMPLETE
    monkeypatch.setattr(imports, "run_import", lambda *_, **__: imports.ImportOutcome([], 0, is_waited_for, code))
    result = desk.run(*IMPORT, "--with-worker")
    assert result.exit_code == code
    assert ("the same command goes on" in result.stderr) is not is_waited_for
