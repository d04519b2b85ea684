"""An HTTP server for tests that says nothing when a client goes away in mid-call, as those under test do on purpose."""

import sys
from http.server import ThreadingHTTPServer
from typing import Any


class QuietServer(ThreadingHTTPServer):
    """ThreadingHTTPServer, which prints a traceback of every error."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print what is a fault of the fake; a client that hung up is none."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)
