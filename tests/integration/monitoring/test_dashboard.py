"""The dashboard against the running pipeline: a producer on a real IMAP server, a worker, and a real Prometheus.

Every query of `config/grafana_dashboard.json` is run. Those about what happened bring samples; those about trouble that
did not happen may be empty, but Prometheus must take them and their metrics must be known.
"""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from src.common.embedded_redis import stop_embedded
from tests.fixtures.dovecot import DovecotServer
from tests.fixtures.dovecot_config import PASSWORD
from tests.fixtures.prometheus import PrometheusServer
from tests.fixtures.services import free_port, wait_until

ROOT = Path(__file__).resolve().parents[3]
MAILS = 25

# Metrics that have no samples while nothing goes wrong: a counter with labels is born with its first event.
SILENT_WHILE_WELL = {
    "email_ingestion_dead_letters",
    "email_ingestion_mailbox_error",
    "email_ingestion_emails_failed_total",
    "email_ingestion_backoff_retries_total",
    "email_ingestion_dlq_messages_total",
    "email_ingestion_source_errors_total",
    "gmail_attachments_skipped_total",
    "email_ingestion_needs_sign_in",
    "email_ingestion_rules_matched_total",  # this pipeline has no rules
    # Of the Gmail API; this pipeline reads IMAP. That the names are those of instruments.py is tested below.
    "gmail_sync_backfill_left",
    "gmail_sync_backfill_eta_seconds",
    "gmail_sync_messages_total",
    "gmail_sync_quota_units_total",
    "gmail_api_quota_remaining",
    "gmail_sync_errors_total",
    "gmail_sync_drift",
}


class Pipeline:
    """A producer and a worker as processes, on an IMAP server with some mails."""

    def __init__(self, folder: Path, dovecot: DovecotServer, user: str) -> None:
        self.redis = folder / "redis"
        self.user = user
        self.ports = {
            f"{who}_{what}_PORT": free_port() for who in ("PRODUCER", "WORKER") for what in ("METRICS", "HEALTH")
        }
        self.environment = {
            **os.environ,
            "REDIS_URL": f"embedded:{self.redis}",
            "DATABASE_URL": f"sqlite:///{folder}/mail.db",
            "IMAP_HOST": "127.0.0.1",
            "IMAP_PORT": str(dovecot.plain_port),
            "IMAP_TLS": "none",
            "IMAP_USER": user,
            "IMAP_AUTH": "password",
            "IMAP_PASSWORD": PASSWORD,
            "IMAP_POLL_INTERVAL_SECONDS": "1",
            "SHUTDOWN_GRACE_SECONDS": "3",
            **{name: str(port) for name, port in self.ports.items()},
        }
        self.processes = [
            subprocess.Popen([sys.executable, program], cwd=ROOT, env=self.environment)
            for program in ("producer.py", "worker.py")
        ]

    def health(self, who: str, path: str) -> httpx.Response:
        """Return what a health endpoint answers."""
        port = self.ports[f"{who}_HEALTH_PORT"]
        return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=10, trust_env=False)

    def is_caught_up(self) -> bool:
        """Tell whether all mails are in the database and both processes are ready."""
        try:
            status = self.health("WORKER", "/status").json()
            is_ready = all(self.health(who, "/ready").status_code == 200 for who in ("PRODUCER", "WORKER"))
            return bool(is_ready and status["database"]["mails"] == MAILS)
        except (httpx.TransportError, KeyError, TypeError):
            return False

    def close(self) -> None:
        """Stop all of it."""
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            assert process.wait(40) == 0
        stop_embedded(self.redis)


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory, dovecot: DovecotServer) -> Iterator[Pipeline]:
    """Give one pipeline to all tests of this file: starting it is most of their time. The last test stops its Redis."""
    user = dovecot.new_user()
    text = b"From: Ada <ada@example.org>\r\nSubject: mail %d\r\nMessage-ID: <%d@example.org>\r\n\r\nHello.\r\n"
    dovecot.deliver(user, [text % (number, number) for number in range(MAILS)])
    pipeline = Pipeline(tmp_path_factory.mktemp("pipeline"), dovecot, user)
    yield pipeline
    pipeline.close()


