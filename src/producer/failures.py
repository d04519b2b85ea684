"""What a loop does about an error: says it everywhere it is looked for, and how long to wait before the next try.

- A passing error (connection, Redis, a lost lease): wait, longer each time.
- One that only an operator can mend (a refused login, a missing mailbox, a wrong setting): look again now and then,
  or as soon as somebody has signed in; with `--once`, stop.
- A fault of ours: like a passing error, under the code `unexpected`.
"""

from collections.abc import Callable

from config.settings import SettingsError
from src.common.errors import IngestError, PermanentError
from src.common.instruments import SOURCE_ERRORS
from src.common.logs import account_tag, get_logger, redact
from src.model.cursor import Cursor
from src.producer.board import Board, MailboxName, State
from src.producer.patience import Patience
from src.producer.sync_states import SyncStateKeeper

log = get_logger(__name__)

BLOCKED_RETRY_S = 300.0  # between looks at a mailbox that an operator must mend


def no_mark() -> None:
    """Stand for the mark of an account for which nobody signs in."""


class Failures:
    """The failures of one mailbox, or of the opening of one account."""

    def __init__(
        self,
        name: MailboxName,
        *,
        once: bool,
        patience: Patience,
        board: Board,
        states: SyncStateKeeper | None,
        trouble: Callable[[str], None],
        sign_in_mark: Callable[[], object],
    ) -> None:
        """`once`: give up when trying again cannot help, or did not for long. `trouble` tells the beats.

        `sign_in_mark` gives another mark each time somebody signs in for the account; it costs nothing.
        """
        self._name = name
        self._once = once
        self._patience = patience
        self._board = board
        self._states = states
        self._trouble = trouble
        self._sign_in_mark = sign_in_mark

    def met(self, error: Exception, cursor: Cursor) -> bool:
        """Say what went wrong and wait; return True to give up. Raises StopAskedError when a stop is asked for."""
        if isinstance(error, IngestError | SettingsError):
            code, said = error.code, redact(str(error))
        else:
            code, said = IngestError.code, type(error).__name__
        is_permanent = isinstance(error, PermanentError | SettingsError)
        delay_s = BLOCKED_RETRY_S if is_permanent else self._patience.after_failure_s()
        SOURCE_ERRORS.labels(self._name.kind, code).inc()
        log.warning(
            "mailbox_failed",
            account=account_tag(self._name.account),
            source=self._name.kind,
            code=code,
            error=said,
            delay_s=round(delay_s, 2),
        )
        self._board.set(self._name, State.BLOCKED if is_permanent else State.BACKING_OFF, code=code, error=said)
        self._trouble(code)
        if self._states is not None:
            self._states.keep(self._name, cursor, error_code=code)
        if self._once and (is_permanent or self._patience.is_exhausted):
            return True
        if is_permanent:
            self._patience.wait_while_same(delay_s, self._sign_in_mark)
        else:
            self._patience.wait(delay_s)
        return False
