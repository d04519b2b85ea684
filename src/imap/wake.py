"""Wake: lets another thread end a wait on a socket."""

import socket


class Wake:
    """A pair of sockets: a byte in one makes the other readable. `set` is safe from any thread, also after `close`."""

    def __init__(self) -> None:
        self.reader, self._writer = socket.socketpair()
        self.reader.setblocking(False)
        self._writer.setblocking(False)

    def set(self) -> None:
        """End the present wait, or the next one."""
        try:
            self._writer.send(b"!")
        except OSError:
            pass  # full: it is set already; closed: nobody waits

    def take(self) -> bool:
        """Return whether it was set, and forget it."""
        try:
            return bool(self.reader.recv(64))
        except OSError:
            return False

    def close(self) -> None:
        """Let go of the sockets. May be called twice."""
        self.reader.close()
        self._writer.close()
