"""The two ways to read one account, as `compare` needs them: IMAP, mailbox by mailbox, and the Gmail API."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from src.cli.same_bytes import Mailbox
from src.cli.services import CensusSource
from src.sync.gmail_values import Label


class ImapMailbox(CensusSource, Mailbox, Protocol):
    """One mailbox over IMAP."""

    account: str
    mailbox: str
    kind: str

    def special_use(self) -> str:
        """Return what the mailbox is to the server (RFC 6154); empty: nothing special."""
        ...


class ApiAccount(CensusSource, Mailbox, Protocol):
    """The account over the API: all of it, whatever the settings leave out."""

    account: str
    mailbox: str
    kind: str

    def labels(self) -> Sequence[Label]:
        """Return the labels that the account has now."""
        ...


@dataclass(frozen=True, slots=True)
class Ways:
    """One account, both ways."""

    imap: Sequence[ImapMailbox]  # those that IMAP_MAILBOX names
    api: ApiAccount
    is_wanted: Callable[[Collection[str]], bool]  # whether the settings let the API read a mail with these labels
