"""What rules say of mails: their tags, and which rules matched."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_ROW_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    # Tables of their own: no row of a mail is touched, and a worker of the release before goes on writing.
    for table, name in (("email_tags", "tag"), ("email_rules", "rule")):
        op.create_table(
            table,
            sa.Column("email_id", _ROW_ID, sa.ForeignKey("raw_emails.id"), primary_key=True, autoincrement=False),
            sa.Column(name, _KEY, primary_key=True),
            sqlite_with_rowid=False,
        )
    op.create_index("ix_email_tags_tag", "email_tags", ["tag", "email_id"])
