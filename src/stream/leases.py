"""The producer's lease of a mailbox, and its cursor."""

from collections.abc import Mapping
from typing import cast

from src.common.redis_client import redis_errors
from src.model.cursor import Cursor
from src.stream.base import StreamBase
from src.stream.keys import LAST_POLL, LAST_UID, TOTAL_EMAILS, UIDVALIDITY
from src.stream.protocol import Lease


class Leases(StreamBase):
    """The part of RedisStream that says who may produce, and from where."""

    def acquire_lease(self, account: str, mailbox: str, owner: str) -> Lease | None:
        keys = self._keys_for(account, mailbox)
        token = self._run(keys, "lease", owner, self._options.lease_ms, extra_keys=(keys.lease(account, mailbox),))
        return Lease(account, mailbox, int(token), owner) if token else None

    def renew_lease(self, lease: Lease) -> bool:
        return self._change_lease(lease, self._options.lease_ms)

    def release_lease(self, lease: Lease) -> None:
        self._change_lease(lease, 0)

    def _change_lease(self, lease: Lease, lease_ms: int) -> bool:
        keys = self._keys_for(lease.account, lease.mailbox)
        extra_keys = (keys.lease(lease.account, lease.mailbox),)
        return bool(self._run(keys, "renew_lease", lease.token, lease_ms, extra_keys=extra_keys))

    def load_cursor(self, account: str, mailbox: str) -> Cursor:
        return Cursor(self._load_values(account, mailbox, kept_beside=False))

    def mailbox_state(self, account: str, mailbox: str) -> Mapping[str, str]:
        return self._load_values(account, mailbox, kept_beside=True)

    def _load_values(self, account: str, mailbox: str, *, kept_beside: bool) -> dict[str, str]:
        keys = self._keys_for(account, mailbox)
        with redis_errors():
            told = cast("set[bytes]", self._client.smembers(keys.cursor_names(account, mailbox)))
            names = {LAST_UID, UIDVALIDITY} | {name.decode("utf-8", "surrogatepass") for name in told}
            if kept_beside:
                names |= {LAST_POLL, TOTAL_EMAILS}
            ordered = sorted(names)
            state_keys = [keys.state(account, mailbox, name) for name in ordered]
            values = cast("list[bytes | None]", self._client.mget(state_keys))
        return {
            name: value.decode("utf-8", "surrogatepass")
            for name, value in zip(ordered, values, strict=True)
            if value is not None
        }
