"""GmailSource: one account, read through the Gmail API step by step. The order of steps is in `look.py`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace

from src.common.clock import Clock
from src.model.cursor import Batch, Cursor
from src.model.envelope import Envelope, Place
from src.sources.gmail.comparing import filled, is_wanted
from src.sources.gmail.fetching import fetched
from src.sources.gmail.filters import label_ids_of
from src.sources.gmail.interruption import Interruption
from src.sources.gmail.label_names import LabelNames
from src.sources.gmail.look import look
from src.sources.gmail.position import Position
from src.sources.gmail.snapshot import Snapshot
from src.sources.gmail.stubborn import Stubborn
from src.sources.gmail.visit import KIND, MAILBOX, Api, Limits, Visit, Wanted, known_mails
from src.sources.gmail.watching import Watching
from src.sources.imap.visit import KnownMails, TicketsOnTheWay
from src.sources.source import CensusItem
from src.store.protocol import KnownMail
from src.sync.gmail_values import Label


class GmailSource:
    """Plays Source, Waiter, Census, NamesLabels and Refetch."""

    kind = KIND
    mailbox = MAILBOX

    def __init__(
        self,
        *,
        account: str,
        api: Api,
        known: KnownMails,
        tickets: TicketsOnTheWay,
        clock: Clock,
        interruption: Interruption | None = None,
        wanted: Wanted | None = None,
        limits: Limits | None = None,
        watching: Watching | None = None,
        compares_first: bool = False,
        eta_s: Callable[[int], float] = float,
    ) -> None:
        """`interruption`: also what the api's sleeps ask. `watching` has Gmail tell of changes; None: it is not asked.
        `compares_first`: list and compare everything at the first look, as for a full sync. `eta_s`: the seconds that a
        backfill of so many mails takes by the quota."""
        self.account = account
        self._api = api
        self._known = known
        self._tickets = tickets
        self._clock = clock
        self._interruption = interruption or Interruption()
        self._wanted = wanted or Wanted()
        self._limits = limits or Limits()
        self._watching = watching
        self._compares_first = compares_first
        self._eta_s = eta_s
        self._are_labels_known = not self._wanted.label_ids
        self._stubborn = Stubborn(clock)
        self._label_names = LabelNames()
        self._is_first_look = True  # of this process
        self._steps: Iterator[Batch] | None = None
        self._returned: Cursor | None = None  # what `_steps` reads on from: this very object, see Source

    def fetch(self, cursor: Cursor) -> Batch:
        """As in Source."""
        if self._watching is not None:
            self._watching.keep()
        if cursor is not self._returned:
            self._leave()
        if self._steps is None:
            visit = self._visit()
            self._steps = look(visit, self._begin(visit, cursor))
        try:
            found = next(self._steps)
        except BaseException:
            self._leave()
            raise
        self._returned = found.cursor
        if found.caught_up:
            self._compares_first = self._is_first_look = False
            self._leave()
        return found

    def close(self) -> None:
        """As in Source."""
        self._leave()
        self._api.close()
        self._interruption.clear()

    def wait(self, timeout_s: float) -> bool:
        """As in Waiter: until the next poll is due, or a hint comes."""
        self._interruption.wait(timeout_s)
        self._interruption.clear()
        return True

    def interrupt(self) -> None:
        """As in Waiter. Also ends any wait for a turn or a retry."""
        self._interruption.ask()

    def census(self) -> Iterator[CensusItem]:
        """As in Census, with labels. Of the mails that are not read, such as drafts, only those that are stored."""
        visit = self._visit()
        with closing(Snapshot()) as snapshot:
            for _ in filled(visit, snapshot):
                pass
            snapshot.compare(known_mails(visit), ())
            for mail in snapshot.mails():
                if mail.is_stored or is_wanted(visit, mail):
                    yield CensusItem(mail.id, Place(MAILBOX), mail.labels)

    def labels(self) -> Sequence[Label]:
        """Return the labels that the account has now."""
        return self._api.labels(use="census")

    def label_names(self) -> Mapping[str, str] | None:
        """As in NamesLabels."""
        return self._label_names.by_id

    def refetch(self, mails: Sequence[KnownMail]) -> Iterator[tuple[Envelope, ...]]:
        """As in Refetch."""
        for haul in fetched(self._visit(), [mail.source_id for mail in mails], use="backfill"):
            yield tuple(haul.envelopes)

    def _begin(self, visit: Visit, cursor: Cursor) -> Position:
        position = Position.of(cursor)
        if self._compares_first and position.history_id and not position.is_unsure:
            return position.changed(is_listing=True, is_unsure=True)  # a list that is under way is walked on
        if self._is_first_look and position.history_id and visit.was_told_by_imap():
            return position.changed(is_unsure=True)  # it was read through IMAP meanwhile: labels and places are IMAP's
        return position

    def _visit(self) -> Visit:
        return Visit(
            account=self.account,
            api=self._api,
            known=self._known,
            tickets=self._tickets,
            clock=self._clock,
            pause=self._interruption.sleep,
            stubborn=self._stubborn,
            label_names=self._label_names,
            take_hint=self._interruption.take_hint,
            wanted=self._resolved(),
            limits=self._limits,
            eta_s=self._eta_s,
        )

    def _resolved(self) -> Wanted:
        if not self._are_labels_known:
            ids = label_ids_of(self._wanted.label_ids, self._api.labels())
            self._wanted, self._are_labels_known = replace(self._wanted, label_ids=ids), True
        return self._wanted

    def _leave(self) -> None:
        steps, self._steps, self._returned = self._steps, None, None
        if steps is not None:
            steps.close()  # type: ignore[attr-defined]  # a generator
