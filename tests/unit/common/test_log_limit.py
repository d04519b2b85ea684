"""Log lines that say the same again are bounded, and nothing is left out in silence."""

import logging
import subprocess
import sys
from collections import Counter
from pathlib import Path

import orjson
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from src.common.log_limit import MOST_KINDS, MOST_LINES, WINDOW_S, LineKind, LineLimit, kind_of
from tests.fixtures.services import wait_until

ROOT = Path(__file__).resolve().parents[3]
KINDS = [LineKind("work_failed", "scanner_unavailable"), LineKind("work_failed", "temp_space"), LineKind("mail_dead")]


class Told:
    """Plays the clock, and keeps what a limit tells."""

    def __init__(self) -> None:
        self.now = 0.0
        self.left_out: list[tuple[LineKind, int]] = []
        self.limit = LineLimit(lambda kind, lines: self.left_out.append((kind, lines)), monotonic=lambda: self.now)


@given(lines=st.lists(st.tuples(st.sampled_from(KINDS), st.floats(0.0, WINDOW_S)), max_size=80))
def test_every_line_goes_through_or_is_counted_and_a_window_has_few_of_a_kind(
    lines: list[tuple[LineKind, float]],
) -> None:
    told, admitted = Told(), []
    for kind, later_s in lines:
        told.now += later_s
        if told.limit.admits(kind):
            admitted.append((kind, told.now))
    told.limit.close()
    counted = Counter(kind for kind, _ in admitted)
    for kind, left_out in told.left_out:
        counted[kind] += left_out
    assert counted == Counter(kind for kind, _ in lines)
    for kind in KINDS:
        times = [at for admitted_kind, at in admitted if admitted_kind == kind]
        # Windows begin anew after each end: at most two of them touch any stretch of one window's length.
        assert all(late - early >= WINDOW_S for early, late in zip(times, times[2 * MOST_LINES :], strict=False))


def test_the_first_lines_of_a_kind_go_through_whatever_others_say() -> None:
    told = Told()
    assert sum(told.limit.admits(KINDS[0]) for _ in range(1000)) == MOST_LINES
    assert [told.limit.admits(KINDS[1]) for _ in range(MOST_LINES + 1)] == [True] * MOST_LINES + [False]
    told.now = WINDOW_S
    assert told.limit.admits(KINDS[0])
    assert told.left_out == [(KINDS[0], 1000 - MOST_LINES), (KINDS[1], 1)]
    told.limit.close()


def test_memory_is_bounded_when_every_line_is_of_another_kind() -> None:
    told = Told()
    admitted = sum(told.limit.admits(LineKind("x", str(number))) for number in range(10 * MOST_KINDS))
    assert admitted == MOST_KINDS + MOST_LINES
    told.limit.close()
    assert [lines for _, lines in told.left_out] == [9 * MOST_KINDS - MOST_LINES]


def test_what_was_left_out_is_told_although_nothing_more_is_logged() -> None:
    left_out: list[int] = []
    limit = LineLimit(lambda _kind, lines: left_out.append(lines), window_s=0.2)
    for _ in range(1000):
        limit.admits(KINDS[0])
    wait_until(lambda: sum(left_out) > 0, what="the end of the window")
    limit.close()
    assert sum(left_out) >= 1


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        # The mail does not make a kind, nor does the text of its error.
        ({"event": "work_failed", "code": "a", "envelope_id": "7", "error": "x"}, LineKind("work_failed", "a")),
        ({"event": "mailbox_failed", "code": "a", "account": "0f"}, LineKind("mailbox_failed", "a", "0f")),
        ({"event": "service_away", "service": "redis"}, LineKind("service_away", about="redis")),
    ],
)
def test_what_makes_lines_alike(event: dict[str, object], kind: LineKind) -> None:
    assert kind_of(event) == kind


def test_it_stands_in_front_of_structlog_and_of_what_libraries_say() -> None:
    limit = Told().limit
    for _ in range(MOST_LINES):
        limit(None, "info", {"event": "x"})
    with pytest.raises(structlog.DropEvent):
        limit(None, "info", {"event": "x"})
    record = logging.LogRecord("pypdf", logging.WARNING, "", 0, "odd", (), None)
    assert [limit.filter(record) for _ in range(MOST_LINES + 1)] == [True] * MOST_LINES + [False]
    limit.close()


def test_a_program_tells_at_its_end_what_it_left_out() -> None:
    program = (
        "from src.common import logs\n"
        "logs.configure(level='INFO', format_='json')\n"
        "log = logs.get_logger('x')\n"
        "for number in range(1000):\n"
        "    log.warning('work_failed', envelope_id=str(number), code='scanner_unavailable', error='away')\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True)
    *whole, last = [orjson.loads(line) for line in ended.stderr.splitlines()]
    assert [line["envelope_id"] for line in whole] == [str(number) for number in range(MOST_LINES)]
    assert (last["event"], last["of"], last["code"], last["lines"]) == (
        "log_lines_left_out",
        "work_failed",
        "scanner_unavailable",
        1000 - MOST_LINES,
    )
