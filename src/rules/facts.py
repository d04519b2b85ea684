"""Facts: what rules ask of one mail, in the form in which it is compared. Each is made when it is first asked for, once
for all rules; a mail whose text no rule asks for is not folded.
"""

from collections.abc import Iterable, Sequence
from functools import cached_property

from src.model.extraction import Attachment, Scan
from src.model.message import Address, Message, Record
from src.rules.folding import folded


class Facts:
    """What is known of one mail. Texts are folded, and bounded as what is stored is."""

    def __init__(self, record: Record, message: Message) -> None:
        self._record = record
        self._message = message

    @property
    def size_bytes(self) -> int:
        """Size of the raw mail."""
        return self._record.size_bytes

    @cached_property
    def account(self) -> str:
        """Whose mail it is."""
        return folded(self._record.account)

    @cached_property
    def mailbox(self) -> str:
        """Where it lay when it was fetched."""
        return folded(self._record.place.mailbox)

    @cached_property
    def labels(self) -> Sequence[str]:
        """Flags and labels of the source, as they were told with the mail."""
        return [folded(label) for label in self._record.labels or ()]

    @cached_property
    def sender(self) -> Sequence[str]:
        """The bare address of the sender, if there is any."""
        return _bare([self._message.sender] if self._message.sender else [])

    @cached_property
    def recipients(self) -> Sequence[str]:
        """The bare addresses of To, Cc and Bcc."""
        return _bare([*self._message.to, *self._message.cc, *self._message.bcc])

    @cached_property
    def subject(self) -> str:
        """The subject."""
        return folded(self._message.subject)

    @property
    def attachments(self) -> Sequence[Attachment]:
        """The attachments as they are stored; inline pictures are among them."""
        return self._message.attachments

    @cached_property
    def filenames(self) -> Sequence[str]:
        """The names of the attachments that have one."""
        return [folded(attachment.filename) for attachment in self.attachments if attachment.filename]

    @cached_property
    def media_types(self) -> Sequence[str]:
        """The media types of the attachments, as declared."""
        return [folded(attachment.content_type) for attachment in self.attachments]

    @cached_property
    def signatures(self) -> Sequence[str]:
        """What the virus scanner called what it found."""
        infected = (attachment for attachment in self.attachments if attachment.scan is Scan.INFECTED)
        return [folded(str(attachment.extraction.metadata.get("signature", ""))) for attachment in infected]

    @cached_property
    def texts(self) -> Sequence[str]:
        """The texts of the body and of the attachments."""
        found = [self._message.body_text, *(attachment.extraction.text for attachment in self.attachments)]
        return [folded(text) for text in found if text]


def _bare(addresses: Iterable[Address]) -> Sequence[str]:
    return [folded(one.address) for one in addresses if one.address]
