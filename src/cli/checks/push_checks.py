"""Pushes: may we pull the Pub/Sub subscription, and until when does Gmail tell of the account?"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from config.settings import Settings
from src.auth.pubsub_key import is_open_to_others, load_pubsub_key
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


def push_checks(settings: Settings, account: str, clock: Clock, *, is_online: bool) -> Iterator[Check]:
    """Look at what pushes need; nothing where they are not wanted."""
    if settings.gmail_pubsub_topic:
        yield _guarded("watch", lambda: _watch(settings, account, clock))
    if settings.gmail_pubsub_subscription:
        yield from _subscription(settings, clock, is_online=is_online)
    elif settings.gmail_pubsub_topic:
        mend = f"set GMAIL_PUBSUB_SUBSCRIPTION unless another producer pulls it: see {_HOWTO}"
        yield yellow(AREA, "subscription", "this producer pulls none", mend)


def _watch(settings: Settings, account: str, clock: Clock) -> Check:
    url = settings.redis_url
    if url.startswith(EMBEDDED) and find_embedded(url.removeprefix(EMBEDDED)) is None:
        return green(AREA, "watch", "not known while the embedded Redis does not run")
    connection = connect(settings, name="email-ingestion-doctor")
    try:
        record = WatchRecords(connection.commands, prefix=settings.redis_stream_name).load(account)
    finally:
        connection.close()
    return judged_watch(record, settings.gmail_pubsub_topic, clock.now())


def judged_watch(record: WatchRecord | None, topic: str, now: datetime) -> Check:
    """Say what a watch's record means. Pure."""
    mend = f"look for gmail_watch_failed in the producer's log: see {_HOWTO}"
    if record is None or record.topic != topic:
        found = "Gmail has not been asked yet" if record is None else "for another topic than GMAIL_PUBSUB_TOPIC"
        return yellow(AREA, "watch", found, f"a running producer asks at its first look; if it does run, {mend}")
    if record.expires_at <= now:
        return red(AREA, "watch", f"lapsed at {moment(record.expires_at)}: mail comes with the polls only", mend)
    found = f"until {moment(record.expires_at)}, asked for at {moment(record.begun_at)}"
    if now - record.begun_at > LATE_AFTER:
        return yellow(AREA, "watch", found, f"it should be renewed each day: does the producer run? If so, {mend}")
    return green(AREA, "watch", found)


def _subscription(settings: Settings, clock: Clock, *, is_online: bool) -> Iterator[Check]:
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
            yield red(AREA, "key file", str(error), f"see docs/runbooks/{error.code}.md")
            return
        if is_open_to_others(path):
            yield yellow(AREA, "key file", "other users of this machine may read it", f"run `chmod 600 {path}`")
        else:
            yield green(AREA, "key file", str(key.signer_email))
    if is_online:
        name, endpoint = settings.gmail_pubsub_subscription, settings.pubsub_api_endpoint
        yield _guarded("subscription", lambda: _may_pull(Subscription(name, key, clock=clock, endpoint=endpoint)))


def _may_pull(subscription: Subscription) -> Check:
    try:
        may_pull = subscription.may_pull()
    finally:
        subscription.close()
    found = "may be pulled" if may_pull else "it does not exist, or the key may not pull it"
    mend = f"make it, and give the service account the role Pub/Sub Subscriber on it: see {_HOWTO}"
    return judged(AREA, "subscription", is_ok=may_pull, found=found, mend=mend)


def _guarded(name: str, look: Callable[[], Check]) -> Check:
    try:
        return look()
    except IngestError as error:
        return red(AREA, name, redact(str(error)), f"see docs/runbooks/{error.code}.md")
