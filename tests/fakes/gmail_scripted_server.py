"""A small real HTTP server that answers as it is told, in the shapes of the Gmail API, and remembers what it was asked.

`answer` is called for each request, in the threads of the server, and returns what to send.
"""

import base64
import gzip
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.fakes.quiet_server import QuietServer


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str  # below /gmail/v1/users/me
    query: dict[str, list[str]]
    headers: dict[str, str]  # names in lower case
    body: bytes
    port: int  # of the client: tells connections apart
    at_s: float  # monotonic

    def one(self, name: str) -> str:
        """Return the only value of a parameter."""
        (value,) = self.query[name]
        return value


@dataclass
class Answer:
    """What to send."""

    told: Any = field(default_factory=dict)  # JSON, or bytes as they are
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    cut_after_bytes: int | None = None  # of the body; then the connection ends
    is_chunked: bool = False
    closes: bool = False  # "Connection: close"
    trickle_s: float = 0.0  # between each 1,000 bytes of the body

    def body(self) -> bytes:
        return self.told if isinstance(self.told, bytes) else json.dumps(self.told).encode()


Script = Callable[[Asked], Answer]


def refusal(status: int, reason: str, *, message: str = "words", **headers: str) -> Answer:
    """Return an error in the API's own form."""
    error = {"code": status, "message": message, "errors": [{"domain": "global", "reason": reason, "message": message}]}
    return Answer({"error": error}, status, {name.replace("_", "-"): value for name, value in headers.items()})


def message(message_id: str, raw: bytes | None = None, **changes: Any) -> dict[str, Any]:
    """Return a mail as messages.get gives it."""
    told = {
        "id": message_id,
        "threadId": message_id,
        "historyId": "1234567",
        "labelIds": ["INBOX", "Label_1"],
        "internalDate": "1767225600000",
        "sizeEstimate": len(raw or b""),
        **changes,
    }
    if raw is not None:
        told["raw"] = base64.urlsafe_b64encode(raw).decode()
    return told


class ScriptedServer:
    """The server; `endpoint` is what to set as GMAIL_API_ENDPOINT."""

    def __init__(self, answer: Script, tls: ssl.SSLContext | None = None) -> None:
        self.answer = answer
        self.asked: list[Asked] = []
        self.under_way = 0
        self.most_under_way = 0
        self._lock = threading.Lock()
        self._server = QuietServer(("127.0.0.1", 0), _handler_for(self))
        self._server.daemon_threads = True
        self.endpoint = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_port}/"
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)

    @contextmanager
    def serving(self) -> Iterator["ScriptedServer"]:
        """Serve until the end of the block."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    @contextmanager
    def counted(self, asked: Asked) -> Iterator[None]:
        with self._lock:
            self.asked.append(asked)
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            yield
        finally:
            with self._lock:
                self.under_way -= 1


def _handler_for(server: ScriptedServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            asked = self._asked()
            with server.counted(asked):
                answer = server.answer(asked)
                time.sleep(answer.delay_s)
                try:
                    self._send(answer)
                except OSError:
                    self.close_connection = True  # the client went away

        do_POST = do_GET

        def _asked(self) -> Asked:
            parts = urlsplit(self.path)
            query: dict[str, list[str]] = {}
            for name, value in parse_qsl(parts.query):
                query.setdefault(name, []).append(value)
            return Asked(
                self.command,
                parts.path.removeprefix("/gmail/v1/users/me"),
                query,
                {name.lower(): value for name, value in self.headers.items()},
                self.rfile.read(int(self.headers.get("content-length", 0))),
                self.client_address[1],
                time.monotonic(),
            )

        def _send(self, answer: Answer) -> None:
            body = answer.body()
            headers = {"Content-Type": "application/json; charset=UTF-8", **answer.headers}
            if headers.get("content-encoding") == "gzip":
                body = gzip.compress(body, 1)
            headers |= {"Transfer-Encoding": "chunked"} if answer.is_chunked else {"Content-Length": str(len(body))}
            if answer.closes:
                headers["Connection"] = "close"
            self.send_response(answer.status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self._send_body(answer, body)

        def _send_body(self, answer: Answer, body: bytes) -> None:
            sent = body if answer.cut_after_bytes is None else body[: answer.cut_after_bytes]
            step = 1_000 if answer.trickle_s else 100_000
            for start in range(0, len(sent), step):
                block = sent[start : start + step]
                self.wfile.write(b"%x\r\n%s\r\n" % (len(block), block) if answer.is_chunked else block)
                time.sleep(answer.trickle_s)
            if answer.cut_after_bytes is not None:
                self.close_connection = True
            elif answer.is_chunked:
                self.wfile.write(b"0\r\n\r\n")

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    return Handler
