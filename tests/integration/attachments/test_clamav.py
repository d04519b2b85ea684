"""The virus scan, by a real clamd: clean, infected, too large, away; and by a clamd that hangs or answers nonsense."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.attachments.clamav import HARMLESS, ClamAv, _judged, _NoVerdictError
from src.attachments.extractor import Content
from src.attachments.keep import Keeper
from src.attachments.limits import Limits
from src.attachments.scan import Scanned
from src.common.errors import ScannerUnavailableError
from src.model.extraction import Extracted, Scan
from tests.fakes.no_sandbox import NoSandbox
from tests.fixtures import office_files
from tests.fixtures.clamd import MARKER, MAX_BYTES, SIGNATURE, ClamdServer
from tests.fixtures.services import wait_until
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


def test_a_clamd_that_answers_and_scans_nothing_is_away(clamd: ClamdServer) -> None:
    """Its disk is full, or its folder gone: it answers a PING, and hangs up on all that is to be scanned."""
    gone = clamd.temp_dir.rename(clamd.temp_dir.with_name("gone"))
    try:
        for ask in (lambda: ClamAv(clamd.socket).scan(content(MARKER)), ClamAv(clamd.socket).version):
            with pytest.raises(ScannerUnavailableError, match="TemporaryDirectory"):
                ask()
        assert ClamAv(clamd.socket, waits=False).scan(content(MARKER)) == Scanned(Scan.UNSCANNED)
    finally:
        gone.rename(clamd.temp_dir)
    assert ClamAv(clamd.socket).scan(content(MARKER)) == INFECTED


class FakeClamd:
    """Serves a Unix socket: gives `to_all` for what is to be scanned, `to_harmless` for the few bytes by which it is
    seen whether it scans at all; None says nothing and hangs."""

    def __init__(self, folder: Path, to_all: bytes | None, to_harmless: bytes | None) -> None:
        self.path = str(folder / "s")
        self.asked = 0  # times
        self._answers = {True: to_harmless, False: to_all}
        self._held: list[socket.socket] = []
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(self.path)
        self._server.listen()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        for one in (self._server, *self._held):
            one.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection = self._server.accept()[0]
                self._held.append(connection)
                self.asked += 1
                told = self._answers[HARMLESS in _whole(connection)]
                if told is not None:
                    connection.sendall(told)
                    connection.close()


def _whole(connection: socket.socket) -> bytes:
    asked = b""
    while not asked.endswith(struct.pack(">L", 0)) and (piece := connection.recv(1_000)):
        asked += piece
    return asked


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., FakeClamd]]:
    monkeypatch.setattr("src.attachments.clamav.WELL_S", 0.3)
    started: list[FakeClamd] = []

    def start(to_all: bytes | None, to_harmless: bytes | None) -> FakeClamd:
        started.append(FakeClamd(tmp_path, to_all, to_harmless))
        return started[-1]

    yield start
    for server in started:
        server.close()


@pytest.mark.parametrize("to_all", [None, b"", b"x" * 10_000, b"INSTREAM size limit exceeded. ERROR\0", b"nonsense\0"])
@pytest.mark.parametrize(
    ("to_harmless", "is_well"),
    [(b"stream: OK\0", True), (None, False), (b"", False), (b"Error writing to file ERROR\0stream: OK\0", False)],
)
def test_a_scan_without_verdict_is_the_contents_fault_if_clamd_scans_at_all(
    serve: Callable[..., FakeClamd], to_all: bytes | None, to_harmless: bytes | None, is_well: bool
) -> None:
    server = serve(to_all, to_harmless)
    if is_well:
        assert ClamAv(server.path, scan_s=0.3).scan(content(b"x")) == Scanned(Scan.UNSCANNED)
    else:
        with pytest.raises(ScannerUnavailableError):
            ClamAv(server.path, scan_s=0.3).scan(content(b"x"))
        assert ClamAv(server.path, waits=False, scan_s=0.3).scan(content(b"x")) == Scanned(Scan.UNSCANNED)


def test_a_clamd_that_kept_a_scan_waiting_is_left_alone_for_as_long(serve: Callable[..., FakeClamd]) -> None:
    server = serve(None, None)
    scanner = ClamAv(server.path, waits=False, scan_s=0.3)
    for _ in range(20):  # a mail with many attachments
        assert scanner.scan(content(b"x")) == Scanned(Scan.UNSCANNED)
    assert server.asked == 2
    time.sleep(0.7)
    scanner.scan(content(b"x"))
    assert server.asked == 4


def test_a_worker_that_ends_breaks_off_a_scan_and_leaves_no_file(
    serve: Callable[..., FakeClamd], tmp_path: Path
) -> None:
    server, folder = serve(None, None), tmp_path / "files"
    keeper = Keeper(NoSandbox(), Limits(memory_bytes=10), folder, scanner=ClamAv(server.path))
    raised: list[type] = []

    def keep() -> None:
        try:
            keeper.keep(FakePart(b"x" * 1_000))
        except ScannerUnavailableError as error:
            raised.append(type(error))

    thread = threading.Thread(target=keep)
    thread.start()
    wait_until(lambda: server.asked > 0, what="the scan begins")
    assert list(folder.iterdir())

    keeper.close()
    thread.join(5.0)

    assert raised == [ScannerUnavailableError]
    assert not list(folder.iterdir())


@given(st.text())
def test_only_one_answer_means_clean(answer: str) -> None:
    try:
        is_clean = _judged(answer).verdict is Scan.CLEAN
    except _NoVerdictError:
        is_clean = False
    assert is_clean == (answer.removeprefix("stream: ") == "OK")


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
