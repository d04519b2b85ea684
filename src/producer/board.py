"""Board: how each mailbox of this producer is doing, for the progress bar, `/status` and the exit code. Thread-safe."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from src.common.logs import account_tag


class State(StrEnum):
    """What the loop of a mailbox is doing."""

    STARTING = "starting"  # nothing read yet
    READING = "reading"  # a poll is under way
    NO_ROOM = "no_room"  # mails are read, the stream is full: workers are needed
    CAUGHT_UP = "caught_up"  # waits for the next poll
    STANDBY = "standby"  # another producer reads this mailbox
    BACKING_OFF = "backing_off"  # a passing error: tries again soon
    BLOCKED = "blocked"  # an error that an operator must mend: tries again now and then
    BROKEN = "broken"  # its loop ended by a fault of ours: the process ends too, and is to be started again
    STOPPED = "stopped"  # asked to end before it was caught up


@dataclass(frozen=True, slots=True)
class MailboxName:
    """Which mailbox this is about."""

    account: str
    mailbox: str
    kind: str  # of its source


@dataclass(frozen=True, slots=True)
class MailboxReport:
    """How one mailbox is doing."""

    name: MailboxName
    state: State = State.STARTING
    published: int = 0  # envelopes, since this process began
    repeated: int = 0  # of them left alone, since they were on their way or published lately
    dead: int = 0  # mails the source could not give
    remaining: int | None = None  # mails still to read in this poll; None: not known
    error_code: str = ""  # of the last failure; empty when well
    error: str = ""  # redacted text of it

    @property
    def is_left_behind(self) -> bool:
        """True unless the mailbox was read to its end."""
        return self.state is not State.CAUGHT_UP


class Board:
    """The reports of all mailboxes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reports: dict[MailboxName, MailboxReport] = {}

    def enter(self, name: MailboxName) -> None:
        """Begin to report on a mailbox."""
        with self._lock:
            self._reports[name] = MailboxReport(name)

    def leave(self, name: MailboxName) -> None:
        """Report on a mailbox no more."""
        with self._lock:
            del self._reports[name]

    def set(self, name: MailboxName, state: State, *, code: str = "", error: str = "") -> None:
        """Say what a mailbox is doing now; one that was left is entered again."""
        with self._lock:
            report = self._reports.get(name, MailboxReport(name))
            self._reports[name] = replace(report, state=state, error_code=code, error=error)

    def count(self, name: MailboxName, *, published: int, repeated: int, dead: int, remaining: int | None) -> None:
        """Add what a batch brought."""
        with self._lock:
            report = self._reports[name]
            self._reports[name] = replace(
                report,
                published=report.published + published,
                repeated=report.repeated + repeated,
                dead=report.dead + dead,
                remaining=remaining,
            )

    def report(self, name: MailboxName) -> MailboxReport:
        """Return how one mailbox is doing."""
        with self._lock:
            return self._reports[name]

    def reports(self) -> list[MailboxReport]:
        """Return all reports, in the order in which the mailboxes were entered."""
        with self._lock:
            return list(self._reports.values())

    def status(self) -> list[Mapping[str, object]]:
        """Return the reports for `/status`: accounts and mailboxes as tags."""
        return [
            {
                "account": account_tag(report.name.account),
                "mailbox": account_tag(report.name.mailbox),
                "source": report.name.kind,
                "state": report.state.value,
                "published": report.published,
                "repeated": report.repeated,
                "dead": report.dead,
                "remaining": report.remaining,
                "error_code": report.error_code,
            }
            for report in self.reports()
        ]
