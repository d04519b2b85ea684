"""Opening the Gmail source from the settings: which account, whose quota, which mails."""

from collections.abc import Sequence

from config.settings import SettingsError
from src.auth.api_credentials import ApiCredentials
from src.common.redis_client import RedisClient
from src.sources.gmail.filters import wanted_from
from src.sources.gmail.interruption import Interruption
from src.sources.gmail.source import GmailSource
from src.sources.gmail.visit import Limits
from src.sources.gmail.watching import Watching
from src.sources.request import SourceRequest
from src.sources.source import Source
from src.sync.gmail_api import GmailApi
from src.sync.quota import Governor, limits_from
from src.sync.quota_profile import QuotaProfile, profile_from
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
    quota = profile_from(settings)
    api = GmailApi(
        ApiCredentials(request.access_tokens),
        _governor(request, request.redis, quota),
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
            eta_s=quota.eta_s,
        )
    ]


def _governor(request: SourceRequest, redis: RedisClient, quota: QuotaProfile) -> Governor:
    scripts = QuotaScripts(redis, account=request.account, prefix=request.settings.redis_stream_name)
    return Governor(scripts, quota, account=request.account, clock=request.clock, limits=limits_from(request.settings))


def _watching(request: SourceRequest, api: GmailApi) -> Watching | None:
    topic = request.settings.gmail_pubsub_topic
    if request.pushes is None or request.redis is None or not topic:
        return None
    records = WatchRecords(request.redis, prefix=request.settings.redis_stream_name)
    return Watching(api, records, account=request.account, topic=topic, clock=request.clock)
