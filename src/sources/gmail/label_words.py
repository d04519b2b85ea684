"""LabelWords: what IMAP says of a mail at Gmail, in the API's label ids; and what only one of both can say. Pure.

| IMAP | API |
| --- | --- |
| `\\Inbox`, `\\Sent`, `\\Draft`, `\\Important` among X-GM-LABELS | `INBOX`, `SENT`, `DRAFT`, `IMPORTANT` |
| the flag `\\Flagged`, or `\\Starred` among X-GM-LABELS | `STARRED` |
| no flag `\\Seen` | `UNREAD` |
| the mail lies in Spam, in Trash (by special use, RFC 6154) | `SPAM`, `TRASH` |
| any other of X-GM-LABELS, by its name | the id of the user's label of that name |
| other flags (`\\Answered`, `$Forwarded`), `\\Muted` | cannot be told |
| cannot be told | `CATEGORY_…`, `CHAT`, coloured stars |

Gmail leaves the label of the selected mailbox out of X-GM-LABELS, so where a mail lies counts as a label too.
"""

from collections.abc import Collection, Iterable, Mapping

from src.sync.gmail_values import Label

EVERYWHERE = ""  # stands for All Mail among the labels that mailboxes stand for
CHAT = "CHAT"  # messages of a chat are no mails to IMAP

_BY_WORD = {
    "\\Inbox": "INBOX",
    "\\Sent": "SENT",
    "\\Draft": "DRAFT",
    "\\Drafts": "DRAFT",
    "\\Important": "IMPORTANT",
    "\\Flagged": "STARRED",
    "\\Starred": "STARRED",
    "\\Junk": "SPAM",
    "\\Spam": "SPAM",
    "\\Trash": "TRASH",
}
_SEEN, _UNREAD = "\\Seen", "UNREAD"
_COMPARABLE = frozenset({*_BY_WORD.values(), _UNREAD})


class LabelWords:
    """Translates for one account, as its labels and mailboxes are now."""

    def __init__(self, labels: Iterable[Label], special_uses: Mapping[str, str]) -> None:
        """`special_uses`: by name of the mailboxes read, what each is to the server, such as `\\All`, or empty."""
        self._ids = {label.name: label.id for label in labels if not label.is_system}
        self._names = {label_id: name for name, label_id in self._ids.items()}
        self._stand_for = {name: self._standing_for(name, use) for name, use in special_uses.items()}

    def ids(self, labels: Collection[str], gmail_labels: Iterable[str], mailbox: str) -> frozenset[str]:
        """Return the label ids of a mail that IMAP told of: all `labels`, which of them are Gmail's, where it lies."""
        told = {_BY_WORD[word] for word in labels if word in _BY_WORD}
        told |= {self._ids.get(name, name) for name in gmail_labels if not name.startswith("\\")}
        told |= {_UNREAD} if _SEEN not in labels else set()
        return frozenset((told | {self._stand_for.get(mailbox, EVERYWHERE)}) - {EVERYWHERE})

    def comparable(self, label_ids: Iterable[str]) -> frozenset[str]:
        """Return those of the API's labels that IMAP could tell too."""
        return frozenset(each for each in label_ids if each in _COMPARABLE or each in self._names)

    def is_within_reach(self, label_ids: Collection[str]) -> bool:
        """Tell whether a mail with these labels lies in one of the mailboxes that are read through IMAP."""
        if CHAT in label_ids:
            return False
        reached = set(self._stand_for.values())
        if EVERYWHERE in reached and not {"SPAM", "TRASH"} & set(label_ids):  # All Mail has all but these
            return True
        return bool(reached & set(label_ids))

    def name(self, label_id: str) -> str:
        """Return what people call a label."""
        return self._names.get(label_id, label_id)

    def _standing_for(self, mailbox: str, special_use: str) -> str:
        if special_use == "\\All":
            return EVERYWHERE
        if mailbox.upper() == "INBOX":
            return "INBOX"
        return _BY_WORD.get(special_use) or self._ids.get(mailbox, mailbox)
