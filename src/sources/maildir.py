"""The Maildir source: reads one folder, and on later runs finds what is new, changed and gone.

Each pass lists the folder, compares with the database, and walks the differences in the order of the names. Cursor:
`after` (the last name of an unfinished pass; empty between passes), `tree` (which Maildir this is) and `last_uid` (how
many mails were brought so far; set to 0 by an operator, every mail is brought again). What was published and is not
stored yet is known from the stream. An unfinished pass of an earlier run is ended first, then a whole one follows.

Mails are taken for deleted only in the Maildir that the last pass saw: importing another one under the same account and
folder name must not delete the first one's mails.
"""

import errno
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from stat import S_ISREG

from src.common.clock import Clock
from src.common.errors import IngestError, MailTooLargeError, SourceUnavailableError
from src.model.cursor import Batch, Cursor, Failure
from src.model.envelope import Envelope, Kind, Place
from src.sources.file_bytes import FileBytes, unreadable
from src.sources.file_cursor import check_is_files
from src.sources.file_limits import FileLimits, in_batches
from src.sources.file_slices import FileSlices
from src.sources.maildir_folders import Folder, MailFile, keywords, labels, mail_files
from src.sources.maildir_pass import MaildirPass, Step, Task, with_names
from src.sources.source import CensusItem
from src.sources.versions import clock_version, newer_than
from src.store.protocol import KnownMail

KnownMails = Callable[[str, str], Iterator[KnownMail]]  # (account, mailbox): what the database knows
OnItsWay = Callable[[str, str, Sequence[str]], list[bool]]  # (account, mailbox, envelope ids): on the stream or dead?

