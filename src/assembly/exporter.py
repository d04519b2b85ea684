"""The metrics exporter, put together: `python -m src.monitoring.metrics`."""

from contextlib import ExitStack

from config.settings import Settings, SettingsError
from src.assembly.services import OpenStream, open_existing_store, open_stream
from src.common import exit_codes
from src.common.clock import SystemClock
from src.common.late import Late
from src.common.shutdown import Shutdown
from src.monitoring.collector import SharedStateCollector
from src.monitoring.exposition import serve_metrics

EXPORTER_TICK_S = 1.0  # how often the exporter looks up; it works in threads of its own


def run_exporter(settings: Settings) -> int:
    """Serve the metrics of Redis and the database until a stop is asked for, whether they answer or not."""
    shutdown = Shutdown()
    shutdown.listen()
    with ExitStack() as closing:
        stream = Late(lambda: open_stream(settings, name="exporter"), OpenStream.close)
        store = Late(lambda: open_existing_store(settings), lambda opened: opened.close())
        closing.callback(stream.close)
        closing.callback(store.close)
        shared = SharedStateCollector(
            stream_stats=lambda: stream.get().stats(),
            store_stats=lambda: store.get().stats(),
            sync_states=lambda: store.get().sync_states(),
            clock=SystemClock(),
        )
        address, port = settings.bind_address, settings.producer_metrics_port
        try:
            server = serve_metrics(address=address, port=port, shared=shared)
        except OSError as error:
            raise SettingsError(
                f"PRODUCER_METRICS_PORT={port} cannot be served ({error.strerror}): a producer on this machine serves "
                "the same metrics there already; else choose another port"
            ) from error
        closing.callback(server.close)
        while not shutdown.wait(EXPORTER_TICK_S):
            pass
    return exit_codes.OK
