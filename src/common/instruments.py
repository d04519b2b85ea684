"""Every metric, defined once, with the values of each label. Names of CONTRACT.md are kept to the letter.

Counters and histograms are counted by the process that does the work. Gauges about shared state (the stream, the
database) are not here: `src/monitoring/collector.py` reads them afresh at each scrape.
Labels never hold an address: an account appears as `account_tag`.
"""

from prometheus_client import Counter, Gauge, Histogram

_LATENCY_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
_POLL_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)

# --- producer --------------------------------------------------------------------------------------------------------
EMAILS_PRODUCED = Counter(
    "email_ingestion_emails_produced_total",
    "Envelopes put on the stream.",
    ["source", "kind"],  # source: name in the registry; kind: added, changed, deleted
)
IMAP_POLL_DURATION = Histogram(
    "email_ingestion_imap_poll_duration_seconds", "Time of one poll of an IMAP mailbox.", buckets=_POLL_S
)
BACKPRESSURE_SECONDS = Counter(
    "email_ingestion_backpressure_seconds_total", "Time producers waited for room on the stream."
)
IS_BACKPRESSURED = Gauge("email_ingestion_backpressure", "1 while this producer waits for room on the stream.")
PUBLISH_REPEATED = Counter(
    "email_ingestion_emails_repeated_total", "Envelopes not published since they were on their way or published lately."
)
SOURCE_ERRORS = Counter(
    "email_ingestion_source_errors_total",
    "Failed steps of reading a source.",
    ["source", "code"],  # code: of the error
)
RECONNECTS = Counter("email_ingestion_source_reconnects_total", "Connections opened to a source.", ["source"])
LAST_POLL_TIMESTAMP = Gauge(
    "email_ingestion_mailbox_last_poll_timestamp_seconds",
    "When a mailbox was last read to its end, Unix time.",
    ["account", "mailbox"],  # account_tag of each, as of email_ingestion_mailbox_freshness_seconds
)

# --- Gmail API --------------------------------------------------------------------------------------------------------
GMAIL_SYNC_ERRORS = Counter(
    "gmail_sync_errors_total",
    "Calls to the Gmail API that failed.",
    # rate_limit, auth, permission, precondition, server, network, answer, request: src/sync/gmail_errors.py
    ["error_type"],
)
GMAIL_QUOTA_REMAINING = Gauge(
    "gmail_api_quota_remaining",
    "Units of this minute's budget not used yet, as last seen by this process.",
    ["account"],  # account_tag
)
GMAIL_QUOTA_UNITS = Counter(
    "gmail_sync_quota_units_total",
    "Units of the Gmail API's quota used.",
    ["call", "use"],  # call: get, list, history, labels, profile, watch, stop; use: live, backfill, census
)
GMAIL_QUOTA_WAIT = Histogram(
    "gmail_sync_quota_wait_seconds",
    "Time a call waited for its turn.",
    ["use"],  # live, backfill, census
    buckets=_POLL_S,
)
GMAIL_SYNC_MESSAGES = Counter(
    "gmail_sync_messages_total",
    "Mails fetched through the Gmail API.",
    ["direction"],  # backfill, incremental
)
GMAIL_BACKFILL_LEFT = Gauge(
    "gmail_sync_backfill_left", "Mails that the backfill has still to look at; 0 when it is done.", ["account"]
)
GMAIL_BACKFILL_ETA = Gauge(
    "gmail_sync_backfill_eta_seconds", "Seconds that the rest of the backfill takes by the quota.", ["account"]
)
GMAIL_SYNC_LATENCY = Histogram(
    "gmail_sync_latency_seconds", "From Gmail's receiving a new mail to its being fetched.", buckets=_LATENCY_S
)
GMAIL_HISTORY_GAP = Gauge(
    "gmail_history_gap",
    "How far the history that was read lies behind the mailbox, in history ids; 0 when read to its end.",
    ["account"],  # account_tag
)
GMAIL_DRIFT = Gauge(
    "gmail_sync_drift",
    "Mails that the last comparison of a whole mailbox found to differ, and mended.",
    ["account", "kind"],  # account_tag; missing, extra, labels
)
GMAIL_WATCH_EXPIRES = Gauge(
    "email_ingestion_gmail_watch_expires_timestamp_seconds",
    "When Gmail ceases to tell of changes of an account unless asked again, Unix time; 0: it never agreed.",
    ["account"],  # account_tag
)
PUSH_EVENTS = Counter(
    "email_ingestion_gmail_push_events_total",
    "Events pulled from Pub/Sub.",
    ["outcome"],  # hint: of an account read here; other: of one that is not read here; broken: not of Gmail's making
)
PUSH_UP = Gauge(
    "email_ingestion_gmail_push_up",
    "1 while the Pub/Sub subscription can be pulled; without it mail comes at the next poll.",
    ["subscription"],  # last part of its name
)
PUSH_ERRORS = Counter(
    "email_ingestion_gmail_push_errors_total",
    "Failures on the way of a push; mail then comes at the next poll.",
    ["step", "code"],  # step: watch, pull, listen; code: of the error
)
GMAIL_PAUSES = Counter("gmail_sync_pauses_total", "Times Google throttled an account, and all its calls paused.")

