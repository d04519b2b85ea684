"""SourceIds: which source id a mail of this mailbox has, see "Identity" in docs/architecture.md.

At Gmail it is X-GM-MSGID, wherever the mail lies. Elsewhere it is composed of mailbox, UIDVALIDITY and UID, except for
mails that were there when the mailbox was last renumbered: these keep the id they were first seen under, which only the
database knows.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

from src.imap.answers import MailFacts
from src.imap.session import Session
from src.sources.imap.limits import CHUNK
from src.store.protocol import KnownMail


class PlaceBook(Protocol):
    """What is asked of the database."""

    def find_by_uids(self, account: str, mailbox: str, uidvalidity: int, uids: Sequence[int]) -> dict[int, KnownMail]:
        """As in MailReader."""
        ...


def compose(mailbox: str, uidvalidity: int, uid: int) -> str:
    """Return the id of a mail that was first seen at this place."""
    return f"{mailbox}/{uidvalidity}/{uid}"


def gmail_id(number: int) -> str:
    """Return X-GM-MSGID as the Gmail API writes it."""
    return f"{number:016x}"


def is_gmail_id(source_id: str) -> bool:
    """Tell an id of Gmail's from a composed one, which broken mails may have."""
    return len(source_id) == 16 and all(digit in "0123456789abcdef" for digit in source_id)


class SourceIds:
    """The ids of one numbering of one mailbox, for one connection."""

    def __init__(self, *, account: str, mailbox: str, uidvalidity: int, session: Session, book: PlaceBook) -> None:
        self._account = account
        self._mailbox = mailbox
        self._uidvalidity = uidvalidity
        self.resolve_to = 0  # up to this UID only the database knows; set once the position is known
        self._session = session
        self._book = book
        self._found: dict[int, str] = {}  # by UID; only what the last `learn` told

    def learn(self, uids: Sequence[int]) -> None:
        """Look up what cannot be composed, for at most a few hundred mails, of which `of` is asked next.

        Gives commands to the session at Gmail: not while a fetch is under way.
        """
        self._found = {}
        if self._session.has_gmail:
            self.learn_facts(self._session.describe(uids))
            return
        renumbered = [uid for uid in uids if uid <= self.resolve_to]
        for start in range(0, len(renumbered), CHUNK):
            part = renumbered[start : start + CHUNK]
            known = self._book.find_by_uids(self._account, self._mailbox, self._uidvalidity, part)
            self._found.update((uid, mail.source_id) for uid, mail in known.items())

    def learn_facts(self, facts: Iterable[MailFacts]) -> None:
        """Remember Gmail's ids from what was described anyway."""
        self._found.update((one.uid, gmail_id(one.gmail.message_id)) for one in facts if one.gmail)

    def of(self, uid: int, facts: MailFacts | None = None) -> str:
        """Return the id of a mail; where Gmail did not tell one (the mail is broken or gone), a composed one."""
        if facts is not None and facts.gmail is not None:
            return gmail_id(facts.gmail.message_id)
        return self._found.get(uid) or compose(self._mailbox, self._uidvalidity, uid)
