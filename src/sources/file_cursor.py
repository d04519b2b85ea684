"""The cursor of a file source, told from that of a mail server's mailbox, which may bear the same name."""

from src.common.errors import MailboxTakenError
from src.model.cursor import Cursor

_OF_A_SERVER = "uidvalidity"  # no file has one


def check_is_files(cursor: Cursor) -> None:
    """Raise MailboxTakenError if a mail server's mailbox is read under this account and name.

    The two would share `last_uid`: what one of them counts would let the other pass mails unread.
    """
    if _OF_A_SERVER in cursor.values:
        raise MailboxTakenError(
            "under this account and name a mailbox is read from a mail server: import the files under another account"
        )
