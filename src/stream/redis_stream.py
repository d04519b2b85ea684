"""RedisStream: the stream in Redis, playing ProducerStream, WorkerStream and DeadLetters.

It is put together from its parts; each part is a file named after what it does. Python is thin around the scripts of
`scripts/`: one script is one atomic move. `docs/stream-protocol.md` tells the whole.
"""

from src.stream.publishing import Publishing
from src.stream.reclaiming import Reclaiming
from src.stream.watching import Watching


class RedisStream(Publishing, Reclaiming, Watching):
    """The stream in Redis. Safe to share between threads; `read_own_pending` and `reclaim` each from one thread."""
