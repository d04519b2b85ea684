"""The Lua scripts of `scripts/`: read once, run by their hash. One script is one atomic move."""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast, get_args

from redis.exceptions import NoScriptError

from src.common.redis_client import RedisClient

_FOLDER = Path(__file__).parent / "scripts"

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


def run_script(client: RedisClient, name: Name, keys: tuple[str, ...], *arguments: Any) -> Any:
    """Run a script and return its answer as redis-py gives it; loads it where the server does not have it."""
    script = load_script(name)
    try:
        return cast(Any, client.evalsha(script.sha, len(keys), *keys, *arguments))
    except NoScriptError:
        return cast(Any, client.eval(script.text, len(keys), *keys, *arguments))
