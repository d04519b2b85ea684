"""GmailApi: one account of the Gmail API, one method a call. Knows no Envelope.

Every call waits for its turn (quota.py), has bounds (bounded_answer.py), is tried again where that may help
(gmail_caller.py) and ends in a value (gmail_values.py) or in an error of ours (gmail_errors.py). Safe to share between
threads.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

from google.auth.credentials import Credentials
from googleapiclient.http import HttpRequest

from src.common.clock import Clock
from src.common.errors import (
    GmailRequestError,
    GmailUnavailableError,
    IngestError,
    InsecureConnectionError,
    MailTooLargeError,
)
from src.sync import gmail_answers as answers
from src.sync.bounded_answer import MAX_ANSWER_BYTES, MAX_RAW_ANSWER_BYTES, MIB, AnswerTooLargeError, Reading
from src.sync.fetch_many import FetchMany, Get
from src.sync.gmail_answers import Json
from src.sync.gmail_caller import Call, Caller, Gone, Made, RequestPattern, Turns
from src.sync.gmail_values import (
    GoneMessage,
    HistoryPage,
    HistoryTooOld,
    IdPage,
    Label,
    MessageFacts,
    Profile,
    RawMessage,
    Watch,
)
from src.sync.quota import Sleep
from src.sync.quota_profile import IDS_PER_PAGE, CallName
from src.sync.quota_scripts import Use

ME = "me"  # whoever the token is of
THREADS = 10  # calls of `fetch_many` under way at once; at 90 ms a round trip ten times as fast as one
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class GmailApi:
    """The calls of one account."""

    def __init__(
        self,
        credentials: Credentials,
        governor: Turns,
        *,
        clock: Clock,
        timeout_s: float = 60.0,
        endpoint: str = "",
        sleep: Sleep | None = None,
    ) -> None:
        """`timeout_s`: without a byte. `endpoint`: in place of Google's address. `sleep`: in place of the clock's; what
        it raises, as when a stop was asked for, ends any call. Raises InsecureConnectionError."""
        check_endpoint(endpoint)
        self._caller = Caller(credentials, governor, clock=clock, timeout_s=timeout_s, endpoint=endpoint)
        self._sleep = sleep or clock.sleep
        users = self._caller.service.users()
        self._users, self._messages, self._history = users, users.messages(), users.history()
        self._labels = users.labels()
        self._raw_request = RequestPattern(
            lambda each: self._messages.get(userId=ME, id=each, format="raw", fields=answers.RAW_FIELDS)
        )
        self._facts_request = RequestPattern(
            lambda each: self._messages.get(userId=ME, id=each, format="minimal", fields=answers.FACTS_FIELDS)
        )

    def profile(self, *, use: Use = "live") -> Profile:
        """Return the mailbox's marker and size."""
        request = self._users.getProfile(userId=ME, fields=answers.PROFILE_FIELDS)
        return self._found("profile", request, answers.profile, use)

    def labels(self, *, use: Use = "live") -> tuple[Label, ...]:
        """Return all labels."""
        request = self._labels.list(userId=ME, fields=answers.LABEL_FIELDS)
        return self._found("labels", request, answers.labels, use)

    def list_ids(
        self,
        *,
        page: str | None = None,
        query: str = "",
        label_ids: Iterable[str] = (),
        spam_and_trash: bool = True,
        use: Use = "backfill",
    ) -> IdPage:
        """Return one page of ids, newest first; `page` is the token of the page before, None for the first.

        Raises GmailRequestError when the token has expired: begin again.
        """
        request = self._messages.list(
            userId=ME,
            maxResults=IDS_PER_PAGE,
            pageToken=page,
            q=query or None,
            labelIds=list(label_ids) or None,
            includeSpamTrash=spam_and_trash,
            fields=answers.LIST_FIELDS,
        )
        return self._found("list", request, answers.id_page, use)

    def history(self, start: int, *, page: str | None = None, use: Use = "live") -> HistoryPage | HistoryTooOld:
        """Return one page of what happened after the marker `start`. Keep `start` while walking the pages."""
        request = self._history.list(
            userId=ME,
            startHistoryId=str(start),
            maxResults=IDS_PER_PAGE,
            pageToken=page,
            fields=answers.HISTORY_FIELDS,
        )
        told = self._call("history", request, answers.history_page, use)
        return HistoryTooOld() if isinstance(told, Gone) else told

    def get_raw(self, message_id: str, *, use: Use = "live") -> RawMessage | GoneMessage:
        """Return a mail with its bytes. Raises MailTooLargeError."""
        return self._one(self._get_raw, MAX_RAW_ANSWER_BYTES, message_id, use)

    def get_minimal(self, message_id: str, *, use: Use = "live") -> MessageFacts | GoneMessage:
        """Return what is known of a mail besides its bytes."""
        return self._one(self._get_facts, MAX_ANSWER_BYTES, message_id, use)

    def fetch_many(
        self, message_ids: Iterable[str], *, use: Use, threads: int = THREADS
    ) -> Iterator[tuple[str, RawMessage | GoneMessage | IngestError]]:
        """Yield each id with its mail, that it is gone, or the error of this one mail; in no certain order.

        Several are under way at once, and `message_ids` is read a little ahead, in the caller's thread. An error of the
        whole account (`concerns_all`) is raised: what was not yielded by then was not read. Close the iterator, or
        walk it to its end: that ends the threads.
        """
        return self._many(self._get_raw, MAX_RAW_ANSWER_BYTES, use, threads).run(message_ids)

    def look_up_many(
        self, message_ids: Iterable[str], *, use: Use, threads: int = THREADS
    ) -> Iterator[tuple[str, MessageFacts | GoneMessage | IngestError]]:
        """Yield each id with what is known of its mail besides its bytes; else as `fetch_many`."""
        return self._many(self._get_facts, MAX_ANSWER_BYTES, use, threads).run(message_ids)

    def watch(self, topic: str, *, label_ids: Iterable[str] = ()) -> Watch:
        """Have pushes sent to a Pub/Sub topic (`projects/P/topics/T`), for at most 7 days."""
        body: dict[str, Any] = {"topicName": topic}
        if labels := list(label_ids):
            body |= {"labelIds": labels, "labelFilterBehavior": "include"}
        return self._found("watch", self._users.watch(userId=ME, body=body), answers.watch, "live")

    def stop(self) -> None:
        """End all pushes of this account."""
        self._found("stop", self._users.stop(userId=ME), bool, "live")

    def close(self) -> None:
        """Close the connections. May be called twice."""
        self._caller.close()

    def _one(self, get: Get[Made], most_bytes: int, message_id: str, use: Use) -> Made:
        reading = self._caller.reading(most_bytes=most_bytes, sleep=self._sleep)
        try:
            return get(message_id, use, reading, self._sleep)
        finally:
            self._caller.settle()
            reading.done()

    def _many(self, get: Get[Made], most_bytes: int, use: Use, threads: int) -> FetchMany[Made]:
        return FetchMany(
            get,
            new_reading=lambda sleep: self._caller.reading(most_bytes=most_bytes, sleep=sleep),
            settle=self._caller.settle,
            sleep=self._sleep,
            use=use,
            threads=threads,
        )

    def _get_raw(self, message_id: str, use: Use, reading: Reading, sleep: Sleep) -> RawMessage | GoneMessage:
        request = self._raw_request.for_id(message_id)
        try:
            told = self._caller.make(Call("get", request, answers.raw_message, use, sleep), reading)
        except AnswerTooLargeError:
            raise MailTooLargeError(
                f"the Gmail API's answer with this mail is larger than {MAX_RAW_ANSWER_BYTES // MIB} MiB"
            ) from None
        return GoneMessage(message_id) if isinstance(told, Gone) else told

    def _get_facts(self, message_id: str, use: Use, reading: Reading, sleep: Sleep) -> MessageFacts | GoneMessage:
        request = self._facts_request.for_id(message_id)
        try:
            told = self._caller.make(Call("get", request, answers.message_facts, use, sleep), reading)
        except AnswerTooLargeError:
            raise _too_large() from None
        return GoneMessage(message_id) if isinstance(told, Gone) else told

    def _found(self, name: CallName, request: HttpRequest, read: Callable[[Json], Made], use: Use) -> Made:
        told = self._call(name, request, read, use)
        if isinstance(told, Gone):
            raise GmailRequestError(f"the Gmail API answered 404 to {name}: what was asked for does not exist")
        return told

    def _call(self, name: CallName, request: HttpRequest, read: Callable[[Json], Made], use: Use) -> Made | Gone:
        reading = self._caller.reading(most_bytes=MAX_ANSWER_BYTES, sleep=self._sleep)
        try:
            return self._caller.make(Call(name, request, read, use, self._sleep), reading)
        except AnswerTooLargeError:
            raise _too_large() from None
        finally:
            self._caller.settle()
            reading.done()


def _too_large() -> GmailUnavailableError:
    return answers.garbage(f"it is larger than {MAX_ANSWER_BYTES // MIB} MiB")


def check_endpoint(endpoint: str, *, setting: str = "GMAIL_API_ENDPOINT") -> None:
    """Raise InsecureConnectionError if the token would travel unprotected over a network."""
    parts = urlsplit(endpoint)
    if endpoint and parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise InsecureConnectionError(
            f"{setting} must begin with https:// (http:// only to this machine): the access token goes there"
        )
