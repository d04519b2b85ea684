"""Filters: what the settings ask for, in the API's words."""

from collections.abc import Sequence, Set
from datetime import UTC, date, datetime

from config.settings import Settings
from src.common.errors import MailboxMissingError
from src.sources.gmail.visit import Wanted
from src.sync.gmail_values import Label


def wanted_from(settings: Settings) -> Wanted:
    """Return which mails are read; labels as they were written, ids or names."""
    return Wanted(
        query=query_of(settings.gmail_query, settings.gmail_since),
        label_ids=frozenset(label.strip() for label in settings.gmail_labels.split(",") if label.strip()),
        spam_and_trash=settings.gmail_spam_and_trash,
        drafts=settings.gmail_drafts,
    )


def query_of(query: str, since: date | None) -> str:
    """Return the query of a backfill. A day begins at midnight UTC: told in seconds, for days are Gmail's own."""
    if since is None:
        return query
    begins = datetime(since.year, since.month, since.day, tzinfo=UTC)
    return f"{query} after:{int(begins.timestamp())}".strip()


def label_ids_of(written: Set[str], labels: Sequence[Label]) -> frozenset[str]:
    """Return the ids of labels that were written as ids or as names, whose case does not count.

    Raises MailboxMissingError if the account has no such label.
    """
    by_word: dict[str, str] = {}
    for label in labels:
        by_word[label.name.casefold()] = label.id
    for label in labels:  # an id before a name that is written alike
        by_word[label.id.casefold()] = label.id
    unknown = [word for word in written if word.casefold() not in by_word]
    if unknown:
        raise MailboxMissingError(
            f"labels of this account were expected in GMAIL_LABELS (names or ids), and {len(unknown)} of "
            f"{len(written)} are none: look at them in Gmail's settings"
        )
    return frozenset(by_word[word.casefold()] for word in written)
