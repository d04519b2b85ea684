"""Session: one logged-in IMAP connection, used from one thread.

imapclient connects and logs in; from there on the commands are our own, since imapclient's cost too much or lose data
(docs/imap.md). After a SourceUnavailableError the connection is gone: the session is closed by then, and the caller
opens another. After SourceRefusedError and MailboxMissingError it is still good, unless `is_closed` says otherwise.
"""

from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self

from src.common.errors import SourceUnavailableError
from src.imap.answers import FetchAnswer, FlagReport, Mailbox, MailboxStatus, MailFacts, Resync, Selected
from src.imap.channel import Channel
from src.imap.credentials import CredentialsSource
from src.imap.endpoint import Endpoint
from src.imap.fetch import FactsWanted, describe, fetch_mails
from src.imap.flags import fetch_flags
from src.imap.idle import idle, listen
from src.imap.mailboxes import list_mailboxes, status
from src.imap.mailboxes import select as select_mailbox
from src.imap.search import search, search_range
from src.imap.sign_in import SignedIn, sign_in
from src.imap.slices import fetch_slices
from src.imap.uid_set import MAX_UID, UidSet

MIB = 1024 * 1024
LOGOUT_TIMEOUT_S = 2.0  # a polite farewell is not worth more


class Session:
    """One connection, logged in. Closed by `close` or a `with` block."""

    def __init__(self, signed_in: SignedIn) -> None:
        self._channel = signed_in.channel
        self._capabilities = signed_in.capabilities
        self._enabled = signed_in.enabled

    @classmethod
    def open(cls, endpoint: Endpoint, credentials: CredentialsSource) -> Self:
        """Connect, start TLS, log in and enable CONDSTORE, QRESYNC and UTF8 where the server has them.

        Raises SourceUnavailableError (no connection, TLS refused, the server is closing), SourceRefusedError (login not
        possible just now), LoginRefusedError (name, password or token wrong, expired, or login forbidden).
        """
        return cls(sign_in(endpoint, credentials))

    @property
    def capabilities(self) -> frozenset[str]:
        """What the server can do once logged in, in upper case, such as `IDLE`."""
        return self._capabilities

    @property
    def has_condstore(self) -> bool:
        return bool(self._capabilities & {"CONDSTORE", "QRESYNC"})

    @property
    def has_qresync(self) -> bool:
        """Whether QRESYNC is enabled: `select(resync=…)` and `fetch_flags(vanished=True)` work."""
        return "QRESYNC" in self._enabled

    @property
    def has_idle(self) -> bool:
        return "IDLE" in self._capabilities

    @property
    def has_gmail(self) -> bool:
        """Whether the server has X-GM-EXT-1: MailFacts and FlagChange carry Gmail's ids and labels."""
        return "X-GM-EXT-1" in self._capabilities

    @property
    def has_object_ids(self) -> bool:
        """Whether the server has OBJECTID (RFC 8474): MailFacts carry `email_id`."""
        return "OBJECTID" in self._capabilities

    @property
    def is_closed(self) -> bool:
        """Whether the connection is gone, for whatever reason."""
        return self._channel.is_closed

    def list_mailboxes(self) -> tuple[Mailbox, ...]:
        """List every mailbox, with special-use flags where the server has them."""
        return list_mailboxes(self._free, special_use="SPECIAL-USE" in self._capabilities)

    def status(self, mailbox: str) -> MailboxStatus:
        """Ask for a mailbox's numbers without selecting it. Raises MailboxMissingError."""
        return status(self._free, mailbox, condstore=self.has_condstore)

    def select(self, mailbox: str, *, readonly: bool = True, resync: Resync | None = None) -> Selected:
        """Open a mailbox; `readonly` uses EXAMINE. Raises MailboxMissingError.

        With `resync`, on a server with QRESYNC and under the same UIDVALIDITY, `vanished` and `changed` tell all that
        happened since; look at `resynced` before trusting their emptiness.
        """
        return select_mailbox(
            self._free,
            mailbox,
            readonly=readonly,
            condstore=self.has_condstore,
            qresync=self.has_qresync,
            resync=resync,
        )

    def search_uids(self, first: int = 1, last: int = MAX_UID) -> UidSet:
        """Return the UIDs from `first` to `last` that exist now. Never names a UID below `first` (the `n:*` trap)."""
        channel = self._free
        channel.has_news = False  # before the search: what happens during it may be missing in its answer
        return search_range(channel, first, last, esearch="ESEARCH" in self._capabilities)

    def search_gmail_id(self, gmail_id: int) -> UidSet:
        """Return the UIDs (none or one) of the mail with this X-GM-MSGID in the selected mailbox."""
        return search(self._free, b"X-GM-MSGID %d" % gmail_id, esearch=False)

    def describe(self, uids: Iterable[int], *, message_id: bool = False) -> Iterator[MailFacts]:
        """Yield what is known of each of these mails besides its bytes; those that are gone are left out.

        Streams; two commands in flight. `message_id` also asks for that header. The session serves nothing else until
        the walk ends; leaving it half-way closes the session.
        """
        return describe(self._free, uids, self._facts_wanted(message_id=message_id))

    def fetch_mails(self, uids: Iterable[int], *, large_bytes: int = 8 * MIB) -> Iterator[FetchAnswer]:
        """Yield every one of these mails once, each as soon as it is complete, mostly in ascending order of UID.

        Sizes are asked first: a mail above `large_bytes` comes as LargeMail, one that vanished as GoneMail. The flag
        \\Seen stays as it is. When the connection breaks, what was yielded is good and the rest was not read. At most
        16 MiB of mail are asked for in one command, and the memory taken is about that of one mail.
        The session serves nothing else until the walk ends; leaving it half-way closes the session.
        """
        return fetch_mails(self._free, uids, self._facts_wanted(), large_bytes=large_bytes)

    def fetch_slices(self, uid: int, *, slice_bytes: int = MIB) -> Iterator[bytes]:
        """Yield the bytes of one mail in slices of at most `slice_bytes`, in order, holding one slice at a time.

        Ends when the server has no more, whatever it said the size was. A mail that is gone yields nothing.
        Other commands may be given between slices.
        """
        return fetch_slices(self._free, uid, slice_bytes)

    def fetch_flags(
        self, uids: UidSet | None = None, *, changed_since: int | None = None, vanished: bool = False
    ) -> FlagReport:
        """Return the flags of the mails of `uids` (None: all), or only of those changed after MODSEQ `changed_since`.

        `vanished` (QRESYNC, with `changed_since`) also asks which UIDs went since then. Without CONDSTORE
        `changed_since` raises ValueError: look at `has_condstore` first, and at `Selected.highestmodseq`.
        """
        if changed_since is not None and not self.has_condstore:
            raise ValueError("changed_since needs CONDSTORE")
        if vanished and (changed_since is None or not self.has_qresync):
            raise ValueError("vanished needs changed_since and QRESYNC")
        return fetch_flags(
            self._free,
            uids,
            condstore=self.has_condstore,
            gmail=self.has_gmail,
            changed_since=changed_since,
            vanished=vanished,
        )

    def idle(self, timeout_s: float) -> bool:
        """Wait in IDLE until the server tells of a change, `timeout_s` (at most 29 minutes) passed, or `interrupt`.

        Returns whether something may be new, at once if something was told since the last `search_uids`. A dead
        connection raises SourceUnavailableError. Call it again and again; each call is a fresh IDLE. Where `has_idle`
        is False it waits without asking.
        """
        channel = self._free
        if not channel.has_news and not channel.wake.take():
            wait = idle if self.has_idle else listen
            wait(channel, timeout_s)
            channel.wake.take()
        return channel.has_news

    def interrupt(self) -> None:
        """End the present `idle`, or the next one, soon. Safe from any thread."""
        self._channel.wake.set()

    def noop(self) -> bool:
        """Ask whether the connection lives; return whether something may be new since the last `search_uids`."""
        self._free.run(b"NOOP")
        return self._channel.has_news

    def close(self) -> None:
        """Log out if the connection is good, and close it. May be called twice; never raises."""
        if not self._channel.is_closed:
            self._say_farewell()
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def _free(self) -> Channel:
        self._channel.check_free()
        return self._channel

    def _facts_wanted(self, *, message_id: bool = False) -> FactsWanted:
        return FactsWanted(
            condstore=self.has_condstore,
            gmail=self.has_gmail,
            object_ids=self.has_object_ids,
            message_id=message_id,
        )

    def _say_farewell(self) -> None:
        try:
            self._channel.check_free()
            self._channel.wire.set_timeout(LOGOUT_TIMEOUT_S)
            self._channel.run(b"LOGOUT")
        except (SourceUnavailableError, RuntimeError):
            pass  # BYE, which ends every LOGOUT, is one of these
