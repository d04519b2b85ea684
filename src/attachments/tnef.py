"""winmail.dat (MS-OXTNEF): how Outlook wraps body and attachments when it thinks that the other side uses it as well.

A stream of attributes: level, number, length, data, checksum. First those of the message, then for each attachment a
series that begins anew. A length that goes beyond the file ends the reading; checksums are not looked at, since many
writers get them wrong. Messages inside are such streams again, and are read as members.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from src.attachments.bounded_read import member, text_member
from src.attachments.extractor import Budget, Content
from src.attachments.limits import Limits
from src.attachments.outlook_properties import (
    ATTACHED_DATA,
    BODY,
    DISPLAY_NAME,
    LONG_NAME,
    MEDIA_TYPE,
    OBJECT,
    SHORT_NAME,
    STRING8,
    SUBJECT,
    Properties,
    Texts,
    Value,
    message_text,
)
from src.attachments.sniff import OCTETS
from src.attachments.tnef_properties import properties_from, rows_from

_SIGNATURE_BYTES = 6  # with the key behind it
_HEAD = struct.Struct("<BII")
_CHECKSUM_BYTES = 2
_OF_MESSAGE, _OF_ATTACHMENT = 1, 2
_INTERFACE_BYTES = 16  # before the data of an object
# Lower halves of the attributes' numbers, section 2.1.2; the upper ones are kinds.
_SUBJECT, _BODY, _CODE_PAGE = 0x8004, 0x800C, 0x9007
_MESSAGE_PROPERTIES, _RECIPIENTS = 0x9003, 0x9004
_NEXT_ATTACHMENT, _TITLE, _DATA, _ATTACHMENT_PROPERTIES = 0x9002, 0x8010, 0x800F, 0x9005


class Tnef:
    """Plays `Container` for winmail.dat."""

    def members(self, data: Content, limits: Limits) -> Iterator[Content]:
        message, attachment = _Message(), _Attachment()
        is_told = False
        with data.open() as file:
            for level, number, value in _attributes(file, data.budget, limits.memory_bytes):
                if level == _OF_MESSAGE:
                    message.hear(number, value or b"")
                    continue
                if not is_told:
                    yield message.told(data.budget)
                    is_told = True
                if number == _NEXT_ATTACHMENT and attachment.is_begun:
                    yield attachment.opened(message.code_page, data.budget)
                    attachment = _Attachment()
                attachment.hear(number, value)
        if not is_told:
            yield message.told(data.budget)
        if attachment.is_begun:
            yield attachment.opened(message.code_page, data.budget)


class _Attribute(NamedTuple):
    level: int
    number: int
    value: bytes | None  # None: too large to be held


def _attributes(file: BinaryIO, budget: Budget, max_bytes: int) -> Iterator[_Attribute]:
    file.read(_SIGNATURE_BYTES)
    while len(head := file.read(_HEAD.size)) == _HEAD.size:
        level, number, length = _HEAD.unpack(head)
        if level not in (_OF_MESSAGE, _OF_ATTACHMENT):
            return
        value = None
        if length > max_bytes:
            file.seek(length, 1)
        else:
            value = file.read(length)
            budget.inflate(len(value))
        yield _Attribute(level, number & 0xFFFF, value)
        file.read(_CHECKSUM_BYTES)


class _Message:
    """What the attributes say of the message."""

    def __init__(self) -> None:
        self.code_page = 0
        self._attributes: dict[int, Value] = {}
        self._properties: Properties = {}
        self._recipients: list[Properties] = []

    def hear(self, number: int, value: bytes) -> None:
        if number == _CODE_PAGE:
            self.code_page = int.from_bytes(value[:4], "little")
        elif number == _SUBJECT:
            self._attributes[SUBJECT] = Value(STRING8, value)
        elif number == _BODY:
            self._attributes[BODY] = Value(STRING8, value)
        elif number == _MESSAGE_PROPERTIES:
            self._properties = properties_from(value)
        elif number == _RECIPIENTS:
            self._recipients = rows_from(value)

    def told(self, budget: Budget) -> Content:
        """Return its text; where properties and attributes say the same, the properties count (section 2.1.3)."""
        properties = {**self._attributes, **self._properties}
        return text_member("", message_text(properties, self._recipients, budget, self.code_page), budget)


@dataclass(slots=True)
class _Attachment:
    """What the attributes say of one attachment."""

    is_begun: bool = False
    title: bytes = b""
    data: bytes | None = None
    properties: Properties | None = None

    def hear(self, number: int, value: bytes | None) -> None:
        self.is_begun = True
        if number == _TITLE:
            self.title = value or b""
        elif number == _DATA:
            self.data = value
        elif number == _ATTACHMENT_PROPERTIES:
            self.properties = properties_from(value or b"")

    def opened(self, code_page: int, budget: Budget) -> Content:
        budget.open_member()
        properties = {SHORT_NAME: Value(STRING8, self.title), **(self.properties or {})}
        told = Texts(properties, code_page)
        name = told.text(LONG_NAME, SHORT_NAME, DISPLAY_NAME)
        data, held = self.data, properties.get(ATTACHED_DATA)
        if held is not None and held.data:
            data = held.data[_INTERFACE_BYTES:] if held.kind == OBJECT else held.data
        return member(name, data, budget, content_type=told.text(MEDIA_TYPE).lower() or OCTETS)
