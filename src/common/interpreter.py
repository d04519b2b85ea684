"""How Python runs a program that handles many mails: its threads' turns, its garbage, its memory.

Called once by a program whose parts are all there, just before its work begins.
"""

import ctypes
import gc
import sys
from contextlib import suppress

SWITCH_INTERVAL_S = 0.0001  # of threads: a publisher back from Redis or zstd must not wait 5 ms for the reader
_M_ARENA_MAX = -8  # of mallopt(3)
COLLECT_AFTER = (20_000, 20, 50)  # objects, then rounds, before each generation is looked at


def spare_the_collector() -> None:
    """Let the garbage collector leave alone what lives as long as the process, and look at the rest less often.

    A batch makes some ten thousand objects that reference counting frees; looking at them saves nothing (-4 to -8 % of
    CPU).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


def switch_threads_often() -> None:
    """Let a thread that waits for Python's lock have it sooner than by default."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)


def share_one_heap() -> None:
    """Let all threads allocate from one heap, where the C library is glibc; before the first thread begins.

    It gives each thread a heap of its own otherwise, and what is free in one is of no use to the others: 2 MB for a
    producer.
    """
    with suppress(AttributeError, OSError):  # another C library
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
