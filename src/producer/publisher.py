"""Publisher: puts the batches of one mailbox on the stream, and the cursor with them.

What becomes of a try:
- published: the next batch begins where this one ended;
- full: wait, and try with half as many, so that a batch larger than the room left (or than the whole cap) gets through.
  The cursor moves with the last part; if the producer dies in between, the first parts are then known as repeated;
- the answer was lost, or Redis is away: try the same again until it answers; the script compares the cursor first;
- the cursor moved: if it stands where this batch ends, the try whose answer was lost did arrive. Otherwise someone
  changed it (an operator), and reading goes on from what is stored;
- fenced: LeaseLostError.
"""

import random
from collections import Counter
from collections.abc import Callable

from src.common.errors import LeaseLostError, RedisOutOfMemoryError, RedisUnavailableError
from src.common.instruments import EMAILS_PRODUCED, PUBLISH_REPEATED
from src.common.logs import account_tag, get_logger
from src.model.cursor import Batch, Cursor
from src.model.envelope import Kind
from src.producer.board import Board, MailboxName, State
from src.producer.held_lease import HeldLease
from src.producer.patience import Patience
from src.producer.room import FullEpisode, Room, wait_for_room_s
from src.stream.protocol import Outgoing, ProducerStream, Published, PublishResult

log = get_logger(__name__)


class Publisher:
    """Publishes for one mailbox, from one thread. `stored` is the cursor as Redis has it."""

    def __init__(
        self,
        name: MailboxName,
        *,
        stream: ProducerStream,
        board: Board,
        room: Room,
        patience: Patience,
        rng: random.Random,
        beat: Callable[[], None],
        most_entries: int,
    ) -> None:
        """`most_entries` is the cap of the stream: a step larger than that would break it."""
        self.stored = Cursor()
        self._name = name
        self._stream = stream
        self._board = board
        self._room = room
        self._full = FullEpisode(name.account)
        self._patience = patience
        self._rng = rng
        self._beat = beat
        self._most_entries = most_entries

    def load(self) -> Cursor:
        """Take the cursor from Redis and return it."""
        self.stored = self._stream.load_cursor(self._name.account, self._name.mailbox)
        return self.stored

    def publish(self, held: HeldLease, batch: Batch, left: list[Outgoing]) -> bool:
        """Publish `left`, made of the batch; False if reading has to go on from `stored`, which is not its cursor.

        Blocks as long as the stream is full or Redis is away. Raises LeaseLostError, StagedExpiredError,
        SourceUnavailableError (a big mail could not be read to its end) and StopAskedError, and with `--once`
        RedisUnavailableError in the end; the cursor then did not move past anything unpublished.
        """
        while True:
            size, published = self._put_some(held, left, batch)
            if published.result is PublishResult.CURSOR_MOVED:
                return self._load_after_move(batch)
            if published.result is PublishResult.FENCED:
                raise LeaseLostError("another producer reads this mailbox now, or the lease ran out: asking again")
            self._count(left[:size], published, batch)
            if size == len(left):
                self.stored = batch.cursor
                self._full.published(is_last=batch.caught_up)
                return True
            left = left[size:]

    def _put_some(self, held: HeldLease, left: list[Outgoing], batch: Batch) -> tuple[int, Published]:
        """Publish as much as there is room for, waiting until there is; return how many and how it ended (not FULL)."""
        size = min(len(left), self._most_entries) if left else 0
        tries = 0
        try:
            while True:
                after = batch.cursor if size == len(left) else self.stored
                published = self._ask(held, left[:size], after)
                if published.result is not PublishResult.FULL:
                    return size, published
                tries += 1
                if tries == 1:
                    self._room.begin()
                self._wait_for_room(tries)
                size = max(size // 2, 1)
        finally:
            if tries:
                self._room.end()
                self._board.set(self._name, State.READING)

    def _wait_for_room(self, tries: int) -> None:
        self._full.refused()
        self._board.set(self._name, State.NO_ROOM)
        self._beat()  # Redis answers: a full stream is no fault of this loop
        delay_s = wait_for_room_s(tries, self._rng)
        self._patience.wait(delay_s)
        self._room.waited(delay_s)
        self._full.waited(delay_s)

    def _ask(self, held: HeldLease, part: list[Outgoing], after: Cursor) -> Published:
        """Publish one part, again and again until Redis answers."""
        while True:
            held.check()
            self._patience.check()
            try:
                return self._stream.publish(held.lease, part, before=self.stored, after=after)
            except (RedisUnavailableError, RedisOutOfMemoryError) as error:
                delay_s = self._patience.after_failure_s()
                if self._patience.is_exhausted:
                    raise
                log.warning("publish_postponed", code=error.code, delay_s=round(delay_s, 2))
                self._board.set(self._name, State.BACKING_OFF, code=error.code, error=str(error))
                self._patience.wait(delay_s)

    def _load_after_move(self, batch: Batch) -> bool:
        is_where_we_meant = self.load() == batch.cursor
        log.info("cursor_moved", account=account_tag(self._name.account), by_us=is_where_we_meant)
        return is_where_we_meant

    def _count(self, part: list[Outgoing], published: Published, batch: Batch) -> None:
        if part or batch.cursor != self.stored:  # a step that said nothing is none: what fails behind it fails in a row
            self._patience.progressed()
        self._beat()
        kinds = Counter(outgoing.kind for outgoing in part if not outgoing.dead_code)
        kinds[Kind.ADDED] = max(kinds[Kind.ADDED] - published.repeated, 0)  # changes are never repeats
        for kind, times in kinds.items():
            EMAILS_PRODUCED.labels(self._name.kind, kind.value).inc(times)
        PUBLISH_REPEATED.inc(published.repeated)
        self._board.count(
            self._name,
            published=published.added,
            repeated=published.repeated,
            dead=published.dead,
            remaining=batch.remaining,
        )
