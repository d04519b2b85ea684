"""SyncStateKeeper: writes how far each mailbox was read to the database, beside Redis, now and then.

It is a copy for people and for the day Redis is lost, so it never holds up reading: a thread of its own writes the
latest state of each mailbox, and a database that is away only makes the copy older.
"""

import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from src.common.clock import Clock
from src.common.errors import IngestError
from src.common.logs import account_tag, get_logger
from src.model.cursor import Cursor
from src.producer.board import MailboxName
from src.store.protocol import SyncState, SyncStates

log = get_logger(__name__)

SAVE_INTERVAL_S = 10.0  # between writes of a mailbox that is being read
CLOSE_TIMEOUT_S = 5.0  # for the last write, when the producer ends


class SyncStateKeeper:
    """Keeps the latest state of each mailbox until it is written. Thread-safe."""

    def __init__(self, states: SyncStates, clock: Clock, interval_s: float = SAVE_INTERVAL_S) -> None:
        self._states = states
        self._clock = clock
        self._interval_s = interval_s
        self._lock = threading.Lock()
        self._unsaved: dict[MailboxName, SyncState] = {}
        self._to_forgive: set[MailboxName] = set()  # whose stored error, if any, is over
        self._last_polls: dict[MailboxName, str] = {}  # when each was last read to its end, Unix time in s
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sync-states", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def keep(self, name: MailboxName, cursor: Cursor, *, is_caught_up: bool = False, error_code: str = "") -> None:
        """Remember the state of a mailbox; it is written soon. Returns at once."""
        now = self._clock.now()
        with self._lock:
            if is_caught_up:
                self._last_polls[name] = str(int(now.timestamp()))
            values = dict(cursor.values)
            if name in self._last_polls:
                values["last_poll"] = self._last_polls[name]
            self._unsaved[name] = SyncState(name.account, name.mailbox, values, error_code, now)

    def forgive(self, name: MailboxName) -> None:
        """Take the error from the stored state, if there is one with an error; else none is made. Returns at once."""
        with self._lock:
            self._unsaved.pop(name, None)
            self._to_forgive.add(name)

    def close(self) -> None:
        """Write what is left and end; gives up after a few seconds if the database is away."""
        self._ending.set()
        self._thread.join(CLOSE_TIMEOUT_S)

    def _run(self) -> None:
        while not self._ending.wait(self._interval_s):
            self._save()
        self._save()

    def _save(self) -> None:
        with self._lock:
            states, self._unsaved = self._unsaved, {}
            forgiven, self._to_forgive = self._to_forgive, set()
        for name in forgiven:
            if not self._saved(name, partial(self._write_forgiven, name)):
                with self._lock:
                    self._to_forgive.add(name)
        for name, state in states.items():
            if not self._saved(name, partial(self._write, name, state)):
                with self._lock:
                    self._unsaved.setdefault(name, state)  # unless there is a newer one by now

    def _saved(self, name: MailboxName, write: Callable[[], None]) -> bool:
        try:
            write()
        except Exception as error:  # noqa: BLE001  # a thread that ends would leave the copy as it is for ever
            code = error.code if isinstance(error, IngestError) else IngestError.code
            log.warning("sync_state_not_saved", account=account_tag(name.account), code=code)
            return False
        return True

    def _write(self, name: MailboxName, state: SyncState) -> None:
        self._states.save_sync_state(name.kind, self._with_last_poll(state))

    def _write_forgiven(self, name: MailboxName) -> None:
        for stored in self._states.sync_states(name.account):
            if stored.mailbox == name.mailbox and stored.error_code:
                self._write(name, replace(stored, error_code="", updated_at=self._clock.now()))

    def _with_last_poll(self, state: SyncState) -> SyncState:
        """Keep the time an earlier process wrote until this one has read to the end: alarms on freshness rest on it."""
        if "last_poll" in state.values:
            return state
        for stored in self._states.sync_states(state.account):
            if stored.mailbox == state.mailbox and "last_poll" in stored.values:
                return replace(state, values={**state.values, "last_poll": stored.values["last_poll"]})
        return state
