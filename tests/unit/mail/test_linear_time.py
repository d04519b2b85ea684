"""No input makes parsing slower than its size: on every bomb, four times the bytes take about four times the CPU."""

import time

import pytest

from src.mail.parse import parse
from src.mail.preview import preview
from tests.fakes.no_sandbox import keep
from tests.mail.bombs import BOMBS

SMALL_BYTES = 100_000
FACTOR = 4
# A quadratic step would make it 16 times and, at this size, seconds. CPU time of this process, so that a busy machine
# does not matter; the slack covers what is constant; a second and third look cover the rest.
ALLOWED_FACTOR = 9
SLACK_S = 0.2
LOOKS = 3


def _cpu_s(raw: bytes) -> float:
    began = time.process_time()
    parsed = parse(raw)
    parsed.with_attachments([keep(part) for part in parsed.parts])
    preview(raw)
    return time.process_time() - began


@pytest.mark.parametrize("name", BOMBS)
def test_time_grows_with_the_size_only(name: str) -> None:
    small, large = BOMBS[name](SMALL_BYTES), BOMBS[name](SMALL_BYTES * FACTOR)
    for _ in range(LOOKS):
        small_s, large_s = _cpu_s(small), _cpu_s(large)
        if large_s <= small_s * ALLOWED_FACTOR + SLACK_S:
            return
    pytest.fail(f"{SMALL_BYTES} bytes took {small_s:.2f} s, {FACTOR} times as many {large_s:.2f} s")
