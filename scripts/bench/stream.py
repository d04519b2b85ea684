"""How many mails of 15 KB the stream takes in and gives out, all guarantees on and no work on the mails, against the
hand-written floor, dramatiq and celery.

The floor and the peers run on a Redis 7 that keeps nothing on disk, which is the best they can do; the stream on the
same one, and on one that writes to disk before it answers (appendfsync always). The contenders take turns in many short
rounds, each on an empty server; the figures are medians. The peers' jobs carry no mail at all.

    python -m scripts.bench.stream [--short] [--no-peers] [--profile]
"""

import argparse
import cProfile
import os
import pstats
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import redis
from rich.console import Console
from rich.table import Table

from scripts.bench import stream_floor
from scripts.make_mails import mail
from src.common.redis_client import RedisConnection
from src.model.cursor import Cursor
from src.model.envelope import Envelope, Kind, Place
from src.stream.options import StreamOptions
from src.stream.protocol import Outgoing, PublishResult
from src.stream.redis_stream import RedisStream
from src.stream.ticket_codec import encode_payload
from tests.contracts.stream_mails import ACCOUNT, FETCHED_AT, MAILBOX
from tests.fixtures.redis_servers import DURABLE, VOLATILE, RedisServer, connection_to, program_of

MAILS = 1_000  # in one turn
PEER_JOBS = 3_000  # in one turn
BATCH = 100
IN_TARGET, OUT_TARGET = 8_000 / 17_000, 10_000 / 42_000  # shares of the floor
CONSUMER = "bench"
PREVIEW = {"from": "Ann <ann@example.org>", "to": ["bob@example.org"], "subject": "Minutes", "body_text": "word " * 400}

Seconds = dict[str, list[float]]


def outgoing_of(mails: list[bytes]) -> list[Outgoing]:
    """Return the mails as a producer hands them to the stream, full tickets and all."""
    made = []
    for uid, raw in enumerate(mails, 1):
        place = Place(MAILBOX, 1, uid)
        envelope = Envelope(
            ACCOUNT, "imap", f"{MAILBOX}/1/{uid}", Kind.ADDED, place, FETCHED_AT, raw=raw, size_bytes=len(raw)
        )
        preview = {**PREVIEW, "headers": {"list-id": "x" * 200}, "message_id": f"{uid}@example.org"}
        made.append(Outgoing(envelope.id, Kind.ADDED, encode_payload(envelope, preview), raw))
    return made


def put(stream: RedisStream, outgoing: list[Outgoing]) -> None:
    """Publish all, in batches, the cursor moving along."""
    lease = stream.acquire_lease(ACCOUNT, MAILBOX, CONSUMER)
    if lease is None:
        raise RuntimeError("another benchmark holds the lease")
    before = Cursor()
    for start in range(0, len(outgoing), BATCH):
        after = Cursor({"last_uid": str(start + BATCH), "uidvalidity": "1"})
        told = stream.publish(lease, outgoing[start : start + BATCH], before=before, after=after)
        if told.result is not PublishResult.PUBLISHED:
            raise RuntimeError(f"a batch was {told.result}")
        before = after


def take(stream: RedisStream) -> int:
    """Read every ticket with its raw mail, and settle it with a note; return how many."""
    taken = 0
    while tickets := stream.read_new(CONSUMER, BATCH, 1):
        stream.load_raws(tickets)
        taken += stream.settle(CONSUMER, tickets, [b'{"outcome":"done"}'] * len(tickets))
    return taken


def timed(action: Callable[[], object]) -> float:
    """Return the seconds that it takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


@dataclass(frozen=True)
class Servers:
    """The two servers, with a plain client and the product's connection to each."""

    plain: "redis.Redis"
    plain_connection: RedisConnection
    durable: "redis.Redis"
    durable_connection: RedisConnection


def round_of(servers: Servers, mails: list[bytes], seconds: Seconds) -> None:
    """Let floor and stream take one turn each."""
    servers.plain.flushall()
    seconds["floor in"].append(timed(lambda: stream_floor.put(servers.plain, mails)))
    seconds["floor out"].append(timed(lambda: stream_floor.take(servers.plain)))
    stream_turn(servers.plain, servers.plain_connection, mails, seconds, "stream")
    stream_turn(servers.durable, servers.durable_connection, mails, seconds, "durable")


