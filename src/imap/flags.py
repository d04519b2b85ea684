"""Flags of many mails, without their bytes: all of them, or what changed since a MODSEQ (RFC 7162)."""

from src.imap.answers import FlagChange, FlagReport
from src.imap.channel import Channel
from src.imap.mailboxes import changed_flags, vanished_uids
from src.imap.refusal import command_refusal
from src.imap.uid_set import EMPTY, MAX_UID, UidSet

_EVERY = b"1:*"


def fetch_flags(
    channel: Channel,
    uids: UidSet | None,
    *,
    condstore: bool,
    gmail: bool,
    changed_since: int | None,
    vanished: bool,
) -> FlagReport:
    """Return flags, see `Session.fetch_flags`."""
    items = b"UID FLAGS" + (b" MODSEQ" if condstore else b"") + (b" X-GM-LABELS" if gmail else b"")
    modifier = b""
    if changed_since is not None:
        modifier = b" (CHANGEDSINCE %d%s)" % (changed_since, b" VANISHED" if vanished else b"")
    changes: list[FlagChange] = []
    gone = EMPTY
    for uid_set in [_EVERY] if uids is None else [part.encode() for part in uids.split()]:
        reply = channel.run(b"UID FETCH %s (%s)%s" % (uid_set, items, modifier))
        if reply.status != b"OK":
            raise command_refusal("FETCH", reply)
        changes += changed_flags(reply, utf8=channel.utf8)
        gone |= vanished_uids(reply)
    wanted = UidSet(((1, MAX_UID),)) if uids is None else uids
    told = [change for change in changes if change.uid in wanted]
    return FlagReport(tuple(sorted(told, key=lambda change: (change.modseq or 0, change.uid))), gone & wanted)
