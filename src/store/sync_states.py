"""Sync states: how far each mailbox has been read, kept in the database beside Redis, for people and for repairs."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import Engine, Row, Table, select, update

from src.common.clock import Clock
from src.store.bounds import check_key, clean, to_json
from src.store.faults import translated
from src.store.protocol import SyncState
from src.store.tables import gmail_sync_state, imap_sync_state

GMAIL = "gmail"  # the Gmail API's name in the registry of sources; all others have mailboxes like IMAP's

# Beside the cursor's own values in its column. An earlier release takes them for some more values, and does no harm.
READER = "reader"
RETIRED_AT = "retired_at"  # Unix time in s
LEFT_MAILS = "left_mails"
LEFT_S = "left_s"
LABEL_NAMES = "label_names"  # a JSON object


class SyncStateTable:
    """Plays SyncStates."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def save_sync_state(self, source: str, state: SyncState) -> None:
        """See SyncStates.save_sync_state. `updated_at` is the time of writing unless it is given."""
        table = gmail_sync_state if source == GMAIL else imap_sync_state
        values = {
            "account": check_key("account", state.account),
            "mailbox": check_key("mailbox", state.mailbox),
            "cursor": {clean(name): clean(value) for name, value in _column_of(state).items()},
            "error_code": clean(state.error_code),
            "updated_at": state.updated_at or self._clock.now(),
        }
        with translated(), self._engine.begin() as connection:
            connection.execute(_upsert(table, values, connection.dialect.name))

    def sync_states(self, account: str | None = None) -> list[SyncState]:
        """See SyncStates.sync_states; by account and mailbox."""
        states: list[SyncState] = []
        with translated(), self._engine.connect() as connection:
            for table in (imap_sync_state, gmail_sync_state):
                wanted = select(table).order_by(table.c.account, table.c.mailbox)
                if account is not None:
                    wanted = wanted.where(table.c.account == clean(account))
                is_gmail_api = table is gmail_sync_state
                states += [_state_of(row, is_gmail_api=is_gmail_api) for row in connection.execute(wanted)]
        return states

    def retire_sync_state(self, state: SyncState, at: datetime) -> bool:
        """See SyncStates.retire_sync_state."""
        table = gmail_sync_state if state.is_gmail_api else imap_sync_state
        same = (table.c.account == state.account) & (table.c.mailbox == state.mailbox)
        retired = update(table).where(same & (table.c.updated_at == state.updated_at))
        with translated(), self._engine.begin() as connection:
            changed = connection.execute(retired.values(cursor=_column_of(replace(state, retired_at=at))))
            return bool(changed.rowcount)


def _column_of(state: SyncState) -> dict[str, str]:
    reader = {READER: state.reader} if state.reader else {}
    retired = {RETIRED_AT: str(int(state.retired_at.timestamp()))} if state.retired_at else {}
    left = {LEFT_MAILS: str(state.left_mails)} if state.left_mails is not None else {}
    left_s = {LEFT_S: f"{state.left_s:.1f}"} if state.left_s is not None else {}
    names = {LABEL_NAMES: to_json(dict(state.label_names))} if state.label_names else {}
    return {**state.values, **reader, **retired, **left, **left_s, **names}


def _state_of(row: Row[Any], *, is_gmail_api: bool) -> SyncState:
    values = dict(row.cursor)
    reader, retired = values.pop(READER, ""), values.pop(RETIRED_AT, "")
    left, left_s, names = values.pop(LEFT_MAILS, ""), values.pop(LEFT_S, ""), values.pop(LABEL_NAMES, "")
    return SyncState(
        row.account,
        row.mailbox,
        values,
        row.error_code,
        row.updated_at,
        reader,
        retired_at=datetime.fromtimestamp(int(retired), UTC) if retired else None,
        left_mails=int(left) if left else None,
        left_s=float(left_s) if left_s else None,
        label_names=orjson.loads(names) if names else None,
        is_gmail_api=is_gmail_api,
    )


def _upsert(table: Table, values: dict[str, Any], dialect: str) -> Any:
    insert = _insert_of(dialect)(table).values(values)
    changes = {name: insert.excluded[name] for name in ("cursor", "error_code", "updated_at")}
    return insert.on_conflict_do_update(index_elements=["account", "mailbox"], set_=changes)


def _insert_of(dialect: str) -> Callable[[Table], Any]:
    if dialect == "sqlite":
        from sqlalchemy.dialects.sqlite import insert as sqlite_insert

        return sqlite_insert
    from sqlalchemy.dialects.postgresql import insert  # 2 MB that SQLite need not have

    return insert
