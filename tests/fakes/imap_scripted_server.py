"""A small IMAP server that answers by rules: for the odd answers that no real server gives on demand.

It greets, logs anyone in and selects any mailbox; everything else is told by `rules`, which come first.
"""

import re
import socket
import threading
from collections.abc import Mapping
from typing import Any

DEFAULT_CAPABILITIES = "IMAP4rev1 AUTH=PLAIN"
_GREETING = b"* OK ready\r\n"
_TIMEOUT_S = 10

Reply = bytes | None  # b"{tag}" stands for the command's tag; None closes the connection


class ImapScriptedServer:
    """Serves one connection at a time. `rules` maps patterns of commands, without their tags, to replies in turn."""

    def __init__(
        self,
        rules: Mapping[str, Any] | None = None,  # values: a Reply or a list of them
        *,
        capabilities: str = DEFAULT_CAPABILITIES,
        greeting: bytes = _GREETING,
        segment_bytes: int = 0,
    ) -> None:
        self.commands: list[str] = []  # all that came, without tags
        self._segment_bytes = segment_bytes  # not 0: replies go out in pieces of this size
        self._greeting = greeting
        own = rules or {}
        others = {pattern: reply for pattern, reply in _defaults(capabilities).items() if pattern not in own}
        self._rules: dict[str, list[Reply]] = {
            pattern: [reply] if isinstance(reply, bytes) or reply is None else list(reply)
            for pattern, reply in {**own, **others}.items()
        }
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self) -> "ImapScriptedServer":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        self._thread.join(_TIMEOUT_S)

    def _serve(self) -> None:
        while True:
            try:
                connection, _address = self._listener.accept()
            except OSError:
                return
            connection.settimeout(_TIMEOUT_S)
            with connection:
                try:
                    self._talk(connection)
                except OSError:
                    pass  # the client left, which is its right

    def _talk(self, connection: socket.socket) -> None:
        self._send(connection, self._greeting)
        tag = b""
        with connection.makefile("rb") as lines:
            for line in lines:
                text = line.decode("utf-8", "replace").rstrip("\r\n")
                is_answer = bool(tag) and not re.match(r"\S+ [A-Z]", text)  # to a `+`, such as a SASL answer or DONE
                if not is_answer:
                    tag, text = line.partition(b" ")[0], text.partition(" ")[2]
                self.commands.append(text)
                reply = (
                    b"{tag} OK done\r\n" if is_answer and "answer" not in self._rules else self._reply(text, is_answer)
                )
                if reply is None:
                    return
                self._send(connection, reply.replace(b"{tag}", tag))

    def _reply(self, text: str, is_answer: bool) -> Reply:
        pattern = "answer" if is_answer else next(each for each in self._rules if re.fullmatch(each, text))
        replies = self._rules[pattern]
        return replies.pop(0) if len(replies) > 1 else replies[0]

    def _send(self, connection: socket.socket, data: bytes) -> None:
        step = self._segment_bytes or len(data) or 1
        for at in range(0, len(data), step):
            connection.sendall(data[at : at + step])


def _defaults(capabilities: str) -> dict[str, bytes]:
    return {
        "CAPABILITY": f"* CAPABILITY {capabilities}\r\n{{tag}} OK done\r\n".encode(),
        "AUTHENTICATE .*": b"+ \r\n",
        "ENABLE .*": b"* ENABLED\r\n{tag} OK done\r\n",
        "(SELECT|EXAMINE) .*": b"* 3 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT 9] ok\r\n"
        b"{tag} OK [READ-ONLY] done\r\n",
        "LOGOUT": b"* BYE bye\r\n{tag} OK done\r\n",
        ".*": b"{tag} OK done\r\n",
    }
