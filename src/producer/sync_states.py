"""SyncStateKeeper: writes how far each mailbox was read to the database, beside Redis, now and then.

It is a copy for people and for the day Redis is lost, so it never holds up reading: a thread of its own writes the
latest state of each mailbox, and a database that is away only makes the copy older. Before it writes, it retires the
states of mailboxes that are not read any more (retirement.py).
"""

import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from functools import partial

from src.common.clock import Clock
from src.common.errors import IngestError
from src.common.logs import account_tag, get_logger
from src.model.cursor import Cursor
from src.producer.board import MailboxName
from src.producer.pace import Left
from src.producer.retirement import Reading
from src.store.protocol import SyncState, SyncStates

log = get_logger(__name__)

SAVE_INTERVAL_S = 10.0  # between writes of a mailbox that is being read
CLOSE_TIMEOUT_S = 5.0  # for the last write, when the producer ends


class SyncStateKeeper:
    """Keeps the latest state of each mailbox until it is written. Thread-safe."""

    def __init__(
        self,
        states: SyncStates,
        clock: Clock,
        *,
        reader: str = "",
        accounts: Collection[str] = (),
        is_import: bool = False,
        interval_s: float = SAVE_INTERVAL_S,
    ) -> None:
        """`reader` names this process, `accounts` are all of the settings.

        With `is_import`, what was read to its end is done with, and nothing else is retired.
        """
        self._states = states
        self._reader = reader
        self._reading = None if is_import else Reading(reader, accounts)
        self._is_to_retire = self._reading is not None and bool(accounts)
        self._clock = clock
        self._interval_s = interval_s
        self._lock = threading.Lock()
        self._unsaved: dict[MailboxName, SyncState] = {}
        self._to_forgive: set[MailboxName] = set()  # whose stored error, if any, is over
        self._last_polls: dict[MailboxName, str] = {}  # when each was last read to its end, Unix time in s
        self._label_names: dict[MailboxName, Mapping[str, str]] = {}
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sync-states", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def reads(self, account: str, names: Iterable[MailboxName]) -> None:
        """Say which mailboxes of an account are read, now that it is open. Returns at once."""
        if self._reading is not None:
            with self._lock:
                self._reading.open(account, names)
                self._is_to_retire = True

    def keep(
        self,
        name: MailboxName,
        cursor: Cursor,
        *,
        is_caught_up: bool = False,
        error_code: str = "",
        left: Left | None = None,
        label_names: Mapping[str, str] | None = None,
    ) -> None:
        """Remember the state of a mailbox; it is written soon. Returns at once.

        `label_names` stay as they were told last, also by an earlier process; None: not told.
        """
        now = self._clock.now()
        with self._lock:
            if label_names is not None:
                self._label_names[name] = label_names
            if is_caught_up:
                self._last_polls[name] = str(int(now.timestamp()))
            values = dict(cursor.values)
            if name in self._last_polls:
                values["last_poll"] = self._last_polls[name]
            is_done_with = is_caught_up and self._reading is None
            self._unsaved[name] = SyncState(
                name.account,
                name.mailbox,
                values,
                error_code,
                now,
                reader=self._reader,
                retired_at=now if is_done_with else None,
                left_mails=left.mails if left else None,
                left_s=left.seconds if left else None,
                label_names=self._label_names.get(name),
            )

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
            is_to_retire, self._is_to_retire = self._is_to_retire, False
        # First: what is written next hides who read it before.
        if is_to_retire and not self._done(self._retire):
            with self._lock:
                self._is_to_retire = True
        with self._lock:
            states, self._unsaved = self._unsaved, {}
            forgiven, self._to_forgive = self._to_forgive, set()
        for name in forgiven:
            if not self._done(partial(self._write_forgiven, name), name.account):
                with self._lock:
                    self._to_forgive.add(name)
        for name, state in states.items():
            if not self._done(partial(self._write, name, state), name.account):
                with self._lock:
                    self._unsaved.setdefault(name, state)  # unless there is a newer one by now

    def _done(self, write: Callable[[], None], account: str = "") -> bool:
        try:
            write()
        except Exception as error:  # noqa: BLE001  # a thread that ends would leave the copy as it is for ever
            code = error.code if isinstance(error, IngestError) else IngestError.code
            log.warning("sync_state_not_saved", account=account_tag(account), code=code)
            return False
        return True

    def _retire(self) -> None:
        stored = self._states.sync_states()
        now = self._clock.now()
        with self._lock:
            retired = self._reading.retired(stored, now) if self._reading is not None else ()
        for state in retired:
            if self._states.retire_sync_state(state, now):
                log.info("mailbox_retired", account=account_tag(state.account), mailbox=account_tag(state.mailbox))

    def _write(self, name: MailboxName, state: SyncState) -> None:
        self._states.save_sync_state(name.kind, self._with_what_was_known(state))

    def _write_forgiven(self, name: MailboxName) -> None:
        for stored in self._states.sync_states(name.account):
            if stored.mailbox == name.mailbox and stored.error_code:
                self._write(name, replace(stored, error_code="", updated_at=self._clock.now()))

    def _with_what_was_known(self, state: SyncState) -> SyncState:
        """Keep what an earlier process wrote until this one knows better: names of labels, and the time of the last
        poll, on which alarms on freshness rest.

        Not for an import: nobody expects that of a file, least of all after an import that was broken off.
        """
        is_known = "last_poll" in state.values and state.label_names is not None
        if is_known or self._reading is None:
            return state
        for stored in self._states.sync_states(state.account):
            if stored.mailbox == state.mailbox:
                polled = {"last_poll": stored.values["last_poll"]} if "last_poll" in stored.values else {}
                names = stored.label_names if state.label_names is None else state.label_names
                state = replace(state, values={**polled, **state.values}, label_names=names)
        return state
