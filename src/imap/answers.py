"""What a server tells, as values. Texts are decoded: mailbox names and labels are never modified UTF-7 here."""

from dataclasses import dataclass, field
from datetime import datetime

from src.imap.uid_set import EMPTY, UidSet


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One line of LIST."""

    name: str  # decoded
    flags: tuple[str, ...]  # as sent, sorted, such as `\\All`, `\\Noselect`
    delimiter: str  # between levels of names; empty if none

    def has_flag(self, flag: str) -> bool:
        """Tell whether the server gave this flag, such as `\\All`; letter case does not matter."""
        return flag.lower() in (own.lower() for own in self.flags)

    @property
    def is_selectable(self) -> bool:
        """False for a mere level of names."""
        return not (self.has_flag("\\Noselect") or self.has_flag("\\NonExistent"))


@dataclass(frozen=True, slots=True)
class MailboxStatus:
    """Answer of STATUS; 0 and None where the server did not tell."""

    messages: int
    uidnext: int
    uidvalidity: int
    highestmodseq: int | None


@dataclass(frozen=True, slots=True)
class FlagChange:
    """The flags of one mail as they are now."""

    uid: int
    flags: tuple[str, ...]  # sorted, as sent, such as `\\Seen`, `$Forwarded`; without `\\Recent`
    modseq: int | None = None  # None: the server has no CONDSTORE
    labels: tuple[str, ...] | None = None  # X-GM-LABELS, decoded, sorted; None: not Gmail


@dataclass(frozen=True, slots=True)
class Resync:
    """What SELECT is told to get the changes since then (QRESYNC, RFC 7162)."""

    uidvalidity: int
    modseq: int
    known_uids: UidSet = EMPTY  # EMPTY: not told; the server may then name vanished UIDs we never knew


@dataclass(frozen=True, slots=True)
class Selected:
    """A mailbox as SELECT or EXAMINE found it."""

    name: str  # decoded
    exists: int  # number of mails
    uidvalidity: int  # 0: missing, which is spurious
    uidnext: int  # 0: not told
    highestmodseq: int | None  # None: no CONDSTORE for this mailbox
    is_readonly: bool
    resynced: bool = (
        False  # the answer of a Resync is in `vanished` and `changed`; False: UIDVALIDITY differs or no QRESYNC
    )
    vanished: UidSet = EMPTY  # may name UIDs that never existed: only ever intersect it with what is known
    changed: tuple[FlagChange, ...] = ()  # ascending MODSEQ


@dataclass(frozen=True, slots=True)
class GmailTags:
    """What X-GM-EXT-1 tells of one mail."""

    message_id: int  # X-GM-MSGID; in hex it is the API's message id
    thread_id: int  # X-GM-THRID
    labels: tuple[str, ...]  # decoded, sorted; system labels as sent, such as `\\Inbox`


@dataclass(frozen=True, slots=True)
class MailFacts:
    """All that is told of a mail besides its bytes."""

    uid: int
    size_bytes: int  # RFC822.SIZE: what the server says, which some servers get wrong
    received_at: datetime | None  # INTERNALDATE, aware UTC; None: missing or unreadable
    flags: tuple[str, ...]  # sorted, as sent, without `\\Recent`
    modseq: int | None = None
    gmail: GmailTags | None = None  # None: not Gmail
    email_id: str = ""  # EMAILID of RFC 8474; empty if the server has none
    thread_id: str = ""  # THREADID of RFC 8474; empty if the server has none
    message_id: str = ""  # of the header, without angle brackets; only when asked for


@dataclass(frozen=True, slots=True)
class FetchedMail:
    """A mail, whole."""

    facts: MailFacts
    raw: bytes = field(repr=False)  # as received; its length may differ from `facts.size_bytes`

    @property
    def uid(self) -> int:
        return self.facts.uid


@dataclass(frozen=True, slots=True)
class LargeMail:
    """A mail above the size asked for: not fetched, to be read with `fetch_slices` or not at all."""

    facts: MailFacts

    @property
    def uid(self) -> int:
        return self.facts.uid


@dataclass(frozen=True, slots=True)
class GoneMail:
    """A mail that vanished between the search and the fetch: it is not there any more, and not an empty mail."""

    uid: int


FetchAnswer = FetchedMail | LargeMail | GoneMail


@dataclass(frozen=True, slots=True)
class FlagReport:
    """Answer of `fetch_flags`."""

    changes: tuple[FlagChange, ...]  # ascending MODSEQ, then UID
    vanished: UidSet  # EMPTY unless asked for; may name UIDs that never existed
