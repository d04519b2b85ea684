"""Pushes: may we pull the Pub/Sub subscription, and until when does Gmail tell of each account?"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

from google.auth.credentials import Credentials

from config.account import Account
from config.settings import Settings
from src.auth.pubsub_key import load_pubsub_key
from src.auth.service_account import is_open_to_others
from src.cli.checks.check import Check, green, judged, red, yellow
from src.cli.output import moment
from src.common.clock import Clock
from src.common.embedded_redis import EMBEDDED, find_embedded
from src.common.errors import IngestError
from src.common.logs import redact
from src.common.redis_client import connect
from src.sync.pubsub import Subscription
from src.sync.watch_records import WatchRecord, WatchRecords

AREA = "push"
_HOWTO = "docs/howto/gmail-push.md"
LATE_AFTER = timedelta(days=2)  # a watch that was not renewed for so long has failed to be


def push_checks(accounts: Sequence[Account], clock: Clock, *, is_online: bool) -> Iterator[Check]:
    """Look at what the pushes of these accounts need; nothing where they are not wanted."""
    wanted = [account for account in accounts if account.kind == "gmail"]
    watched = [account for account in wanted if account.settings.gmail_pubsub_topic]
    if watched:
        yield from _watch_checks(watched, clock)
    distinct = {_where(account.settings): account.settings for account in wanted}  # many accounts share a subscription
    for settings in distinct.values():
        yield from _subscription_checks(settings, clock, is_online=is_online)


def _where(settings: Settings) -> tuple[str, str, bool]:
    is_watched = bool(settings.gmail_pubsub_topic)
    return settings.gmail_pubsub_subscription, settings.google_pubsub_credentials_file, is_watched


def _watch_checks(accounts: Sequence[Account], clock: Clock) -> Iterator[Check]:
    settings = accounts[0].settings  # Redis is the same for all
    folder = settings.redis_url.removeprefix(EMBEDDED)
    if settings.redis_url.startswith(EMBEDDED) and find_embedded(folder) is None:
        yield green(AREA, "watch", "not known while the embedded Redis does not run")
        return
    try:
        connection = connect(settings, name="email-ingestion-doctor")
        try:
            records = WatchRecords(connection.commands, prefix=settings.redis_stream_name)
            for account in accounts:
                name = "watch" if len(accounts) == 1 else f"{account.name}: watch"
                topic = account.settings.gmail_pubsub_topic
                yield judged_watch(name, records.load(account.name), topic, clock.now())
        finally:
            connection.close()
    except IngestError as error:
        yield _failed("watch", error)


def judged_watch(name: str, record: WatchRecord | None, topic: str, now: datetime) -> Check:
    """Say what a watch's record means. Pure."""
    mend = f"look for gmail_watch_failed in the producer's log: see {_HOWTO}"
    if record is None or record.topic != topic:
        found = "Gmail has not been asked yet" if record is None else "for another topic than GMAIL_PUBSUB_TOPIC"
        return yellow(AREA, name, found, f"a running producer asks at its first look; if it does run, {mend}")
    if record.expires_at <= now:
        return red(AREA, name, f"lapsed at {moment(record.expires_at)}: mail comes with the polls only", mend)
    found = f"until {moment(record.expires_at)}, asked for at {moment(record.begun_at)}"
    if now - record.begun_at > LATE_AFTER:
        return yellow(AREA, name, found, f"it should be renewed each day: does the producer run? If so, {mend}")
    return green(AREA, name, found)


def _subscription_checks(settings: Settings, clock: Clock, *, is_online: bool) -> Iterator[Check]:
    if not settings.gmail_pubsub_subscription:
        if settings.gmail_pubsub_topic:
            mend = f"set GMAIL_PUBSUB_SUBSCRIPTION unless another producer pulls it: see {_HOWTO}"
            yield yellow(AREA, "subscription", "this producer pulls none", mend)
        return
    path = Path(settings.google_pubsub_credentials_file)
    if not settings.google_pubsub_credentials_file:
        is_test = bool(settings.pubsub_api_endpoint)
        found = "none; a test server may take that" if is_test else "GOOGLE_PUBSUB_CREDENTIALS_FILE is empty"
        yield judged(AREA, "key file", is_ok=is_test, found=found, mend=f"see {_HOWTO}")
        key = None
    else:
        try:
            key = load_pubsub_key(path)
        except IngestError as error:
            yield _failed("key file", error)
            return
        if is_open_to_others(path):
            yield yellow(AREA, "key file", "other users of this machine may read it", f"run `chmod 600 {path}`")
        else:
            yield green(AREA, "key file", str(key.signer_email))
    if is_online:
        yield _may_pull(settings, key, clock)


def _may_pull(settings: Settings, key: Credentials | None, clock: Clock) -> Check:
    try:
        name, endpoint = settings.gmail_pubsub_subscription, settings.pubsub_api_endpoint
        with closing(Subscription(name, key, clock=clock, endpoint=endpoint)) as subscription:
            may_pull = subscription.may_pull()
    except IngestError as error:
        return _failed("subscription", error)
    found = "may be pulled" if may_pull else "it does not exist, or the key may not pull it"
    mend = f"make it, and give the service account the role Pub/Sub Subscriber on it: see {_HOWTO}"
    return judged(AREA, "subscription", is_ok=may_pull, found=found, mend=mend)


def _failed(name: str, error: IngestError) -> Check:
    return red(AREA, name, redact(str(error)), f"see docs/runbooks/{error.code}.md")
