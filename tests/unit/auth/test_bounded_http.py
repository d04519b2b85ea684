"""Whatever answers, a call to the sign-in service ends in bounded time and memory, in an answer or in our error."""

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from src.auth import bounded_http
from src.auth.bounded_http import MAX_ANSWER_BYTES, Answer, call
from src.common.errors import SourceUnavailableError

Talk = Callable[[socket.socket], None]
SECRET = "ya29.secret"


class Server:
    """A server on this machine that says to each caller what `talk` says."""

    def __init__(self) -> None:
        self.talk: Talk = lambda connection: None
        self.callers = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._socket.getsockname()[1]}/token"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def says(self, *parts: bytes, pause_s: float = 0.0) -> None:
        """Have it say these parts, with a pause before each but the first."""

        def talk(connection: socket.socket) -> None:
            for number, part in enumerate(parts):
                time.sleep(pause_s if number else 0.0)
                connection.sendall(part)

        self.talk = talk

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                self.callers += 1
                try:
                    self._hear(connection)
                    self.talk(connection)
                except OSError:
                    pass  # the caller had enough

    def _hear(self, connection: socket.socket) -> None:
        """Read the whole question: what is left unread would break the answer off."""
        heard = b""
        while SECRET.encode() not in heard and (block := connection.recv(65536)):
            heard += block


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


def head(status: str = "200 OK", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode()


def ask(server: Server) -> Answer:
    return call("POST", server.address, whom="the service", form={"refresh_token": SECRET})


def test_an_answer_comes_back_whole(server: Server) -> None:
    server.says(head("400 Bad Request", Date="Sat, 21 Nov 2026 09:00:00 GMT"), b'{"error":', b' "invalid_grant"}')
    answer = ask(server)
    assert (answer.status, answer.is_ok, answer.is_passing) == (400, False, False)
    assert answer.json_object() == {"error": "invalid_grant"}
    assert answer.date == "Sat, 21 Nov 2026 09:00:00 GMT"
    assert SECRET not in repr(Answer(200, "", SECRET.encode()))


@pytest.mark.parametrize(
    "parts",
    [
        (head(Content_Length="7"), b"{", b'"a":1}'),
        (head(Transfer_Encoding="chunked"), b'3\r\n{"a\r\n', b'4\r\n":1}\r\n0\r\n\r\n'),
        (head(Content_Encoding="gzip"), gzip.compress(b'{"a":1}')[:9], gzip.compress(b'{"a":1}')[9:]),
    ],
)
def test_an_answer_in_pieces_is_put_together(server: Server, parts: tuple[bytes, ...]) -> None:
    server.says(*parts, pause_s=0.02)
    assert ask(server).json_object() == {"a": 1}


@pytest.mark.parametrize(
    "parts",
    [
        (head(), b"x" * (MAX_ANSWER_BYTES + 1)),  # too long
        (head(Content_Encoding="gzip"), gzip.compress(b"x" * 10_000_000)),  # too long once unpacked
        (head(Content_Encoding="gzip"), b"not packed"),
        (head(Content_Length="100"), b"cut"),
        (head(Transfer_Encoding="chunked"), b"no number\r\n"),
        (b"not HTTP at all\r\n\r\n",),
        (),  # hangs up
    ],
)
def test_an_answer_that_is_none_is_a_passing_error(server: Server, parts: tuple[bytes, ...]) -> None:
    server.says(*parts)
    with pytest.raises(SourceUnavailableError, match="the service") as caught:
        ask(server)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("parts", "pause_s"),
    [
        (2, 0.6),  # silence in mid-answer
        (60, 0.02),  # a byte now and then, so that no single read takes long
    ],
)
def test_an_answer_that_trickles_in_is_given_up(
    server: Server, monkeypatch: pytest.MonkeyPatch, parts: int, pause_s: float
) -> None:
    monkeypatch.setattr(bounded_http, "TIMEOUT_S", 0.3)
    monkeypatch.setattr(bounded_http, "READ_DEADLINE_S", 0.3)
    given_up, server_is_done = threading.Event(), threading.Event()
    said = [head(), *[b"x"] * parts]

    def talk(connection: socket.socket) -> None:
        for part in said:
            connection.sendall(part)
            time.sleep(pause_s)
        given_up.wait(10)  # the connection stays open: only the caller can end it
        server_is_done.set()

    server.talk = talk
    with pytest.raises(SourceUnavailableError, match=r"too slow|Timeout"):
        ask(server)
    assert not server_is_done.is_set()
    given_up.set()


def test_a_redirect_is_not_followed(server: Server) -> None:
    server.says(head("302 Found", Location=server.address))
    answer = ask(server)
    assert (answer.status, answer.is_passing, server.callers) == (302, True, 1)


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(SourceUnavailableError, match="check the network"):
        call("GET", f"http://127.0.0.1:{port}/", whom="the service")


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(body=st.one_of(st.binary(), st.just(b"[" * 60_000), st.just(b'{"a":' * 10_000), st.just(b"9" * 60_000)))
def test_any_body_is_a_json_object_or_none(body: bytes) -> None:
    found = Answer(200, "", body).json_object()
    assert found is None or isinstance(found, dict)
