"""A desk for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.cli.desk import Desk


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.chdir(tmp_path)  # commands write and read files where they are started
    opened = Desk(tmp_path)
    yield opened
    opened.mails.close()
