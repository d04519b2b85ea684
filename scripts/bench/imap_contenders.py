"""Ways of reading an IMAP mailbox, each a function from a Target to the number of mails it read.

Run as `python -m scripts.bench.imap_contenders NAME TARGET_JSON`: one contender in a process of its own, so that its
memory and CPU are its own too. Prints one JSON line.
"""

import json
import re
import resource
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import redis
from imapclient import IMAPClient
from rich.console import Console

from config.settings import load
from src.imap.answers import FetchedMail
from src.imap.credentials import Password
from src.imap.endpoint import Endpoint
from src.imap.session import Session

FLOOR_MAILS = 200  # a command, as our reader asks
FLOOR_COMMANDS = 2  # under way, as our reader keeps them
FLOOR_BUFFER_BYTES = 1024 * 1024
BATCH_MAILS = 50  # the default of `producer.py --batch-size`
_FETCH_END = b"\r\nf OK Fetch completed"


Mails = dict[int, dict[bytes, bytes]]  # as IMAPClient gives them


@dataclass(frozen=True)
class Target:
    """A mailbox to read."""

    port: int
    user: str
    password: str
    mails: int
    ca_file: str = ""  # not empty: TLS
    redis_port: int = 0  # where to put the mails, for contenders that do
    database_url: str = ""  # for the producer, which asks it what is known already


@dataclass(frozen=True)
class Figures:
    """What one run took."""

    mails: int
    seconds: float  # from connecting to the last mail
    cpu_s: float  # of the reading process
    rss_mb: float  # its greatest


def floor(target: Target) -> int:
    """Drain the same FETCH from a raw socket, looking for nothing but the ends of the commands."""
    sock = socket.create_connection(("127.0.0.1", target.port), timeout=30)
    if target.ca_file:
        sock = ssl.create_default_context(cafile=target.ca_file).wrap_socket(sock, server_hostname="localhost")
    for command in (f'a LOGIN "{target.user}" "{target.password}"', "a EXAMINE INBOX"):
        sock.sendall(command.encode() + b"\r\n")
        _drain(sock, b"\r\na OK", 1)
    items = "(UID FLAGS INTERNALDATE RFC822.SIZE MODSEQ BODY.PEEK[])"
    under_way = 0
    for first in range(1, target.mails + 1, FLOOR_MAILS):
        sock.sendall(f"f UID FETCH {first}:{min(first + FLOOR_MAILS - 1, target.mails)} {items}\r\n".encode())
        under_way += 1
        if under_way == FLOOR_COMMANDS:
            under_way -= _drain(sock, _FETCH_END, 1)
    _drain(sock, _FETCH_END, under_way)
    return target.mails


def _drain(sock: socket.socket, end: bytes, wanted: int) -> int:
    """Read until `end` has come at least `wanted` times; return how often it came."""
    seen, tail = 0, b"\r\n"
    buffer = bytearray(FLOOR_BUFFER_BYTES)
    while seen < wanted:
        count = sock.recv_into(buffer)
        if not count:
            raise EOFError
        head = bytes(buffer[: min(count, len(end) - 1)])
        seen += buffer.count(end, 0, count) + (tail + head).count(end)
        tail = (tail + bytes(buffer[max(0, count - len(end)) : count]))[1 - len(end) :]
    return seen


def wire(target: Target) -> int:
    """Our session and reader."""
    tls = "implicit" if target.ca_file else "none"
    endpoint = Endpoint("localhost", target.port, tls, target.ca_file)  # type: ignore[arg-type]  # mypy widens to str
    with Session.open(endpoint, lambda: Password(target.user, target.password)) as session:
        session.select("INBOX")
        uids = session.search_uids()
        return sum(isinstance(mail, FetchedMail) for mail in session.fetch_mails(uids))


def imapclient_plain(target: Target) -> int:
    """IMAPClient's own fetch as it comes, 200 mails a command."""
    return _imapclient(target, debug=5)


def imapclient_quiet(target: Target) -> int:
    """IMAPClient's own fetch with imaplib's debugging off."""
    return _imapclient(target, debug=0)


def _imapclient(target: Target, *, debug: int, keep: Callable[[Mails], object] = len) -> int:
    context = ssl.create_default_context(cafile=target.ca_file) if target.ca_file else None
    client = IMAPClient("localhost", target.port, ssl=bool(context), ssl_context=context)
    client._imap.debug = debug
    client.login(target.user, target.password)
    client.select_folder("INBOX", readonly=True)
    uids = client.search("ALL")
    read = 0
    for first in range(0, len(uids), FLOOR_MAILS):
        items = [b"BODY.PEEK[]", b"FLAGS", b"INTERNALDATE", b"RFC822.SIZE"]
        mails = client.fetch(uids[first : first + FLOOR_MAILS], items)
        keep(mails)
        read += len(mails)
    client.logout()
    return read


