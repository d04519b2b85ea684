"""What becomes of a ticket whose work failed: a table."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.common.errors import (
    DatabaseRefusedError,
    DatabaseUnavailableError,
    IngestError,
    RawMissingError,
    RedisUnavailableError,
    SourceUnavailableError,
    TempSpaceError,
    all_errors,
)
from src.common.retry import RetryPolicy
from src.model.outcome import Dead, Retry
from src.worker.decide import SURROUNDINGS, decide

POLICY = RetryPolicy(max_attempts=3, initial_s=1.0, cap_s=60.0)


@pytest.mark.parametrize(
    ("error", "attempt", "outcome", "code"),
    [
        (DatabaseRefusedError("no"), 0, Dead, "database_refused"),  # permanent: dead at once
        (RawMissingError("gone"), 0, Dead, "raw_missing"),
        (ValueError("what"), 0, Retry, "unexpected"),  # unknown: tried again …
        (ValueError("what"), 2, Retry, "unexpected"),  # … up to the last try …
        (ValueError("what"), 3, Dead, "unexpected"),  # … and then dead
        (MemoryError(), 0, Retry, "unexpected"),
        (RecursionError(), 3, Dead, "unexpected"),
        (SourceUnavailableError("away"), 2, Retry, "source_unavailable"),  # temporary: bounded as well
        (SourceUnavailableError("away"), 3, Dead, "source_unavailable"),
        (DatabaseUnavailableError("locked"), 99, Retry, "database_unavailable"),  # never the mail's fault
        (RedisUnavailableError("away"), 99, Retry, "redis_unavailable"),
        (TempSpaceError("full"), 99, Retry, "temp_space"),
    ],
)
def test_outcome_of_an_error(error: Exception, attempt: int, outcome: type, code: str) -> None:
    decided = decide(error, attempt, POLICY, random.Random(1))
    assert isinstance(decided, outcome)
    assert isinstance(decided, Dead | Retry)
    assert decided.code == code


@given(kind=st.sampled_from(SURROUNDINGS), attempt=st.integers(0, 100))
def test_the_surroundings_never_use_up_a_mails_tries(kind: type[IngestError], attempt: int) -> None:
    decided = decide(kind("text"), attempt, POLICY, random.Random(1))
    assert isinstance(decided, Retry)
    assert not decided.counts
    assert decided.delay_s > POLICY.initial_s, "a full disk is not asked again and again"
    unknown = decide(ValueError("what"), min(attempt, 2), POLICY, random.Random(1))
    assert isinstance(unknown, Retry)
    assert unknown.counts


@given(kind=st.sampled_from(all_errors()), attempt=st.integers(0, 10_000), seed=st.integers(), most=st.integers(0, 20))
def test_tries_are_bounded_and_waits_are_capped(kind: type[IngestError], attempt: int, seed: int, most: int) -> None:
    policy = RetryPolicy(max_attempts=most, initial_s=1.0, cap_s=60.0)
    decided = decide(kind("text"), attempt, policy, random.Random(seed))
    if isinstance(decided, Retry):
        assert 0 <= decided.delay_s <= 60.0
        assert attempt < most or issubclass(kind, SURROUNDINGS)
    else:
        assert isinstance(decided, Dead)
        assert not kind.is_temporary or attempt >= most


def test_a_foreign_exceptions_message_is_not_told_since_it_may_quote_the_mail() -> None:
    try:
        raise ValueError("Dear Bob, the code is 1234")
    except ValueError as error:
        decided = decide(error, 99, POLICY, random.Random(1))
    assert isinstance(decided, Dead)
    assert "1234" not in decided.error
    assert decided.error.startswith("ValueError in test_a_foreign")


def test_waits_of_many_tickets_are_spread() -> None:
    rng = random.Random(7)
    decisions = [decide(ValueError(), 2, POLICY, rng) for _ in range(200)]
    delays = sorted(decision.delay_s for decision in decisions if isinstance(decision, Retry))
    assert len(delays) == 200
    assert delays[0] < 0.4
    assert delays[-1] > 3.6
