"""The mbox source: reads one mbox file, from where it stopped, in bounded memory.

Cursor: `offset` (start of the next mail), `fingerprint` (stands for all mails before it) and `last_uid` (their number).
If the file no longer begins as it did, it was rewritten: it is read again from its start, and the ids, made of content,
keep what was stored from being stored twice. `last_uid` set to 0 by an operator reads it again with `force`.
A mail removed from an mbox is not taken for deleted: archives are cut and merged for many reasons.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from src.common.clock import Clock
from src.common.errors import MailTooLargeError
from src.common.logs import get_logger
from src.model.cursor import Batch, Cursor, Failure
from src.model.envelope import Envelope, Kind, Place
from src.sources.file_bytes import FileBytes, clean_name, unreadable
from src.sources.file_cursor import check_is_files
from src.sources.file_limits import FileLimits, in_batches
from src.sources.mbox_scan import MailSpan, envelope_date, may_begin
from src.sources.mbox_walk import MboxWalk, WalkedMail
from src.sources.source import CensusItem
from src.sources.takeout import takeout_facts
from src.store.protocol import KnownMail

log = get_logger(__name__)

GUARD_BYTES = 4096  # compared before reading on in a file that changed; a whole comparison is made at each start


@dataclass(frozen=True, slots=True)
class _Look:
    """What tells whether a file changed."""

    device: int
    inode: int
    size_bytes: int
    changed_ns: int


class MboxSource:
    """Plays Source, Census and Refetch for one file."""

    kind = "mbox"

    def __init__(self, *, account: str, path: Path, limits: FileLimits, clock: Clock) -> None:
        self.account = account
        self.mailbox = clean_name(path.name)
        self._path = path
        self._limits = limits
        self._clock = clock
        self._file: FileBytes | None = None
        self._walk: MboxWalk | None = None
        self._seen = _Look(0, 0, 0, 0)
        self._guard = b""  # the bytes before the walk's offset, to notice a rewriting in place

    def fetch(self, cursor: Cursor) -> Batch:
        """Read the next mails after `cursor`; see Source."""
        check_is_files(cursor)
        is_asked_again = cursor.values.get("last_uid") == "0"
        force = is_asked_again or cursor.values.get("force") == "1"
        file, walk = self._at(Cursor() if is_asked_again else cursor)
        first = walk.offset
        envelopes: list[Envelope] = []
        failures: list[Failure] = []
        size_bytes = 0
        while len(envelopes) + len(failures) < self._limits.batch_mails and size_bytes < self._limits.batch_bytes:
            span = walk.peek()
            if span is None or self._may_grow(file, span):
                break
            mail = walk.read(span)
            size_bytes += mail.size_bytes
            envelope = self._envelope(mail, force=force)
            if mail.size_bytes > self._limits.max_mail_bytes:
                failures.append(self._too_large(envelope))
            else:
                envelopes.append(envelope)
        self._guard = file.read(max(walk.offset - GUARD_BYTES, 0), walk.offset)
        is_at_end = walk.offset >= file.size_bytes
        moved = cursor.moved(offset=walk.offset, fingerprint=walk.fingerprint, last_uid=walk.count)
        if force:
            moved = moved.moved(force=0 if is_at_end else 1)
        batch_mails = len(envelopes) + len(failures)
        return Batch(
            cursor=moved if walk.count else cursor,
            envelopes=tuple(envelopes),
            failures=tuple(failures),
            caught_up=is_at_end,
            remaining=_estimate(file.size_bytes - walk.offset, walk.offset - first, batch_mails),
        )

    def census(self) -> Iterator[CensusItem]:
        """Walk the ids of all mails of the file."""
        file = FileBytes.open(self._path)
        walk = MboxWalk(file, self._limits)
        try:
            for mail in walk.mails():
                labels, _ = takeout_facts(mail.span.separator, mail.span.header)
                yield CensusItem(mail.source_id, Place(self.mailbox), labels)
        finally:
            walk.close()
            file.close()

    def refetch(self, mails: Sequence[KnownMail]) -> Iterator[tuple[Envelope, ...]]:
        """As in Refetch: walks the file from its start."""
        wanted = {mail.source_id for mail in mails}
        file = FileBytes.open(self._path)
        walk = MboxWalk(file, self._limits)
        try:
            found = (mail for mail in walk.mails() if mail.source_id in wanted)
            within = (mail for mail in found if mail.size_bytes <= self._limits.max_mail_bytes)
            yield from in_batches((self._envelope(mail, force=True) for mail in within), self._limits)
        finally:
            walk.close()
            file.close()

    def close(self) -> None:
        """Let go of the file; `fetch` opens it again."""
        if self._walk is not None:
            self._walk.close()
        self._file, self._walk = None, None

    def _at(self, cursor: Cursor) -> tuple[FileBytes, MboxWalk]:
        """Return the file and a walk that stands where the cursor says, or at the start if the file is another now."""
        seen = self._look()
        if not self._only_grew(seen):
            self.close()
        self._seen = seen
        file = self._file or FileBytes.open(self._path)
        offset, fingerprint = cursor.get_int("offset"), cursor.values.get("fingerprint", "")
        walk = self._walk
        if walk is None or (walk.count, walk.fingerprint) != (cursor.get_int("last_uid"), fingerprint):
            walk = self._walk_anew(file, offset, fingerprint)
        self._file, self._walk = file, walk
        return file, walk

    def _walk_anew(self, file: FileBytes, offset: int, fingerprint: str) -> MboxWalk:
        if self._walk is not None:
            self._walk.close()
        walk = MboxWalk(file, self._limits)
        if offset and not walk.advance_to(offset, fingerprint):
            log.info("mbox_rewritten", offset=offset, size_bytes=file.size_bytes)
            walk.close()
            walk = MboxWalk(file, self._limits)
        return walk

    def _look(self) -> _Look:
        try:
            stat = self._path.stat()
        except OSError as error:
            raise unreadable(error) from error
        return _Look(stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns)

    def _only_grew(self, now: _Look) -> bool:
        """Look at the file anew; tell whether what was walked of it is still its beginning, as far as can be told."""
        if self._file is None or self._walk is None or now == self._seen:
            return self._file is not None
        if (now.device, now.inode) != (self._seen.device, self._seen.inode) or now.size_bytes < self._walk.offset:
            return False
        self._file.look()
        offset = self._walk.offset
        # What was the file's last mail may have been cut short then, and have its rest now: no mail begins there.
        is_between_mails = offset == 0 or may_begin(self._file, offset)
        return is_between_mails and self._file.read(offset - len(self._guard), offset) == self._guard

    def _may_grow(self, file: FileBytes, span: MailSpan) -> bool:
        """Tell whether the file's last mail may still be in the middle of its writing; waits a moment to see."""
        if span.stop < file.size_bytes:
            return False
        age_s = self._clock.now().timestamp() - self._seen.changed_ns / 1e9
        if age_s < self._limits.settle_s:
            self._clock.sleep(min(self._limits.settle_s - age_s, self._limits.settle_s))
        return self._look() != self._seen

    def _envelope(self, mail: WalkedMail, *, force: bool) -> Envelope:
        labels, gmail = takeout_facts(mail.span.separator, mail.span.header)
        return Envelope(
            account=self.account,
            source=self.kind,
            source_id=mail.source_id,
            kind=Kind.ADDED,
            place=Place(self.mailbox),
            fetched_at=self._clock.now(),
            labels=labels,
            received_at=envelope_date(mail.span.separator),
            raw=mail.raw,
            size_bytes=mail.size_bytes,
            gmail=gmail,
            force=force,
        )

    def _too_large(self, envelope: Envelope) -> Failure:
        error = MailTooLargeError(
            f"a mail of at most {self._limits.max_mail_bytes} bytes was expected (MAX_MAIL_BYTES), "
            f"one of {envelope.size_bytes} found"
        )
        is_kept = envelope.size_bytes <= self._limits.kept_bytes
        return Failure(envelope if is_kept else replace(envelope, raw=b""), error.code, str(error))


def _estimate(left_bytes: int, read_bytes: int, read_mails: int) -> int | None:
    """Guess how many mails are left by the size of those just read; None if there is nothing to go by."""
    if left_bytes <= 0:
        return 0
    return left_bytes * read_mails // read_bytes if read_bytes > 0 else None
