"""Ticket: an envelope's entry on the stream, as a worker holds it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from src.model.envelope import GmailIds, Kind, Place


@dataclass(frozen=True, slots=True)
class Ticket:
    """One entry of the stream in a worker's hands. The raw mail is read apart, by `envelope_id`."""

    entry_id: str  # of the stream entry, "ms-seq"; changes with each retry
    envelope_id: str  # the same for the envelope's whole life
    partition: int  # of the stream; 0 when there is one
    account: str
    source: str
    source_id: str
    kind: Kind
    place: Place
    version: int  # orders what is said of one mail
    size_bytes: int  # of the raw mail, uncompressed
    fetched_at: datetime  # aware UTC
    labels: tuple[str, ...] | None  # None: not told
    received_at: datetime | None  # aware UTC
    gmail: GmailIds | None
    attempt: int  # errors so far: 0 on the first try
    raw_slices: int  # 0: one value; else the number of slices
    payload: Mapping[str, object]  # the JSON of CONTRACT.md, decoded
    crashes: int = 0  # workers that died while they held it; above 0 it is a suspect, to be worked on alone