def stream_turn(
    client: "redis.Redis", connection: RedisConnection, mails: list[bytes], seconds: Seconds, name: str
) -> None:
    """Let the stream take one turn on an empty server."""
    client.flushall()
    outgoing = outgoing_of(mails)
    stream = RedisStream(connection, StreamOptions(max_entries=10**6, max_bytes=10**10))
    stream.ensure_group()
    seconds[f"{name} in"].append(timed(lambda: put(stream, outgoing)))
    seconds[f"{name} out"].append(timed(lambda: take(stream)))


def peers_of(client: "redis.Redis", jobs: int, seconds: Seconds) -> None:
    """Let the peers take one turn each."""
    from scripts.bench import stream_peers  # reads BENCH_REDIS_URL when it is imported

    for name, run in (("dramatiq", stream_peers.dramatiq_seconds), ("celery", stream_peers.celery_seconds)):
        client.flushall()
        enqueued_s, drained_s = run(client, jobs)
        seconds[f"{name} in"].append(enqueued_s)
        seconds[f"{name} out"].append(drained_s)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Move mails of 15 KB through the stream.")
    parser.add_argument("--short", action="store_true", help="a fifth of the work")
    parser.add_argument("--no-peers", action="store_true", help="leave out dramatiq and celery")
    parser.add_argument("--profile", action="store_true", help="show where the stream's own time goes")
    options = parser.parse_args()
    mails = [mail(number) for number in range(MAILS)]
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        servers = Servers(*_started(stack, Path(folder) / "plain", VOLATILE), *_started(stack, Path(folder), DURABLE))
        _measure(servers, mails, options)


def _started(stack: ExitStack, folder: Path, lines: tuple[str, ...]) -> tuple["redis.Redis", RedisConnection]:
    server = RedisServer(program_of("redis7"), folder, lines).start()
    stack.callback(server.stop)
    os.environ.setdefault("BENCH_REDIS_URL", server.url)  # the first one, which the peers use
    connection = connection_to(server.url)
    stack.callback(connection.close)
    return stack.enter_context(server.client()), connection


def _measure(servers: Servers, mails: list[bytes], options: argparse.Namespace) -> None:
    seconds: Seconds = defaultdict(list)
    for _ in range(5 if options.short else 15):
        round_of(servers, mails, seconds)
    if not options.no_peers:
        for _ in range(1 if options.short else 3):
            peers_of(servers.plain, PEER_JOBS, seconds)
    if options.profile:
        profile = cProfile.Profile()
        profile.runcall(round_of, servers, mails, defaultdict(list))
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)
    jobs = {name: PEER_JOBS if name.startswith(("dramatiq", "celery")) else len(mails) for name in seconds}
    _print({name: jobs[name] / statistics.median(taken) for name, taken in seconds.items()})


def _print(rates: dict[str, float]) -> None:
    table = Table(title="Mails of 15 KB (the peers: jobs without any)")
    for heading in ("what", "a second", "against", "ratio", "wanted"):
        table.add_column(heading, justify="left" if heading in ("what", "against") else "right")

    def row(what: str, rate: float, against: str = "", theirs: float = 0.0, wanted: float = 0.0) -> None:
        ratio = (against, f"{rate / theirs:.2f}", f"{wanted:.2f}") if against else ("", "", "")
        table.add_row(what, f"{rate:,.0f}", *ratio)

    for way, wanted in (("in", IN_TARGET), ("out", OUT_TARGET)):
        floor = rates[f"floor {way}"]
        row(f"floor {way}", floor)
        row(f"stream {way}, nothing on disk", rates[f"stream {way}"], f"floor {way}", floor, wanted)
        row(f"stream {way}, appendfsync always", rates[f"durable {way}"], f"floor {way}", floor, wanted)
    end_to_end = 1 / (1 / rates["stream in"] + 1 / rates["stream out"])
    for peer, wanted in (("dramatiq", 2.0), ("celery", 5.0)):
        if f"{peer} in" not in rates:
            continue
        theirs = 1 / (1 / rates[f"{peer} in"] + 1 / rates[f"{peer} out"])
        row(f"{peer}, in and out", theirs)
        row("stream, in and out", end_to_end, peer, theirs, wanted)
        row("stream out", rates["stream out"], f"{peer} out", rates[f"{peer} out"], wanted)
    Console().print(table)


if __name__ == "__main__":
    main()
