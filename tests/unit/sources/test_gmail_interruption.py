"""What ends a nap of the Gmail source, and what does not."""

import threading
import time
from collections.abc import Callable

import pytest

from src.common.errors import SourceUnavailableError
from src.sources.gmail.interruption import Interruption

LONG_S = 20.0  # longer than any of these tests takes


def seconds_of(nap: Callable[[], object]) -> float:
    began = time.monotonic()
    nap()
    return time.monotonic() - began


def test_a_hint_that_came_before_ends_the_wait_at_once_and_only_this_one() -> None:
    interruption = Interruption()
    interruption.hint()
    interruption.hint()
    assert seconds_of(lambda: interruption.wait(LONG_S)) < 1
    assert seconds_of(lambda: interruption.wait(0.05)) >= 0.05


def test_a_hint_from_another_thread_ends_the_wait() -> None:
    interruption = Interruption()
    timer = threading.Timer(0.05, interruption.hint)
    timer.start()
    assert 0.04 < seconds_of(lambda: interruption.wait(LONG_S)) < 5
    timer.join()


def test_a_hint_does_not_end_the_nap_of_a_call() -> None:
    interruption = Interruption()
    interruption.hint()
    assert seconds_of(lambda: interruption.sleep(0.05)) >= 0.05
    assert interruption.take_hint()
    assert not interruption.take_hint()


def test_a_stop_ends_every_nap_until_it_is_forgotten() -> None:
    interruption = Interruption()
    interruption.ask()
    assert seconds_of(lambda: interruption.wait(LONG_S)) < 1
    for seconds in (0.0, LONG_S):
        with pytest.raises(SourceUnavailableError):
            interruption.sleep(seconds)
    interruption.clear()
    interruption.sleep(0.0)


def test_a_stop_keeps_no_hint_from_the_next_reader() -> None:
    interruption = Interruption()
    interruption.ask()
    interruption.clear()
    interruption.hint()
    assert interruption.take_hint()
