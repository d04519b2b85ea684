"""Writing a batch so that a guilty record harms only itself.

The whole batch is tried in one transaction. If the database refuses it, its halves are tried, and so on, until what is
refused is one record. What the guilty record's neighbours cost is about twice the logarithm of the batch's size in
transactions. Faults of the surroundings are no reason to split: they pass through, and nothing more is tried.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from src.common.errors import DatabaseRefusedError, IngestError
from src.common.instruments import BATCH_SPLITS

T = TypeVar("T")


def write_splitting(write: Callable[[Sequence[T]], None], batch: Sequence[T]) -> list[tuple[int, Exception]]:
    """Write all of `batch` that can be written; return the position of each guilty one with its error, in order."""
    guilty: list[tuple[int, Exception]] = []
    waiting = [(0, len(batch))]
    while waiting:
        start, end = waiting.pop()
        if start == end:
            continue
        try:
            write(batch[start:end])
        except Exception as error:  # an unknown error may be one record's fault as well
            if not _may_be_a_records_fault(error):
                raise
            if end - start == 1:
                guilty.append((start, error))
                continue
            BATCH_SPLITS.inc()
            middle = (start + end) // 2
            waiting += [(middle, end), (start, middle)]
    return guilty


def _may_be_a_records_fault(error: Exception) -> bool:
    return isinstance(error, DatabaseRefusedError) or not isinstance(error, IngestError)
