"""Processes that write to a store and are disturbed: run by `multiprocessing` in a process of their own."""

import multiprocessing
import resource
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from src.common.errors import DatabaseUnavailableError
from src.store.opening import open_store
from tests.contracts.mail_records import numbered

_spawning = multiprocessing.get_context("spawn")  # a fork would share the connections of the test's own process


def start(target: Callable[..., None], *args: object) -> tuple[BaseProcess, Connection]:
    """Start `target(connection, *args)`; return the process and our end of the pipe."""
    ours, theirs = _spawning.Pipe()
    process = _spawning.Process(target=target, args=(theirs, *args), daemon=True)
    process.start()
    theirs.close()
    return process, ours


def write_in_order(pipe: Connection, url: str, count: int, batch: int, step: int) -> None:
    """Open the store when told to, and write `count` mails in batches, forwards or backwards."""
    pipe.send("ready")
    pipe.recv()
    store = open_store(url)
    mails = numbered(count)[::step]
    for first in range(0, count, batch):
        store.write(mails[first : first + batch])
    store.close()
    pipe.send("done")


def write_until_killed(pipe: Connection, url: str, count: int) -> None:
    """Write batches of 50 new mails, telling before the first."""
    store = open_store(url)
    mails = numbered(count)
    pipe.send("begun")
    for first in range(0, count, 50):
        store.write(mails[first : first + 50])


def write_on_a_small_disk(pipe: Connection, url: str, max_file_bytes: int) -> None:
    """Write until the files may not grow, then let them grow and write the same again."""
    store = open_store(url)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (max_file_bytes, hard))
    mails = numbered(2_000, words="common " * 200)
    written = 0
    try:
        while written < len(mails):
            store.write(mails[written : written + 100])
            written += 100
        pipe.send(("never full", written))
    except DatabaseUnavailableError as error:
        pipe.send((error.code, written))
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    store.write(mails[written : written + 100])
    pipe.send(store.stats().mails)
    store.close()


def whole_mails(url: str) -> dict[str, Any]:
    """Return the stored mails by id, having checked that each is whole: one attachment, and its words can be found."""
    store = open_store(url)
    mails: dict[str, Any] = {str(mail["source_id"]): mail for mail in store.export()}
    for mail in mails.values():
        number = mail["source_id"].rpartition("/")[2]
        assert [part["text"] for part in mail["attachments"]] == [f"appendix{number}"]
        if int(number) % 10 == 0:
            assert [hit.source_id for hit in store.search(f"body{number} appendix{number}")] == [mail["source_id"]]
    assert len(store.search("common", limit=1_000)) == len(mails)
    assert store.stats().mails == store.stats().attachments == len(mails)
    store.close()
    return mails