def _queries() -> list[str]:
    dashboard = json.loads((ROOT / "config" / "grafana_dashboard.json").read_text(encoding="utf-8"))
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    assert all(panel["datasource"]["uid"] == "PROMETHEUS_DS" for panel in panels)
    return [target["expr"] for panel in panels for target in panel["targets"]]


def test_every_metric_that_may_be_silent_is_one_of_ours() -> None:
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert all(f"| `{name}` |" in page for name in SILENT_WHILE_WELL)


def _metrics_of(query: str) -> set[str]:
    return set(re.findall(r"\b((?:email_ingestion|gmail|orphaned|temp)_[a-z_]+)", query)) - {"email_ingestion_metrics"}


def test_every_query_of_the_dashboard_works_on_the_running_pipeline(
    pipeline: Pipeline, start_prometheus: Callable[..., PrometheusServer]
) -> None:
    wait_until(pipeline.is_caught_up, what="all mails are stored", timeout_s=60)
    targets = [f"127.0.0.1:{pipeline.ports[name]}" for name in ("PRODUCER_METRICS_PORT", "WORKER_METRICS_PORT")]
    prometheus = start_prometheus(*targets)
    wait_until(lambda: prometheus.targets_up() == len(targets), what="Prometheus scraped both processes")
    freshness = "email_ingestion_mailbox_freshness_seconds"
    wait_until(lambda: bool(prometheus.query(freshness)), what="the producer told how far it read", timeout_s=30)
    # rate() needs two scrapes.
    two_scrapes = 'min(count_over_time(up{job="email_ingestion_metrics"}[1m]))'
    wait_until(lambda: float(prometheus.query(two_scrapes)[0]["value"][1]) >= 3, what="three scrapes")

    known = {found["metric"]["__name__"] for found in prometheus.query('{job="email_ingestion_metrics"}')}
    for query in _queries():
        samples = prometheus.query(query)
        silent = _metrics_of(query) & SILENT_WHILE_WELL
        missing = {name for name in _metrics_of(query) if name not in known} - SILENT_WHILE_WELL
        if not silent and "gmail_attachment_processing" not in query:
            assert not missing, f"{query} asks for {missing}, which nobody serves"
            assert samples, f"{query} brings nothing"
    produced = prometheus.query("sum(email_ingestion_emails_produced_total)")
    settled = prometheus.query("sum(email_ingestion_emails_processed_total)")
    assert float(produced[0]["value"][1]) == float(settled[0]["value"][1]) == MAILS
    assert prometheus.query("max(email_ingestion_stream_depth)")[0]["value"][1] == "0"


def test_health_endpoints_of_the_running_pipeline(pipeline: Pipeline) -> None:
    wait_until(pipeline.is_caught_up, what="all mails are stored", timeout_s=60)
    for who in ("PRODUCER", "WORKER"):
        assert pipeline.health(who, "/health").status_code == 200
        assert pipeline.health(who, "/ready").status_code == 200
        status = pipeline.health(who, "/status")
        assert status.json()["redis"]["waiting"] == 0
        assert pipeline.user not in status.text, "no address in /status"


def test_ready_turns_when_redis_goes_and_turns_back(pipeline: Pipeline) -> None:
    wait_until(pipeline.is_caught_up, what="all mails are stored", timeout_s=60)
    stop_embedded(pipeline.redis)
    wait_until(lambda: pipeline.health("WORKER", "/ready").status_code == 503, what="/ready turns", timeout_s=60)
    assert pipeline.health("WORKER", "/health").status_code == 200, "waiting for Redis is no reason to be restarted"
