"""LateStore: the database as a producer needs it, opened when first asked for.

A producer puts mail on the stream; the database is only looked at, and told how far things are. So one that is away
must not keep a producer from starting: each call tries to open it, and raises DatabaseUnavailableError if it is away.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from src.common.late import Late
from src.store.protocol import KnownMail, Store, StoreStats, SyncState


class LateStore:
    """Plays what sources ask of the database, and SyncStates. Thread-safe."""

    def __init__(self, open_store: Callable[[], Store]) -> None:
        self._store = Late(open_store, lambda store: store.close())

    def known_mails(
        self, account: str, mailbox: str | None = None, *, uidvalidity: int | None = None
    ) -> Iterator[KnownMail]:
        """As in MailReader."""
        return self._store.get().known_mails(account, mailbox, uidvalidity=uidvalidity)

    def has_numbered_mails(self, account: str) -> bool:
        """As in MailReader."""
        return self._store.get().has_numbered_mails(account)

    def find_by_uids(self, account: str, mailbox: str, uidvalidity: int, uids: Sequence[int]) -> dict[int, KnownMail]:
        """As in MailReader."""
        return self._store.get().find_by_uids(account, mailbox, uidvalidity, uids)

    def find_by_source_ids(self, account: str, source_ids: Sequence[str]) -> dict[str, KnownMail]:
        """As in MailReader."""
        return self._store.get().find_by_source_ids(account, source_ids)

    def save_sync_state(self, source: str, state: SyncState) -> None:
        """As in SyncStates."""
        self._store.get().save_sync_state(source, state)

    def sync_states(self, account: str | None = None) -> list[SyncState]:
        """As in SyncStates."""
        return self._store.get().sync_states(account)

    def retire_sync_state(self, state: SyncState, at: datetime) -> bool:
        """As in SyncStates."""
        return self._store.get().retire_sync_state(state, at)

    def stats(self, account: str | None = None) -> StoreStats:
        """As in MailReader."""
        return self._store.get().stats(account)

    def accounts(self) -> list[str]:
        """As in MailReader."""
        return self._store.get().accounts()

    def close(self) -> None:
        """Close the database if it was opened."""
        self._store.close()


class NothingKnown:
    """Stands for a database that was not made yet, so that a dry run need not make it."""

    def known_mails(
        self,
        account: str,  # noqa: ARG002 - plays a role
        mailbox: str | None = None,  # noqa: ARG002
        *,
        uidvalidity: int | None = None,  # noqa: ARG002
    ) -> Iterator[KnownMail]:
        """Know nothing."""
        return iter(())

    def has_numbered_mails(self, account: str) -> bool:  # noqa: ARG002
        """Know nothing."""
        return False

    def find_by_uids(
        self,
        account: str,  # noqa: ARG002
        mailbox: str,  # noqa: ARG002
        uidvalidity: int,  # noqa: ARG002
        uids: Sequence[int],  # noqa: ARG002
    ) -> dict[int, KnownMail]:
        """Know nothing."""
        return {}

    def find_by_source_ids(self, account: str, source_ids: Sequence[str]) -> dict[str, KnownMail]:  # noqa: ARG002
        """Know nothing."""
        return {}
