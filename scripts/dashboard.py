"""The Grafana dashboard as a table: one line a panel. `make docs` writes `config/grafana_dashboard.json` from it.

Gauges about shared state are served by every process, so panels take their `max`; counters of work are summed.
"""

import json
from dataclasses import dataclass
from typing import Any

DATA_SOURCE = {"type": "prometheus", "uid": "PROMETHEUS_DS"}
JOB = 'job="email_ingestion_metrics"'
WIDTH, HEIGHT, PER_ROW = 8, 8, 3  # Grafana's grid is 24 wide


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel: what it asks, in words and as queries with their legends."""

    title: str
    meaning: str
    unit: str  # a Grafana unit id
    queries: tuple[tuple[str, str], ...]  # PromQL, legend
    kind: str = "timeseries"  # or "stat"


def _p(title: str, meaning: str, unit: str, *queries: tuple[str, str], kind: str = "timeseries") -> Panel:
    return Panel(title, meaning, unit, queries, kind)


def _quantiles(metric: str) -> tuple[tuple[str, str], ...]:
    return tuple(
        (f"histogram_quantile({q}, sum by (le) (rate({metric}_bucket{{{JOB}}}[5m])))", f"p{int(q * 100)}")
        for q in (0.5, 0.95, 0.99)
    )


ROWS: tuple[tuple[str, tuple[Panel, ...]], ...] = (
    (
        "Is all well?",
        (
            _p("Services", "1 when the service answers.", "short",
               (f"min by (service) (email_ingestion_service_up{{{JOB}}})", "{{service}}"), kind="stat"),
            _p("Dead letters", "Mails that need a person. See `dlq list`.", "short",
               (f"sum(max by (code) (email_ingestion_dead_letters{{{JOB}}}))", "dead"), kind="stat"),
            _p("Mailboxes in trouble", "Mailboxes whose last reading failed.", "short",
               (f"count(max by (account, mailbox) (email_ingestion_mailbox_error{{{JOB}}})) or vector(0)", "mailboxes"),
               kind="stat"),
        ),
    ),
    (
        "Flow",
        (
            _p("Mails a second", "In and out of the stream.", "ops",
               (f"sum(rate(email_ingestion_emails_produced_total{{{JOB}}}[5m]))", "produced"),
               (f"sum(rate(email_ingestion_emails_processed_total{{{JOB}}}[5m]))", "settled")),
            _p("Backlog", "Mails on the stream, in hand, and waiting for a retry.", "short",
               (f"max(email_ingestion_stream_depth{{{JOB}}})", "stream"),
               (f"max(email_ingestion_pending{{{JOB}}})", "in hand"),
               (f'max(email_ingestion_retries{{{JOB},state="all"}})', "retries")),
            _p("Age of the backlog", "Age of the oldest mail on the stream.", "s",
               (f"max(email_ingestion_backlog_age_seconds{{{JOB}}})", "oldest")),
            _p("Cap in use", "At 1 the producer waits.", "percentunit",
               (f"max by (of) (email_ingestion_cap_use_ratio{{{JOB}}})", "{{of}}")),
            _p("Producer waits for room", "Share of time.", "percentunit",
               (f"sum(rate(email_ingestion_backpressure_seconds_total{{{JOB}}}[5m]))", "waiting")),
            _p("Freshness", "Time since each mailbox was read to its end.", "s",
               (f"max by (account, mailbox) (email_ingestion_mailbox_freshness_seconds{{{JOB}}})",
                "{{account}} {{mailbox}}")),
        ),
    ),
    (
        "Time",
        (
            _p("Latency", "From fetching a mail to settling it.", "s",
               *_quantiles("email_ingestion_processing_latency_seconds")),
            _p("IMAP poll", "Time of one poll.", "s", *_quantiles("email_ingestion_imap_poll_duration_seconds")),
            _p("Commit", "Time of one database transaction.", "s", *_quantiles("email_ingestion_batch_commit_seconds")),
        ),
    ),
    (
        "Trouble",
        (
            _p("Failed tries", "By error code; see docs/runbooks.", "ops",
               (f"sum by (code) (rate(email_ingestion_emails_failed_total{{{JOB}}}[5m]))", "{{code}}")),
            _p("Retries", "Mails sent to wait for another try.", "ops",
               (f"sum by (code) (rate(email_ingestion_backoff_retries_total{{{JOB}}}[5m]))", "{{code}}")),
            _p("Dead letters by code", "Now, and newly dead.", "short",
               (f"max by (code) (email_ingestion_dead_letters{{{JOB}}})", "{{code}}"),
               (f"sum by (code) (increase(email_ingestion_dlq_messages_total{{{JOB}}}[1h]))", "{{code}} in 1 h")),
            _p("Source errors", "Failed steps of reading a source.", "ops",
               (f"sum by (source, code) (rate(email_ingestion_source_errors_total{{{JOB}}}[5m]))",
                "{{source}} {{code}}")),
            _p("Taken over", "Mails of silent workers, and leases lost.", "ops",
               (f"sum(rate(email_ingestion_reclaimed_total{{{JOB}}}[5m]))", "reclaimed"),
               (f"sum(rate(email_ingestion_leases_lost_total{{{JOB}}}[5m]))", "lost")),
            _p("Alarms", "Raw mail gone, group created anew: someone changed Redis by hand.", "short",
               (f"sum(increase(email_ingestion_raw_lost_total{{{JOB}}}[1h]))", "raw lost"),
               (f"sum(increase(email_ingestion_group_recreated_total{{{JOB}}}[1h]))", "group anew")),
        ),
    ),
    (
        "Gmail API",
        (
            _p("Backfill", "Old mails still to be brought, by account.", "short",
               (f"max by (account) (gmail_sync_backfill_left{{{JOB}}})", "{{account}}")),
            _p("Backfill: time left", "As the quota allows.", "s",
               (f"max by (account) (gmail_sync_backfill_eta_seconds{{{JOB}}})", "{{account}}")),
            _p("Mails", "Brought by backfills, and by the history.", "ops",
               (f"sum by (direction) (rate(gmail_sync_messages_total{{{JOB}}}[5m]))", "{{direction}}")),
            _p("Quota used", "Units a second, by what they were for.", "short",
               (f"sum by (use) (rate(gmail_sync_quota_units_total{{{JOB}}}[5m]))", "{{use}}")),
            _p("Quota left", "Units of this minute's budget that are not used yet.", "short",
               (f"min by (account) (gmail_api_quota_remaining{{{JOB}}})", "{{account}}")),
            _p("Errors and pauses", "Failed calls, and how often Google had the account wait.", "ops",
               (f"sum by (error_type) (rate(gmail_sync_errors_total{{{JOB}}}[5m]))", "{{error_type}}"),
               (f"sum(rate(gmail_sync_pauses_total{{{JOB}}}[5m]))", "pauses")),
            _p("Drift", "What the last comparison of a whole mailbox found, and mended.", "short",
               (f"max by (account, kind) (gmail_sync_drift{{{JOB}}})", "{{account}} {{kind}}")),
            _p("Latency", "From Gmail's receiving a new mail to its being fetched.", "s",
               *_quantiles("gmail_sync_latency_seconds")),
            _p("Sign-in needed", "Accounts that wait for a person.", "short",
               (f"sum(max by (account) (email_ingestion_needs_sign_in{{{JOB}}})) or vector(0)", "accounts"),
               kind="stat"),
        ),
    ),
    (
        "Attachments",
        (
            _p("Attachments", "Read, and kept as metadata only.", "ops",
               (f"sum(rate(gmail_attachments_processed_total{{{JOB}}}[5m]))", "read"),
               (f"sum by (reason) (rate(gmail_attachments_skipped_total{{{JOB}}}[5m]))", "{{reason}}")),
            _p("Time by size", "Mean time of an attachment.", "s",
               (f"sum by (size_bucket) (rate(gmail_attachment_processing_seconds_sum{{{JOB}}}[5m])) / "
                f"sum by (size_bucket) (rate(gmail_attachment_processing_seconds_count{{{JOB}}}[5m]))",
                "{{size_bucket}}")),
            _p("Temporary files", "Left by killed processes, and removed.", "short",
               (f"max(orphaned_temp_files{{{JOB}}})", "orphaned"),
               (f"sum(increase(temp_file_cleanup_total{{{JOB}}}[1h]))", "removed in 1 h")),
            _p("Rules", "Mails that each rule of RULES_FILE matched.", "short",
               (f"sum by (rule) (increase(email_ingestion_rules_matched_total{{{JOB}}}[1h]))", "{{rule}} in 1 h")),
        ),
    ),
)  # fmt: skip


def dashboard() -> dict[str, Any]:
    """Return the dashboard as Grafana imports it."""
    panels: list[dict[str, Any]] = []
    top = 0
    for title, row in ROWS:
        panels.append({"id": len(panels) + 1, "type": "row", "title": title, "collapsed": False, "panels": [],
                       "gridPos": {"h": 1, "w": 24, "x": 0, "y": top}})  # fmt: skip
        top += 1
        for position, panel in enumerate(row):
            x, y = position % PER_ROW * WIDTH, top + position // PER_ROW * HEIGHT
            panels.append(_panel(panel, len(panels) + 1, x, y))
        top += -(-len(row) // PER_ROW) * HEIGHT
    return {
        "uid": "email-ingestion",
        "title": "E-mail ingestion",
        "tags": ["email_ingestion"],
        "timezone": "browser",
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "panels": panels,
    }


def dashboard_json() -> str:
    """Return the file's text."""
    return json.dumps(dashboard(), indent=2) + "\n"


def _panel(panel: Panel, number: int, x: int, y: int) -> dict[str, Any]:
    targets = [
        {"refId": chr(ord("A") + index), "datasource": DATA_SOURCE, "expr": query, "legendFormat": legend}
        for index, (query, legend) in enumerate(panel.queries)
    ]
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.meaning,
        "datasource": DATA_SOURCE,
        "gridPos": {"h": HEIGHT, "w": WIDTH, "x": x, "y": y},
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "targets": targets,
    }
