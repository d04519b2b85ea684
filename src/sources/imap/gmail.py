"""Gmail over IMAP: a mail that left one mailbox may lie in another, and is deleted only if it is in none.

All Mail, Spam and Trash hold every mail once. They are looked through over a connection of its own, so that the
mailbox being read stays selected (Gmail allows 15 connections an account).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from src.common.errors import MailboxMissingError, SourceRefusedError
from src.imap.answers import Mailbox, MailFacts
from src.imap.session import Session
from src.model.envelope import Place
from src.sources.imap.limits import LEAST_LISTED

SPECIAL_USE = ("\\All", "\\Junk", "\\Trash")  # RFC 6154; at Gmail the three that hold every mail once
_USES = (*SPECIAL_USE, "\\Drafts", "\\Flagged", "\\Important", "\\Sent")  # all that Gmail marks; RFC 8457 too


@dataclass(frozen=True, slots=True)
class Found:
    """Where a mail lies, and what is told of it there."""

    place: Place
    facts: MailFacts


def special_use_names(mailboxes: Sequence[Mailbox]) -> tuple[str, ...]:
    """Return the names of All Mail, Spam and Trash, as far as the server shows them over IMAP."""
    return tuple(
        mailbox.name
        for flag in SPECIAL_USE
        for mailbox in mailboxes
        if mailbox.has_flag(flag) and mailbox.is_selectable
    )


def special_use(mailboxes: Sequence[Mailbox], name: str) -> str:
    """Return what the mailbox of this name is to the server, such as `\\All`; empty: nothing special."""
    flags = (flag for mailbox in mailboxes if mailbox.name == name for flag in _USES if mailbox.has_flag(flag))
    return next(flags, "")


def require_all(*, listed: int, told: int) -> None:
    """Raise SourceRefusedError when a list of UIDs cannot be all that SELECT told of."""
    if listed < told * LEAST_LISTED:
        raise SourceRefusedError(f"the mail server told of {told} mails and lists {listed}: it is asked again")


class Whereabouts:
    """Looks for mails in every mailbox that could hold them."""

    def __init__(self, open_session: Callable[[], Session], mailboxes: Sequence[str]) -> None:
        """`mailboxes` are looked through besides the special-use ones."""
        self._open_session = open_session
        self._mailboxes = mailboxes

    def special_use_names(self) -> tuple[str, ...]:
        """Return the names of All Mail, Spam and Trash, in this order, as far as the server shows them."""
        with self._open_session() as session:
            return special_use_names(session.list_mailboxes())

    def walk(self, names: Sequence[str]) -> Iterator[tuple[int, Found]]:
        """Walk all mails of these mailboxes, each with X-GM-MSGID. Raises rather than tell a part."""
        with self._open_session() as session:
            for name in names:
                selected = session.select(name)
                uids = session.search_uids()
                require_all(listed=len(uids), told=selected.exists)
                for facts in session.describe(uids):
                    if facts.gmail is not None:
                        yield facts.gmail.message_id, Found(Place(name, selected.uidvalidity, facts.uid), facts)

    def find(self, source_ids: Sequence[str]) -> dict[str, Found]:
        """Return where these mails lie; those in no mailbox are left out. Raises rather than tell a part."""
        found: dict[str, Found] = {}
        if not source_ids:
            return found
        with self._open_session() as session:
            for name in dict.fromkeys([*self._mailboxes, *special_use_names(session.list_mailboxes())]):
                missing = [source_id for source_id in source_ids if source_id not in found]
                found.update(_look_in(session, name, missing))
        return found


def _look_in(session: Session, name: str, source_ids: Sequence[str]) -> dict[str, Found]:
    try:
        selected = session.select(name)
    except MailboxMissingError:  # configured, but gone: whatever it held is not there any more
        return {}
    found: dict[str, Found] = {}
    for source_id in source_ids:
        for facts in session.describe(session.search_gmail_id(int(source_id, 16))):
            found[source_id] = Found(Place(name, selected.uidvalidity, facts.uid), facts)
    return found
