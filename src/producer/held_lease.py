"""HeldLease: the right to read one mailbox, kept alive by a thread of its own, however long a poll takes."""

import threading
from types import TracebackType
from typing import Self

from src.common.clock import Clock
from src.common.errors import IngestError, LeaseLostError
from src.common.logs import account_tag, get_logger
from src.stream.protocol import Lease, ProducerStream

log = get_logger(__name__)

RENEWALS_A_LEASE = 3  # two may fail before the lease runs out
JOIN_TIMEOUT_S = 5.0  # for a renewal under way to end


class HeldLease:
    """A lease while it is in use. Use in a `with` block: entering begins to renew, leaving gives it back."""

    def __init__(self, stream: ProducerStream, lease: Lease, *, lease_s: float, clock: Clock) -> None:
        self.lease = lease
        self._stream = stream
        self._lease_s = lease_s
        self._clock = clock
        self._good_until = clock.monotonic() + lease_s
        self._is_refused = False
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)

    @property
    def is_lost(self) -> bool:
        """True once another may have it. The fence in the publish script, not this, is what keeps two apart."""
        return self._is_refused or self._clock.monotonic() > self._good_until

    def check(self) -> None:
        """Raise LeaseLostError if it is lost."""
        if self.is_lost:
            raise LeaseLostError("the lease of a mailbox ran out or went to another producer: it is asked for again")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        self._thread.join(JOIN_TIMEOUT_S)
        try:
            self._stream.release_lease(self.lease)
        except IngestError:
            pass  # it runs out by itself

    def _renew(self) -> None:
        while not self._ending.wait(self._lease_s / RENEWALS_A_LEASE):
            asked_at = self._clock.monotonic()
            try:
                is_ours = self._stream.renew_lease(self.lease)
            except IngestError:
                continue  # it is lost only when its time is up
            if not is_ours:
                self._is_refused = True
                log.warning("lease_refused", account=account_tag(self.lease.account))
                return
            self._good_until = asked_at + self._lease_s
