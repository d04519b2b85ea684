"""The status report as JSON: for `status --json`, with names, and for `/status`, which others may read, without."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

from src.common.logs import account_tag
from src.monitoring.status import AccountStatus, StatusReport, Unavailable, cap_use, is_full
from src.store.protocol import StoreStats
from src.stream.protocol import SILENT_AFTER_S, StreamStats


def as_json(report: StatusReport, *, with_names: bool) -> dict[str, object]:
    """Return the report for JSON. Without names, accounts and mailboxes appear as tags only."""
    return {
        "taken_at": report.taken_at.isoformat(),
        "redis": _service_json(report.stream),
        "database": _service_json(report.database),
        "accounts": [_account_json(account, with_names=with_names) for account in report.accounts],
    }


def _service_json(found: StreamStats | StoreStats | Unavailable) -> dict[str, object]:
    if isinstance(found, Unavailable):
        return {"is_up": False, **asdict(found)}
    told = {"is_up": True, **_plain(found)}
    if isinstance(found, StreamStats):
        told |= {"is_full": is_full(found), "cap_use": round(cap_use(found), 4)}
        told["workers_alive"] = sum(silent_s <= SILENT_AFTER_S for silent_s in found.consumers.values())
    return told


def _account_json(account: AccountStatus, *, with_names: bool) -> dict[str, object]:
    return {
        **({"account": account.account} if with_names else {}),
        "tag": account.tag,
        "stored": _plain(account.stored) if account.stored else None,
        "mailboxes": [
            {
                **({"mailbox": box.mailbox} if with_names else {}),
                "tag": account_tag(box.mailbox),
                "cursor": dict(box.cursor),
                "last_poll_at": box.last_poll_at.isoformat() if box.last_poll_at else None,
                "age_s": box.age_s,
                "error_code": box.error_code,
                "retired_at": box.retired_at.isoformat() if box.retired_at else None,
                "left": box.left_mails,
                "left_s": box.left_s,
                "left_at": box.left_at.isoformat() if box.left_at else None,
            }
            for box in account.mailboxes
        ],
    }


def _plain(stats: StreamStats | StoreStats) -> dict[str, object]:
    values = {name: getattr(stats, name) for name in stats.__dataclass_fields__}
    return {
        name: value.isoformat() if isinstance(value, datetime) else dict(value) if isinstance(value, Mapping) else value
        for name, value in values.items()
    }
