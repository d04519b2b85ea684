"""The metrics exporter: `python -m src.monitoring.metrics`, port 9090 (`PRODUCER_METRICS_PORT`).

For where neither producer nor worker runs all the time, or where one scrape target is wanted: it serves what Redis and
the database know. A command, so it stands at the top of the layers; nothing imports it.
"""

import argparse
import sys
from collections.abc import Sequence

from config.settings import SettingsError, load
from src.assembly.exporter import run_exporter
from src.common import exit_codes, logs


def main(arguments: Sequence[str]) -> int:
    """Run the exporter until a signal; return the exit code."""
    _parser().parse_args(arguments)
    try:
        settings = load()
        logs.configure(level=settings.log_level, format_=settings.log_format)
        return run_exporter(settings)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return exit_codes.USAGE


def _parser() -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        prog="python -m src.monitoring.metrics",
        description="Serve the metrics of Redis and the database for Prometheus until stopped. "
        "It takes no options: the port is PRODUCER_METRICS_PORT (9090), the address BIND_ADDRESS.",
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
