"""Session: one logged-in IMAP connection, used from one thread.

imapclient does connection, login, LIST, STATUS and ENABLE; SELECT with QRESYNC, SEARCH, FETCH and IDLE are our own,
since imapclient's cost too much or lose data (docs/imap.md). Any SourceUnavailableError means that the connection is
gone: the session is closed by then, and the caller opens another. After SourceRefusedError and MailboxMissingError it
is still good.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self

from src.imap.answers import FetchAnswer, FlagReport, Mailbox, MailboxStatus, MailFacts, Resync, Selected
from src.imap.credentials import CredentialsSource
from src.imap.uid_set import MAX_UID, UidSet

Tls = Literal["implicit", "starttls", "none"]
MIB = 1024 * 1024
IDLE_RENEW_S = 29 * 60.0  # RFC 2177: a server may log out a client that idles for 30 minutes


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where and how to connect."""

    host: str
    port: int
    tls: Tls = "implicit"
    ca_file: str = ""  # CA certificates of a private server; empty: the system's
    timeout_s: float = 60.0  # for connecting, and without a byte while an answer is due
    allow_plaintext: bool = False  # tls "none" to a host that is not this machine


class Session:
    """One connection, logged in. Closed by `close` or a `with` block."""

    @classmethod
    def open(cls, endpoint: Endpoint, credentials: CredentialsSource) -> Self:
        """Connect, start TLS, log in and enable CONDSTORE, QRESYNC and UTF8 where the server has them.

        Raises SourceUnavailableError (no connection, TLS refused, the server is closing), SourceRefusedError (login not
        possible just now), LoginRefusedError (name, password or token wrong, expired, or login forbidden).
        """
        raise NotImplementedError

    @property
    def capabilities(self) -> frozenset[str]:
        """What the server can do once logged in, in upper case, such as `IDLE`."""
        raise NotImplementedError

    @property
    def has_condstore(self) -> bool:
        raise NotImplementedError

    @property
    def has_qresync(self) -> bool:
        """Whether QRESYNC is enabled: `select(resync=…)` and `fetch_flags(vanished=True)` work."""
        raise NotImplementedError

    @property
    def has_idle(self) -> bool:
        raise NotImplementedError

    @property
    def has_gmail(self) -> bool:
        """Whether the server has X-GM-EXT-1: MailFacts and FlagChange carry Gmail's ids and labels."""
        raise NotImplementedError

    @property
    def has_object_ids(self) -> bool:
        """Whether the server has OBJECTID (RFC 8474): MailFacts carry `email_id`."""
        raise NotImplementedError

    def list_mailboxes(self) -> tuple[Mailbox, ...]:
        """List every mailbox, with special-use flags where the server has them."""
        raise NotImplementedError

    def status(self, mailbox: str) -> MailboxStatus:
        """Ask for a mailbox's numbers without selecting it. Raises MailboxMissingError."""
        raise NotImplementedError

    def select(self, mailbox: str, *, readonly: bool = True, resync: Resync | None = None) -> Selected:
        """Open a mailbox; `readonly` uses EXAMINE. Raises MailboxMissingError.

        With `resync`, on a server with QRESYNC and under the same UIDVALIDITY, `vanished` and `changed` tell all that
        happened since; look at `resynced` before trusting their emptiness.
        """
        raise NotImplementedError

    def search_uids(self, first: int = 1, last: int = MAX_UID) -> UidSet:
        """Return the UIDs from `first` to `last` that exist now. Never names a UID below `first` (the `n:*` trap)."""
        raise NotImplementedError

    def search_gmail_id(self, gmail_id: int) -> UidSet:
        """Return the UIDs (none or one) of the mail with this X-GM-MSGID in the selected mailbox."""
        raise NotImplementedError

    def describe(self, uids: Iterable[int], *, message_id: bool = False) -> Iterator[MailFacts]:
        """Yield what is known of each of these mails besides its bytes; those that are gone are left out.

        Streams; two commands in flight. `message_id` also asks for that header. The session serves nothing else until
        the walk ends; leaving it half-way closes the session.
        """
        raise NotImplementedError

    def fetch_mails(self, uids: Iterable[int], *, large_bytes: int = 8 * MIB) -> Iterator[FetchAnswer]:
        """Yield every one of these mails once, each as soon as it is complete, mostly in ascending order of UID.

        Sizes are asked first: a mail above `large_bytes` comes as LargeMail, one that vanished as GoneMail. The flag
        \\Seen stays as it is. When the connection breaks, what was yielded is good and the rest was not read. At most
        16 MiB of mail are asked for in one command, and the memory taken is about that of one mail.
        The session serves nothing else until the walk ends; leaving it half-way closes the session.
        """
        raise NotImplementedError

    def fetch_slices(self, uid: int, *, slice_bytes: int = MIB) -> Iterator[bytes]:
        """Yield the bytes of one mail in slices of at most `slice_bytes`, in order, holding one slice at a time.

        Ends when the server has no more, whatever it said the size was. A mail that is gone yields nothing.
        Other commands may be given between slices.
        """
        raise NotImplementedError

    def fetch_flags(
        self, uids: UidSet | None = None, *, changed_since: int | None = None, vanished: bool = False
    ) -> FlagReport:
        """Return the flags of the mails of `uids` (None: all), or only of those changed after MODSEQ `changed_since`.

        `vanished` (QRESYNC, with `changed_since`) also asks which UIDs went since then. Without CONDSTORE
        `changed_since` raises ValueError: look at `has_condstore` first, and at `Selected.highestmodseq`.
        """
        raise NotImplementedError

    def idle(self, timeout_s: float) -> bool:
        """Wait in IDLE until the server tells of a change, `timeout_s` (at most 29 minutes) passed, or `interrupt`.

        Returns whether something may be new, at once if something was told since the last `search_uids`. A dead
        connection raises SourceUnavailableError. Call it again and again; each call is a fresh IDLE. Where `has_idle`
        is False it waits without asking.
        """
        raise NotImplementedError

    def interrupt(self) -> None:
        """End the present `idle`, or the next one, soon. Safe from any thread."""
        raise NotImplementedError

    def noop(self) -> bool:
        """Ask whether the connection lives; return whether something may be new since the last `search_uids`."""
        raise NotImplementedError

    def close(self) -> None:
        """Log out if the connection is good, and close it. May be called twice; never raises."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
