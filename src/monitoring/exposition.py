"""Serving a process's metrics to Prometheus: its own instruments and the shared state, on one port."""

import threading
from wsgiref.simple_server import WSGIServer

from prometheus_client import REGISTRY, CollectorRegistry, start_http_server
from prometheus_client.registry import Collector

from src.common.logs import get_logger

log = get_logger(__name__)

CLOSE_TIMEOUT_S = 5.0  # for a scrape under way to end


class MetricsServer:
    """Serves `GET /metrics` until closed."""

    def __init__(self, server: WSGIServer, thread: threading.Thread) -> None:
        self._server = server
        self._thread = thread

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._server.server_port)

    def close(self) -> None:
        """Stop answering and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(CLOSE_TIMEOUT_S)


def serve_metrics(*, address: str, port: int, shared: Collector) -> MetricsServer:
    """Serve this process's instruments and `shared` on `port`. Raises OSError if the port is taken."""
    registry = CollectorRegistry()
    registry.register(REGISTRY)
    registry.register(shared)
    server, thread = start_http_server(port, addr=address, registry=registry)
    log.info("metrics_served", port=server.server_port)
    return MetricsServer(server, thread)
