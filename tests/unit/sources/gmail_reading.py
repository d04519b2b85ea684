"""Helpers of the Gmail source's tests: a mailbox in memory, read into a model of the pipeline as a producer does it."""

from src.common.errors import GmailUnavailableError, SourceUnavailableError
from src.model.cursor import Batch, Cursor
from src.sources.gmail.interruption import Interruption
from src.sources.gmail.source import GmailSource
from src.sources.gmail.visit import MAILBOX, Limits, Wanted
from tests.fakes.clock import FakeClock
from tests.fakes.gmail.mailbox import Mailbox
from tests.fakes.gmail.memory_api import MemoryApi
from tests.fakes.pipeline_model import PipelineModel

ACCOUNT = "someone@example.org"
SMALL = Limits(batch_mails=2, live_every_s=5.0, compare_every_s=1e12, second_look_s=0.0)
PASSING = (GmailUnavailableError, SourceUnavailableError)
MANY_STEPS = 2_000  # more than any test needs; a source that never catches up fails here


class GmailReader:
    """One account's producer, stepped by hand, one batch ahead of the stream."""

    def __init__(
        self,
        mailbox: Mailbox,
        model: PipelineModel | None = None,
        *,
        wanted: Wanted | None = None,
        limits: Limits = SMALL,
        tells_labels: bool = True,
    ) -> None:
        self.mailbox = mailbox
        self.model = model or PipelineModel()
        self.clock = FakeClock()
        self.api = MemoryApi(mailbox, tells_labels=tells_labels)
        self.wanted, self._limits = wanted, limits  # another `wanted` holds after a restart
        self.compares_first = False
        self.interruption = Interruption()
        self.source = self._open()
        self.held: Batch | None = None
        self.batches: list[Batch] = []

    def _open(self) -> GmailSource:
        return GmailSource(
            account=ACCOUNT,
            api=self.api,
            known=self.model,
            tickets=self.model,
            clock=self.clock,
            interruption=self.interruption,
            wanted=self.wanted,
            limits=self._limits,
            compares_first=self.compares_first,
        )

    @property
    def cursor(self) -> Cursor:
        return self.model.cursors.get(MAILBOX, Cursor())

    def restart(self) -> None:
        """End the process, losing what was fetched ahead, and begin another."""
        self.source.close()
        self.source, self.held = self._open(), None

    def step(self) -> bool:
        """Fetch and publish one batch, reading one ahead; return whether all is caught up."""
        batch = self.held or self.source.fetch(self.cursor)
        self.held = None
        self.batches.append(batch)
        failed: Exception | None = None
        if not batch.caught_up:
            try:
                self.held = self.source.fetch(batch.cursor)
            except PASSING as error:
                failed = error
        assert self.model.publish(MAILBOX, self.cursor, batch)
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
                self.model.work(2)
        else:
            raise AssertionError("never caught up")
        if settle:
            self.model.work()

    def stored(self) -> dict[str, tuple[bytes, tuple[str, ...]]]:
        """Return what the database shows: mails by id, with their labels."""
        return {row.source_id: (row.raw or b"", row.labels) for row in self.model.living()}

    def truth(self, wanted: Wanted | None = None) -> dict[str, tuple[bytes, tuple[str, ...]]]:
        """Return what it should show."""
        takes = (wanted or Wanted()).takes
        mails = self.mailbox.truth().values()
        return {mail.id: (mail.raw, tuple(sorted(mail.labels))) for mail in mails if takes(mail.labels)}
