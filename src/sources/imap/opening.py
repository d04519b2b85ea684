"""Opening IMAP sources from the settings: where to connect, how to log in, which mailboxes."""

from collections.abc import Callable, Sequence

from config.settings import Settings, SettingsError
from src.common.errors import MailboxMissingError
from src.imap.credentials import BearerToken, Credentials, Mechanism, Password
from src.imap.endpoint import Endpoint
from src.imap.session import Session
from src.sources.imap.gmail import special_use_names
from src.sources.imap.limits import Limits
from src.sources.imap.source import ImapSource
from src.sources.request import AccessTokens, SourceRequest
from src.sources.source import Source

SPECIAL_USE = "special-use"  # IMAP_MAILBOX: All Mail, Spam and Trash at Gmail, each mail once


def open_imap(request: SourceRequest) -> Sequence[Source]:
    """Return a source for each mailbox of `IMAP_MAILBOX`. Connects only if `special-use` has to be looked up."""
    settings = request.settings
    if not settings.imap_user:
        raise SettingsError("IMAP_USER is empty: name the account to read, in .env or with --username")
    tokens = None if settings.imap_auth == "password" else request.access_tokens
    endpoint = Endpoint(
        host=settings.imap_host,
        port=settings.imap_port,
        tls=settings.imap_tls,
        ca_file=settings.imap_ca_certs,
        timeout_s=settings.imap_timeout_seconds,
    )

    def open_session() -> Session:
        return Session.open(endpoint, lambda: _credentials(settings, tokens))

    names = _mailboxes(settings, open_session)
    return [
        ImapSource(
            account=request.account,
            mailbox=name,
            open_session=open_session,
            known=request.known,
            tickets=request.tickets,
            siblings=[other for other in names if other != name],
            forget_token=tokens.forget if tokens else None,
            limits=Limits(
                batch_mails=request.batch_mails,
                spool_bytes=settings.raw_spool_bytes,
                max_mail_bytes=settings.max_mail_bytes,
                reconcile_interval_s=settings.imap_reconcile_interval_seconds,
            ),
            clock=request.clock,
            compares_first=request.compares_first,
        )
        for name in names
    ]


def _credentials(settings: Settings, tokens: AccessTokens | None) -> Credentials:
    """Return name and password, or name and a token that lives a while longer; asked for at each connection."""
    if tokens is None:
        return Password(settings.imap_user, settings.imap_password.get_secret_value())
    mechanism: Mechanism = "OAUTHBEARER" if settings.imap_auth == "oauthbearer" else "XOAUTH2"
    return BearerToken(settings.imap_user, tokens(), mechanism)


def _mailboxes(settings: Settings, open_session: Callable[[], Session]) -> list[str]:
    names: list[str] = []
    for name in settings.mailboxes:
        names += _special_use(open_session) if name.lower() == SPECIAL_USE else [name]
    return list(dict.fromkeys(names))


def _special_use(open_session: Callable[[], Session]) -> Sequence[str]:
    with open_session() as session:
        names = special_use_names(session.list_mailboxes())
    if not names:
        raise MailboxMissingError(
            "IMAP_MAILBOX=special-use needs a server that marks All Mail, Spam and Trash (RFC 6154), as Gmail does; "
            "at Gmail, allow them under Settings, Labels, Show in IMAP"
        )
    return names