def mbsync(target: Target) -> int:
    """Run mbsync into a fresh Maildir at its best: no fsync, many commands under way; the server offers no COMPRESS."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "mbsyncrc"
        tls = f"SSLType IMAPS\nCertificateFile {target.ca_file}" if target.ca_file else "SSLType None\nAuthMechs LOGIN"
        config.write_text(
            f"FSync no\n\nIMAPStore far\nHost localhost\nPort {target.port}\n"
            f"User {target.user}\nPass {target.password}\n{tls}\n"
            "PipelineDepth 200\nTimeout 60\n\n"
            f"MaildirStore near\nPath {folder}/\nInbox {folder}/INBOX\n\n"
            "Channel all\nFar :far:\nNear :near:\nPatterns INBOX\nCreate Near\nSync Pull New\nSyncState *\n"
        )
        subprocess.run(["mbsync", "-q", "-c", str(config), "all"], check=True)
        return sum(1 for _ in Path(folder, "INBOX").glob("*/*,U=*"))


def imapclient_xadd(target: Target) -> int:
    """IMAPClient's own fetch as it comes, and each mail into Redis by a bare XADD."""
    connection = redis.Redis(port=target.redis_port, protocol=2)
    with connection.pipeline(transaction=False) as pipe:

        def keep(mails: Mails) -> None:
            for uid, mail in mails.items():
                pipe.xadd("bench_bare", {"uid": uid, "raw": mail[b"BODY[]"]})
            pipe.execute()

        read = _imapclient(target, debug=5, keep=keep)
    connection.close()
    return read


def producer(target: Target) -> int:
    """Run our producer once: compressed raw mail, full tickets, cursor, counters, all guarantees on."""
    from src.assembly.producer import run_producer

    settings = load(
        redis_url=f"redis://127.0.0.1:{target.redis_port}/0",
        redis_max_stream_length=target.mails + 1,
        redis_max_stream_bytes=64 * 1024**3,
        database_url=target.database_url,
        imap_host="localhost",
        imap_port=target.port,
        imap_user=target.user,
        imap_auth="password",
        imap_password=target.password,
        imap_tls="implicit" if target.ca_file else "none",
        imap_ca_certs=target.ca_file,
    )
    exit_code = run_producer(settings, Console(file=sys.stderr), once=True, batch_mails=BATCH_MAILS)
    assert exit_code == 0, f"the producer ended with {exit_code}"
    connection = redis.Redis(port=target.redis_port, protocol=2)
    read = int(connection.xlen(settings.redis_stream_name))
    connection.close()
    return read


CONTENDERS: dict[str, Callable[[Target], int]] = {
    "floor": floor,
    "wire": wire,
    "imapclient": imapclient_plain,
    "imapclient_quiet": imapclient_quiet,
    "mbsync": mbsync,
    "imapclient_xadd": imapclient_xadd,
    "producer": producer,
}


def run(name: str, target: Target, *, timeout_s: float = 600) -> Figures:
    """Run one contender in a process of its own."""
    command = [sys.executable, "-m", "scripts.bench.imap_contenders", name, json.dumps(asdict(target))]
    ended = subprocess.run(command, check=True, capture_output=True, text=True, timeout=timeout_s)
    return Figures(**json.loads(ended.stdout.splitlines()[-1]))


def main() -> None:
    """Run the contender of the command line in this process."""
    name, target = sys.argv[1], Target(**json.loads(sys.argv[2]))
    if name == "producer":
        import src.assembly.producer  # noqa: F401  # its imports belong to its memory, but not to its time; nor to the others'
    started, cpu_before_s = time.perf_counter(), _cpu_s()
    mails = CONTENDERS[name](target)
    seconds, cpu_s = time.perf_counter() - started, _cpu_s() - cpu_before_s
    print(json.dumps(asdict(Figures(mails, seconds, cpu_s, _peak_mb()))))


def _cpu_s() -> float:
    """Of this process and of those it started and that ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _peak_mb() -> float:
    """Not ru_maxrss: that begins with the memory of the process that started this one."""
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


if __name__ == "__main__":
    main()
