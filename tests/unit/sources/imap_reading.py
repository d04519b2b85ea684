"""Helpers of the IMAP source's tests: a source on a server in memory, read into a model of the pipeline as the producer
does it, one batch ahead.
"""

from typing import Protocol

from src.common.errors import SettlingAwaitedError, SourceRefusedError, SourceUnavailableError
from src.common.retry import RetryPolicy
from src.imap.session import Session
from src.model.cursor import Batch, Cursor
from src.sources.imap.limits import Limits
from src.sources.imap.source import ImapSource
from tests.fakes.clock import FakeClock
from tests.fakes.imap_mailbox import MemoryImapServer, MemoryMailbox, Profile
from tests.fakes.pipeline_model import PipelineModel

ACCOUNT = "someone@example.org"
SMALL = Limits(
    batch_mails=3,
    batch_bytes=2_000,
    spool_bytes=4_000,
    max_mail_bytes=50_000,
    flag_window=4,
    reconcile_interval_s=3600,
    barrier_poll_s=0,
)
AT_ONCE = RetryPolicy(max_attempts=0, initial_s=0.0, cap_s=0.0)
PASSING = (SourceUnavailableError, SourceRefusedError, SettlingAwaitedError)
MANY_STEPS = 300  # more than any test needs; a source that never catches up fails here


class Opener(Protocol):
    """A server to log in to."""

    def open_session(self) -> Session:
        """Log in."""
        ...


class Reader:
    """One mailbox's producer, stepped by hand."""

    def __init__(
        self,
        server: Opener,
        model: PipelineModel,
        *,
        mailbox: str = "INBOX",
        siblings: tuple[str, ...] = (),
        limits: Limits = SMALL,
        clock: FakeClock | None = None,
    ) -> None:
        self.server, self.model, self.mailbox = server, model, mailbox
        self.clock = clock or FakeClock()
        self._siblings = siblings
        self._limits = limits
        self.source = self._open()
        self.held: Batch | None = None  # fetched, not published yet
        self.batches: list[Batch] = []

    def _open(self) -> ImapSource:
        return ImapSource(
            account=ACCOUNT,
            mailbox=self.mailbox,
            open_session=self.server.open_session,
            known=self.model,
            tickets=self.model,
            siblings=self._siblings,
            limits=self._limits,
            clock=self.clock,
            reconnect=AT_ONCE,
        )

    @property
    def cursor(self) -> Cursor:
        return self.model.cursors.get(self.mailbox, Cursor())

    @cursor.setter
    def cursor(self, cursor: Cursor) -> None:
        self.model.cursors[self.mailbox] = cursor
        self.held = None

    def restart(self) -> None:
        """End the process and begin another."""
        self.source.close()
        self.source, self.held = self._open(), None

    def step(self) -> bool:
        """Fetch and publish one batch, reading one ahead; return whether the mailbox is caught up."""
        batch = self.held or self.source.fetch(self.cursor)
        self.held = None
        self.batches.append(batch)
        reads_ahead = not batch.caught_up and all(isinstance(one.raw, bytes) for one in batch.envelopes)
        failed: Exception | None = None
        if reads_ahead:
            try:
                self.held = self.source.fetch(batch.cursor)
            except PASSING as error:
                failed = error
        assert self.model.publish(self.mailbox, self.cursor, batch)
        if failed:
            raise failed
        return batch.caught_up

    def run(self, *, settle: bool = True) -> None:
        """Step until caught up, whatever passes; `settle`: workers work meanwhile."""
        for _ in range(MANY_STEPS):
            try:
                if self.step():
                    break
            except PASSING:
                self.clock.advance(1.0)
            if settle:
                self.model.work()
        else:
            raise AssertionError("never caught up")
        if settle:
            self.model.work()


def a_server(profile: Profile, *, mails: int, mailbox: str = "INBOX") -> MemoryImapServer:
    """Return a server with one mailbox of UIDVALIDITY 10."""
    server = MemoryImapServer(profile)
    box = server.mailboxes[mailbox] = MemoryMailbox(10)
    for _ in range(mails):
        box.put(server.new_mail())
    return server
