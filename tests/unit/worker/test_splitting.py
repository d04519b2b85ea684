"""A guilty record harms only itself, whatever the batch and wherever the guilty ones are."""

import math
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.common.errors import DatabaseRefusedError, DatabaseSchemaError, DatabaseUnavailableError
from src.worker.splitting import write_splitting


class Table:
    """Stores batches whole or not at all; refuses those that hold a guilty number."""

    def __init__(self, guilty: set[int], error: Callable[[], Exception]) -> None:
        self.guilty = guilty
        self.error = error
        self.stored: list[int] = []
        self.tries = 0

    def write(self, batch: Sequence[int]) -> None:
        self.tries += 1
        if self.guilty & set(batch):
            raise self.error()
        self.stored += batch


@given(
    size=st.integers(0, 200),
    guilty=st.sets(st.integers(0, 199)),
    error=st.sampled_from([lambda: DatabaseRefusedError("no"), lambda: ValueError("a bug")]),
)
def test_exactly_the_guilty_are_found_and_the_others_stored_once(
    size: int, guilty: set[int], error: Callable[[], Exception]
) -> None:
    table = Table(guilty, error)
    found = write_splitting(table.write, range(size))
    assert [at for at, _ in found] == sorted(guilty & set(range(size)))
    assert table.stored == [number for number in range(size) if number not in guilty]


@given(size=st.integers(1, 1000), where=st.floats(0, 0.999))
def test_one_guilty_record_costs_few_transactions(size: int, where: float) -> None:
    table = Table({int(size * where)}, lambda: DatabaseRefusedError("no"))
    write_splitting(table.write, range(size))
    assert table.tries <= 2 * math.ceil(math.log2(size)) + 1


@pytest.mark.parametrize("error", [DatabaseUnavailableError("locked"), DatabaseSchemaError("old")])
def test_a_fault_of_the_surroundings_is_no_reason_to_split(error: Exception) -> None:
    def fail() -> Exception:
        return error

    table = Table({3}, fail)
    with pytest.raises(type(error)):
        write_splitting(table.write, range(8))
    assert table.tries == 1
