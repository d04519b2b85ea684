"""Decide what becomes of a ticket whose work failed. Pure: it returns an Outcome and touches nothing.

| the error | what becomes of the mail |
| --- | --- |
| the surroundings failed (database, Redis, disk) | tried again for ever, and not counted: it is not the mail's fault |
| temporary, or unknown (`unexpected`) | tried again with back-off, then dead |
| permanent | dead at once |
"""

import random

from src.common.errors import (
    DatabaseUnavailableError,
    IngestError,
    RedisOutOfMemoryError,
    RedisUnavailableError,
    SandboxUnavailableError,
    ScannerUnavailableError,
    TempSpaceError,
)
from src.common.fault import describe_fault
from src.common.logs import redact
from src.common.retry import RetryPolicy, next_delay_s
from src.model.outcome import Dead, Outcome, Retry

# Faults of the surroundings: they say nothing of the mail, so they never use up its tries.
SURROUNDINGS = (
    DatabaseUnavailableError,
    RedisUnavailableError,
    RedisOutOfMemoryError,
    TempSpaceError,
    SandboxUnavailableError,
    ScannerUnavailableError,
)
SURROUNDINGS_WAIT_AS = 5  # wait as before this try: long enough to leave a full disk alone, soon when there is room


def decide(error: Exception, attempt: int, policy: RetryPolicy, rng: random.Random) -> Outcome:
    """Return what becomes of a ticket whose work raised `error`; `attempt` counts the errors before (0: first try).

    Faults of the surroundings are not among these.
    """
    code = code_of(error)
    text = describe(error)
    if isinstance(error, IngestError) and not error.is_temporary:
        return Dead(code=code, error=text)
    if isinstance(error, SURROUNDINGS):
        delay_s = next_delay_s(SURROUNDINGS_WAIT_AS, policy, rng)
        return Retry(delay_s=delay_s, code=code, error=text, counts=False)
    if attempt >= policy.max_attempts:
        return Dead(code=code, error=text)
    return Retry(delay_s=next_delay_s(attempt + 1, policy, rng), code=code, error=text)


def code_of(error: Exception) -> str:
    """Return the stable code of an error; `unexpected` for one that is not ours."""
    return error.code if isinstance(error, IngestError) else IngestError.code


def describe(error: Exception) -> str:
    """Return a text for the dead letters that is safe to show.

    Of a foreign exception only the type and the place: its message may quote the mail it choked on.
    """
    if isinstance(error, IngestError):
        return redact(str(error))
    return describe_fault(error)
