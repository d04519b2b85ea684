"""AccountOpening: opens the mailboxes of one account of several, in a thread of its own, and has their loops begun.

Opening may have to ask the server (which mailboxes there are) and so may fail or take long. That is for this account
alone: the others are read meanwhile, and it is tried again by the same rules as reading. As long as it fails, the board
and the sync states tell of it under the mailboxes as they are configured.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from src.model.cursor import Cursor
from src.producer.board import Board, MailboxName, State
from src.producer.failures import Failures, no_mark
from src.producer.patience import Patience, StopAskedError
from src.producer.sync_states import SyncStateKeeper
from src.sources.source import Source


@dataclass(frozen=True, slots=True)
class AccountPlan:
    """An account that is to be read."""

    name: MailboxName  # the account; its mailboxes as they are configured
    open: Callable[[], Sequence[Source]]  # may connect; raises as a source does
    poll_interval_s: float
    sign_in_mark: Callable[[], object] = no_mark  # as in ProducerOptions


class AccountOpening:
    """Plays Loop: `run` is the body of its thread, and ends once the account is open."""

    def __init__(
        self,
        plan: AccountPlan,
        *,
        begin: Callable[[Sequence[Source]], None],
        patience: Patience,
        failures: Failures,
        board: Board,
        states: SyncStateKeeper | None,
    ) -> None:
        """`begin` begins to read the sources."""
        self.name = plan.name
        self._plan = plan
        self._begin = begin
        self._patience = patience
        self._failures = failures
        self._board = board
        self._states = states

    def run(self) -> None:
        """Open the account and begin to read it; with `--once`, give up as a mailbox does."""
        try:
            while not self._try():
                pass
        except StopAskedError:
            self._board.set(self.name, State.STOPPED)

    def _try(self) -> bool:
        """Try once; return True when there is nothing left to do."""
        try:
            self._patience.check()
            sources = self._plan.open()
        except StopAskedError:
            raise
        except Exception as error:  # noqa: BLE001 - the top of the loop: one account must not end the others
            return self._failures.met(error, Cursor())
        if self._states is not None and self.name.mailbox not in [source.mailbox for source in sources]:
            self._states.forgive(self.name)  # a name of the settings, such as special-use, under which nothing is read
        self._begin(sources)
        return True
