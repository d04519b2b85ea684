"""Prepare: from a ticket and its raw mail to a Record. The only part of the work that depends on what is in a mail.

Most mails are prepared at once. One with an attachment that has to be waited for becomes `Unfinished`: parsed, what is
quickly read already kept, and the rest left for another thread (window.py).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from mmap import mmap
from threading import Lock
from typing import Protocol

from src.common.errors import RawMissingError
from src.common.instruments import MAIL_DEFECTS, RULES_MATCHED
from src.model.envelope import Kind, RawSlices
from src.model.extraction import Attachment, AttachmentPart
from src.model.message import Decide, Message, Record
from src.model.ticket import Ticket
from src.store.decided import as_told
from src.worker.allowance import Allowance, Keep, Leave
from src.worker.raw_mail import opened, sha256_of
from src.worker.record import make_record


class ParsedMail(Protocol):
    """What a parser gives; it reads from the raw mail."""

    @property
    def parts(self) -> Sequence[AttachmentPart]:
        """The parts that are attachments, in order."""
        ...

    def with_attachments(self, attachments: Sequence[Attachment]) -> Message:
        """Return the message with its attachments as they were kept."""
        ...


Parse = Callable[[bytes | mmap], ParsedMail]
KeepNow = Callable[[AttachmentPart], Attachment | None]  # None: has to be waited for
Finish = Callable[[], Record]


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A mail that has to be waited for. `finish` does so, in any thread, and raises what Prepare raises."""

    finish: Finish
    held_bytes: int  # of raw mail, in memory until it is finished


@dataclass(frozen=True, slots=True)
class Prepare:
    """Makes Records. `parse` and `keep` are passed in, so that a test can put in what raises, hangs or dies."""

    parse: Parse
    keep: Keep
    now: KeepNow | None = None  # None: `keep` is always quick
    temp_dir: str | None = None  # for big mails; None: the system's
    one_big_mail: Lock = field(default_factory=Lock)  # at a time: each takes about its size of memory
    leave: Leave | None = None  # for what is beyond a mail's allowance; None: there is no such bound
    decide: Decide = as_told  # by the rules, where there are any

    def __call__(self, ticket: Ticket, raw: bytes | RawSlices | None) -> Record:
        """Return what the store shall make true. Raises RawMissingError, TempSpaceError, SandboxUnavailableError, or
        whatever a bug raises."""
        begun = self.begin(ticket, raw)
        return begun.finish() if isinstance(begun, Unfinished) else begun

    def begin(self, ticket: Ticket, raw: bytes | RawSlices | None) -> Record | Unfinished:
        """Return the Record, or what is left to do for it. Raises as calling it does."""
        if ticket.kind is not Kind.ADDED:
            return make_record(ticket)
        if raw is None:
            raise RawMissingError("the raw mail is not in Redis any more: someone deleted its key by hand")
        if self.now is None:
            return self._whole(ticket, raw)
        if not isinstance(raw, bytes):  # big: laid down in a file first, which takes its time
            return Unfinished(lambda: self._big_one(ticket, raw), held_bytes=0)
        parsed = self.parse(raw)
        kept = [self.now(part) for part in parsed.parts]
        if None not in kept:
            return self._record(ticket, parsed, [each for each in kept if each], sha256_of(raw))
        # Hashed with the rest, in another thread: of a mail with a scan it is half of what the main loop would do.
        return Unfinished(
            lambda: self._record(ticket, parsed, self._with_the_rest(parsed, kept), sha256_of(raw)), held_bytes=len(raw)
        )

    def _big_one(self, ticket: Ticket, raw: RawSlices) -> Record:
        with self.one_big_mail:
            return self._whole(ticket, raw)

    def _whole(self, ticket: Ticket, raw: bytes | RawSlices) -> Record:
        with opened(raw, self.temp_dir) as (data, sha256):
            parsed = self.parse(data)
            keep = self._keep_of_one_mail()
            return self._record(ticket, parsed, [keep(part) for part in parsed.parts], sha256)

    def _with_the_rest(self, parsed: ParsedMail, kept: Sequence[Attachment | None]) -> list[Attachment]:
        keep = self._keep_of_one_mail()
        return [each or keep(part) for part, each in zip(parsed.parts, kept, strict=True)]

    def _keep_of_one_mail(self) -> Keep:
        return self.keep if self.leave is None else Allowance(self.keep, self.leave).keep

    def _record(self, ticket: Ticket, parsed: ParsedMail, attachments: Sequence[Attachment], sha256: str) -> Record:
        message = parsed.with_attachments(attachments)
        for defect in message.defects:
            MAIL_DEFECTS.labels(defect).inc()
        return self._decided(make_record(ticket, message, sha256))

    def _decided(self, record: Record) -> Record:
        decision = self.decide(record)
        if decision is None:
            return record
        for rule in decision.rules:
            RULES_MATCHED.labels(rule).inc()
        return replace(record, decision=decision)
