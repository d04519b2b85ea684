"""Weather: faults of every kind at a low rate, for a run in which nothing may be lost.

Kinds that would end a run early if they came as often as the others (a pause that doubles, an account that waits for an
operator) come a few times only.
"""

from dataclasses import dataclass

from tests.fakes.gmail import faults
from tests.fakes.gmail.faults import Fault, Faults, Rule

_GET = "messages.get"
_SLOW_S = 0.3
_SILENT_S = 5.0  # longer than a client of such a run waits
_RETRY_AFTER_S = 1.0

# Fault, method, share of the calls at rate 1.
_COMMON: tuple[tuple[Fault, str, float], ...] = (
    (faults.server_error(500), "*", 0.002),
    (faults.server_error(502), "*", 0.002),
    (faults.server_error(503), "*", 0.002),
    (faults.server_error(504), "*", 0.002),
    (faults.HANGS_UP, "*", 0.002),
    (faults.cut(), "*", 0.002),
    (faults.broken_json(), "*", 0.001),
    (faults.broken_json(b"[]"), "*", 0.001),
    (faults.slow(_SLOW_S), "*", 0.005),
    (faults.slow(_SILENT_S), "*", 0.0005),
    (faults.dripping(0.02), "*", 0.002),
    (faults.UNAUTHENTICATED, "*", 0.0005),
    (faults.FAILED_PRECONDITION, "*", 0.005),
    (faults.throttled(retry_after="seconds", wait_s=_RETRY_AFTER_S), "*", 0.0005),
    (faults.throttled(retry_after="date", wait_s=_RETRY_AFTER_S), "*", 0.0005),
    (faults.throttled(403, "userRateLimitExceeded", retry_after="text", wait_s=_RETRY_AFTER_S), "*", 0.0005),
)
_RARE: tuple[tuple[Fault, int], ...] = (  # and how often at most
    (faults.throttled(), 3),  # the pause doubles each time
    (faults.throttled(403), 1),
)
_RARE_SHARE = 0.0001
_REFUSALS = (faults.INSUFFICIENT_PERMISSIONS, faults.DOMAIN_POLICY)


@dataclass
class Weather:
    """Faults that are switched on, and how often they struck."""

    faults: Faults
    rules: list[Rule]

    @classmethod
    def sent(cls, faults_: Faults, *, rate: float, refusals: int = 0) -> "Weather":
        """Begin. `refusals`: how often at most the account is refused until somebody starts the client again."""
        weather = cls(faults_, [])
        # Once for each mail: one that is not there at a second look is rightly taken for gone.
        weather._add(faults.NOT_FOUND, _GET, 0.002 * rate, once_each=True)
        for fault, method, share in _COMMON:
            weather._add(fault, method, share * rate)
        for fault, times in _RARE:
            weather._add(fault, "*", _RARE_SHARE * rate, times=times)
        for fault in _REFUSALS if refusals else ():
            weather._add(fault, "*", _RARE_SHARE * rate, times=refusals)
        return weather

    @property
    def struck(self) -> int:
        """How many calls were spoiled until now."""
        return sum(rule.struck for rule in self.rules)

    def clear(self) -> None:
        """Let the sun shine."""
        self.faults.clear()

    def _add(
        self, fault: Fault, method: str, share: float, *, times: int | None = None, once_each: bool = False
    ) -> None:
        rule = self.faults.add(fault, method, probability=share, times=times, once_each=once_each)
        self.rules.append(rule)
