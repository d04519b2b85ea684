"""A part that is an attachment, found but not decoded: it plays `AttachmentPart` of src/model/extraction.py."""

from collections.abc import Callable, Iterator

from src.mail import message_ids, transfer
from src.mail.defects import Defect
from src.mail.limits import Limits
from src.mail.splitter import Node
from src.mail.transfer import Raw
from src.text import filenames

SAMPLED_TO_BYTES = 1024 * 1024  # below it, some lines tell the size; above it, the most that it can be is told
EXACT_FROM_BYTES = 13 * 1024 * 1024  # of base64; where the size decides how a part is handled it is counted (1 ms a MB)
_LINE_SAMPLE_BYTES = 1024  # enough to see how long the lines of a base64 part are


class Part:
    """One attachment of a mail. Valid while the raw mail is held."""

    def __init__(self, raw: Raw, node: Node, position: int, limits: Limits, nested_text: Callable[[], str]) -> None:
        self._raw = raw
        self._node = node
        self._nested_text = nested_text
        self.position = position
        self.filename = _filename(node)
        self.content_type = node.content_type if node.headers.fields.get("content-type") else "application/octet-stream"
        if node.content_type == "message/rfc822":
            self.content_type = "message/rfc822"
        self.charset = node.parameters.get("charset", "").lower()
        self.content_id = message_ids.first(node.headers.raw("content-id"), limits.message_id_chars)
        self.is_inline = node.disposition == "inline" or (not node.disposition and bool(self.content_id))
        self.estimated_size_bytes = _estimated_size(raw, node)
        self.defects: set[Defect] = set()  # what decoding found; filled by it

    @property
    def known_text(self) -> str | None:
        """The text of a nested mail (its main fields and body), which the parser knows; None for everything else."""
        return self._nested_text() if self.content_type == "message/rfc822" else None

    def decode(self) -> bytes:
        """Return the decoded bytes; broken encoding gives what it can."""
        node = self._node
        found = transfer.decode(bytes(self._raw[node.start : node.end]), node.encoding)
        if found.defect:
            self.defects.add(found.defect)
        return found.data

    def decode_slices(self) -> Iterator[bytes]:
        """Yield the decoded bytes in slices of about 1 MiB."""
        node = self._node
        for found in transfer.decode_slices(self._raw, node.start, node.end, node.encoding):
            if found.defect:
                self.defects.add(found.defect)
            yield found.data


def _filename(node: Node) -> str:
    name = node.disposition_parameters.get("filename") or node.parameters.get("name", "")
    return filenames.cleaned(name) if name else ""


def _estimated_size(raw: Raw, node: Node) -> int:
    size = node.end - node.start
    if node.encoding != "base64" or size <= 0:
        return size
    if size > EXACT_FROM_BYTES:
        return transfer.count_base64(raw, node.start, node.end) * 3 // 4
    if size > SAMPLED_TO_BYTES:
        return size * 3 // 4
    sample = bytes(raw[node.start : min(node.end, node.start + _LINE_SAMPLE_BYTES)])
    characters = len(sample) - sample.count(b"\n") - sample.count(b"\r")
    return size * characters * 3 // (len(sample) * 4)
