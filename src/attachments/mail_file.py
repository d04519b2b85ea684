"""Mails that come as files (.eml): their fields, body and attachments. The child process passes the parser in."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from src.attachments.bounded_read import member, text_member
from src.attachments.extractor import Content, NotExtractedError
from src.attachments.limits import Limits
from src.model.extraction import AttachmentPart
from src.model.message import Message


class ParsedMail(Protocol):
    """What the parser gives."""

    @property
    def message(self) -> Message: ...

    @property
    def parts(self) -> Sequence[AttachmentPart]: ...


Parse = Callable[[bytes], ParsedMail]


@dataclass(frozen=True, slots=True)
class MailFile:
    """Plays `Container` for message/rfc822."""

    parse: Parse | None = None  # None in the worker, which never reads one itself

    def members(self, data: Content, limits: Limits) -> Iterator[Content]:
        if self.parse is None or data.size_bytes > limits.decoded_bytes:
            raise NotExtractedError("unsupported_type")
        parsed = self.parse(data.first(data.size_bytes))
        yield text_member("", _text(parsed.message), data.budget)
        for part in parsed.parts:
            data.budget.open_member()
            if part.known_text is not None:
                known = part.known_text.encode()
                yield member(part.filename, known, data.budget, content_type="text/plain", charset="utf-8")
            elif part.estimated_size_bytes <= limits.memory_bytes:
                decoded = part.decode()
                data.budget.inflate(len(decoded))
                yield member(part.filename, decoded, data.budget, content_type=part.content_type, charset=part.charset)
            else:
                yield member(part.filename, None, data.budget)


def _text(message: Message) -> str:
    people = ", ".join(str(address) for address in (*message.to, *message.cc))
    lines = (message.subject, str(message.sender) if message.sender else "", people, "", message.body_text)
    return "\n".join(lines).strip()
