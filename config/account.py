"""Account: whose mail is read, and the settings that hold for it."""

from dataclasses import dataclass
from typing import Literal

from config.settings import Settings

GMAIL_MAILBOX = "Gmail"  # through the API an account is one mailbox: where a mail lies is said by its labels


@dataclass(frozen=True, slots=True)
class Account:
    """One account that is read from a server."""

    name: str  # under which its mails are stored; empty if the settings name none
    settings: Settings  # the process's, with what is said of this account alone

    @property
    def kind(self) -> Literal["imap", "gmail"]:
        """What it is read through: a name in the registry of sources."""
        return "gmail" if self.settings.use_gmail_api or self.settings.source == "gmail" else "imap"

    @property
    def mailboxes(self) -> tuple[str, ...]:
        """The mailboxes that are read, as they are configured: a name may stand for several, as special-use does."""
        return (GMAIL_MAILBOX,) if self.kind == "gmail" else self.settings.mailboxes

    @property
    def sign_in_name(self) -> str:
        """The name to log in with."""
        return (self.settings.gmail_user if self.kind == "gmail" else "") or self.settings.imap_user
