"""IDLE (RFC 2177): wait until the server tells of a change. Each call is one IDLE, begun and ended.

imapclient's own loses the bytes of a line that comes in two pieces, an event that comes with the `+`, and a connection
that died (mjs/imapclient#519, #565). Here one buffer serves all, and the end of each IDLE proves that the server lives.
"""

import time

from src.imap.channel import Channel
from src.imap.refusal import command_refusal

IDLE_RENEW_S = 29 * 60.0  # RFC 2177: a server may log out who idles for 30 minutes


def idle(channel: Channel, timeout_s: float) -> None:
    """Wait until something was told (then `channel.has_news`), the time is over, or the channel's wake is set."""
    tag = channel.start(b"IDLE")
    refused = channel.until_continuation()
    if refused:
        raise command_refusal("IDLE", refused)
    listen(channel, timeout_s)
    channel.send(b"DONE\r\n")
    channel.finish(tag)


def listen(channel: Channel, timeout_s: float) -> None:
    """Wait without asking for anything; a server without IDLE tells little, but its end is noticed."""
    deadline = time.monotonic() + min(timeout_s, IDLE_RENEW_S)
    while not channel.has_news and channel.wait(deadline - time.monotonic()) == "data":
        channel.read_event()
