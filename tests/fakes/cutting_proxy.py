"""A TCP proxy that hurts: it cuts a connection after so many bytes, or delays all bytes as a long line does."""

import socket
import threading
import time
from collections import deque

_CHUNK_BYTES = 64 * 1024


class CuttingProxy:
    """Passes bytes between clients and a port on this machine."""

    def __init__(self, port: int, *, cut_after_bytes: int = 0, delay_s: float = 0.0) -> None:
        self._target_port = port
        self.cut_after_bytes = cut_after_bytes  # not 0: of the server's bytes on one connection, then it is cut
        self._delay_s = delay_s  # each way: half a round trip
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def __enter__(self) -> "CuttingProxy":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def cut(self) -> None:
        """Cut every connection now."""
        for sock in self._sockets:
            _shut(sock)
        self._sockets.clear()

    def close(self) -> None:
        _shut(self._listener)
        self._listener.close()
        self.cut()
        self._thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                client, _address = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._target_port))
            for sock in (client, server):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets += [client, server]
            for source, sink, limit in ((client, server, 0), (server, client, self.cut_after_bytes)):
                _Pipe(source, sink, limit, self._delay_s).start()


class _Pipe:
    """One direction. Reading and writing are apart, so that a delay takes no throughput."""

    def __init__(self, source: socket.socket, sink: socket.socket, limit: int, delay_s: float) -> None:
        self._source, self._sink, self._limit, self._delay_s = source, sink, limit, delay_s
        self._queue: deque[tuple[float, bytes]] = deque()  # when it is due, and what; b"" is the end
        self._has_more = threading.Condition()

    def start(self) -> None:
        for work in (self._read, self._write):
            threading.Thread(target=work, daemon=True).start()

    def _read(self) -> None:
        passed = 0
        while True:
            try:
                data = self._source.recv(_CHUNK_BYTES)
            except OSError:
                data = b""
            if self._limit and passed + len(data) >= self._limit:
                self._put(data[: self._limit - passed])
                data = b""
            passed += len(data)
            self._put(data)
            if not data:
                return

    def _put(self, data: bytes) -> None:
        with self._has_more:
            self._queue.append((time.monotonic() + self._delay_s, data))
            self._has_more.notify()

    def _write(self) -> None:
        while True:
            with self._has_more:
                while not self._queue:
                    self._has_more.wait()
                due, data = self._queue.popleft()
            time.sleep(max(0.0, due - time.monotonic()))
            try:
                if data:
                    self._sink.sendall(data)
                    continue
            except OSError:
                pass
            for sock in (self._sink, self._source):
                _shut(sock)
                sock.close()
            return


def _shut(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
