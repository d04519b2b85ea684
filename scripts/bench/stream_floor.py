"""The hand-written floor that the stream is held against: the least that moves a mail of 15 KB through Redis Streams.

One script a mail in pipelines of 100, the mail inside the entry, not compressed. No dedup, no cap, no cursor, no lease,
no counters, no check of who settles, and a lost answer counts twice.
"""

from typing import Any

import redis

BATCH = 100
STREAM = "floor"
GROUP = "floor"
ADD = "return redis.call('XADD', KEYS[1], '*', 'body', ARGV[1])"
TAKE = "redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) return redis.call('XDEL', KEYS[1], ARGV[2])"


def put(client: "redis.Redis", mails: list[bytes]) -> None:
    """Add every mail."""
    sha = client.script_load(ADD)
    for start in range(0, len(mails), BATCH):
        pipeline = client.pipeline(transaction=False)
        for raw in mails[start : start + BATCH]:
            pipeline.evalsha(sha, 1, STREAM, raw)
        pipeline.execute()


def take(client: "redis.Redis") -> int:
    """Read and settle every mail; return how many."""
    client.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
    sha = client.script_load(TAKE)
    taken = 0
    while True:
        answer: Any = client.xreadgroup(GROUP, "one", {STREAM: ">"}, count=BATCH)
        if not answer:
            return taken
        entries = answer[0][1]
        pipeline = client.pipeline(transaction=False)
        for entry_id, _fields in entries:
            pipeline.evalsha(sha, 1, STREAM, GROUP, entry_id)
        pipeline.execute()
        taken += len(entries)
