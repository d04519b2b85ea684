"""A shell on an embedded Redis that is stopped at the end."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from src.common.embedded_redis import stop_embedded
from tests.integration.cli.shell import Shell


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    opened = Shell(tmp_path)
    yield opened
    stop_embedded(tmp_path / "redis")
