"""The first schema: mails, attachments, sync states and the full-text index."""

import sqlalchemy as sa
from alembic import op

from src.store.tables import UtcDateTime

revision = "0001"
down_revision = None

_ROW_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

# Contentless: the text lies in raw_emails, and a mail's content never changes, so that no row is ever taken out.
# The ascii tokenizer takes every non-ASCII character for a letter: src/store/words.py has folded them before.
# hashsize: words kept in memory until commit (+13 % speed over 1 MB); automerge: fewer, greater merges.
_SQLITE_SEARCH = (
    """CREATE VIRTUAL TABLE mail_fts USING fts5(
        subject, people, body, attachments, content='',
        tokenize='ascii')""",
    "INSERT INTO mail_fts(mail_fts, rank) VALUES('hashsize', 16777216)",
    "INSERT INTO mail_fts(mail_fts, rank) VALUES('automerge', 8)",
)

# A narrow table beside the mails: a search reads few pages, since the words lie out of line (toast_tuple_target), and
# uncompressed, since compressing them costs more than writing them.
# The pending list takes new words; a long one makes searching slow, a short one writing.
_POSTGRES_SEARCH = (
    """CREATE TABLE mail_search (
        email_id bigint PRIMARY KEY REFERENCES raw_emails(id),
        account text COLLATE "C" NOT NULL,
        received_at timestamptz,
        is_deleted boolean NOT NULL,
        words tsvector NOT NULL
    ) WITH (fillfactor = 90, toast_tuple_target = 128)""",
    "ALTER TABLE mail_search ALTER COLUMN words SET STORAGE EXTERNAL",
    """CREATE INDEX ix_mail_search_words ON mail_search USING gin (words)
        WITH (fastupdate = on, gin_pending_list_limit = 16384)""",
)
_HAS_LZ4 = "SELECT 'lz4' = ANY(enumvals) FROM pg_settings WHERE name = 'default_toast_compression'"
_LZ4_COLUMNS = (("raw_emails", "body"), ("raw_emails", "headers"), ("email_attachments", "text"))


def upgrade() -> None:
    _create_mails()
    _create_attachments()
    for name in ("imap_sync_state", "gmail_sync_state"):
        _create_sync_state(name)
    if op.get_bind().dialect.name == "sqlite":
        for statement in _SQLITE_SEARCH:
            op.execute(statement)
        return
    for statement in _POSTGRES_SEARCH:
        op.execute(statement)
    _compress_faster()


def _compress_faster() -> None:
    # PostgreSQL's own compression of long texts takes longer than all else of a write; some builds have no other.
    if op.get_bind().execute(sa.text(_HAS_LZ4)).scalar():
        for table, column in _LZ4_COLUMNS:
            op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET COMPRESSION lz4")


def _create_mails() -> None:
    op.create_table(
        "raw_emails",
        sa.Column("id", _ROW_ID, primary_key=True),
        sa.Column("account", _KEY, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("source_id", _KEY, nullable=False),
        sa.Column("mailbox", _KEY, nullable=False),
        *(
            sa.Column(name, sa.BigInteger, nullable=False)
            for name in ("uidvalidity", "uid", "version", "labels_version", "deleted_version")
        ),
        sa.Column("is_deleted", sa.Boolean, nullable=False),
        sa.Column("is_stored", sa.Boolean, nullable=False),
        sa.Column("labels", sa.JSON, nullable=False),
        sa.Column("thread_id", sa.Text, nullable=False),
        sa.Column("history_id", sa.BigInteger),
        sa.Column("message_id", _KEY, nullable=False),
        sa.Column("in_reply_to", sa.Text, nullable=False),
        sa.Column("reference_ids", sa.JSON, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("sender", sa.Text, nullable=False),
        sa.Column("recipients", sa.JSON, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("snippet", "body", "body_html_preview")),
        sa.Column("headers", sa.JSON, nullable=False),
        sa.Column("defects", sa.JSON, nullable=False),
        sa.Column("date", UtcDateTime),
        sa.Column("received_at", UtcDateTime),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        *(sa.Column(name, UtcDateTime, nullable=False) for name in ("fetched_at", "created_at", "updated_at")),
        sa.UniqueConstraint("account", "source_id", name="uq_raw_emails_account_source_id"),
    )
    op.create_index("ix_raw_emails_place", "raw_emails", ["account", "mailbox", "uidvalidity", "uid", "id"])
    op.create_index(
        "ix_raw_emails_account_received_at", "raw_emails", ["account", "received_at", "is_deleted", "is_stored"]
    )
    op.create_index("ix_raw_emails_received_at", "raw_emails", ["received_at"])
    op.create_index("ix_raw_emails_message_id", "raw_emails", ["message_id"])
    has_defects = sa.text("CAST(defects AS TEXT) <> '[]'")
    op.create_index(
        "ix_raw_emails_with_defects", "raw_emails", ["account"], sqlite_where=has_defects, postgresql_where=has_defects
    )


def _create_attachments() -> None:
    op.create_table(
        "email_attachments",
        sa.Column("id", _ROW_ID, primary_key=True),
        sa.Column("email_id", _ROW_ID, sa.ForeignKey("raw_emails.id"), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("filename", "content_type", "content_id")),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("is_inline", sa.Boolean, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("outcome", "skipped_reason", "text")),
        sa.Column("is_truncated", sa.Boolean, nullable=False),
        sa.Column("metadata", sa.JSON, nullable=False),
        sa.UniqueConstraint("email_id", "position", name="uq_email_attachments_email_id_position"),
    )


def _create_sync_state(name: str) -> None:
    op.create_table(
        name,
        sa.Column("account", _KEY, primary_key=True),
        sa.Column("mailbox", _KEY, primary_key=True),
        sa.Column("cursor", sa.JSON, nullable=False),
        sa.Column("error_code", sa.Text, nullable=False),
        sa.Column("updated_at", UtcDateTime, nullable=False),
    )
