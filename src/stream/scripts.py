"""The Lua scripts of `scripts/`: read once, run by their hash. One script is one atomic move."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal, get_args

from redis.exceptions import NoScriptError, ResponseError

from src.common.redis_client import RedisClient, said_by_redis

_FOLDER = Path(__file__).parent / "scripts"

Command = tuple[str | bytes | int, ...]  # of Redis, its name first

Name = Literal[
    "publish",
    "stage",
    "settle",
    "retry",
    "promote",
    "bury",
    "replay",
    "purge",
    "renew",
    "hand_back",
    "reclaim",
    "leave",
    "beat",
    "lease",
    "renew_lease",
    "locate",
    "audit",
    "stats",
    "begin",
    "group",
    "forget",
]
NAMES: tuple[Name, ...] = get_args(Name)


@dataclass(frozen=True, slots=True)
class Script:
    """One script: its text, and the hash under which Redis keeps it."""

    text: str
    sha: str


@cache
def load_script(name: Name) -> Script:
    """Read a script and put `_shared.lua` before it."""
    text = "".join((_FOLDER / file).read_text(encoding="utf-8") for file in ("_shared.lua", f"{name}.lua"))
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


def run_script(
    client: RedisClient, name: Name, keys: tuple[str, ...], *arguments: Any, ahead: Sequence[Command] = ()
) -> Any:
    """Run a script and return its answer as redis-py gives it; loads it where the server does not have it.

    `ahead` are commands that take effect in one step with the script, or not at all if Redis refuses one.
    """
    script = load_script(name)
    run: Callable[..., Any] = partial(_in_one_step, client, ahead) if ahead else client.execute_command
    try:
        return run("EVALSHA", script.sha, len(keys), *keys, *arguments)
    except NoScriptError:
        return run("EVAL", script.text, len(keys), *keys, *arguments)


def _in_one_step(client: RedisClient, ahead: Sequence[Command], *last: Any) -> Any:
    """Send a MULTI of `ahead` and `last` in one piece; return the answer to `last`."""
    with client.pipeline(transaction=True) as pipe:
        for command in (*ahead, last):
            pipe.execute_command(*command)
        # Left to raise, redis-py would first write the command into the error's text: a megabyte of it, and mail.
        try:
            answer = pipe.execute(raise_on_error=False)[-1]
        except ResponseError as error:  # it does so all the same with what Redis refuses to queue
            raise type(error)(said_by_redis(error)) from None
    if isinstance(answer, Exception):
        raise answer
    return answer
