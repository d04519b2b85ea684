"""Opening both ways to one account by its own settings, whichever of the two it is read through now."""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import cast

from config.accounts import account_named
from config.settings import Settings, SettingsError
from src.assembly.services import open_sources
from src.cli.ways import ApiAccount, ImapMailbox, Ways
from src.sources.gmail.filters import wanted_from
from src.sources.imap.visit import KnownMails
from src.sources.source import Source
from src.stream.redis_stream import RedisStream

_THROUGH_IMAP = {"source": "imap", "use_gmail_api": False}
_THROUGH_API = {"source": "gmail", "use_gmail_api": True}
_ALL_OF_IT = {"gmail_drafts": True, "gmail_spam_and_trash": True, "gmail_labels": "", "gmail_query": ""}


def open_ways(settings: Settings, account: str, *, known: KnownMails, stream: RedisStream, closing: ExitStack) -> Ways:
    """Return both ways; may connect to the mail server for its list of mailboxes. What was opened is on `closing`."""
    own = _own_settings(settings, account)

    def opened(kind: str, changes: dict[str, object]) -> Sequence[Source]:
        changed = own.model_copy(update=changes)
        sources = open_sources(changed, kind=kind, account=account, known=known, stream=stream)
        for source in sources:
            closing.callback(source.close)
        return sources

    (api,) = opened("gmail", _THROUGH_API | _ALL_OF_IT)
    imap = opened("imap", _THROUGH_IMAP)
    # Source says less than these two kinds of source do.
    return Ways(cast(Sequence[ImapMailbox], imap), cast(ApiAccount, api), wanted_from(own).takes)


def _own_settings(settings: Settings, account: str) -> Settings:
    found = account_named(settings, account)
    if found is None:
        raise SettingsError("only the account of IMAP_USER or one of ACCOUNTS_FILE can be compared, and this is none")
    own = found.settings
    if own.gmail_user and own.imap_user and own.gmail_user != own.imap_user:
        raise SettingsError("IMAP_USER and GMAIL_USER name two accounts: comparing is for one account, read both ways")
    return own.model_copy(update={"imap_user": own.imap_user or own.gmail_user})
