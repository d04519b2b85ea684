"""The virus scan, by a real clamd: clean, infected, too large, away; and by a clamd that hangs or answers nonsense."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.attachments.clamav import ClamAv, _judged
from src.attachments.extractor import Content
from src.attachments.keep import Keeper
from src.attachments.limits import Limits
from src.attachments.scan import Scanned
from src.common.errors import ScannerUnavailableError
from src.model.extraction import Extracted, Scan
from tests.fakes.no_sandbox import NoSandbox
from tests.fixtures import office_files
from tests.fixtures.clamd import MARKER, MAX_BYTES, SIGNATURE, ClamdServer
from tests.unit.attachments.test_keep import FakePart

INFECTED = Scanned(Scan.INFECTED, SIGNATURE)


def content(data: bytes) -> Content:
    return Content("application/octet-stream", "", len(data), data=data)


@pytest.fixture(params=["unix", "tcp"])
def scanner(request: pytest.FixtureRequest, clamd: ClamdServer) -> ClamAv:
    return ClamAv(clamd.socket if request.param == "unix" else ("127.0.0.1", clamd.port), max_bytes=10 * MAX_BYTES)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"harmless", Scanned(Scan.CLEAN)),
        (b"", Scanned(Scan.CLEAN)),
        (b"x" * 1_000_000, Scanned(Scan.CLEAN)),  # several slices
        (b"before " + MARKER + b" after", INFECTED),
        (b"x" * 600_000 + MARKER, INFECTED),
        (office_files.zipped({"a/b.txt": MARKER}), INFECTED),
    ],
)
def test_a_real_clamd_tells_clean_from_infected(scanner: ClamAv, data: bytes, expected: Scanned) -> None:
    assert scanner.scan(content(data)) == expected


def test_what_clamd_does_not_take_to_its_end_is_unscanned_and_never_waited_for(scanner: ClamAv) -> None:
    assert scanner.scan(content(b"x" * (MAX_BYTES + 1_000_000))) == Scanned(Scan.UNSCANNED)
    assert scanner.scan(content(b"x" * (10 * MAX_BYTES + 1))) == Scanned(Scan.UNSCANNED)  # not even offered


def test_a_clamd_that_is_away_is_waited_for_or_not_as_it_is_set(clamd: ClamdServer) -> None:
    clamd.stop()
    for address in (clamd.socket, ("127.0.0.1", clamd.port)):
        with pytest.raises(ScannerUnavailableError):
            ClamAv(address).scan(content(b"x"))
        assert ClamAv(address, waits=False).scan(content(b"x")) == Scanned(Scan.UNSCANNED)
    clamd.start()
    assert ClamAv(clamd.socket).scan(content(MARKER)) == INFECTED


def answering(answer: Callable[[bytes], bytes | None], folder: Path) -> Iterator[str]:
    """Serve a Unix socket: `answer` gets the first bytes of a connection; None says nothing and hangs."""
    path = str(folder / "s")
    held: list[socket.socket] = []

    def serve(server: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection = server.accept()[0]
                held.append(connection)
                said = answer(connection.recv(100))
                if said is not None:
                    connection.sendall(said)
                    connection.close()

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        thread = threading.Thread(target=serve, args=(server,))
        thread.start()
        yield path
        server.shutdown(socket.SHUT_RDWR)
    thread.join()
    for connection in held:
        connection.close()


@pytest.mark.parametrize(
    ("to_stream", "to_ping", "is_waited_for"),
    [
        (None, b"PONG\0", False),  # hangs over this one alone
        (b"", b"PONG\0", False),  # hangs up over this one alone
        (b"x" * 10_000, b"PONG\0", False),
        (None, None, True),
        (b"", b"", True),
        (b"", b"nonsense\0", True),
    ],
)
def test_a_scan_that_breaks_off_is_the_contents_fault_if_clamd_is_well(
    to_stream: bytes | None, to_ping: bytes | None, is_waited_for: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.attachments.clamav.CONNECT_S", 0.3)
    serving = answering(lambda asked: to_ping if asked.startswith(b"zPING") else to_stream, tmp_path)
    scanner = ClamAv(next(serving), scan_s=0.3)
    try:
        if is_waited_for:
            with pytest.raises(ScannerUnavailableError):
                scanner.scan(content(b"x"))
        else:
            assert scanner.scan(content(b"x")) == Scanned(Scan.UNSCANNED)
    finally:
        next(serving, None)


@given(st.text())
def test_only_one_answer_means_clean(answer: str) -> None:
    assert (_judged(answer).verdict is Scan.CLEAN) == (answer.removeprefix("stream: ") == "OK")


def keeper(clamd: ClamdServer, limits: Limits | None = None, folder: Path | None = None) -> Keeper:
    return Keeper(NoSandbox(), limits or Limits(), folder, scanner=ClamAv(clamd.socket))


@pytest.mark.parametrize("limits", [Limits(), Limits(memory_bytes=10)], ids=["memory", "file"])
@pytest.mark.parametrize("name", ["a.txt", "a.exe", "a.pdf"])
def test_nothing_is_read_of_what_is_infected(clamd: ClamdServer, limits: Limits, name: str, tmp_path: Path) -> None:
    part = FakePart(b"MZ\0" + MARKER, "application/octet-stream", filename=name)
    assert keeper(clamd, limits, tmp_path).now(part) is None  # waited for by a thread of its own
    kept = keeper(clamd, limits, tmp_path).keep(part)
    assert (kept.extraction.outcome, kept.extraction.reason, kept.scan) == (
        Extracted.SKIPPED,
        "infected",
        Scan.INFECTED,
    )
    assert (kept.extraction.text, kept.extraction.metadata) == ("", {"signature": SIGNATURE})


def test_what_is_clean_is_read_and_says_so(clamd: ClamdServer) -> None:
    kept = keeper(clamd).keep(FakePart(b"harmless"))
    assert (kept.extraction.text, kept.scan) == ("harmless", Scan.CLEAN)


def test_what_is_never_decoded_is_never_scanned(clamd: ClamdServer) -> None:
    kept = keeper(clamd, Limits(decoded_bytes=10)).keep(FakePart(MARKER))
    assert (kept.extraction.reason, kept.scan) == ("too_large", Scan.OFF)
