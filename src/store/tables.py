"""The tables, once for both databases. What full-text search needs besides is made in the migrations, since it differs:
`mail_fts` on SQLite (FTS5), `mail_search` on PostgreSQL (tsvector). See docs/database.md. The condition of a partial
index is in its `info`: told to SQLAlchemy it would load PostgreSQL's dialect everywhere (2 MB), and only migrations
make indexes.

Times are aware UTC in Python; SQLite keeps them as `YYYY-MM-DD HH:MM:SS.ffffff` in UTC, PostgreSQL as timestamptz.
"""

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)

NEVER = -1  # in a version column: nothing of that kind was said yet


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time on both databases; SQLite itself knows no zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None or dialect.name != "sqlite":
            return value
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None or dialect.name != "sqlite":
            return value  # PostgreSQL's sessions are in UTC, see engine.py
        return value.replace(tzinfo=UTC)


# SQLite numbers rows by itself only in an INTEGER primary key.
RowId = BigInteger().with_variant(Integer, "sqlite")

# Keys compare byte by byte on both databases: the same order everywhere, and no index that a new libc invalidates.
KeyText = Text().with_variant(Text(collation="C"), "postgresql")

# Written out, so that a query with it is seen to fit the index.
HAS_DEFECTS = text("CAST(defects AS TEXT) <> '[]'")

IS_REUSABLE = text("skipped_reason = '' AND recipe <> ''")

metadata = MetaData()

raw_emails = Table(
    "raw_emails",
    metadata,
    Column("id", RowId, primary_key=True),  # ascending in the order of writing
    Column("account", KeyText, nullable=False),
    Column("source", Text, nullable=False),  # name of the source in the registry
    Column("source_id", KeyText, nullable=False),  # the source's own id
    Column("mailbox", KeyText, nullable=False),  # where the mail lies now
    Column("uidvalidity", BigInteger, nullable=False),
    Column("uid", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),  # greatest of what was said of the living mail, or NEVER
    Column("labels_version", BigInteger, nullable=False),  # of what told labels: they may come without, or NEVER
    Column("deleted_version", BigInteger, nullable=False),  # greatest deletion, or NEVER
    # When what is known of its content was last fetched, in µs of Unix time; NEVER also for rows of schema 0001.
    Column("content_version", BigInteger, nullable=False, server_default=str(NEVER)),
    Column("is_deleted", Boolean, nullable=False),  # deleted_version >= version, and there was a deletion
    Column("is_stored", Boolean, nullable=False),  # False: a stub, the mail itself has not come
    Column("labels", JSON, nullable=False),  # sorted list
    Column("thread_id", Text, nullable=False),
    Column("history_id", BigInteger),  # Gmail's, the greatest told
    Column("message_id", KeyText, nullable=False),  # without angle brackets
    Column("in_reply_to", Text, nullable=False),
    Column("reference_ids", JSON, nullable=False),  # list, oldest first
    Column("subject", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("recipients", JSON, nullable=False),  # {"to": […], "cc": […], "bcc": […]}
    Column("snippet", Text, nullable=False),  # the beginning of the body, on one line
    Column("body", Text, nullable=False),
    Column("body_html_preview", Text, nullable=False),
    Column("headers", JSON, nullable=False),  # lower-case name to first value
    Column("defects", JSON, nullable=False),  # list of slugs
    Column("date", UtcDateTime),  # of the Date header
    Column("received_at", UtcDateTime),  # as told by the source, else `date`
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),  # hex, of the raw mail as received; empty for a stub
    Column("fetched_at", UtcDateTime, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("account", "source_id", name="uq_raw_emails_account_source_id"),
    # With `id`, a walk page by page goes on in the midst of mails that have no UID.
    Index("ix_raw_emails_place", "account", "mailbox", "uidvalidity", "uid", "id"),
    # With the two flags in it, counting mails reads this index alone.
    Index("ix_raw_emails_account_received_at", "account", "received_at", "is_deleted", "is_stored"),
    Index("ix_raw_emails_received_at", "received_at"),
    Index("ix_raw_emails_message_id", "message_id"),
    Index("ix_raw_emails_with_defects", "account", info={"where": HAS_DEFECTS}),
)

email_attachments = Table(
    "email_attachments",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("email_id", RowId, ForeignKey("raw_emails.id"), nullable=False),
    Column("position", Integer, nullable=False),  # 0-based, in the order of the mail's parts
    Column("filename", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("content_id", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),  # empty when it was never decoded
    Column("is_inline", Boolean, nullable=False),
    Column("outcome", Text, nullable=False),  # text, empty, skipped, failed
    Column("skipped_reason", Text, nullable=False),  # slug, for skipped and failed
    Column("text", Text, nullable=False),
    Column("is_truncated", Boolean, nullable=False),
    Column("metadata", JSON, nullable=False),
    Column("scan", Text, nullable=False, server_default=""),  # clean, infected, unscanned; empty: not scanned
    Column("recipe", KeyText, nullable=False, server_default=""),  # what it was taken for, and how it was read
    Column("content_version", BigInteger, nullable=False, server_default=str(NEVER)),  # as of the mail it came with
    UniqueConstraint("email_id", "position", name="uq_email_attachments_email_id_position"),
    Index("ix_email_attachments_outcome", "outcome", "skipped_reason"),  # the ledger reads this index alone
    Index("ix_email_attachments_reusable", "sha256", "recipe", info={"where": IS_REUSABLE}),
)


def _said_by_rules(name: str, what: str, *more: Index) -> Table:
    # A row for each name, and none without rules: the mails' own rows are not written for them.
    return Table(
        name,
        metadata,
        Column("email_id", RowId, ForeignKey("raw_emails.id"), primary_key=True),
        Column(what, KeyText, primary_key=True),
        *more,
        sqlite_with_rowid=False,
    )


# `status` counts, and `search --tag` looks up, by the index alone.
email_tags = _said_by_rules("email_tags", "tag", Index("ix_email_tags_tag", "tag", "email_id"))
email_rules = _said_by_rules("email_rules", "rule")  # which rules matched


def _sync_state(name: str) -> Table:
    return Table(
        name,
        metadata,
        Column("account", KeyText, primary_key=True),
        Column("mailbox", KeyText, primary_key=True),
        Column("cursor", JSON, nullable=False),  # name to value, as in Redis
        Column("error_code", Text, nullable=False),  # of the last failure; empty when well
        Column("updated_at", UtcDateTime, nullable=False),
    )


imap_sync_state = _sync_state("imap_sync_state")
gmail_sync_state = _sync_state("gmail_sync_state")
