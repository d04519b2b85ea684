"""An IMAP server in memory that plays the wire's Session, for tests of what is read and in what order.

It can do what real servers do to a client: cut the connection after any number of answers, number mailboxes anew, tell
a wrong UIDVALIDITY once, forget its MODSEQs, and hold mails that break the connection each time they are fetched.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from typing import NoReturn

from src.common.errors import LoginRefusedError, MailboxMissingError, SourceUnavailableError
from src.imap.answers import (
    FetchAnswer,
    FetchedMail,
    FlagChange,
    FlagReport,
    GmailTags,
    GoneMail,
    LargeMail,
    Mailbox,
    MailFacts,
    Resync,
    Selected,
)
from src.imap.session import MIB, Session
from src.imap.uid_set import MAX_UID, UidSet

READ_AHEAD = 7  # UIDs the wire takes before it answers the first: small, so that tests see its effect


@dataclass(frozen=True)
class Profile:
    """What the server can do."""

    name: str
    condstore: bool = False
    qresync: bool = False
    gmail: bool = False


PROFILES = (
    Profile("qresync", condstore=True, qresync=True),
    Profile("condstore", condstore=True),
    Profile("plain"),
    Profile("gmail", condstore=True, gmail=True),
)


@dataclass
class StoredMail:
    """One mail on the server."""

    number: int  # its name in the tests; at Gmail its X-GM-MSGID
    raw: bytes
    received_at: datetime
    flags: frozenset[str] = frozenset()
    labels: frozenset[str] = frozenset()
    modseq: int = 1
    breaks: bool = False  # cuts the connection each time it is fetched
    thread: int = 0  # at Gmail its X-GM-THRID; 0: a thread of its own

    @property
    def message_id(self) -> str:
        found = re.search(rb"^Message-ID: <([^>]*)>", self.raw, re.MULTILINE)
        return found[1].decode() if found else ""


@dataclass
class MemoryMailbox:
    """One mailbox."""

    uidvalidity: int
    flags: tuple[str, ...] = ()
    mails: dict[int, StoredMail] = field(default_factory=dict)  # by UID, ascending
    uidnext: int = 1
    modseq: int = 1
    expunged: list[tuple[int, int]] = field(default_factory=list)  # UID and the MODSEQ of its going

    def put(self, mail: StoredMail) -> int:
        """Add a mail; return its UID."""
        uid = self.uidnext
        self.uidnext += 1
        self.mails[uid] = mail
        self.touch(mail)
        return uid

    def touch(self, mail: StoredMail) -> None:
        """Give a mail the next MODSEQ."""
        self.modseq += 1
        mail.modseq = self.modseq

    def take(self, uid: int) -> StoredMail:
        """Remove a mail for good."""
        self.modseq += 1
        self.expunged.append((uid, self.modseq))
        return self.mails.pop(uid)

    def renumber(self, uidvalidity: int, *, gap: int = 0) -> None:
        """Give the mailbox another UIDVALIDITY and its mails other UIDs, in the same order."""
        self.uidvalidity = uidvalidity
        mails = list(self.mails.values())
        self.mails, self.expunged, self.uidnext = {}, [], 1 + gap
        for mail in mails:
            self.put(mail)

    def forget_modseqs(self) -> None:
        """Begin to count MODSEQs anew, as a server does that lost its index."""
        self.modseq, self.expunged = 1, []
        for mail in self.mails.values():
            mail.modseq = 1


class MemoryImapServer:
    """The mailboxes of one account, and the ways to hurt its clients."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.mailboxes: dict[str, MemoryMailbox] = {}
        self.bodies_fetched: Counter[int] = Counter()  # by the mail's number
        self.sessions_opened = 0
        self.answers_left: int | None = None  # until the connection is cut; None: never
        self.told_uidvalidities: list[int] = []  # told by the next SELECTs instead of the true one
        self.refused_logins = 0  # of the next logins
        self.bodies_break = False  # every body cuts the connection: the server's storage is down
        self.untold: set[int] = set()  # UIDs left out of answers that tell flags, though the mails are there
        self.empty_searches = 0  # of the next SEARCHes find nothing, without an error
        self.hollow: set[int] = set()  # UIDs of big mails whose slices come empty
        self.idle_answers: list[bool] = []
        self._numbers = count(1)

    def open_session(self) -> "MemorySession":
        """Log in."""
        self.sessions_opened += 1
        if self.refused_logins:
            self.refused_logins -= 1
            raise LoginRefusedError("the login was refused")
        return MemorySession(self)

    def new_mail(self, text: str = "", *, message_id: str | None = None, breaks: bool = False) -> StoredMail:
        """Make a mail that no other equals, unless `text` and `message_id` are given; not put anywhere yet."""
        number = next(self._numbers)
        name = f"{number}@example.org" if message_id is None else message_id
        header = f"Message-ID: <{name}>\r\n" if name else ""
        raw = f"{header}Subject: test\r\n\r\n{text or number}\r\n".encode()
        return StoredMail(number, raw, datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number), breaks=breaks)


