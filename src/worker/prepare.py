"""Prepare: from a ticket and its raw mail to a Record. The only part of the work that depends on what is in a mail."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from mmap import mmap
from typing import Protocol

from src.common.errors import RawMissingError
from src.common.instruments import MAIL_DEFECTS
from src.model.envelope import Kind, RawSlices
from src.model.extraction import Attachment, AttachmentPart
from src.model.message import Message, Record
from src.model.ticket import Ticket
from src.worker.raw_mail import opened
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
Keep = Callable[[AttachmentPart], Attachment]


@dataclass(frozen=True, slots=True)
class Prepare:
    """Makes Records. `parse` and `keep` are passed in, so that a test can put in what raises, hangs or dies."""

    parse: Parse
    keep: Keep
    temp_dir: str | None = None  # for big mails; None: the system's

    def __call__(self, ticket: Ticket, raw: bytes | RawSlices | None) -> Record:
        """Return what the store shall make true. Raises RawMissingError, TempSpaceError, or whatever a bug raises."""
        if ticket.kind is not Kind.ADDED:
            return make_record(ticket)
        if raw is None:
            raise RawMissingError("the raw mail is not in Redis any more: someone deleted its key by hand")
        with opened(raw, self.temp_dir) as (data, sha256):
            message = self._message(data)
        for defect in message.defects:
            MAIL_DEFECTS.labels(defect).inc()
        return make_record(ticket, message, sha256)

    def _message(self, data: bytes | mmap) -> Message:
        parsed = self.parse(data)
        return parsed.with_attachments([self.keep(part) for part in parsed.parts])
