"""How long to wait before trying again: decided here as values, never slept here."""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Bounds of a series of tries."""

    max_attempts: int  # tries after the first
    initial_s: float  # upper bound of the first wait
    cap_s: float  # upper bound of any wait


def next_delay_s(attempt: int, policy: RetryPolicy, rng: random.Random) -> float:
    """Return how long to wait before try `attempt` (1 is the first repeat), in seconds.

    Full jitter: evenly spread between 0 and a bound that doubles each time, so that retries do not arrive together.
    """
    exponent = min(max(attempt, 1) - 1, 62)  # 2.0**62 s is beyond any cap, and no overflow
    return rng.uniform(0.0, min(policy.cap_s, policy.initial_s * 2.0**exponent))
