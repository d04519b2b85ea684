"""What Outlook says of a message and its attachments, by numbered properties (MS-OXPROPS): the same in .msg files and
in winmail.dat. Here they become the text that a reader of the message would see."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from src.attachments.compressed_rtf import text_of_compressed_rtf
from src.attachments.extractor import Budget
from src.text import charsets
from src.text.html_text import html_to_text

# Kinds of values, MS-OXCDATA section 2.11.1.
INT, OBJECT, STRING8, UNICODE, BINARY = 0x0003, 0x000D, 0x001E, 0x001F, 0x0102

SUBJECT, SENDER_NAME, SENDER_ADDRESS, SENDER_SMTP = 0x0037, 0x0C1A, 0x0C1F, 0x5D01
DISPLAY_TO, DISPLAY_CC = 0x0E04, 0x0E03
BODY, RTF, HTML = BODIES = 0x1000, 0x1009, 0x1013
DISPLAY_NAME, ADDRESS, SMTP_ADDRESS = 0x3001, 0x3003, 0x39FE
ATTACHED_DATA, SHORT_NAME, LONG_NAME, MEDIA_TYPE = 0x3701, 0x3704, 0x3707, 0x370E
INTERNET_CODE_PAGE, MESSAGE_CODE_PAGE = 0x3FDE, 0x3FFD
CONTACT = (0x3A16, 0x3A17, 0x3A08, 0x3A09, 0x3A1C, 0x3A15)  # company, title, telephones, address

OF_MESSAGE = (
    *(SUBJECT, SENDER_NAME, SENDER_ADDRESS, SENDER_SMTP, DISPLAY_TO, DISPLAY_CC, BODY, RTF, HTML),
    *(INTERNET_CODE_PAGE, MESSAGE_CODE_PAGE, *CONTACT),
)
OF_RECIPIENT = (DISPLAY_NAME, ADDRESS, SMTP_ADDRESS)
OF_ATTACHMENT = (SHORT_NAME, LONG_NAME, DISPLAY_NAME, MEDIA_TYPE)

MAX_RECIPIENTS = 2_000  # as of addresses in a mail's fields

# Code pages of Windows that are no labels of charsets with "cp" before them.
_CODE_PAGES = {
    1200: "utf-16le",
    20127: "us-ascii",
    20866: "koi8-r",
    21866: "koi8-u",
    38598: "iso-8859-8",
    51932: "euc-jp",
    51949: "euc-kr",
    54936: "gb18030",
    10000: "macintosh",
    **{28590 + part: f"iso-8859-{part}" for part in range(1, 17)},
}


class Value(NamedTuple):
    """The value of a property as it is written."""

    kind: int
    data: bytes


Properties = Mapping[int, Value]  # by the numbers above


class Texts:
    """The texts among properties. `code_page`: of those that are not in Unicode, where they do not say it."""

    def __init__(self, properties: Properties, code_page: int = 0) -> None:
        self._properties = properties
        self._code_page = self.number(MESSAGE_CODE_PAGE) or code_page

    @property
    def code_page(self) -> int:
        return self._code_page

    def number(self, wanted: int) -> int:
        """Return a number; 0 if there is none."""
        found = self._properties.get(wanted)
        return int.from_bytes(found.data[:4], "little") if found and found.kind == INT else 0

    def binary(self, wanted: int) -> bytes:
        """Return bytes; empty if there are none."""
        found = self._properties.get(wanted)
        return found.data if found and found.kind == BINARY else b""

    def text(self, *wanted: int) -> str:
        """Return the first text that is there; not normalised."""
        for each in wanted:
            found = self._properties.get(each)
            text = self._decoded(found, self._code_page).strip("\0").strip() if found else ""
            if text:
                return text
        return ""

    def html(self) -> str:
        """Return the text of the HTML body."""
        found = self._properties.get(HTML)
        return html_to_text(self._decoded(found, self.number(INTERNET_CODE_PAGE))) if found else ""

    def person(self, name: int, *addresses: int) -> str:
        """Return a name with its address, where that is one of the Internet."""
        address = next((found for each in addresses if "@" in (found := self.text(each))), "")
        named = self.text(name)
        return f"{named} <{address}>" if named and address and named != address else named or address

    def _decoded(self, value: Value, code_page: int) -> str:
        if value.kind == UNICODE:
            return value.data.decode("utf-16-le", "replace")
        if value.kind not in (STRING8, BINARY):
            return ""
        label = _CODE_PAGES.get(code_page, f"cp{code_page}") if code_page else ""
        return charsets.decode(value.data, label).text


def message_text(properties: Properties, recipients: Sequence[Properties], budget: Budget, code_page: int = 0) -> str:
    """Return subject, people and body, as they are of any other mail; not normalised."""
    message = Texts(properties, code_page)
    people = [
        Texts(each, message.code_page).person(DISPLAY_NAME, SMTP_ADDRESS, ADDRESS)
        for each in recipients[:MAX_RECIPIENTS]
    ] or [message.text(DISPLAY_TO), message.text(DISPLAY_CC)]
    lines = (
        message.text(SUBJECT),
        message.person(SENDER_NAME, SENDER_SMTP, SENDER_ADDRESS),
        ", ".join(filter(None, people)),
        *(message.text(each) for each in CONTACT if each in properties),
        "",
        _body(message, budget),
    )
    return "\n".join(lines).strip()


def _body(message: Texts, budget: Budget) -> str:
    """Return the body: as plain text, else what HTML shows, else RTF, in which Outlook keeps either."""
    plain = message.text(BODY) or message.html()
    if plain:
        return plain
    text = text_of_compressed_rtf(message.binary(RTF))
    budget.inflate(len(text))
    return text
