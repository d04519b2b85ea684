"""ImapSource: one mailbox of one account, read step by step. The order of steps is in `look.py`.

A generator reads on from fetch to fetch as long as it is given the cursor that it returned last, the object itself, so
that the wire keeps commands in flight while the batch before is published. Any other cursor, or any fault, begins a new
visit there.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from src.common.clock import Clock, SystemClock
from src.common.errors import SourceRefusedError, SourceUnavailableError
from src.common.retry import RetryPolicy
from src.imap.answers import Selected
from src.imap.idle import IDLE_RENEW_S
from src.imap.session import Session
from src.imap.uid_set import UidSet
from src.model.cursor import Batch, Cursor
from src.model.envelope import Envelope
from src.sources.imap.catch_up import chunks
from src.sources.imap.connection import RECONNECT, Connection
from src.sources.imap.gmail import Whereabouts, special_use
from src.sources.imap.ids import SourceIds
from src.sources.imap.limits import FLAG_CHUNK, MAX_ROUNDS, Limits
from src.sources.imap.listing import all_uids, untold_but_there
from src.sources.imap.look import look
from src.sources.imap.mail_reading import read_mails
from src.sources.imap.position import Position
from src.sources.imap.suspects import Suspects
from src.sources.imap.visit import KIND, KnownMails, Steps, TicketsOnTheWay, Visit, labels_of
from src.sources.source import CensusItem
from src.store.protocol import KnownMail


class ImapSource:
    """Plays Source, Waiter, Census and Refetch."""

    kind = KIND

    def __init__(
        self,
        *,
        account: str,
        mailbox: str,
        open_session: Callable[[], Session],
        known: KnownMails,
        tickets: TicketsOnTheWay,
        siblings: Sequence[str] = (),
        forget_token: Callable[[], None] | None = None,
        limits: Limits | None = None,
        clock: Clock | None = None,
        reconnect: RetryPolicy = RECONNECT,
        compares_first: bool = False,
    ) -> None:
        """`siblings`: the other mailboxes read of the account. `forget_token`: the next login takes another one.

        `compares_first`: the first look compares the whole mailbox with the database.
        """
        self.account = account
        self.mailbox = mailbox
        self._known = known
        self._tickets = tickets
        self._limits = limits or Limits()
        self._clock = clock or SystemClock()
        self._compares_first = compares_first
        self._interrupted = threading.Event()
        self._connection = Connection(
            open_session, clock=self._clock, pause=self._interrupted.wait, forget_token=forget_token, policy=reconnect
        )
        self._whereabouts = Whereabouts(open_session, [mailbox, *siblings])
        self._suspects = Suspects()
        self._steps: Steps | None = None
        self._returned: Cursor | None = None  # what `_steps` reads on from: this very object, see Source

    # --- Source ------------------------------------------------------------------------------------------------------

    def fetch(self, cursor: Cursor) -> Batch:
        """As in Source. Looks at the mailbox anew once the last look was caught up."""
        if cursor is not self._returned:
            self._leave()
        for _ in range(MAX_ROUNDS):
            is_new = self._steps is None
            if self._steps is None:
                position = self._begin(cursor)
                self._steps = look(self._visit(position), position, self._interrupted.wait)
            try:
                found = next(self._steps, None)
            except (SourceUnavailableError, SourceRefusedError):
                self._after_fault()
                if is_new and not self._suspects.is_cornering:
                    raise
            except BaseException:
                self._leave()
                raise
            else:
                self._remember(found)
                if found is not None:
                    return found
        raise SourceUnavailableError(f"the mail server broke off {MAX_ROUNDS} times in a row; reading goes on later")

    def close(self) -> None:
        """As in Source."""
        self._leave()
        self._connection.close()
        self._interrupted.clear()

    # --- Waiter ------------------------------------------------------------------------------------------------------

    def wait(self, timeout_s: float) -> bool:
        """As in Waiter. In IDLE where the server has it; each call renews it, so a silent death shows within one."""
        session = self._connection.current
        try:
            if session is None or self._interrupted.is_set():
                self._interrupted.wait(timeout_s)
                return False
            return session.idle(min(timeout_s, IDLE_RENEW_S))
        except SourceUnavailableError:
            self._connection.lost()
            return True  # what came meanwhile is found by the next fetch, over a new connection
        finally:
            self._interrupted.clear()

    def interrupt(self) -> None:
        """As in Waiter. Also ends a wait before a reconnect."""
        self._interrupted.set()
        session = self._connection.current
        if session is not None:
            session.interrupt()

    # --- Census ------------------------------------------------------------------------------------------------------

    def census(self) -> Iterator[CensusItem]:
        """As in Census, with labels. A mail that is expunged or arrives during the walk may be in it or not."""
        self._leave()
        visit = self._visit(None)
        for chunk in chunks(all_uids(visit), FLAG_CHUNK):
            told = {item.place.uid: item for item in _told(visit, chunk)}
            yield from told.values()
            for uid in untold_but_there(visit.session, chunk, told):
                yield CensusItem(visit.ids.of(uid), visit.place(uid))

    def special_use(self) -> str:
        """Return what the mailbox is to the server (RFC 6154), such as `\\All`; empty: nothing special."""
        self._leave()
        self._select()  # opens the connection anew if it broke
        return special_use(self._connection.session().list_mailboxes(), self.mailbox)

    # --- Refetch -----------------------------------------------------------------------------------------------------

    def refetch(self, mails: Sequence[KnownMail]) -> Iterator[tuple[Envelope, ...]]:
        """As in Refetch. Mails that were numbered anew since are left out: the next look remaps them first."""
        self._leave()
        visit = self._visit(None)
        here = (self.mailbox, visit.uidvalidity)
        by_uid = {mail.place.uid: mail for mail in mails if (mail.place.mailbox, mail.place.uidvalidity) == here}
        for haul in read_mails(visit, sorted(by_uid)):
            known = [(envelope, by_uid[envelope.place.uid]) for envelope in haul.envelopes]
            yield tuple(replace(envelope, source_id=mail.source_id) for envelope, mail in known)

    # --- the connection ----------------------------------------------------------------------------------------------

    def _visit(self, position: Position | None) -> Visit:
        selected = self._select_twice_if_odd(position.uidvalidity if position else 0)
        session = self._connection.session()
        return Visit(
            account=self.account,
            mailbox=self.mailbox,
            session=session,
            selected=selected,
            ids=SourceIds(
                account=self.account,
                mailbox=self.mailbox,
                uidvalidity=selected.uidvalidity,
                session=session,
                book=self._known,
            ),
            known=self._known,
            tickets=self._tickets,
            whereabouts=self._whereabouts,
            suspects=self._suspects,
            clock=self._clock,
            limits=self._limits,
        )

    def _select_twice_if_odd(self, expected: int) -> Selected:
        """Select the mailbox. No UIDVALIDITY, or another than expected, is believed once a fresh connection says so."""
        first = self._select()
        if first.uidvalidity and expected in (0, first.uidvalidity):
            return first
        self._connection.close()
        second = self._select()
        if second.uidvalidity == 0 or second.uidvalidity not in (first.uidvalidity, expected):
            raise SourceRefusedError("the server tells no UIDVALIDITY, or each time another; it is asked again later")
        return second

    def _select(self) -> Selected:
        is_reused = self._connection.current is not None
        try:
            return self._connection.session().select(self.mailbox)
        except SourceUnavailableError:
            self._connection.lost()
            if not is_reused:
                raise
        try:
            return self._connection.session().select(self.mailbox)
        except SourceUnavailableError:
            self._connection.lost()
            raise

    def _begin(self, cursor: Cursor) -> Position | None:
        position = Position.of(cursor)
        return replace(position, last_reconcile=None) if position and self._compares_first else position

    def _remember(self, found: Batch | None) -> None:
        """Keep the steps for the next fetch, unless they ended with this batch."""
        if found is None or found.caught_up:
            self._steps, self._returned = None, None
            self._compares_first = self._compares_first and found is None
        else:
            self._returned = found.cursor

    def _after_fault(self) -> None:
        self._steps, self._returned = None, None
        session = self._connection.current
        if session is not None and session.is_closed:
            self._connection.lost(over_a_mail=self._suspects.is_cornering)

    def _leave(self) -> None:
        """Leave a visit in its middle. The wire may be in mid-answer, and then closes its connection."""
        steps, self._steps, self._returned = self._steps, None, None
        if steps is not None:
            steps.close()
            session = self._connection.current
            if session is not None and session.is_closed:
                self._connection.close()


def _told(visit: Visit, uids: Sequence[int]) -> Iterator[CensusItem]:
    if not visit.session.has_gmail:
        for one in visit.session.fetch_flags(UidSet.of(uids)).changes:
            yield CensusItem(visit.ids.of(one.uid), visit.place(one.uid), one.flags)
        return
    for facts in visit.session.describe(uids):
        own = facts.gmail.labels if facts.gmail else None
        yield CensusItem(visit.ids.of(facts.uid, facts), visit.place(facts.uid), labels_of(facts.flags, own), own)
