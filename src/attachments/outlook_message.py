"""Outlook's messages (.msg, MS-OXMSG): a compound file with a storage for each recipient and attachment, and a stream
for each property. Messages inside it are storages as well, and are opened down to the same depth as archives."""

from collections.abc import Iterator

from src.attachments.bounded_read import member, text_member
from src.attachments.compound_file import CompoundFile, Entry
from src.attachments.extractor import Content
from src.attachments.limits import Limits
from src.attachments.outlook_properties import (
    ATTACHED_DATA,
    BINARY,
    BODIES,
    DISPLAY_NAME,
    INT,
    INTERNET_CODE_PAGE,
    LONG_NAME,
    MAX_RECIPIENTS,
    MEDIA_TYPE,
    MESSAGE_CODE_PAGE,
    OBJECT,
    OF_ATTACHMENT,
    OF_MESSAGE,
    OF_RECIPIENT,
    SHORT_NAME,
    STRING8,
    UNICODE,
    Properties,
    Texts,
    Value,
    message_text,
)
from src.attachments.sniff import OCTETS

FIXED = "__properties_version1.0"  # the stream of values that have a fixed size; a storage that has it is a message
MAIL, SIGNED = "message/rfc822", "multipart/signed"  # all of a signed message is in one attachment, as a mail
NAME_BYTES = 4 * 1024  # of a subject, a name or an address; read for each of 2,000 recipients
FIXED_BYTES = 64 * 1024  # of it; a message has some 100 of 16 bytes
RECIPIENT, ATTACHMENT = "__recip_version1.0_#", "__attach_version1.0_#"
FIXED_VALUE_BYTES = 16  # the head before them has 32, 24 or 8 bytes (section 2.4.1): what is left over of a multiple


class OutlookMessage:
    """Plays `Container` for .msg."""

    def members(self, data: Content, limits: Limits) -> Iterator[Content]:
        with CompoundFile(data) as file:
            yield from _Message(file, data, limits).members(file.root, "", limits.depth)


class _Message:
    """The messages of one file."""

    def __init__(self, file: CompoundFile, data: Content, limits: Limits) -> None:
        self._file = file
        self._budget = data.budget
        self._limits = limits

    def members(self, storage: Entry, name: str, depth: int) -> Iterator[Content]:
        """Yield the text of a message, then its attachments, and those of messages in it down to `depth`."""
        properties = self._properties(storage, OF_MESSAGE)
        recipients = [self._properties(each, OF_RECIPIENT) for each in _storages(storage, RECIPIENT)[:MAX_RECIPIENTS]]
        yield text_member(name, message_text(properties, recipients, self._budget), self._budget)
        code_page = Texts(properties).code_page
        for each in _storages(storage, ATTACHMENT):
            self._budget.open_member()
            yield from self._attachment(each, code_page, depth)

    def _attachment(self, storage: Entry, code_page: int, depth: int) -> Iterator[Content]:
        told = Texts(self._properties(storage, OF_ATTACHMENT), code_page)
        name = told.text(LONG_NAME, SHORT_NAME, DISPLAY_NAME)
        inner = storage.children.get(_stream_name(ATTACHED_DATA, OBJECT))
        if inner is not None and FIXED in inner.children and depth > 1:
            yield from self.members(inner, f"{name}.msg", depth - 1)
            return
        stream, data = storage.children.get(_stream_name(ATTACHED_DATA, BINARY)), None
        if stream is not None and stream.size_bytes <= self._limits.memory_bytes:
            data = self._file.read(stream, self._limits.memory_bytes)
        declared = told.text(MEDIA_TYPE).lower() or OCTETS
        yield member(name, data, self._budget, content_type=MAIL if declared == SIGNED else declared)

    def _properties(self, storage: Entry, wanted: tuple[int, ...]) -> Properties:
        found: dict[int, Value] = {}
        for each in wanted:
            for kind in (UNICODE, STRING8, BINARY):
                stream = storage.children.get(_stream_name(each, kind))
                if stream is not None and each not in found:
                    most = self._limits.html_bytes if each in BODIES else NAME_BYTES
                    found[each] = Value(kind, self._file.read(stream, most))
        return {**self._code_pages(storage), **found}

    def _code_pages(self, storage: Entry) -> dict[int, Value]:
        """Return the code pages, which are values of a fixed size: its kind and number, flags, then the value."""
        stream = storage.children.get(FIXED)
        written = self._file.read(stream, FIXED_BYTES) if stream is not None else b""
        found = {}
        for property_ in (MESSAGE_CODE_PAGE, INTERNET_CODE_PAGE):
            spelt = INT.to_bytes(2, "little") + property_.to_bytes(2, "little")
            places = range(len(written) % FIXED_VALUE_BYTES, len(written), FIXED_VALUE_BYTES)
            at = next((at for at in places if written.startswith(spelt, at)), -1)
            if at >= 0:
                found[property_] = Value(INT, written[at + 8 : at + 12])
        return found


def _storages(storage: Entry, prefix: str) -> list[Entry]:
    """Return the storages of a kind in their order, which their names count."""
    return [child for name, child in sorted(storage.children.items()) if name.startswith(prefix) and child.is_storage]


def _stream_name(property_: int, kind: int) -> str:
    return f"__substg1.0_{property_:04x}{kind:04x}"
