"""Connection: the one session of a mailbox, opened when needed, and not too often.

The back-off grows with each connection that dies young and is forgotten only once one has lived for minutes: a server
that takes the login and then hangs up would otherwise see a login loop. Gmail drops OAuth sessions about hourly; that
is normal and reconnects at once. What never became a connection is not paced here: its error goes to the caller, who
waits before it asks again.
"""

import random
from collections.abc import Callable

from src.common.clock import Clock
from src.common.errors import LoginRefusedError, SourceUnavailableError
from src.common.instruments import RECONNECTS
from src.common.retry import RetryPolicy, next_delay_s
from src.imap.session import Session

SURVIVAL_S = 180.0  # a connection that lived this long was a good one
RECONNECT = RetryPolicy(max_attempts=0, initial_s=1.0, cap_s=300.0)  # unbounded in number: a producer runs for years
LONGEST_PAUSE_S = 5.0  # waited in place; a longer wait is the caller's, who also watches for shutdown and health


class Connection:
    """Opens, keeps and drops the session. Used from one thread."""

    def __init__(
        self,
        open_session: Callable[[], Session],
        *,
        clock: Clock,
        pause: Callable[[float], bool],
        forget_token: Callable[[], None] | None = None,
        policy: RetryPolicy = RECONNECT,
        rng: random.Random | None = None,
    ) -> None:
        """`pause` waits and returns True when interrupted. `forget_token` makes the next login fetch a fresh token."""
        self._open_session = open_session
        self._clock = clock
        self._pause = pause
        self._forget_token = forget_token
        self._policy = policy
        self._rng = rng or random.Random()  # noqa: S311 - jitter, no secret
        self._session: Session | None = None
        self._opened_at = 0.0
        self._early_deaths = 0
        self._not_before = clock.monotonic()

    @property
    def current(self) -> Session | None:
        """The open session, if there is one."""
        return self._session

    def session(self) -> Session:
        """Return the open session, or open one, waiting a little first if the last ones died young.

        Raises SourceUnavailableError when the wait would be long, and whatever opening raises.
        """
        if self._session is not None and self._session.is_closed:
            self.lost()
        if self._session is None:
            self._wait_for_turn()
            self._session = self._open()
            self._opened_at = self._clock.monotonic()
            RECONNECTS.labels(source="imap").inc()
        return self._session

    def lost(self, *, over_a_mail: bool = False) -> None:
        """The session broke: let go of it, and count whether it had lived for long.

        `over_a_mail`: one mail is known to break connections and is being cornered; that is no reason to grow slower.
        """
        if self._session is None:
            return
        if self._clock.monotonic() - self._opened_at >= SURVIVAL_S:
            self._early_deaths = 0
        else:
            self._put_off(0 if over_a_mail else 1)
        self.close()

    def close(self) -> None:
        """Let go of the session in peace; the next one may follow at once."""
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _open(self) -> Session:
        try:
            return self._open_once_more_if_refused()
        except LoginRefusedError:
            self._put_off(1)  # whoever asks again at once must not reach the server: accounts get locked
            raise

    def _open_once_more_if_refused(self) -> Session:
        # An expired token is refused like a wrong one: only a fresh one tells. Once: more refusals may lock an account.
        try:
            return self._open_session()
        except LoginRefusedError:
            if self._forget_token is None:
                raise
            self._forget_token()
            return self._open_session()

    def _put_off(self, deaths: int) -> None:
        self._early_deaths += deaths
        delay_s = next_delay_s(self._early_deaths, self._policy, self._rng)
        self._not_before = self._clock.monotonic() + delay_s

    def _wait_for_turn(self) -> None:
        delay_s = self._not_before - self._clock.monotonic()
        if delay_s > LONGEST_PAUSE_S:
            raise SourceUnavailableError(
                f"the last {self._early_deaths} connections to the mail server ended early; "
                f"the next try is due in {delay_s:.0f} s"
            )
        if delay_s > 0 and self._pause(delay_s):
            raise SourceUnavailableError("interrupted while waiting to connect to the mail server again")
