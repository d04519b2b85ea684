"""Are mails the same bytes through both? A few of them are fetched through IMAP and through the API, and compared.

Big mails are read slice by slice, so one mail at a time is held at most.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from src.model.envelope import Envelope, Place
from src.sources.source import Refetch
from src.store.protocol import KnownMail


class Mailbox(Refetch, Protocol):
    """One mailbox that can bring single mails."""

    mailbox: str


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A mail's bytes in short."""

    size_bytes: int
    sha256: str  # hex


@dataclass(frozen=True, slots=True)
class Pair:
    """One mail as it came through both; None: it did not come."""

    source_id: str
    imap: Fingerprint | None
    api: Fingerprint | None

    @property
    def is_same(self) -> bool:
        """True if the bytes are the same; a mail that came through neither is gone, and no difference."""
        return self.imap == self.api


def pairs(places: Mapping[str, Place], imap: Sequence[Mailbox], api: Mailbox) -> list[Pair]:
    """Fetch these mails through both. Those that differ are fetched once more: a mail may go between two fetches."""
    first = _look(places, imap, api)
    again = {pair.source_id: places[pair.source_id] for pair in first if not pair.is_same}
    second = {pair.source_id: pair for pair in _look(again, imap, api)} if again else {}
    return [second.get(pair.source_id, pair) for pair in first]


def _look(places: Mapping[str, Place], imap: Sequence[Mailbox], api: Mailbox) -> list[Pair]:
    mails = [_asked_for(source_id, place) for source_id, place in places.items()]
    by_imap: dict[str, Fingerprint] = {}
    for source in imap:
        by_imap |= _fetch(source, [mail for mail in mails if mail.place.mailbox == source.mailbox])
    by_api = _fetch(api, mails)
    return [Pair(each, by_imap.get(each), by_api.get(each)) for each in places]


def _fetch(source: Mailbox, mails: Sequence[KnownMail]) -> dict[str, Fingerprint]:
    if not mails:
        return {}
    return {envelope.source_id: _fingerprint(envelope) for some in source.refetch(mails) for envelope in some}


def _fingerprint(envelope: Envelope) -> Fingerprint:
    pieces: Iterable[bytes] = [envelope.raw] if isinstance(envelope.raw, bytes) else envelope.raw
    digest, size_bytes = hashlib.sha256(), 0
    for piece in pieces:
        digest.update(piece)
        size_bytes += len(piece)
    return Fingerprint(size_bytes, digest.hexdigest())


def _asked_for(source_id: str, place: Place) -> KnownMail:
    """Return a mail to be asked for: a source needs its id and its place only."""
    return KnownMail(
        source_id=source_id,
        place=place,
        labels=(),
        is_deleted=False,
        is_stored=True,
        message_id="",
        size_bytes=0,
        received_at=None,
        sha256="",
    )
