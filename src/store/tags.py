"""Tags as they are stored: counted, told of each mail, and looked up."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.engine import Connection

from src.store.bounds import clean
from src.store.tables import email_rules, email_tags, raw_emails

MOST_COUNTED = 50  # tags of which the stats tell: more than anybody reads

_mail = raw_emails.c

# Put into the searches' own statements; `:tag` is their parameter.
CARRIES_TAG = "EXISTS (SELECT 1 FROM email_tags t WHERE t.email_id = {id} AND t.tag = :tag)"


def mails_by_tag(connection: Connection) -> dict[str, int]:
    """Count the mails that carry each tag, the most frequent first; read from the index alone."""
    counted = func.count().label("mails")
    wanted = select(email_tags.c.tag, counted).group_by(email_tags.c.tag).order_by(counted.desc(), email_tags.c.tag)
    return {row.tag: row.mails for row in connection.execute(wanted.limit(MOST_COUNTED))}


def tags_of(connection: Connection, ids: Sequence[int]) -> dict[int, list[str]]:
    """Return the tags of these mails, sorted; nothing of a mail that has none."""
    return _by_mail(connection, select(email_tags).where(email_tags.c.email_id.in_(ids)))


def rules_of(connection: Connection, ids: Sequence[int]) -> dict[int, list[str]]:
    """Return the names of the rules that matched these mails, sorted; nothing of a mail that none matched."""
    return _by_mail(connection, select(email_rules).where(email_rules.c.email_id.in_(ids)))


def newest_with(connection: Connection, tag: str, account: str | None, *, limit: int, with_deleted: bool) -> list[int]:
    """Return the rows of the mails that carry a tag, the newest first."""
    wanted = select(_mail.id).join(email_tags, email_tags.c.email_id == _mail.id).where(email_tags.c.tag == clean(tag))
    if account is not None:
        wanted = wanted.where(_mail.account == clean(account))
    if not with_deleted:
        wanted = wanted.where(~_mail.is_deleted)
    newest = wanted.order_by(_mail.received_at.desc().nulls_last(), _mail.id.desc()).limit(limit)
    return list(connection.execute(newest).scalars())


def _by_mail(connection: Connection, wanted: Select[Any]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for id_, name in connection.execute(wanted):
        found.setdefault(id_, []).append(name)
    return {id_: sorted(names) for id_, names in found.items()}
