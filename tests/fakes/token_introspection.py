"""A small OAuth 2 introspection endpoint (RFC 7662) over HTTP, for Dovecot's oauth2 passdb."""

import json
import threading
from http.server import BaseHTTPRequestHandler
from itertools import count
from urllib.parse import parse_qs

from tests.fakes.quiet_server import QuietServer


class TokenIntrospection:
    """Answers for tokens made with `issue`; any other token is inactive. Counts what it was asked."""

    def __init__(self) -> None:
        self._users: dict[str, str] = {}
        self._issued = count()
        self.is_down = False  # True: answers 503, as an identity provider in trouble does
        self.asked = 0
        self._server = QuietServer(("127.0.0.1", 0), self._handler())
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def issue(self, user: str) -> str:
        """Return a new token that is good for `user`."""
        token = f"token-{next(self._issued)}-of-{user.partition('@')[0]}"
        self._users[token] = user
        return token

    def expire(self, token: str) -> None:
        """Let `token` be good no longer."""
        self._users.pop(token, None)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode())
                outer.asked += 1
                user = outer._users.get(form.get("token", [""])[0])
                self._answer({"active": True, "username": user} if user else {"active": False})

            def _answer(self, told: dict[str, object]) -> None:
                body = json.dumps(told).encode()
                self.send_response(503 if outer.is_down else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Stay silent: tests judge by what the mail server does."""

        return Handler
