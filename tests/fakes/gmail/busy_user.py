"""A user who is busy at another client: random acts on a mailbox, the same for the same seed.

Tests that ask whether a sync ends at the truth let this one work while it runs.
"""

from random import Random
from typing import Literal, get_args

from tests.fakes.gmail.mailbox import Mailbox

Act = Literal["add", "draft", "delete", "trash", "untrash", "star", "archive", "label", "delete_label", "spam"]
ACTS: tuple[Act, ...] = get_args(Act)
_WEIGHTS = {"add": 10, "star": 4, "archive": 4}  # the rest: 1
_MOST_AT_ONCE = 3  # mails that one act touches


class BusyUser:
    """One user; use each from one thread."""

    def __init__(self, mailbox: Mailbox, seed: int = 0) -> None:
        self._mailbox = mailbox
        self._rng = Random(seed)
        self._added = 0

    def act(self) -> Act:
        """Do something; return what."""
        (name,) = self._rng.choices(ACTS, [_WEIGHTS.get(act, 1) for act in ACTS])
        self.do(name)
        return name

    def do(self, name: Act) -> None:
        """Do one thing to some mails, if there are any."""
        box = self._mailbox
        ids = box.some(self._rng, self._rng.randint(1, _MOST_AT_ONCE))
        match name:
            case "add":
                box.add(self._mail(), labels=self._rng.choice([["INBOX", "UNREAD"], ["SENT"], []]))
            case "draft":
                drafts = [mail.id for mail in box.truth().values() if "DRAFT" in mail.labels]
                box.save_draft(self._mail(), replaces=self._rng.choice([None, *drafts]))
            case "delete":
                box.delete(*ids)
            case "trash":
                box.trash(*ids)
            case "untrash":
                box.untrash(*ids)
            case "star":
                box.relabel(*ids, add=["STARRED"], remove=["UNREAD"])
            case "archive":
                box.relabel(*ids, remove=["UNREAD", "INBOX"])
            case "label":
                box.relabel(*ids, add=[self._label()])
            case "delete_label":
                box.delete_label(self._label())
            case "spam":
                box.relabel(*ids, add=["SPAM"], remove=["INBOX"])

    def _label(self) -> str:
        """Return one of the user's labels; make one if there is none."""
        own = [label.id for label in self._mailbox.labels() if not label.is_system]
        return self._rng.choice(own) if own else self._mailbox.create_label("Work")

    def _mail(self) -> bytes:
        self._added += 1
        return synthetic_mail(self._added, size=self._rng.randint(200, 2_000))


def synthetic_mail(number: int, *, size: int) -> bytes:
    """Return a mail of about `size` bytes that no other number's equals, and that does not press well."""
    head = (
        f"From: Ada <ada@example.org>\r\nTo: Bob <bob@example.org>\r\nSubject: mail {number}\r\n"
        f"Message-ID: <{number}@example.org>\r\nDate: Thu, 01 Jan 2026 00:00:00 +0000\r\n"
        "Content-Type: text/plain\r\n\r\n"
    )
    text = Random(number).randbytes(max(0, size - len(head)) // 2).hex()
    lines = [text[at : at + 76] for at in range(0, len(text), 76)]
    return "\r\n".join([head + (lines[0] if lines else ""), *lines[1:], ""]).encode()
