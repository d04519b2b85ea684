"""One raw mail to a Message and its undecoded attachments. Pure, thread-safe, and it never raises on any bytes.

Steps: the splitter gives the parts by offset; the mail's header block gives the fields; the body parts are decoded;
every other leaf becomes a Part, decoded when asked for. What is wrong is listed in `Message.defects`.

A nested mail (message/rfc822) is an attachment whose text is the nested mail's main fields and body; its own
attachments follow it as attachments of the outer mail. So everything is findable, and the body stays what the sender
wrote.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from src.mail import body, fields
from src.mail.defects import Defect
from src.mail.limits import DEFAULT, Limits
from src.mail.part import Part
from src.mail.splitter import Node, walk, with_line_feeds
from src.mail.transfer import Raw
from src.model.extraction import Attachment
from src.model.message import Message


@dataclass(frozen=True, slots=True)
class Parsed:
    """A parsed mail. `parts` read from the raw mail, which must outlive them."""

    message: Message  # without attachments
    parts: tuple[Part, ...]  # the attachments, in the order of the mail's parts

    def with_attachments(self, attachments: Sequence[Attachment]) -> Message:
        """Return the message with its attachments as they were kept, and the defects that decoding them found."""
        found = {defect for part in self.parts for defect in part.defects}
        defects = _slugs({*self.message.defects, *found}) if found else self.message.defects
        return replace(self.message, attachments=tuple(attachments), defects=defects)


def parse(raw: Raw, limits: Limits = DEFAULT) -> Parsed:
    """Parse a mail held as bytes or as a read-only mmap."""
    defects: set[Defect] = set()
    raw = with_line_feeds(raw, defects)
    nodes = list(walk(raw, limits, defects))
    root = nodes[0]
    leaves = [node for node in nodes if not node.boundary]
    texts = [node for node in leaves if body.is_body(node)]  # of the mail itself, and of nested ones
    body_nodes = [node for node in texts if node.message is root]
    parts = _attachments(raw, leaves, limits) if len(texts) < len(leaves) else ()
    headers = root.headers
    message = Message(
        message_id=fields.message_id(headers, "message-id", limits),
        in_reply_to=fields.message_id(headers, "in-reply-to", limits),
        references=fields.references(headers, limits.references, limits),
        subject=fields.subject(headers, limits),
        sender=fields.sender(headers, limits, defects),
        to=fields.people(headers, "to", limits, defects),
        cc=fields.people(headers, "cc", limits, defects),
        bcc=fields.people(headers, "bcc", limits, defects),
        date=fields.date(headers, defects),
        body_text=body.text_of(raw, body_nodes, limits, defects),
        body_html_preview=body.html_preview(raw, body_nodes, limits),
        headers=headers.kept(
            count=limits.kept_headers,
            value_chars=limits.kept_header_chars,
            total_chars=limits.kept_headers_total_chars,
        ),
        attachments=(),
        defects=_slugs({*defects, *headers.defects}),  # last: reading the fields above may add to them
    )
    return Parsed(message, parts)


def _slugs(defects: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted([str(defect) for defect in defects]))


def _attachments(raw: Raw, leaves: Sequence[Node], limits: Limits) -> tuple[Part, ...]:
    found: list[Part] = []
    for node in leaves:
        if not body.is_body(node):  # a nested mail's body is not one either: its message/rfc822 part tells it
            found.append(Part(raw, node, len(found), limits, _nested_text(raw, node, leaves, limits)))
    return tuple(found)


def _nested_text(raw: Raw, holder: Node, leaves: Sequence[Node], limits: Limits) -> Callable[[], str]:
    """Return what tells the text of the mail that `holder`, a message/rfc822 part, contains."""

    def text() -> str:
        own = [node for node in leaves if node.message.parent is holder and body.is_body(node)]
        nested = next((node.message for node in leaves if node.message.parent is holder), None)
        if nested is None:
            return ""
        lines = [nested.headers.text(name, limits.subject_chars) for name in ("subject", "from", "to", "date")]
        return "\n".join([*filter(None, lines), "", body.text_of(raw, own, limits, set())]).strip()

    return text
