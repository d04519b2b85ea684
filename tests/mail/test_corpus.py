"""Every strange mail has the outcome that its line promises, and leaves nothing unclean behind."""

import pytest

from src.mail.parse import parse
from src.mail.preview import preview
from src.model.message import Message
from tests.fakes.no_sandbox import keep
from tests.fixtures.mails import assert_clean_message, assert_clean_preview
from tests.mail.corpus import STRANGE_MAILS, StrangeMail

by_name = pytest.mark.parametrize("mail", STRANGE_MAILS, ids=lambda mail: mail.name)


def _outcome(message: Message, name: str) -> object:
    if name == "files":
        return tuple(attachment.filename for attachment in message.attachments)
    if name == "file_texts":
        return tuple(attachment.extraction.text for attachment in message.attachments)
    if name == "sender":
        return str(message.sender)
    if name in ("to", "cc", "bcc"):
        return tuple(str(address) for address in getattr(message, name))
    if name == "date":
        return message.date.isoformat() if message.date else None
    if name == "defects":
        return set(message.defects)
    return getattr(message, name)


@by_name
def test_a_strange_mail_has_the_promised_outcome(mail: StrangeMail) -> None:
    parsed = parse(mail.raw)
    message = parsed.with_attachments([keep(part) for part in parsed.parts])
    assert {name: _outcome(message, name) for name in mail.expected} == mail.expected, mail.odd
    assert_clean_message(message)


@by_name
def test_the_ticket_of_a_strange_mail_says_the_same(mail: StrangeMail) -> None:
    """One parser: the quick look may be shorter than the full one, but never other."""
    look, message = preview(mail.raw), parse(mail.raw).message
    assert look.message_id == message.message_id
    assert look.date == message.date
    assert look.subject == message.subject
    assert look.body_text in (message.body_text[:2000], message.body_text.split("\n\n", 1)[0], "") or (
        message.body_text.startswith(look.body_text)
    )
    assert_clean_preview(look)


def test_names_are_unique() -> None:
    names = [mail.name for mail in STRANGE_MAILS]
    assert len(set(names)) == len(names)
