"""Opening the Gmail source from the settings: which account, whose quota, which mails."""

from collections.abc import Sequence

from config.settings import Settings, SettingsError
from src.auth.api_credentials import ApiCredentials
from src.sources.gmail.interruption import Interruption
from src.sources.gmail.source import GmailSource
from src.sources.gmail.visit import Limits, Wanted
from src.sources.gmail.watching import Watching
from src.sources.request import SourceRequest
from src.sources.source import Source
from src.sync.gmail_api import GmailApi
from src.sync.quota import Governor, limits_from
from src.sync.quota_profile import profile_from
from src.sync.quota_scripts import QuotaScripts
from src.sync.watch_records import WatchRecords


def open_gmail(request: SourceRequest) -> Sequence[Source]:
    """Return the account's source. Connects to nothing yet."""
    settings = request.settings
    if not request.account:
        raise SettingsError("GMAIL_USER and IMAP_USER are empty: name the account to read, in .env or with --username")
    if request.access_tokens is None or request.redis is None:
        raise SettingsError("the Gmail API needs a sign-in, and a Redis in which the account's quota is shared")
    interruption = Interruption()
    api = GmailApi(
        ApiCredentials(request.access_tokens),
        _governor(settings, request),
        clock=request.clock,
        timeout_s=settings.gmail_timeout_seconds,
        endpoint=settings.gmail_api_endpoint,
        sleep=interruption.sleep,
    )
    if request.pushes is not None and (settings.gmail_pubsub_topic or settings.gmail_pubsub_subscription):
        address = settings.gmail_user or settings.imap_user or request.account  # its mails may have another name
        request.pushes.wake(address, interruption.hint, settings)
    return [
        GmailSource(
            account=request.account,
            api=api,
            known=request.known,
            tickets=request.tickets,
            clock=request.clock,
            interruption=interruption,
            wanted=wanted_from(settings),
            limits=Limits(
                batch_mails=request.batch_mails,
                max_mail_bytes=settings.max_mail_bytes,
                live_every_s=settings.imap_poll_interval_seconds,
                compare_every_s=settings.gmail_census_interval_seconds,
            ),
            watching=_watching(request, api),
            compares_first=request.compares_first,
        )
    ]


def wanted_from(settings: Settings) -> Wanted:
    """Return which mails are read."""
    return Wanted(
        query=settings.gmail_query,
        label_ids=frozenset(label.strip() for label in settings.gmail_labels.split(",") if label.strip()),
        spam_and_trash=settings.gmail_spam_and_trash,
        drafts=settings.gmail_drafts,
    )


def _watching(request: SourceRequest, api: GmailApi) -> Watching | None:
    topic = request.settings.gmail_pubsub_topic
    if request.pushes is None or request.redis is None or not topic:
        return None
    records = WatchRecords(request.redis, prefix=request.settings.redis_stream_name)
    return Watching(api, records, account=request.account, topic=topic, clock=request.clock)


def _governor(settings: Settings, request: SourceRequest) -> Governor:
    assert request.redis is not None
    return Governor(
        QuotaScripts(request.redis, account=request.account, prefix=settings.redis_stream_name),
        profile_from(settings),
        account=request.account,
        clock=request.clock,
        limits=limits_from(settings),
    )
