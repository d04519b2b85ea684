"""A TCP proxy before Redis that now and then loses a reply: the command was carried out, the client never learns of it.

Losing means: the server's bytes are thrown away and both connections are closed, as when a network breaks.
"""

import random
import socket
import threading
from contextlib import suppress

CHUNK = 64 * 1024
CONNECT_TIMEOUT_S = 5.0


class LossyProxy:
    """Listens on a free port of 127.0.0.1 until closed; threads do the copying."""

    def __init__(self, target_port: int, *, loss: float, seed: int) -> None:
        self.loss = loss  # chance that a chunk of replies is lost; may be set to 0 to end the mischief
        self.lost = 0
        self._target_port = target_port
        self._rng = random.Random(seed)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._accept, name="lossy-proxy", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port to connect to."""
        return int(self._listener.getsockname()[1])

    def close(self) -> None:
        """Stop listening and cut every connection."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for connection in list(self._open):
                _cut(connection)
        self._thread.join(CONNECT_TIMEOUT_S)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._target_port), CONNECT_TIMEOUT_S)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            with self._lock:
                self._open |= {client, server}
            for source, sink, is_reply in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._copy, args=(source, sink, is_reply), daemon=True).start()

    def _copy(self, source: socket.socket, sink: socket.socket, is_reply: bool) -> None:
        with suppress(OSError):
            while data := source.recv(CHUNK):
                if is_reply and self._rng.random() < self.loss:
                    self.lost += 1
                    break
                sink.sendall(data)
        with self._lock:
            for end in (source, sink):
                _cut(end)
                self._open.discard(end)


def _cut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
