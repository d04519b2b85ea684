"""Getting the answer of the consent page back: a loopback redirect, or a pasted address where there is no browser.

The listener hears only 127.0.0.1 and takes exactly one thing: a GET for its own path with the state of this sign-in.
Everything else (other programs of the machine, a page that guesses ports, a wrong state) gets an error page and is
forgotten; the wait goes on. Nothing of a request is ever shown or logged.
"""

import hmac
import queue
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit, urlunsplit

from src.common.errors import SignInFailedError

REQUEST_TIMEOUT_S = 10.0  # a caller that says nothing for so long is hung up on
PASTE_TRIES = 3  # wrong pastes before the sign-in is given up
MAX_ADDRESS_CHARS = 8192  # of a redirected address; Google's have about 400
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost"})

_PAGE = (
    "<!doctype html><html lang=en><meta charset=utf-8><title>Sign-in</title>"
    "<p style='font: 1.2em sans-serif; margin: 3em'>{text}</p></html>"
)


@dataclass(frozen=True, slots=True)
class Redirect:
    """What the consent page sent back."""

    code: str = field(repr=False)  # empty when refused
    error: str  # such as `access_denied`; empty when granted


def is_loopback(redirect_uri: str) -> bool:
    """Tell whether a redirect to this address can be caught on this machine."""
    parts = urlsplit(redirect_uri)
    return parts.scheme == "http" and (parts.hostname or "") in LOOPBACK_HOSTS


def read_redirect(address: str, state: str) -> Redirect | None:
    """Return what a redirected address (or its query alone) tells; None if it is not of the sign-in with `state`."""
    if len(address) > MAX_ADDRESS_CHARS:
        return None
    try:
        query = urlsplit(address).query or address.lstrip("?")
        values = parse_qs(query, max_num_fields=30)
    except ValueError:
        return None
    told = values.get("state", [])
    if len(told) != 1 or not hmac.compare_digest(told[0].encode("utf-8", "replace"), state.encode()):
        return None
    code, error = values.get("code", [""])[0], values.get("error", [""])[0]
    return Redirect(code="" if error else code, error=error) if code or error else None


class Listener:
    """A port of 127.0.0.1 that waits for one redirect."""

    def __init__(self, redirect_uri: str) -> None:
        """Open the port of `redirect_uri`; port 0, or none, takes a free one. Raises SignInFailedError."""
        parts = urlsplit(redirect_uri)
        self._path = parts.path or "/"
        self._state = ""
        self._found: queue.Queue[Redirect] = queue.Queue(maxsize=1)
        try:
            self._server = _Server(("127.0.0.1", parts.port or 0), self._make_handler())
        except OSError as error:
            raise SignInFailedError(
                f"cannot listen on port {parts.port} of 127.0.0.1 ({error.strerror}): end what holds it, or set "
                "GOOGLE_REDIRECT_URI=http://127.0.0.1:0/ for a free one"
            ) from error
        self.redirect_uri = urlunsplit(("http", f"{parts.hostname}:{self._server.server_port}", self._path, "", ""))
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), name="sign-in", daemon=True)
        self._thread.start()

    def wait(self, state: str, timeout_s: float) -> Redirect:
        """Return the redirect that carries `state`. Raises SignInFailedError after `timeout_s` seconds."""
        self._state = state
        try:
            return self._found.get(timeout=timeout_s)
        except queue.Empty as error:
            raise SignInFailedError(
                f"nobody finished the sign-in within {timeout_s:.0f} s: start again, and with `--headless` if the "
                "browser is on another machine"
            ) from error

    def close(self) -> None:
        """Give the port back."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _take(self, path: str, host: str) -> str | None:
        """Keep the redirect if it is ours; return the text for the page, None for a request that is not."""
        if urlsplit(path).path != self._path or host.rsplit(":", 1)[0] not in LOOPBACK_HOSTS or not self._state:
            return None
        redirect = read_redirect(path, self._state)
        if redirect is None:
            return None
        try:
            self._found.put_nowait(redirect)
        except queue.Full:  # the same page loaded twice
            pass
        return "The sign-in was refused." if redirect.error else "Signed in. You may close this window."

    def _make_handler(self) -> type[BaseHTTPRequestHandler]:
        take = self._take

        class Handler(BaseHTTPRequestHandler):
            timeout = REQUEST_TIMEOUT_S
            server_version = "sign-in"
            sys_version = ""

            def do_GET(self) -> None:
                text = take(self.path, self.headers.get("Host", "")) if len(self.path) <= MAX_ADDRESS_CHARS else None
                self._answer(200 if text else 404, text or "Nothing here.")

            def _answer(self, status: int, text: str) -> None:
                page = _PAGE.format(text=text).encode()
                self.send_response(status)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(page)))
                self.send_header("Cache-Control", "no-store")
                self.send_header("Referrer-Policy", "no-referrer")  # the address holds the code
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing: request lines hold the code."""

        return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a silent caller does not hold up the end
    allow_reuse_address = False  # or another program could share the port

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a caller that hangs up is no event."""


@contextmanager
def listening(redirect_uri: str) -> Iterator[Listener]:
    """Listen for a redirect; closed on leaving."""
    listener = Listener(redirect_uri)
    try:
        yield listener
    finally:
        listener.close()


def paste_redirect_uri(redirect_uri: str) -> str:
    """Return a redirect for pasting: nobody needs to listen, so port 0 becomes one that is free here just now."""
    parts = urlsplit(redirect_uri)
    if not is_loopback(redirect_uri) or parts.port:
        return redirect_uri
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return urlunsplit(("http", f"{parts.hostname}:{port}", parts.path or "/", "", ""))


def ask_for_paste(state: str, *, ask: Callable[[], str], say: Callable[[str], None], timeout_s: float) -> Redirect:
    """Return the redirect that the person pastes. `ask` blocks for one line and returns "" at the end of the input.

    Raises SignInFailedError after `PASTE_TRIES` wrong pastes, at the end of the input, or when it took too long.
    """
    deadline = time.monotonic() + timeout_s
    for _ in range(PASTE_TRIES):
        line = ask()
        if not line or time.monotonic() > deadline:
            break
        redirect = read_redirect(line.strip(), state)
        if redirect is not None:
            return redirect
        say("That is not the address of this sign-in. It begins with the redirect address above and holds `code=`.")
    raise SignInFailedError("no redirected address of this sign-in was pasted: start again with `--headless`")
