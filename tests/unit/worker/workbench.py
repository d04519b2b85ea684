"""A pipeline on a stream and a table in memory, each of which can be told to fail."""

import random
from collections.abc import Callable, Sequence

from src.common.beats import Beats
from src.common.clock import SystemClock
from src.common.errors import DatabaseRefusedError
from src.common.retry import RetryPolicy
from src.common.shutdown import Shutdown
from src.mail.parse import parse
from src.model.message import Record
from src.stream.memory.stream import MemoryStream
from src.stream.options import StreamOptions
from src.worker.allowance import Keep
from src.worker.closing import Closing
from src.worker.damage import DamageLimit
from src.worker.grace import Grace
from src.worker.hand import Hand
from src.worker.intake import Intake
from src.worker.loading import Loading
from src.worker.patience import Patience
from src.worker.pipeline import Pipeline
from src.worker.prepare import KeepNow, Prepare
from src.worker.window import Window
from tests.fakes.no_sandbox import keep

CONSUMER = "worker-1"


class Table:
    """Plays MailWriter: takes batches whole or not at all."""

    def __init__(self) -> None:
        self.stored: list[str] = []
        self.refuses: set[str] = set()  # source ids it will never take
        self.fails: list[Exception] = []  # what the next calls raise

    def write(self, records: Sequence[Record]) -> None:
        if self.fails:
            raise self.fails.pop(0)
        ids = [record.source_id for record in records]
        if self.refuses & set(ids):
            raise DatabaseRefusedError("a number is too great for the database")
        self.stored += ids

    def index_pending(self, limit: int) -> int:
        return 0

    def close(self) -> None:
        """Nothing to close."""


class FlakyStream(MemoryStream):
    """A stream whose moves can be hurt: before they are carried out, or after, when the reply is lost."""

    def __init__(self, options: StreamOptions | None = None) -> None:
        super().__init__(options)
        self.fails_before: dict[str, list[Exception]] = {}
        self.fails_after: dict[str, list[Exception]] = {}

    def hurt(self, name: str, errors: dict[str, list[Exception]]) -> None:
        if errors.get(name):
            raise errors[name].pop(0)


def _hurtable(name: str) -> Callable[..., object]:
    method = getattr(MemoryStream, name)

    def wrapped(self: FlakyStream, *arguments: object, **named: object) -> object:
        self.hurt(name, self.fails_before)
        result = method(self, *arguments, **named)
        self.hurt(name, self.fails_after)
        return result

    return wrapped


for _name in ("read_new", "read_own_pending", "load_raws", "settle", "retry", "bury", "begin", "reclaim"):
    setattr(FlakyStream, _name, _hurtable(_name))


class Workbench:
    """All parts of a pipeline, within reach of a test."""

    def __init__(
        self,
        *,
        batch_size: int = 50,
        max_attempts: int = 0,
        keep: Keep = keep,
        now: KeepNow | None = None,
        window: Window | None = None,
    ) -> None:
        clock, rng = SystemClock(), random.Random(1)
        self.shutdown = Shutdown()
        self.stream = FlakyStream()
        self.table = Table()
        self.hand = Hand()
        self.beats = Beats(clock)
        for loop in ("read", "commit"):
            self.beats.expect(loop, within_s=60)
        grace = Grace(self.shutdown, clock, 0.5)
        patience = Patience(self.shutdown, grace, self.beats, clock, rng)
        self.intake = Intake(self.stream, self.hand, patience, consumer=CONSUMER, batch_size=batch_size, block_ms=1)
        self.loading = Loading(self.stream, patience)
        self.window = window or Window(2)
        self.pipeline = Pipeline(
            stream=self.stream,
            store=self.table,
            intake=self.intake,
            loading=self.loading,
            prepare=Prepare(parse, keep, now),
            window=self.window,
            closing=Closing(self.stream, self.hand, patience, DamageLimit(), clock, CONSUMER),
            hand=self.hand,
            patience=patience,
            beats=self.beats,
            shutdown=self.shutdown,
            policy=RetryPolicy(max_attempts, 0.01, 0.02),
            rng=rng,
            consumer=CONSUMER,
        )

    def work_until_idle(self) -> None:
        """Go round until nothing is left to do; a round may find nothing and leave a lost reply to the next one."""
        while self.pipeline.work_once() or self.pipeline.work_once() or self.window.mails:
            pass
        self.loading.close()
