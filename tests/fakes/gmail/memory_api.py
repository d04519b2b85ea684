"""The wire to a fake mailbox without HTTP: for tests that need thousands of syncs. Plays `Api` of the Gmail source."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

from src.common.errors import GmailRequestError, GmailUnavailableError, IngestError
from src.sync.gmail_values import (
    GoneMessage,
    HistoryPage,
    HistoryRecord,
    HistoryTooOld,
    IdPage,
    Label,
    LabelChange,
    MessageFacts,
    MessageRef,
    Profile,
    RawMessage,
    Touched,
)
from src.sync.quota_scripts import Use
from tests.fakes.gmail.history import Change, Entry, HistoryExpiredError, Record
from tests.fakes.gmail.mailbox import Mail, Mailbox

READ_AHEAD = 2  # mails


class MemoryApi:
    """Pages are small, and their tokens end whenever `tokens_end` is called. `before_call` may raise, or act."""

    def __init__(self, mailbox: Mailbox, *, page_size: int = 3, tells_labels: bool = True) -> None:
        self.mailbox = mailbox
        self.before_call: Callable[[str], None] = lambda _name: None
        self.fetched: list[str] = []
        self.late = 0  # the next so many mails that are asked for are not visible yet, once each
        self._were_late: set[str] = set()
        self.hidden: set[str] = set()  # mails that no list tells of
        self.not_given: set[str] = set()  # mails that are listed, and gone when asked for
        self.failing: set[str] = set()  # mails for which the API fails
        self._page_size = page_size
        self._tells_labels = tells_labels
        self._generation = 0

    def tokens_end(self) -> None:
        """Make all tokens of pages useless."""
        self._generation += 1

    def profile(self, *, use: Use = "live") -> Profile:
        self.before_call("profile")
        return Profile(self.mailbox.account, self.mailbox.history_id, len(self.mailbox.truth()))

    def labels(self, *, use: Use = "live") -> tuple[Label, ...]:
        self.before_call("labels")
        return tuple(Label(label.id, label.name, label.is_system) for label in self.mailbox.labels())

    def list_ids(
        self,
        *,
        page: str | None = None,
        query: str = "",
        label_ids: Iterable[str] = (),
        spam_and_trash: bool = True,
        use: Use = "backfill",
    ) -> IdPage:
        self.before_call("list")
        wanted = set(label_ids)
        below = self._below(page)
        mails = [
            mail for mail in self.mailbox.newest_first(below) if wanted <= mail.labels and mail.id not in self.hidden
        ]
        if query:  # any words of the mail
            mails = [mail for mail in mails if query.encode() in mail.raw]
        if not spam_and_trash:
            mails = [mail for mail in mails if not mail.labels & {"SPAM", "TRASH"}]
        shown, more = mails[: self._page_size], len(mails) > self._page_size
        token = f"{self._generation}:{shown[-1].internal_date_ms}:{shown[-1].id}" if more else None
        return IdPage(tuple(MessageRef(mail.id, mail.thread_id) for mail in shown), token, len(mails))

    def history(self, start: int, *, page: str | None = None, use: Use = "live") -> HistoryPage | HistoryTooOld:
        self.before_call("history")
        first, end = start, self.mailbox.history_id
        if page is not None:
            generation, after, told_end = page.split(":")
            if int(generation) != self._generation:
                raise GmailRequestError("the page token is none")
            first, end = int(after), int(told_end)
        try:
            records = self.mailbox.records_between(first, end)
        except HistoryExpiredError:
            return HistoryTooOld()
        shown, more = records[: self._page_size], len(records) > self._page_size
        token = f"{self._generation}:{shown[-1].id}:{end}" if more else None
        # As in reality a later page tells a newer marker, which is no end of this walk.
        return HistoryPage(tuple(self._record(record) for record in shown), self.mailbox.history_id, token)

    def get_minimal(self, message_id: str, *, use: Use = "live") -> MessageFacts | GoneMessage:
        self.before_call("get")
        if message_id in self.failing:
            raise _failing()
        mail = self.mailbox.find(message_id)
        return GoneMessage(message_id) if mail is None else _facts(mail)

    def look_up_many(
        self, message_ids: Iterable[str], *, use: Use
    ) -> Iterator[tuple[str, MessageFacts | GoneMessage | IngestError]]:
        """As the wire does, tells of a failure and goes on."""
        for message_id in message_ids:
            self.before_call("look_up")
            mail = self.mailbox.find(message_id)
            if message_id in self.failing:
                yield message_id, _failing()
            else:
                yield message_id, GoneMessage(message_id) if mail is None else _facts(mail)

    def fetch_many(
        self, message_ids: Iterable[str], *, use: Use
    ) -> Iterator[tuple[str, RawMessage | GoneMessage | IngestError]]:
        """As the wire does, reads ahead of what is taken."""
        ahead: deque[tuple[str, RawMessage | GoneMessage | IngestError]] = deque()
        for message_id in message_ids:
            ahead.append((message_id, self._get_raw(message_id)))
            if len(ahead) > READ_AHEAD:
                yield ahead.popleft()
        yield from ahead

    def _get_raw(self, message_id: str) -> RawMessage | GoneMessage | IngestError:
        self.before_call("get")
        self.fetched.append(message_id)
        if message_id in self.failing:
            return _failing()
        is_there = message_id not in self.not_given and not self._is_late(message_id)
        mail = self.mailbox.find(message_id) if is_there else None
        return GoneMessage(message_id) if mail is None else RawMessage(_facts(mail), mail.raw)

    def close(self) -> None:
        """Nothing is open."""

    def _is_late(self, message_id: str) -> bool:
        if not self.late or message_id in self._were_late:
            return False
        self.late -= 1
        self._were_late.add(message_id)
        return True

    def _below(self, page: str | None) -> tuple[int, str] | None:
        if page is None:
            return None
        generation, date_ms, mail_id = page.split(":")
        if int(generation) != self._generation:
            raise GmailRequestError("the page token is none")
        return int(date_ms), mail_id

    def _record(self, record: Record) -> HistoryRecord:
        def touched(entry: Entry) -> Touched:
            told = tuple(entry.labels) if self._tells_labels else ()
            return Touched(entry.mail_id, entry.thread_id, told or None)  # the API leaves out an empty list

        def of(change: Change) -> tuple[Touched, ...]:
            return tuple(touched(entry) for entry in record.entries if entry.change is change)

        def labels_of(change: Change) -> tuple[LabelChange, ...]:
            return tuple(
                LabelChange(touched(entry), entry.changed) for entry in record.entries if entry.change is change
            )

        return HistoryRecord(
            record.id,
            of(Change.ADDED),
            of(Change.DELETED),
            labels_of(Change.LABELS_ADDED),
            labels_of(Change.LABELS_REMOVED),
        )


def _failing() -> GmailUnavailableError:
    return GmailUnavailableError("the Gmail API cannot serve just now (500)")


def _facts(mail: Mail) -> MessageFacts:
    received_at = datetime.fromtimestamp(mail.internal_date_ms / 1000, UTC)
    return MessageFacts(mail.id, mail.thread_id, mail.history_id, tuple(mail.labels), received_at, len(mail.raw))
