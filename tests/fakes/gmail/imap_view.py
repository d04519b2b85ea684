"""The fake mailbox as Gmail's IMAP shows it, so that one truth is read both ways.

    view = ImapView(mailbox)
    view.server.open_session()      # plays the IMAP wire

All Mail, Spam and Trash hold every mail once, chats aside; `folders` adds labels as mailboxes, in which Gmail leaves
the mailbox's own label out of X-GM-LABELS. Follows every change at once. User labels are shown by the names they have
when their mail is next touched; `refresh` shows them all anew.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.fakes.gmail.history import Record
from tests.fakes.gmail.mailbox import Mail, Mailbox
from tests.fakes.imap_mailbox import MemoryImapServer, MemoryMailbox, Profile, StoredMail

ALL_MAIL, SPAM, TRASH = "[Gmail]/All Mail", "[Gmail]/Spam", "[Gmail]/Trash"
UIDVALIDITY = 10

_IMAP_LABELS = {
    "INBOX": "\\Inbox",
    "SENT": "\\Sent",
    "DRAFT": "\\Draft",
    "IMPORTANT": "\\Important",
    "STARRED": "\\Starred",
}
_FLAGS = {"STARRED": "\\Flagged", "DRAFT": "\\Draft"}


@dataclass(frozen=True)
class _Folder:
    """One mailbox: which mails are in it, and the label it hides."""

    holds: Callable[[frozenset[str]], bool]
    own_label: str = ""


class ImapView:
    """Shows one Mailbox over IMAP."""

    def __init__(self, mailbox: Mailbox, *, folders: Iterable[str] = ()) -> None:
        """`folders`: ids of labels that are mailboxes of their own, under the label's name."""
        self.server = MemoryImapServer(Profile("gmail", condstore=True, gmail=True))
        self._mailbox = mailbox
        self._uids: dict[tuple[str, str], int] = {}  # by mailbox and mail id
        self._folders = {
            ALL_MAIL: _Folder(lambda labels: not labels & {"SPAM", "TRASH", "CHAT"}),
            SPAM: _Folder(lambda labels: "SPAM" in labels),
            TRASH: _Folder(lambda labels: "TRASH" in labels),
            **{self._name(label): _in_folder(label) for label in folders},
        }
        flags = {ALL_MAIL: ("\\All",), SPAM: ("\\Junk",), TRASH: ("\\Trash",)}
        for name in self._folders:
            self.server.mailboxes[name] = MemoryMailbox(UIDVALIDITY, flags.get(name, ()))
        self.refresh()
        mailbox.on_change(self._follow)

    def refresh(self) -> None:
        """Show every mail as it is now."""
        for mail_id in sorted(self._mailbox.truth()):
            self._show(mail_id)

    def _follow(self, record: Record) -> None:
        for mail_id in dict.fromkeys(entry.mail_id for entry in record.entries):
            self._show(mail_id)

    def _show(self, mail_id: str) -> None:
        mail = self._mailbox.find(mail_id)
        for name, folder in self._folders.items():
            box, uid = self.server.mailboxes[name], self._uids.get((name, mail_id))
            if mail is None or not folder.holds(mail.labels):
                if uid is not None:
                    box.take(self._uids.pop((name, mail_id)))
                continue
            if uid is None:
                uid = self._uids[name, mail_id] = box.put(_stored(mail))
            shown = box.mails[uid]
            flags, labels = _flags(mail), self._labels(mail, folder)
            if (shown.flags, shown.labels) != (flags, labels):
                shown.flags, shown.labels = flags, labels
                box.touch(shown)

    def _labels(self, mail: Mail, folder: _Folder) -> frozenset[str]:
        names = {label.id: label.name for label in self._mailbox.labels() if not label.is_system} | _IMAP_LABELS
        return frozenset(names[each] for each in mail.labels if each in names and each != folder.own_label)

    def _name(self, label_id: str) -> str:
        return next(label.name for label in self._mailbox.labels() if label.id == label_id)


def _in_folder(label_id: str) -> _Folder:
    return _Folder(lambda labels: label_id in labels and not labels & {"SPAM", "TRASH"}, label_id)


def _flags(mail: Mail) -> frozenset[str]:
    seen = set() if "UNREAD" in mail.labels else {"\\Seen"}
    return frozenset(seen | {flag for label, flag in _FLAGS.items() if label in mail.labels})


def _stored(mail: Mail) -> StoredMail:
    received_at = datetime.fromtimestamp(mail.internal_date_ms / 1000, UTC)
    return StoredMail(int(mail.id, 16), mail.raw, received_at, thread=int(mail.thread_id, 16))
