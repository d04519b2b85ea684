"""Listing: the ids of all mails, of those with one label, or of those that a query finds. Complete, or it raises."""

from collections.abc import Iterator

from src.common.errors import GmailRequestError, GmailUnavailableError
from src.common.logs import account_tag, get_logger
from src.sources.gmail.visit import Visit
from src.sync.quota_scripts import Use

log = get_logger(__name__)

MOST_WALKS = 5  # of one list or history; each whose page token runs out begins anew


class Walks:
    """Counts how often a list, or the history, was begun: Gmail may refuse each of its page tokens, for ever."""

    def __init__(self, visit: Visit, what: str) -> None:
        """`what`: of what, for the error's text."""
        self._visit = visit
        self._what = what
        self._begun = 1

    def begin_anew(self, refused: GmailRequestError) -> None:
        """Say that a page token was refused. Raises GmailUnavailableError when it was the last walk's."""
        if self._begun == MOST_WALKS:
            raise GmailUnavailableError(f"{self._what} could not be walked to its end {MOST_WALKS} times") from refused
        self._begun += 1
        log.info("gmail_list_token_ran_out", account=account_tag(self._visit.account))


def pages(visit: Visit, *, label: str = "", query: str = "", use: Use = "census") -> Iterator[list[str]]:
    """Walk the pages, spam and trash included; there is at least one, which may be empty.

    An id may come twice, and one that is deleted meanwhile may come. Raises GmailRequestError when Gmail does not know
    the label, GmailUnavailableError when its page tokens are refused again and again.
    """
    page: str | None = None
    walks = Walks(visit, "a list of mails")
    while True:
        try:
            told = visit.api.list_ids(page=page, query=query, label_ids=[label] if label else (), use=use)
        except GmailRequestError as error:
            if page is None:
                raise
            walks.begin_anew(error)
            page = None
            continue
        yield [ref.id for ref in told.messages]
        if told.next_page is None:
            return
        page = told.next_page


def all_ids(visit: Visit, *, label: str = "", use: Use = "census") -> Iterator[str]:
    """Walk the ids, as `pages` does."""
    for ids in pages(visit, label=label, use=use):
        yield from ids
