"""The health endpoints of a process: `GET /health`, `/ready`, `/status`, on the process's health port.

`/health` (is it alive?) turns to 503 when a loop has stood still for long: restart the process.
`/ready` (does it work?) turns to 503 as soon as a loop is late: its service is away, or it is wedged.
`/status` says what there is to know as JSON, with the same numbers as `python -m src.cli status`; always 200.
Served by threads of their own, so that a wedged loop cannot silence them. Answers hold account tags, never addresses.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson

from src.common.beats import Beats
from src.common.errors import IngestError
from src.common.logs import get_logger, redact

log = get_logger(__name__)

WEDGED_AFTER_LATE = 5.0  # a loop that has not even moved for this many times its limit is wedged, not only late
REQUEST_TIMEOUT_S = 5.0  # for a client to send its request


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an endpoint answers."""

    is_ok: bool
    body: Mapping[str, object]


def health(beats: Beats) -> Verdict:
    """Judge whether the process is alive: no loop is wedged. A loop that waits for a service still moves."""
    limits = beats.limits_s()
    still = {loop: round(beats.stillness_s(loop), 1) for loop in limits}
    wedged = {loop: age for loop, age in still.items() if age > limits[loop] * WEDGED_AFTER_LATE}
    return Verdict(not wedged, {"status": "wedged" if wedged else "ok", "wedged_loops_s": wedged})


def ready(beats: Beats) -> Verdict:
    """Judge whether the process works: every loop went round well lately. `troubles` names the errors met."""
    late = {loop: round(age, 1) for loop, age in beats.late().items()}
    body = {"status": "late" if late else "ready", "late_loops_s": late, "troubles": dict(beats.troubles())}
    return Verdict(not late, body)


class HealthServer:
    """Serves the three endpoints until closed."""

    def __init__(self, *, address: str, port: int, beats: Beats, status: Callable[[], Mapping[str, object]]) -> None:
        self._beats = beats
        self._status = status
        self._server = _Server((address, port), _handler_for(self))
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()
        log.info("health_served", port=self.port)

    def close(self) -> None:
        """Stop answering and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(REQUEST_TIMEOUT_S)

    def answer(self, path: str) -> Verdict | None:
        """Return what `path` answers; None if there is no such endpoint."""
        if path == "/health":
            return health(self._beats)
        if path == "/ready":
            return ready(self._beats)
        if path == "/status":
            return Verdict(True, self._describe())
        return None

    def _describe(self) -> Mapping[str, object]:
        judged = {"ready": ready(self._beats).is_ok, "loops_s": dict(self._beats.ages_s())}
        try:
            return {**judged, **self._status()}
        except IngestError as error:
            return {**judged, "error": error.code, "detail": redact(str(error))}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002  # the base class names them
        log.warning("health_request_failed", exc_info=True)


def _handler_for(server: HealthServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = REQUEST_TIMEOUT_S
        server_version = "email-ingestion"
        sys_version = ""

        def do_GET(self) -> None:
            verdict = server.answer(self.path.partition("?")[0])
            status = 404 if verdict is None else 200 if verdict.is_ok else 503
            body = {"error": "not_found"} if verdict is None else verdict.body
            payload = orjson.dumps(body, default=str, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, format: str, *args: Any) -> None:
            """Requests are not logged: probes come every few seconds."""

    return Handler
