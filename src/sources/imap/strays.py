"""Strays: mails that the database has at no place of this server's, since they were last told of through the Gmail API.

After a switch from the API back to IMAP these are at first all mails. Who reads All Mail looks after them: those that
lie there it tells as moved anyway (`reconcile.py`); those in Spam and Trash are told here, whether or not these are
read; what is in none of the three is gone. A deletion is told only when the server shows all three, which together hold
every mail, and a mail that was in none of their lists is not found by its id either: it may have moved meanwhile.
"""

from collections.abc import Iterator, Sequence

from src.model.envelope import Envelope
from src.sources.imap.catch_up import chunks
from src.sources.imap.gmail import SPECIAL_USE
from src.sources.imap.ids import is_gmail_id
from src.sources.imap.position import Position
from src.sources.imap.visit import Steps, Visit, batch
from src.sources.versions import newer_than, version_ahead
from src.store.protocol import KnownMail

CHAT = "CHAT"  # label of what the API tells as mails, and IMAP does not have


def strays(visit: Visit) -> Iterator[KnownMail]:
    """Walk the living mails that the API told of last: Gmail's id, and no UID."""
    for mail in visit.known.known_mails(visit.account, uidvalidity=0):
        if is_gmail_id(mail.source_id) and not mail.is_deleted and CHAT not in mail.labels:
            yield mail


def tell_strays(visit: Visit, position: Position) -> Steps:
    """Tell where the strays lie, or that they are gone. Memory: about 70 bytes a stray."""
    if next(strays(visit), None) is None:
        return position
    names = visit.whereabouts.special_use_names()
    if len(names) < len(SPECIAL_USE) or names[0] != visit.mailbox:
        return position
    left = {int(mail.source_id, 16) for mail in strays(visit)}
    for some in chunks(visit.whereabouts.walk(names), visit.limits.batch_mails):
        elsewhere = [found for number, found in some if number in left and found.place.mailbox != visit.mailbox]
        if elsewhere:
            yield batch(position, [visit.changed_at(found) for found in elsewhere])
        left.difference_update(number for number, _ in some)
    lost = (mail for mail in strays(visit) if int(mail.source_id, 16) in left)
    for mails in chunks(lost, visit.limits.batch_mails):
        yield batch(position, _farewells(visit, mails))
    return position


def _farewells(visit: Visit, mails: Sequence[KnownMail]) -> list[Envelope]:
    found = visit.whereabouts.find([mail.source_id for mail in mails])
    return [
        newer_than(version_ahead(mail, visit.clock), visit.deleted(mail.source_id, mail.place))
        for mail in mails
        if mail.source_id not in found
    ]
