"""This machine: disk, ports, file limits, and secrets' files."""

import http.client
import resource
import shutil
import socket
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from config.settings import Settings
from src.cli.checks.check import Check, green, judged, red, yellow
from src.cli.output import size

AREA = "machine"
OLDEST_PYTHON = (3, 11)
DISK_LOW_BYTES = 1024**3  # under this, big mails and the database's own work may fail
DISK_TIGHT_BYTES = 5 * 1024**3
FEWEST_FILES = 1024  # open files: connections, the database's and spool files; each process uses under 100
PROBE_TIMEOUT_S = 1.0  # for a port of this machine
_OURS = b"email_ingestion"  # is part of every metrics page and health answer of ours


def machine_checks(settings: Settings) -> Iterator[Check]:
    """Look at the machine."""
    version = ".".join(map(str, sys.version_info[:3]))
    is_new = sys.version_info >= OLDEST_PYTHON
    yield judged(AREA, "Python", is_ok=is_new, found=version, mend="Python 3.11 or newer is needed")
    yield from _env_file(Path(".env"))
    yield from _disks(settings)
    yield from _ports(settings)
    yield _file_limit()


def _env_file(path: Path) -> Iterator[Check]:
    if not path.exists():
        yield green(AREA, ".env", "none: the environment and the defaults count")
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        yield yellow(AREA, ".env", f"mode {mode:o}: others of this machine may read its secrets", "`chmod 600 .env`")
    else:
        yield green(AREA, ".env", f"mode {mode:o}")


def _disks(settings: Settings) -> Iterator[Check]:
    places = {"temporary files": Path(tempfile.gettempdir())}
    if settings.database_url.startswith("sqlite:///"):
        places["database"] = Path(settings.database_url.removeprefix("sqlite:///")).parent
    if settings.redis_url.startswith("embedded:"):
        places["embedded Redis"] = Path(settings.redis_url.removeprefix("embedded:"))
    for name, folder in places.items():
        nearest = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
        free = shutil.disk_usage(nearest).free
        mend = f"make room on the disk of {nearest}"
        if free < DISK_LOW_BYTES:
            yield red(AREA, f"disk: {name}", f"{size(free)} free", mend)
        elif free < DISK_TIGHT_BYTES:
            yield yellow(AREA, f"disk: {name}", f"{size(free)} free", mend)
        else:
            yield green(AREA, f"disk: {name}", f"{size(free)} free")


def _ports(settings: Settings) -> Iterator[Check]:
    for name, path in (
        ("producer_metrics_port", "/metrics"),
        ("producer_health_port", "/status"),
        ("worker_metrics_port", "/metrics"),
        ("worker_health_port", "/status"),
    ):
        port = int(getattr(settings, name))
        setting = name.upper()
        if port == 0:
            yield green(AREA, setting, "0: not served")
            continue
        yield _port(setting, settings.bind_address, port, path)


def _port(setting: str, address: str, port: int, path: str) -> Check:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)  # noqa: S104 - read here, not bound
    try:
        with socket.create_connection((host, port), timeout=PROBE_TIMEOUT_S):
            pass
    except OSError:
        return green(AREA, setting, f"{port} is free")
    if _is_ours(host, port, path):
        return green(AREA, setting, f"{port} is served by a process of ours")
    return red(AREA, setting, f"{port} is taken by another program", f"end it, or set {setting} to a free port")


def _is_ours(host: str, port: int, path: str) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=PROBE_TIMEOUT_S)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        server = answer.getheader("Server", "").replace("-", "_").encode()
        return _OURS in server or _OURS in answer.read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _file_limit() -> Check:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= FEWEST_FILES:
        return green(AREA, "open files", f"{'no limit' if soft == resource.RLIM_INFINITY else soft}")
    mend = f"`ulimit -n {FEWEST_FILES}` (up to {hard}), or LimitNOFILE in the service's unit"
    return yellow(AREA, "open files", f"at most {soft}", mend)
