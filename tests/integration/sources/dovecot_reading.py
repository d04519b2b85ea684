"""An account on the tests' Dovecot, as an IMAP source logs in to it, with a count of the bodies it fetched."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from src.imap.answers import FetchAnswer, FetchedMail
from src.imap.credentials import Password
from src.imap.endpoint import Endpoint
from src.imap.session import MIB, Session
from src.sources.imap.limits import Limits
from tests.fakes.pipeline_model import PipelineModel, message_id_of
from tests.fixtures.dovecot import DovecotServer
from tests.fixtures.dovecot_config import PASSWORD
from tests.unit.sources.imap_reading import Reader

LIMITS = Limits(batch_mails=20, flag_window=7, barrier_poll_s=0, reconcile_interval_s=3600)


class _CountingSession(Session):
    bodies: Counter[str]

    def fetch_mails(self, uids: Iterable[int], *, large_bytes: int = 8 * MIB) -> Iterator[FetchAnswer]:
        for answer in super().fetch_mails(uids, large_bytes=large_bytes):
            if isinstance(answer, FetchedMail):
                self.bodies[message_id_of(answer.raw)] += 1
            yield answer


class Account:
    """One user of the server; `port` when a proxy stands before it."""

    def __init__(self, server: DovecotServer, user: str, *, port: int = 0) -> None:
        self.server, self.user, self.port = server, user, port
        self.bodies: Counter[str] = Counter()  # fetched whole, by Message-ID
        self.sessions: list[Session] = []

    def open_session(self) -> Session:
        """Log in with the password."""
        endpoint = Endpoint("localhost", self.port or self.server.plain_port, "none", timeout_s=20.0)
        session = _CountingSession.open(endpoint, lambda: Password(self.user, PASSWORD))
        session.bodies = self.bodies
        self.sessions.append(session)
        return session

    def reader(self, model: PipelineModel, *, mailbox: str = "INBOX", limits: Limits = LIMITS) -> Reader:
        """Return a producer's view of one mailbox."""
        return Reader(self, model, mailbox=mailbox, limits=limits)


def mail(number: int, *, size_bytes: int = 0) -> bytes:
    """Return a mail that tells its number, with the line ends of the wire."""
    head = f"From: a@example.org\r\nSubject: {number}\r\nMessage-ID: <{number}@example.org>\r\n\r\n".encode()
    return head + b"0123456789abcdef" * 4 * (size_bytes // 66) + b"end\r\n"


def mails(first: int, last: int) -> list[bytes]:
    """Return mails with these numbers."""
    return [mail(number) for number in range(first, last + 1)]


def numbers(model: PipelineModel, mailbox: str = "INBOX") -> list[int]:
    """Return which mails live in the model's database, sorted; one that is there twice is told twice."""
    found = (re.search(rb"^Subject: (\d+)", row.raw or b"", re.MULTILINE) for row in model.living(mailbox))
    return sorted(int(one[1]) for one in found if one)
