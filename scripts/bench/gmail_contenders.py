"""Ways of reading a mailbox of the Gmail API, each a function from a Task to the number of mails that it read.

Run as `python -m scripts.bench.gmail_contenders NAME [--part 1/2]`, with the settings in the environment: one contender
in a process of its own, so that its CPU and memory are its own too. It says `ready`, waits for a line, and at the end
prints one line of JSON. Every contender but the producer hashes each mail.
"""

import argparse
import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import httplib2
import orjson
import redis
from google.oauth2.credentials import Credentials
from google_auth_httplib2 import AuthorizedHttp
from googleapiclient.discovery import build
from googleapiclient.http import BatchHttpRequest
from rich.console import Console

from config.settings import Settings, load
from src.auth.access_token import access_token_provider
from src.auth.api_credentials import ApiCredentials
from src.common.clock import SystemClock
from src.common.redis_client import connect
from src.sync.gmail_api import GmailApi
from src.sync.gmail_caller import Turns
from src.sync.gmail_values import RawMessage
from src.sync.quota import Governor, Sleep, Turn, limits_from
from src.sync.quota_profile import CallName, profile_from
from src.sync.quota_scripts import QuotaScripts, Use

BATCH_CALLS = 50  # Google discourages more in one batch
BATCH_MAILS = 50  # the default of `producer.py --batch-size`
RUN_TIMEOUT_S = 3600.0


@dataclass(frozen=True)
class Task:
    """What is to be read."""

    settings: Settings
    part: str  # 1/2: the first of every two mails
    ids: Sequence[str]  # empty for contenders that list them by themselves


@dataclass(frozen=True)
class Figures:
    """What one run took."""

    mails: int
    seconds: float
    cpu_s: float  # of the reading process
    rss_mb: float  # its greatest


class NoQuota:
    """Plays Turns: every call may leave at once."""

    @contextmanager
    def call(self, name: CallName, *, use: Use, sleep: Sleep | None = None) -> Iterator[Turn]:  # noqa: ARG002
        yield Turn("", 0.0)

    def pause(self, told_s: float | None) -> float:
        raise AssertionError(f"throttled for {told_s} s without a quota")

    def settle(self) -> None:
        """Nothing was taken."""


def floor(task: Task) -> int:
    """Only what must be done with an answer, all of it from memory: JSON, base64, SHA-256."""
    raw = base64.urlsafe_b64encode(os.urandom(30_000)).decode()
    answers = [json.dumps({"id": each, "threadId": each, "raw": raw}).encode() for each in task.ids]
    for answer in answers:
        _hash(base64.urlsafe_b64decode(orjson.loads(answer)["raw"]))
    return len(answers)


def client(task: Task) -> int:
    """Google's client as its examples show it: one `messages().get().execute()` after another."""
    messages = _client(task.settings).users().messages()
    for each in task.ids:
        _hash(base64.urlsafe_b64decode(messages.get(userId="me", id=each, format="raw").execute()["raw"]))
    return len(task.ids)


def client_batch(task: Task) -> int:
    """Google's client, many calls in one request to the batch endpoint."""
    service = _client(task.settings)
    read, ids = 0, task.ids

    def take(_request_id: str, answer: Any, error: Exception | None) -> None:
        nonlocal read
        assert error is None, error
        _hash(base64.urlsafe_b64decode(answer["raw"]))
        read += 1

    for start in range(0, len(ids), BATCH_CALLS):
        batch = BatchHttpRequest(callback=take, batch_uri=f"{task.settings.gmail_api_endpoint}batch/gmail/v1")
        for each in ids[start : start + BATCH_CALLS]:
            batch.add(service.users().messages().get(userId="me", id=each, format="raw"))
        batch.execute()
    return read


def wire(task: Task) -> int:
    """Our wire with several calls under way, without a quota."""
    with closing(_api(task.settings, NoQuota())) as api:
        return _fetch(api, task.ids)


def wire_with_turns(task: Task) -> int:
    """The same, each call with a turn of the governor, as in the product."""
    with _governed_api(task.settings) as api:
        return _fetch(api, task.ids)


def walk(task: Task) -> int:
    """The same, the ids listed too; for processes that share a mailbox."""
    with _governed_api(task.settings) as api:
        return _fetch(api, _part_of(_listed(api), task.part))


def producer(task: Task) -> int:
    """Our producer, once: fetched and published with all guarantees, listing and looking included."""
    from src.assembly.producer import run_producer

    exit_code = run_producer(task.settings, Console(file=sys.stderr), once=True, batch_mails=BATCH_MAILS)
    assert exit_code == 0, f"the producer ended with {exit_code}"
    with redis.Redis.from_url(task.settings.redis_url, protocol=2) as connection:
        return int(connection.xlen(task.settings.redis_stream_name))


