"""What a client of the API does in the tests: walk all pages of a list, and fold a history into labels by id."""

from collections.abc import Iterator
from typing import Any

from tests.fixtures.gmail import GmailClient

Json = dict[str, Any]


def message_pages(client: GmailClient, **query: Any) -> Iterator[Json]:
    """Yield the pages of `messages.list`."""
    messages = client.users().messages()
    request = messages.list(userId="me", **query)
    while request is not None:
        answer = request.execute()
        yield answer
        request = messages.list_next(request, answer)


def listed_ids(client: GmailClient, **query: Any) -> list[str]:
    return [mail["id"] for page in message_pages(client, **query) for mail in page.get("messages", [])]


def history_pages(client: GmailClient, start: int | str, **query: Any) -> Iterator[Json]:
    """Yield the pages of `history.list`."""
    history = client.users().history()
    request = history.list(userId="me", startHistoryId=str(start), **query)
    while request is not None:
        answer = request.execute()
        yield answer
        request = history.list_next(request, answer)


def records(client: GmailClient, start: int | str, **query: Any) -> list[Json]:
    return [record for page in history_pages(client, start, **query) for record in page.get("history", [])]


def apply(changes: list[Json], labels_by_id: dict[str, set[str]]) -> None:
    """Fold history records into what is known, as a sync does that fetches nothing."""
    for record in changes:
        for kind in ("messagesAdded", "labelsAdded", "labelsRemoved"):
            for entry in record.get(kind, []):
                labels_by_id[entry["message"]["id"]] = set(entry["message"].get("labelIds", []))
        for entry in record.get("messagesDeleted", []):
            labels_by_id.pop(entry["message"]["id"], None)
