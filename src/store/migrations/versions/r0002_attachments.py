"""What is known of how an attachment was read, so that its text can be used again, or taken out anew."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_NEVER = "-1"
_KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    # Constant defaults: neither database rewrites its rows, however many there are.
    op.add_column("raw_emails", sa.Column("content_version", sa.BigInteger, nullable=False, server_default=_NEVER))
    for column in (
        sa.Column("scan", sa.Text, nullable=False, server_default=""),
        sa.Column("recipe", _KEY, nullable=False, server_default=""),
        sa.Column("content_version", sa.BigInteger, nullable=False, server_default=_NEVER),
    ):
        op.add_column("email_attachments", column)
    op.create_index("ix_email_attachments_outcome", "email_attachments", ["outcome", "skipped_reason"])
    is_reusable = sa.text("skipped_reason = '' AND recipe <> ''")
    op.create_index(
        "ix_email_attachments_reusable",
        "email_attachments",
        ["sha256", "recipe"],
        sqlite_where=is_reusable,
        postgresql_where=is_reusable,
    )