_BROKEN_FILE = frozenset({errno.EACCES, errno.EPERM, errno.ELOOP, errno.EISDIR})  # no other try will help this one


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a Maildir source asks others."""

    known_mails: KnownMails
    on_its_way: OnItsWay


class MaildirSource:
    """Plays Source, Census and Refetch for one folder."""

    kind = "maildir"

    def __init__(self, *, account: str, folder: Folder, around: Surroundings, limits: FileLimits, clock: Clock) -> None:
        self.account = account
        self.mailbox = folder.name
        self._path = folder.path
        self._around = around
        self._limits = limits
        self._clock = clock
        self._pass: MaildirPass | None = None
        self._is_whole = False  # whether the present pass began at the first name
        self._after = ""  # up to where the present pass was walked

    def fetch(self, cursor: Cursor) -> Batch:
        """Read the next differences after `cursor`; see Source."""
        check_is_files(cursor)
        after = cursor.values.get("after", "")
        if self._pass is None or self._after != after or (not after and not self._is_whole):
            self._begin(cursor, after)
        assert self._pass is not None
        steps = self._pass.steps(after, self._limits.batch_mails)
        envelopes, failures, after = self._do(self._pass, self._unpublished(steps), steps, after)
        remaining = self._pass.count_after(after)
        self._after = after
        brought = sum(envelope.kind is Kind.ADDED for envelope in envelopes) + len(failures)
        moved = self._moved(cursor, after if remaining else "", brought)
        is_over = remaining == 0
        is_caught_up = is_over and self._is_whole
        if is_over:
            self.close()
        return Batch(moved, tuple(envelopes), tuple(failures), is_caught_up, remaining)

    def census(self) -> Iterator[CensusItem]:
        """Walk the ids of all mails of the folder."""
        names = keywords(self._path)
        seen = {file.unique: file for _ in range(2) for file in mail_files(self._path)}  # twice: see maildir_folders
        for unique, file in sorted(seen.items()):
            yield CensusItem(self._source_id(unique), Place(self.mailbox), labels(file.flags, names))

    def refetch(self, mails: Sequence[KnownMail]) -> Iterator[tuple[Envelope, ...]]:
        """As in Refetch."""
        wanted = {mail.source_id for mail in mails}
        listed = [it for it in self._listed() if self._source_id(it[0].unique) in wanted]
        steps = (Step(file.unique, Task.AGAIN, file.place, told, 0) for file, told in listed)
        yield from in_batches(self._readable(steps), self._limits)

    def _readable(self, steps: Iterable[Step]) -> Iterator[Envelope]:
        for step in steps:
            try:
                made = self._read(step)
            except FileNotFoundError:
                continue
            if isinstance(made, Envelope):
                yield made

    def close(self) -> None:
        """Forget the present pass."""
        if self._pass is not None:
            self._pass.close()
        self._pass, self._after = None, ""

    def _begin(self, cursor: Cursor, after: str) -> None:
        self.close()
        known = with_names(self._around.known_mails(self.account, self.mailbox), self.mailbox)
        self._pass = MaildirPass(
            self._listed(),
            known,
            force=cursor.values.get("last_uid") == "0" or cursor.values.get("force") == "1",
            deletes=cursor.values.get("tree") == self._tree(),
        )
        if self._pass.has_deletions():
            self._pass.confirm_deletions(mail_files(self._path))
        self._is_whole = not after
        self._after = after

    def _listed(self) -> Iterator[tuple[MailFile, tuple[str, ...]]]:
        names = keywords(self._path)
        for file in mail_files(self._path):
            yield file, labels(file.flags, names)

    def _tree(self) -> str:
        return hashlib.blake2b(bytes(self._path.resolve()), digest_size=8).hexdigest()

    def _moved(self, cursor: Cursor, after: str, brought: int) -> Cursor:
        last_uid = cursor.get_int("last_uid") + brought
        moved = cursor.moved(after=after, tree=self._tree())
        if last_uid:
            moved = moved.moved(last_uid=last_uid)
        if cursor.values.get("last_uid") == "0" or "force" in cursor.values:
            moved = moved.moved(force=1 if after else 0)
        return moved

    def _unpublished(self, steps: Sequence[Step]) -> set[str]:
        """Return the names of the new mails that are not on their way already."""
        new = [step.name for step in steps if step.task is Task.NEW]
        ids = [self._envelope(step).id for step in steps if step.task is Task.NEW]
        on_its_way = self._around.on_its_way(self.account, self.mailbox, ids) if ids else []
        return {name for name, is_known in zip(new, on_its_way, strict=True) if not is_known}

    def _do(
        self, present: MaildirPass, unpublished: set[str], steps: Sequence[Step], after: str
    ) -> tuple[list[Envelope], list[Failure], str]:
        """Make the steps' envelopes, until the batch is large enough; return also the last name that is done with."""
        envelopes: list[Envelope] = []
        failures: list[Failure] = []
        size_bytes = 0
        for step in steps:
            if size_bytes >= self._limits.batch_bytes:
                break
            after = step.name
            if step.task is Task.GONE or step.task is Task.CHANGED:
                envelopes.append(self._envelope(step))
            elif step.task is Task.AGAIN or step.name in unpublished:
                made = self._read_or_look_again(present, step)
                size_bytes += made.size_bytes if isinstance(made, Envelope) else 0
                if isinstance(made, Failure):
                    failures.append(made)
                elif made is not None:
                    envelopes.append(made)
        return envelopes, failures, after

    def _read_or_look_again(self, present: MaildirPass, step: Step) -> Envelope | Failure | None:
        """Read a mail, wherever it is by now; None if it went away since it was listed."""
        try:
            return self._read(step)
        except FileNotFoundError:
            present.list_again(self._listed())
        place, found_labels = present.place_of(step.name)
        try:
            return self._read(replace(step, place=place, labels=found_labels))
        except FileNotFoundError:
            return None  # a later pass finds it if it was only renamed once more

    def _read(self, step: Step) -> Envelope | Failure:
        """Return the mail of a step. Raises FileNotFoundError."""
        path = self._path / step.place
        envelope = self._envelope(step)
        try:
            stat = path.stat()
            if not S_ISREG(stat.st_mode):  # reading a FIFO might never end
                return _failure(envelope, unreadable(OSError(errno.EINVAL, "not a regular file")))
            received_at = datetime.fromtimestamp(stat.st_mtime, UTC)
            envelope = replace(envelope, received_at=received_at, size_bytes=stat.st_size)
            if stat.st_size > self._limits.max_mail_bytes:
                kept = _with_raw(envelope, path, self._limits) if stat.st_size <= self._limits.kept_bytes else envelope
                return _failure(kept, self._too_large(stat.st_size))
            return _with_raw(envelope, path, self._limits)
        except FileNotFoundError:
            raise
        except OSError as error:
            if error.errno in _BROKEN_FILE:
                return _failure(envelope, unreadable(error))
            raise SourceUnavailableError(f"a mail file could not be read just now: {error.strerror}") from error

    def _envelope(self, step: Step) -> Envelope:
        kinds = {Task.CHANGED: Kind.CHANGED, Task.GONE: Kind.DELETED}
        envelope = Envelope(
            account=self.account,
            source=self.kind,
            source_id=self._source_id(step.name),
            kind=kinds.get(step.task, Kind.ADDED),
            place=Place(self.mailbox),
            fetched_at=self._clock.now(),
            labels=None if step.task is Task.GONE else step.labels,
            force=step.task in (Task.NEW, Task.AGAIN),  # the database was asked: what was published once is no answer
        )
        is_ahead = step.known_version >= clock_version(self._clock)
        return newer_than(step.known_version, envelope) if is_ahead else envelope

    def _source_id(self, unique: str) -> str:
        return f"{self.mailbox}/{unique}"

    def _too_large(self, size_bytes: int) -> MailTooLargeError:
        return MailTooLargeError(
            f"a mail of at most {self._limits.max_mail_bytes} bytes was expected (MAX_MAIL_BYTES), one of "
            f"{size_bytes} found"
        )


def _with_raw(envelope: Envelope, path: Path, limits: FileLimits) -> Envelope:
    if envelope.size_bytes <= limits.slice_bytes:
        raw = path.read_bytes()
        return replace(envelope, raw=raw, size_bytes=len(raw))
    return replace(
        envelope, raw=FileSlices(FileBytes(os.open(path, os.O_RDONLY | os.O_CLOEXEC)), 0, envelope.size_bytes)
    )


def _failure(envelope: Envelope, error: IngestError) -> Failure:
    return Failure(envelope, error.code, str(error))
