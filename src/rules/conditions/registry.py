"""The table of conditions: what may stand under `when`, besides `any` and `not`. One line a condition."""

from collections.abc import Mapping

from src.rules.conditions.account import Account
from src.rules.conditions.attachment_name import AttachmentName
from src.rules.conditions.attachment_outcome import AttachmentOutcome
from src.rules.conditions.attachment_type import AttachmentType
from src.rules.conditions.condition import Condition
from src.rules.conditions.has_attachments import HasAttachments
from src.rules.conditions.infected import Infected
from src.rules.conditions.label import Label
from src.rules.conditions.larger_than import LargerThan
from src.rules.conditions.mailbox import Mailbox
from src.rules.conditions.recipient import Recipient
from src.rules.conditions.scan_verdict import ScanVerdict
from src.rules.conditions.sender import Sender
from src.rules.conditions.signature import Signature
from src.rules.conditions.skipped_reason import SkippedReason
from src.rules.conditions.subject import Subject
from src.rules.conditions.text import Text

CONDITIONS: Mapping[str, type[Condition]] = {
    "infected": Infected,
    "signature": Signature,
    "scan": ScanVerdict,
    "attachment_outcome": AttachmentOutcome,
    "skipped_reason": SkippedReason,
    "has_attachments": HasAttachments,
    "attachment_type": AttachmentType,
    "attachment_name": AttachmentName,
    "text": Text,
    "from": Sender,
    "to": Recipient,
    "subject": Subject,
    "account": Account,
    "mailbox": Mailbox,
    "label": Label,
    "larger_than": LargerThan,
}
