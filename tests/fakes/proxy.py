"""A TCP proxy that stands between a client and a server and does what networks do: loses answers, cuts connections,
and goes half-open, where nothing comes and nothing is closed.
"""

import contextlib
import socket
import threading

CHUNK = 65536


class _Link:
    """One client's connection and its way on to the server."""

    def __init__(self, near: socket.socket, far: socket.socket) -> None:
        self.near = near
        self.far = far
        self.is_doomed = False  # the next answer is lost, and the connection with it

    def close(self) -> None:
        for end in (self.near, self.far):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


class Proxy:
    """Forwards to 127.0.0.1:`target_port`. Use in a `with` block."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._lock = threading.Lock()
        self._links: list[_Link] = []
        self._threads: list[threading.Thread] = []
        self._token: bytes | None = None
        self._may_pass = threading.Event()
        self._may_pass.set()
        self._is_closed = False
        self.answers_lost = 0

    def lose_answer_to(self, token: bytes) -> None:
        """Let the next request that holds `token` reach the server; lose its answer, and the connection with it."""
        with self._lock:
            self._token = token

    def cut(self) -> None:
        """Close every connection that stands now; new ones are accepted."""
        with self._lock:
            links, self._links = self._links, []
        for link in links:
            link.close()

    def go_half_open(self) -> None:
        """Pass nothing on any more, without closing anything."""
        self._may_pass.clear()

    def heal(self) -> None:
        """Pass bytes again; what stood half-open is cut."""
        self.cut()
        self._may_pass.set()

    def __enter__(self) -> "Proxy":
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._is_closed = True
        self._may_pass.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(5)

    def _start(self, action: object, *arguments: object) -> None:
        thread = threading.Thread(target=action, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._is_closed:
            try:
                near, _address = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._target_port))
            except OSError:
                near.close()  # the server is down
                continue
            for end in (near, far):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            link = _Link(near, far)
            with self._lock:
                self._links.append(link)
            self._start(self._pass_requests, link)
            self._start(self._pass_answers, link)

    def _pass_requests(self, link: _Link) -> None:
        try:
            while data := link.near.recv(CHUNK):
                self._may_pass.wait()
                with self._lock:
                    if self._token is not None and self._token in data:
                        self._token, link.is_doomed = None, True
                link.far.sendall(data)
        except OSError:
            pass
        link.close()

    def _pass_answers(self, link: _Link) -> None:
        try:
            while data := link.far.recv(CHUNK):
                self._may_pass.wait()
                if link.is_doomed:
                    self.answers_lost += 1
                    break
                link.near.sendall(data)
        except OSError:
            pass
        link.close()
