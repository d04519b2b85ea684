"""Maildirs for the tests, and a database and a stream for their source to ask."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from src.common.clock import SystemClock
from src.model.cursor import Cursor
from src.model.envelope import Envelope, Kind
from src.sources.file_limits import FileLimits
from src.sources.maildir import MaildirSource, Surroundings
from src.sources.maildir_folders import folders
from src.store.protocol import KnownMail


@dataclass
class Knowing:
    """A database that knows what it was told, and a stream with nothing but `on_its_way` on it."""

    mails: dict[str, KnownMail] = field(default_factory=dict)
    on_its_way: set[str] = field(default_factory=set)  # envelope ids

    def known_mails(self, account: str, mailbox: str) -> Iterator[KnownMail]:
        return iter([mail for mail in self.mails.values() if mail.place.mailbox == mailbox])

    def is_on_its_way(self, account: str, mailbox: str, envelope_ids: Sequence[str]) -> list[bool]:
        return [envelope_id in self.on_its_way for envelope_id in envelope_ids]

    def settle(self, envelopes: Sequence[Envelope]) -> None:
        """Store these, as workers would."""
        for envelope in envelopes:
            known = self.mails.get(envelope.source_id) or KnownMail(
                envelope.source_id, envelope.place, (), False, False, "", 0, None, ""
            )
            known = replace(known, is_deleted=envelope.kind is Kind.DELETED)
            if envelope.labels is not None:
                known = replace(known, labels=envelope.labels)
            if envelope.kind is Kind.ADDED:
                known = replace(known, is_stored=True)
            self.mails[envelope.source_id] = known


def make_folder(path: Path) -> Path:
    """Make one Maildir folder."""
    for part in ("cur", "new", "tmp"):
        (path / part).mkdir(parents=True)
    return path


def put(folder: Path, name: str, content: bytes = b"Subject: s\n\nbody\n", *, part: str = "cur") -> Path:
    """Put a mail into a folder."""
    path = folder / part / name
    path.write_bytes(content)
    return path


def source_of(root: Path, knowing: Knowing, name: str = "INBOX", **limits: int) -> MaildirSource:
    """Return the source of one folder of a tree."""
    folder = next(folder for folder in folders(root) if folder.name == name)
    around = Surroundings(knowing.known_mails, knowing.is_on_its_way)
    return MaildirSource(
        account="alice", folder=folder, around=around, limits=FileLimits(**limits), clock=SystemClock()
    )


def read_pass(
    source: MaildirSource, cursor: Cursor, *, publish_to: Knowing | None = None
) -> tuple[list[Envelope], Cursor]:
    """Read until caught up; what comes is then on its way in `publish_to`."""
    found: list[Envelope] = []
    for _ in range(10_000):
        batch = source.fetch(cursor)
        assert not batch.failures
        found += batch.envelopes
        if publish_to is not None:
            publish_to.on_its_way |= {envelope.id for envelope in batch.envelopes}
        cursor = batch.cursor
        if batch.caught_up:
            return found, cursor
    raise AssertionError("the source never says that it is caught up")
