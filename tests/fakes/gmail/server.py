"""The HTTP of the fake: real sockets, HTTP/1.1 with kept connections, gzip, and answers that break on the way.

Knows nothing of mail: a function gives the answer to a request. Reads the little of HTTP that clients of an API send;
`http.server` would spend more time on a head than the fake on its answer.
"""

import gzip
import socket
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any, Protocol

from tests.fakes.gmail.answer import Answer, Request

_DRIP_BYTES = 1024
_IDLE_S = 60.0  # after which a kept connection is closed
_MAX_LINE_BYTES = 65_536

Answering = Callable[[Request], Answer]


class HttpServer:
    """A threaded server on a free port of 127.0.0.1; it can go away and come back on the same port."""

    def __init__(self, answering: Answering) -> None:
        self._answering = answering
        self._connections: set[socket.socket] = set()
        self._stopping = threading.Event()
        self._server: ThreadingTCPServer | None = None
        self.port = 0
        # 0 to 9. 0 packs without pressing: level 1 takes this side 2 ms for a mail of 30 KB, more than all the rest.
        self.gzip_level = 0
        self.errors: list[str] = []  # of the fake itself, or of a test's hook

    def start(self) -> None:
        """Begin to serve, on the same port as before."""
        self._stopping.clear()
        self._server = _Server(("127.0.0.1", self.port), _handler_for(self))
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Stop serving and cut all connections."""
        self._stopping.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        self.cut_connections()

    def cut_connections(self) -> None:
        """Cut every connection now."""
        for connection in list(self._connections):
            _shut(connection)

    def answer(self, request: Request) -> Answer | None:
        """Answer a request; None hangs up, because the fake or a test's hook failed."""
        try:
            return self._answering(request)
        except Exception:  # noqa: BLE001 - told to the test, whose thread this is not
            self.errors.append(traceback.format_exc())
            return None

    def pause(self, seconds: float) -> None:
        """Wait, but not longer than the server lives."""
        if seconds > 0:
            self._stopping.wait(seconds)

    def opened(self, connection: socket.socket) -> None:
        self._connections.add(connection)

    def closed(self, connection: socket.socket) -> None:
        self._connections.discard(connection)


class _Server(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128  # clients that connect at the same moment

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is nothing to report; errors of the fake do not come here."""


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...
    def readline(self, size: int, /) -> bytes: ...


def _handler_for(server: HttpServer) -> type[StreamRequestHandler]:
    class Handler(StreamRequestHandler):
        disable_nagle_algorithm = True
        timeout = _IDLE_S

        def setup(self) -> None:
            super().setup()
            server.opened(self.connection)

        def finish(self) -> None:
            server.closed(self.connection)
            super().finish()

        def handle(self) -> None:
            while (request := _read(self.rfile)) is not None and (answer := server.answer(request)) is not None:
                is_kept = self._send(_Message.of(answer, request, server.gzip_level))
                if not is_kept or request.headers.get("connection") == "close":
                    return

        def _send(self, message: "_Message") -> bool:
            """Send an answer, broken if it shall be; say whether the connection may be kept."""
            answer, head, body = message.answer, message.head, message.body
            if answer.cut_after is not None:
                if answer.cut_after >= 0:
                    self.wfile.write(head + body[: int(len(body) * answer.cut_after)])
                return False
            if answer.drip_pause_s:
                self.wfile.write(head)
                for start in range(0, len(body), _DRIP_BYTES):
                    self.wfile.write(body[start : start + _DRIP_BYTES])
                    server.pause(answer.drip_pause_s)
                return True
            self.wfile.write(head + body)
            return True

    return Handler


@dataclass(frozen=True)
class _Message:
    """An answer as the bytes that go over the wire."""

    answer: Answer
    head: bytes
    body: bytes

    @classmethod
    def of(cls, answer: Answer, request: Request, gzip_level: int) -> "_Message":
        body, headers = answer.content, dict(answer.headers)
        if body and _wants_gzip(request):
            body = gzip.compress(body, gzip_level)
            headers.update({"Content-Encoding": "gzip", "Vary": "Accept-Encoding"})
        if answer.status != HTTPStatus.NO_CONTENT:
            headers["Content-Length"] = str(len(body))
        lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}", "Server: ESF"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return cls(answer, "\r\n".join([*lines, "", ""]).encode(), body)


def _read(file: "_Readable") -> Request | None:
    """Read the next request; None when the client has gone."""
    line = file.readline(_MAX_LINE_BYTES).split()
    if len(line) != 3:
        return None
    headers: dict[str, str] = {}
    while (header := file.readline(_MAX_LINE_BYTES)) not in (b"\r\n", b"\n", b""):
        name, _, value = header.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    content = file.read(int(headers.get("content-length", 0)))
    return Request(line[0].decode("latin-1"), line[1].decode("latin-1"), headers, content)


def _wants_gzip(request: Request) -> bool:
    """Say whether Google would pack the answer: the User-Agent must say gzip too."""
    return "gzip" in request.headers.get("accept-encoding", "") and "gzip" in request.headers.get("user-agent", "")


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