CONTENDERS: dict[str, Callable[[Task], int]] = {
    "floor": floor,
    "client": client,
    "client_batch": client_batch,
    "wire": wire,
    "wire_with_turns": wire_with_turns,
    "walk": walk,
    "producer": producer,
}
LIST_THEMSELVES = ("walk", "producer")


def _fetch(api: GmailApi, ids: Iterable[str]) -> int:
    read = 0
    for _, mail in api.fetch_many(ids, use="backfill"):
        assert isinstance(mail, RawMessage), mail
        _hash(mail.raw)
        read += 1
    return read


def _listed(api: GmailApi) -> Iterator[str]:
    page: str | None = None
    while True:
        told = api.list_ids(page=page)
        yield from (ref.id for ref in told.messages)
        if (page := told.next_page) is None:
            return


def _part_of(ids: Iterable[str], part: str) -> Iterator[str]:
    number, of = map(int, part.split("/"))
    return islice(ids, number - 1, None, of)


@contextmanager
def _governed_api(settings: Settings) -> Iterator[GmailApi]:
    connection = connect(settings)
    account = settings.gmail_user
    scripts = QuotaScripts(connection.commands, account=account, prefix=settings.redis_stream_name)
    profile, limits = profile_from(settings), limits_from(settings)
    governor = Governor(scripts, profile, account=account, clock=SystemClock(), limits=limits)
    with closing(connection), closing(governor), closing(_api(settings, governor)) as api:
        yield api


def _api(settings: Settings, turns: Turns) -> GmailApi:
    credentials = ApiCredentials(access_token_provider(settings))
    return GmailApi(credentials, turns, clock=SystemClock(), endpoint=settings.gmail_api_endpoint)


def _client(settings: Settings) -> Any:
    credentials = Credentials(token=access_token_provider(settings)())  # type: ignore[no-untyped-call]
    http = AuthorizedHttp(credentials, http=httplib2.Http(timeout=settings.gmail_timeout_seconds))
    options = {"api_endpoint": settings.gmail_api_endpoint}
    return build("gmail", "v1", http=http, static_discovery=True, client_options=options)


def _hash(raw: bytes) -> bytes:
    return hashlib.sha256(raw).digest()


class Run:
    """One contender in a process of its own, ready to begin."""

    def __init__(self, name: str, environment: Mapping[str, str], *, part: str = "1/1", mails: int = 0) -> None:
        """`part`: 1/2 is the first of every two mails. `mails`: at most so many."""
        command = [sys.executable, "-m", "scripts.bench.gmail_contenders", name, "--part", part, "--mails", str(mails)]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env={**os.environ, **environment})
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        assert said == "ready\n", f"{name} could not begin"

    def begin(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def figures(self) -> Figures:
        """Wait for its end."""
        said, _ = self._process.communicate(timeout=RUN_TIMEOUT_S)
        assert self._process.returncode == 0, f"it ended with {self._process.returncode}"
        return Figures(**json.loads(said.splitlines()[-1]))


def run(name: str, environment: Mapping[str, str], *, mails: int = 0) -> Figures:
    """Run one contender from beginning to end."""
    begun = Run(name, environment, mails=mails)
    begun.begin()
    return begun.figures()


def main() -> None:
    """Run the contender of the command line in this process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=CONTENDERS)
    parser.add_argument("--part", default="1/1")
    parser.add_argument("--mails", type=int, default=0)
    options = parser.parse_args()
    task = _task(options.name, options.part, options.mails)
    print("ready", flush=True)
    sys.stdin.readline()
    started, cpu_before_s = time.perf_counter(), time.process_time()
    mails = CONTENDERS[options.name](task)
    seconds, cpu_s = time.perf_counter() - started, time.process_time() - cpu_before_s
    print(json.dumps(asdict(Figures(mails, seconds, cpu_s, _peak_mb()))))


def _task(name: str, part: str, most: int) -> Task:
    """Do beforehand what shall not be timed: list the ids, import what the producer would."""
    settings = load()
    if name == "producer":
        import src.assembly.producer
        import src.sources.gmail.opening  # noqa: F401
    if name in LIST_THEMSELVES:
        return Task(settings, part, ())
    with closing(_api(settings, NoQuota())) as api:
        return Task(settings, part, list(_listed(api))[: most or None])


def _peak_mb() -> float:
    """Not ru_maxrss: that begins with the memory of the process that started this one."""
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


if __name__ == "__main__":
    main()
