"""The API's methods, one function each: a call and the mailbox it is for give the answer's JSON.

`METHODS` lists them all; what is not in it the fake does not play.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from tests.fakes.gmail import forms, search
from tests.fakes.gmail.answer import Call
from tests.fakes.gmail.errors import bad_request, may_not_consume, not_found
from tests.fakes.gmail.history import Change, Entry, HistoryExpiredError, Record
from tests.fakes.gmail.mailbox import Mail, Mailbox
from tests.fakes.gmail.paging import PageAsked, Paging
from tests.fakes.gmail.pubsub import PubSub

Json = dict[str, Any]

_A_GUESS = 201  # what Gmail answers as resultSizeEstimate when it does not know: clients must not rely on it
_CHANGE_OF_TYPE = {
    "messageAdded": Change.ADDED,
    "messageDeleted": Change.DELETED,
    "labelAdded": Change.LABELS_ADDED,
    "labelRemoved": Change.LABELS_REMOVED,
}


@dataclass
class Desk:
    """What the methods work on."""

    paging: Paging
    pubsub: PubSub
    tells_resulting_labels: bool = True  # in history records; Google's API may leave them out


def get_profile(_desk: Desk, mailbox: Mailbox, _call: Call) -> Json:
    mails = mailbox.truth().values()
    return {
        "emailAddress": mailbox.account,
        "messagesTotal": len(mails),
        "threadsTotal": len({mail.thread_id for mail in mails}),
        "historyId": str(mailbox.history_id),
    }


def list_labels(_desk: Desk, mailbox: Mailbox, _call: Call) -> Json:
    return {"labels": [label.as_json() for label in mailbox.labels()]}


def list_messages(desk: Desk, mailbox: Mailbox, call: Call) -> Json:
    """List ids, newest first. A page begins below the last mail of the one before: new mails do not shift it."""
    page = desk.paging.asked(call)
    below = None if page.position is None else tuple(page.position)
    found = _listed(mailbox, call, below)
    mails = [] if desk.paging.is_empty(page) else list(islice(found, page.size))
    last = mails[-1].age if mails else below
    has_more = next(found, None) is not None
    answer: Json = {"messages": [forms.reference(mail) for mail in mails]} if mails else {}
    if has_more:
        answer["nextPageToken"] = desk.paging.token(call, page, last)
    return {**answer, "resultSizeEstimate": _A_GUESS if has_more else len(mails)}


def _listed(mailbox: Mailbox, call: Call, below: tuple[int, str] | None) -> Iterator[Mail]:
    query = call.one("q")
    fits = search.fits(query, mailbox)
    labels = frozenset(call.many("labelIds"))
    shows_hidden = call.is_set("includeSpamTrash") or search.asks_for_hidden(query)
    for mail in mailbox.newest_first(below):
        if labels <= mail.labels and (shows_hidden or mail.labels.isdisjoint(search.HIDDEN)) and fits(mail):
            yield mail


def get_message(_desk: Desk, mailbox: Mailbox, call: Call) -> Json:
    if not re.fullmatch("[0-9a-f]{1,16}", call.path["id"]):
        raise bad_request("Invalid id value")
    mail = mailbox.find(call.path["id"])
    if mail is None:
        raise not_found()
    match call.one("format", "full"):
        case "raw":
            return forms.raw(mail)
        case "minimal":
            return forms.minimal(mail)
        case "metadata":
            return forms.metadata(mail, call.many("metadataHeaders"))
    return forms.full(mail)


def list_history(desk: Desk, mailbox: Mailbox, call: Call) -> Json:
    """List records, oldest first, up to what was current when the first page was asked for.

    A later page tells a newer `historyId` though it ends where the first one said: who takes that one for a marker
    loses what came meanwhile.
    """
    page = desk.paging.asked(call)
    start, end = _range(mailbox, call, page)
    try:
        records = mailbox.records_between(start, end)
    except HistoryExpiredError as error:
        raise not_found() from error
    found = ((record, entries) for record in records if (entries := _wanted(record, call)))
    shown = [] if desk.paging.is_empty(page) else list(islice(found, page.size))
    told = [
        forms.history_record(record, entries, tells_labels=desk.tells_resulting_labels) for record, entries in shown
    ]
    answer: Json = {"history": told} if told else {}
    if next(found, None) is not None:
        last = shown[-1][0].id if shown else start
        answer["nextPageToken"] = desk.paging.token(call, page, [last, end])
    return {**answer, "historyId": str(mailbox.history_id)}


def _range(mailbox: Mailbox, call: Call, page: PageAsked) -> tuple[int, int]:
    if page.position is not None:
        start, end = page.position
        return start, end
    start = int(call.one("startHistoryId", "0"))
    if start == 0:
        raise bad_request("Missing/invalid startHistoryId")
    return start, mailbox.history_id


def _wanted(record: Record, call: Call) -> list[Entry]:
    changes = {_CHANGE_OF_TYPE[name] for name in call.many("historyTypes")} or set(Change)
    label = call.one("labelId")
    return [
        entry
        for entry in record.entries
        if entry.change in changes and (not label or label in entry.labels or label in entry.changed)
    ]


def watch(desk: Desk, mailbox: Mailbox, call: Call) -> Json:
    return desk.pubsub.watch(mailbox, call.body)


def stop(desk: Desk, mailbox: Mailbox, _call: Call) -> None:
    desk.pubsub.stop_watch(mailbox.account)


def pull(desk: Desk, _mailbox: Mailbox, call: Call) -> Json:
    _require_role(desk, call)
    most = call.body.get("maxMessages", 0)
    if most < 1:
        raise bad_request("You have passed an invalid argument to the service (argument=max_messages).")
    at_once = call.body.get("returnImmediately", False)
    received = desk.pubsub.pull(call.path["subscription"], most, at_once=at_once)
    return {"receivedMessages": received} if received else {}


def acknowledge(desk: Desk, _mailbox: Mailbox, call: Call) -> Json:
    _require_role(desk, call)
    desk.pubsub.acknowledge(call.path["subscription"], call.body.get("ackIds", []))
    return {}


def modify_ack_deadline(desk: Desk, _mailbox: Mailbox, call: Call) -> Json:
    _require_role(desk, call)
    desk.pubsub.modify_deadline(
        call.path["subscription"], call.body.get("ackIds", []), call.body.get("ackDeadlineSeconds", 0)
    )
    return {}


def _require_role(desk: Desk, call: Call) -> None:
    if call.account in desk.pubsub.without_role:
        raise may_not_consume()


def tested_permissions(desk: Desk, _mailbox: Mailbox, call: Call) -> Json:
    """Say which of these permissions the caller has; none on what does not exist, as Google does."""
    asked = call.body.get("permissions", [])
    return {"permissions": asked} if asked and desk.pubsub.has_role(call.account, call.path["resource"]) else {}


Handler = Callable[[Desk, Mailbox, Call], Json | None]

METHODS: dict[str, dict[str, Handler]] = {
    "gmail.v1": {
        "gmail.users.messages.get": get_message,  # first, because it is asked for most
        "gmail.users.messages.list": list_messages,
        "gmail.users.history.list": list_history,
        "gmail.users.getProfile": get_profile,
        "gmail.users.labels.list": list_labels,
        "gmail.users.watch": watch,
        "gmail.users.stop": stop,
    },
    "pubsub.v1": {
        "pubsub.projects.subscriptions.pull": pull,
        "pubsub.projects.subscriptions.acknowledge": acknowledge,
        "pubsub.projects.subscriptions.modifyAckDeadline": modify_ack_deadline,
        "pubsub.projects.subscriptions.testIamPermissions": tested_permissions,
    },
}