class MemorySession(Session):
    """Plays Session on a MemoryImapServer."""

    def __init__(self, server: MemoryImapServer) -> None:
        self._server = server
        self._name = ""
        self._numbering = 0
        self._is_closed = False
        self._is_walking = False
        self._wakes = 0

    @property
    def has_condstore(self) -> bool:
        return self._server.profile.condstore

    @property
    def has_qresync(self) -> bool:
        return self._server.profile.qresync

    @property
    def has_idle(self) -> bool:
        return True

    @property
    def has_gmail(self) -> bool:
        return self._server.profile.gmail

    @property
    def has_object_ids(self) -> bool:
        return False

    @property
    def is_closed(self) -> bool:
        return self._is_closed

    def list_mailboxes(self) -> tuple[Mailbox, ...]:
        self._answer()
        return tuple(Mailbox(name, box.flags, "/") for name, box in self._server.mailboxes.items())

    def select(self, mailbox: str, *, readonly: bool = True, resync: Resync | None = None) -> Selected:
        self._answer()
        if mailbox not in self._server.mailboxes:
            raise MailboxMissingError("the mailbox does not exist")
        self._name = mailbox
        box = self._server.mailboxes[mailbox]
        self._numbering = box.uidvalidity
        told = self._server.told_uidvalidities
        return Selected(
            name=mailbox,
            exists=len(box.mails),
            uidvalidity=told.pop(0) if told else box.uidvalidity,
            uidnext=box.uidnext,
            highestmodseq=box.modseq if self.has_condstore else None,
            is_readonly=readonly,
        )

    def search_uids(self, first: int = 1, last: int = MAX_UID) -> UidSet:
        self._answer()
        if self._server.empty_searches:
            self._server.empty_searches -= 1
            return UidSet()
        return UidSet.of(uid for uid in self._box.mails if first <= uid <= last)

    def search_gmail_id(self, gmail_id: int) -> UidSet:
        self._answer()
        return UidSet.of(uid for uid, mail in self._box.mails.items() if mail.number == gmail_id)

    def describe(self, uids: Iterable[int], *, message_id: bool = False) -> Iterator[MailFacts]:
        with _Walking(self):
            for uid in uids:
                self._answer()
                if uid in self._box.mails and uid not in self._server.untold:
                    yield self._facts(uid, message_id=message_id)

    def fetch_mails(self, uids: Iterable[int], *, large_bytes: int = 8 * MIB) -> Iterator[FetchAnswer]:
        with _Walking(self):
            waiting = iter(uids)
            while chunk := list(islice(waiting, READ_AHEAD)):
                yield from (self._fetched(uid, large_bytes) for uid in chunk)

    def _fetched(self, uid: int, large_bytes: int) -> FetchAnswer:
        self._answer()
        mail = self._box.mails.get(uid)
        if mail is None:
            return GoneMail(uid)
        facts = self._facts(uid)
        if len(mail.raw) > large_bytes:
            return LargeMail(facts)
        self._read_body(mail)
        return FetchedMail(facts, mail.raw)

    def fetch_slices(self, uid: int, *, slice_bytes: int = MIB) -> Iterator[bytes]:
        self._answer()
        mail = self._box.mails.get(uid)
        if mail is None or uid in self._server.hollow:
            return
        self._read_body(mail)
        for start in range(0, len(mail.raw), slice_bytes):
            self._answer()
            yield mail.raw[start : start + slice_bytes]

    def fetch_flags(
        self, uids: UidSet | None = None, *, changed_since: int | None = None, vanished: bool = False
    ) -> FlagReport:
        self._answer()
        box = self._box
        wanted = uids if uids is not None else UidSet(((1, MAX_UID),))
        changes = [
            FlagChange(uid, tuple(sorted(mail.flags)), mail.modseq if self.has_condstore else None, self._labels(mail))
            for uid, mail in box.mails.items()
            if uid in wanted
            and uid not in self._server.untold
            and (changed_since is None or mail.modseq > changed_since)
        ]
        gone = [uid for uid, modseq in box.expunged if vanished and modseq > (changed_since or 0) and uid in wanted]
        return FlagReport(tuple(sorted(changes, key=lambda one: (one.modseq or 0, one.uid))), UidSet.of(gone))

    def idle(self, timeout_s: float) -> bool:
        self._answer()
        return self._server.idle_answers.pop(0) if self._server.idle_answers else False

    def noop(self) -> bool:
        self._answer()
        return False

    def interrupt(self) -> None:
        self._wakes += 1

    def close(self) -> None:
        self._is_closed = True

    @property
    def _box(self) -> MemoryMailbox:
        box = self._server.mailboxes.get(self._name)
        if box is None or box.uidvalidity != self._numbering:  # servers hang up on whoever has it selected
            self._break("the selected mailbox is not there any more")
        return box

    def _facts(self, uid: int, *, message_id: bool = False) -> MailFacts:
        mail = self._box.mails[uid]
        labels = self._labels(mail)
        return MailFacts(
            uid=uid,
            size_bytes=len(mail.raw),
            received_at=mail.received_at,
            flags=tuple(sorted(mail.flags)),
            modseq=mail.modseq if self.has_condstore else None,
            gmail=GmailTags(mail.number, mail.thread or mail.number, labels) if labels is not None else None,
            message_id=mail.message_id if message_id else "",
        )

    def _labels(self, mail: StoredMail) -> tuple[str, ...] | None:
        return tuple(sorted(mail.labels)) if self.has_gmail else None

    def _read_body(self, mail: StoredMail) -> None:
        if mail.breaks or self._server.bodies_break:
            self._break("the server closed the connection")
        self._server.bodies_fetched[mail.number] += 1

    def _answer(self) -> None:
        """One answer comes, or the connection is cut before it."""
        server = self._server
        if self._is_closed:
            raise SourceUnavailableError("the connection is closed")
        if server.answers_left is not None:
            server.answers_left -= 1
            if server.answers_left < 0:
                server.answers_left = None
                self._break("the connection was cut")

    def _break(self, reason: str) -> NoReturn:
        self._is_closed = True
        raise SourceUnavailableError(reason)


class _Walking:
    """Leaving a walk half-way closes the session; another command during it is a mistake of the caller."""

    def __init__(self, session: MemorySession) -> None:
        self._session = session

    def __enter__(self) -> None:
        assert not self._session._is_walking, "the session serves nothing else until the walk ends"
        self._session._is_walking = True

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._session._is_walking = False
        if kind is not None:
            self._session._is_closed = True
