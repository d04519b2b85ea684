"""Retirement: which stored sync states are of mailboxes that are not read any more.

A state outlives its mailbox: after a change from IMAP to the Gmail API, when a mailbox or an account is taken out of
the settings. Nothing is deleted, since `verify` and a lost cursor need it; but nobody shall be woken because such a
mailbox is not fresh. Two rules say so, and neither by age, or a producer that died would silence its own alarm:

- Of an account that this process has opened, every mailbox that it does not read.
- What its predecessors read and this process is not configured to read. A predecessor is whatever process last read
  one of its accounts: who reads one of them now has taken over them all.

An import retires nothing of others: it may go into an account that a producer reads. If another producer does read
what was retired, its next write makes it live again.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from src.producer.board import MailboxName
from src.store.protocol import SyncState

# States of releases that did not say who reads: one left alone for so long has no reader that would make it live again.
UNSIGNED_AGE = timedelta(days=1)


class Reading:
    """What one producer reads, as far as it is known by now. Not thread-safe."""

    def __init__(self, reader: str, accounts: Collection[str]) -> None:
        """`reader` names this process as no other; `accounts` are all of the settings, read by it or by others."""
        self._reader = reader
        self._accounts = frozenset(accounts)
        self._opened: dict[str, frozenset[tuple[str, bool]]] = {}
        self._predecessors: set[str] = set()

    def open(self, account: str, names: Iterable[MailboxName]) -> None:
        """Say which mailboxes of an account are read."""
        self._opened[account] = frozenset((name.mailbox, name.kind == "gmail") for name in names)

    def retired(self, stored: Sequence[SyncState], now: datetime) -> list[SyncState]:
        """Return the states that are to be retired; `stored` is all there is, of all accounts."""
        self._predecessors |= {
            state.reader for state in stored if state.account in self._accounts and state.reader != self._reader
        }
        return [state for state in stored if state.retired_at is None and self._is_left(state, now)]

    def _is_left(self, state: SyncState, now: datetime) -> bool:
        if state.account in self._opened:
            return (state.mailbox, state.is_gmail_api) not in self._opened[state.account]
        if state.account in self._accounts or state.reader not in self._predecessors:
            return False
        return bool(state.reader) or state.updated_at is None or now - state.updated_at > UNSIGNED_AGE