# --- worker ----------------------------------------------------------------------------------------------------------
EMAILS_PROCESSED = Counter(
    "email_ingestion_emails_processed_total",
    "Envelopes settled.",
    ["outcome"],  # done, skipped
)
EMAILS_FAILED = Counter(
    "email_ingestion_emails_failed_total",
    "Tries that failed.",
    ["code"],  # of the error
)
DLQ_MESSAGES = Counter(
    "email_ingestion_dlq_messages_total",
    "Mails this process put into the dead letters.",
    ["code"],  # of the error
)
BACKOFF_RETRIES = Counter(
    "email_ingestion_backoff_retries_total",
    "Mails sent to wait for another try.",
    ["code"],  # of the error
)
PROCESSING_LATENCY = Histogram(
    "email_ingestion_processing_latency_seconds", "From fetching a mail to settling it.", buckets=_LATENCY_S
)
BATCH_COMMIT = Histogram(
    "email_ingestion_batch_commit_seconds", "Time of one database transaction of a batch.", buckets=_POLL_S
)
BATCH_SPLITS = Counter("email_ingestion_batch_splits_total", "Batches halved because the database refused them.")
LEASES_LOST = Counter("email_ingestion_leases_lost_total", "Mails that another worker took over meanwhile.")
RECLAIMED = Counter("email_ingestion_reclaimed_total", "Mails taken over from silent workers.")
PROMOTED = Counter("email_ingestion_retries_promoted_total", "Retries put back on the stream.")
GROUP_RECREATED = Counter("email_ingestion_group_recreated_total", "Times the consumer group had to be created anew.")
RAW_LOST = Counter(
    "email_ingestion_raw_lost_total", "Tickets whose raw mail, or entries whose data, was gone: an alarm."
)
MAIL_DEFECTS = Counter(
    "email_ingestion_mail_defects_total",
    "Defects found while parsing.",
    ["defect"],  # slugs of src/mail/defects.py
)
RULES_MATCHED = Counter(
    "email_ingestion_rules_matched_total",
    "Mails that a rule matched, each time that they were worked on.",
    ["rule"],  # its name in RULES_FILE, which holds at most 200
)
WORKER_WAITS = Gauge(
    "email_ingestion_worker_waits",
    "1 while this worker holds its mails and waits for a service to come back.",
    ["service"],  # redis, database
)
WORKER_RESTARTS = Counter(
    "email_ingestion_worker_restarts_total", "Worker processes that ended by themselves and were started again."
)

# --- attachments -----------------------------------------------------------------------------------------------------
ATTACHMENT_SECONDS = Histogram(
    "gmail_attachment_processing_seconds",
    "Time to take the text out of an attachment.",
    ["size_bucket"],  # <1MB, 1-10MB, 10-50MB, >50MB
    buckets=_LATENCY_S,
)
ATTACHMENTS_PROCESSED = Counter("gmail_attachments_processed_total", "Attachments read.")
ATTACHMENTS_SKIPPED = Counter(
    "gmail_attachments_skipped_total",
    "Attachments of which only metadata was kept.",
    ["reason"],  # too_large, unsupported_type, …
)
ATTACHMENTS_REUSED = Counter(
    "email_ingestion_attachments_reused_total", "Attachments whose text was known from the same bytes."
)
SCANS = Counter(
    "email_ingestion_scans_total",
    "Attachments offered to the virus scanner.",
    ["verdict"],  # clean, infected, unscanned
)
SLOW_MAILS = Gauge(
    "email_ingestion_slow_mails", "Mails that wait for the text of their attachments, while others are worked on."
)
TEMP_FILE_CLEANUP = Counter("temp_file_cleanup_total", "Temporary files removed.")
ORPHANED_TEMP_FILES = Gauge("orphaned_temp_files", "Temporary files that a killed process left, at the last sweep.")

# --- loops -----------------------------------------------------------------------------------------------------------
LOOP_BEAT_TIMESTAMP = Gauge(
    "email_ingestion_loop_beat_timestamp_seconds",
    "When a loop last went round well, Unix time.",
    ["loop"],  # poll, read, commit, renew, maintain
)
