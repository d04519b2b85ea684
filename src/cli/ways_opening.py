"""Opening both ways to one account by its own settings, whichever of the two it is read through now."""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import cast

from config.settings import Settings, SettingsError
from src.assembly.services import open_sources
from src.cli.ways import ApiAccount, ImapMailbox, Ways
from src.sources.gmail.opening import wanted_from
from src.sources.imap.visit import KnownMails
from src.sources.source import Source
from src.stream.redis_stream import RedisStream

_THROUGH_IMAP = {"source": "imap", "use_gmail_api": False}
_THROUGH_API = {"source": "gmail", "use_gmail_api": True}
_ALL_OF_IT = {"gmail_drafts": True, "gmail_spam_and_trash": True, "gmail_labels": "", "gmail_query": ""}


def open_ways(settings: Settings, account: str, *, known: KnownMails, stream: RedisStream, closing: ExitStack) -> Ways:
    """Return both ways; may connect to the mail server for its list of mailboxes. What was opened is on `closing`."""
    _require_one_account(settings, account)

    def opened(kind: str, changes: dict[str, object]) -> Sequence[Source]:
        own = settings.model_copy(update=changes)
        sources = open_sources(own, kind=kind, account=account, known=known, stream=stream)
        for source in sources:
            closing.callback(source.close)
        return sources

    (api,) = opened("gmail", _THROUGH_API | _ALL_OF_IT)
    imap = opened("imap", _THROUGH_IMAP)
    # Source says less than these two kinds of source do.
    return Ways(cast(Sequence[ImapMailbox], imap), cast(ApiAccount, api), wanted_from(settings).takes)


def _require_one_account(settings: Settings, account: str) -> None:
    if account not in (settings.imap_user, settings.gmail_user):
        raise SettingsError("this account is not the one of IMAP_USER: only an account of a server can be compared")
    if settings.gmail_user and settings.imap_user and settings.gmail_user != settings.imap_user:
        raise SettingsError("IMAP_USER and GMAIL_USER name two accounts: comparing is for one account, read both ways")
