"""Chunks: how many tickets are worked on, stored and settled together. Pure."""

from collections.abc import Iterator, Sequence

from src.model.ticket import Ticket

CHUNK_BYTES = 24 * 1024 * 1024  # raw mail worked on at a time: bounds memory, and a batch of mails of 36 KB fits


def in_chunks(tickets: Sequence[Ticket], most_bytes: int = CHUNK_BYTES) -> Iterator[list[Ticket]]:
    """Yield the tickets in order, in chunks of at most `most_bytes` of raw mail, or of one ticket.

    Suspects of a crash come last and each alone: if one kills this worker, it takes no other with it, and the
    neighbours are stored by then.
    """
    chunk: list[Ticket] = []
    size_bytes = 0
    for ticket in tickets:
        if is_suspect(ticket):
            continue
        if chunk and size_bytes + ticket.size_bytes > most_bytes:
            yield chunk
            chunk, size_bytes = [], 0
        chunk.append(ticket)
        size_bytes += ticket.size_bytes
    if chunk:
        yield chunk
    for ticket in tickets:
        if is_suspect(ticket):
            yield [ticket]


def is_suspect(ticket: Ticket) -> bool:
    """Tell whether a worker died while it held this ticket."""
    return ticket.crashes > 0
