"""A shell on an embedded Redis that is stopped at the end."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from src.common.embedded_redis import stop_embedded
from tests.integration.cli.shell import Shell


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield Shell(tmp_path)
    for number, handler in handlers.items():  # imports and workers in this process put their own in place
        signal.signal(number, handler)
    stop_embedded(tmp_path / "redis")
