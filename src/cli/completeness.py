"""Is every mail there? Compare what a source has with what the database, the stream and the dead letters have.

Pure: takes what was found and returns what it means. Nothing is concluded from a partial list: the callers' walks raise
instead of ending early.
A mail is known by its source id or, when a mailbox was renumbered, by its place.

An mbox is an archive: that a mail is in the file no more (it was cut out, its headers were rewritten, or its last copy
was cut short and has since come whole) never means that it is deleted. Its row is kept, and nothing is amiss with that.
"""

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass
from enum import Enum, auto

from src.model.envelope import Kind, Place
from src.sources.source import CensusItem
from src.store.protocol import KnownMail

_EITHER = frozenset({True, False})  # origins of a mailbox in which nothing was found: no row is excused


@dataclass(frozen=True, slots=True)
class Gap:
    """One mail with which something is amiss."""

    source_id: str
    mailbox: str
    uid: int  # 0 where the source has none
    code: str = ""  # of the dead letter


@dataclass(frozen=True, slots=True)
class Facts:
    """What the pipeline has of an account, beside the source."""

    known: Iterable[KnownMail]  # rows of the database, of all mailboxes of the account; walked once
    waiting: Mapping[str, Set[Kind]]  # source id to what is on its way of it: on the stream, in work, or to be retried
    dead: Mapping[str, str]  # source id to the code of the dead letter that holds the mail; dead changes do not count


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a look found. Each mail is in one list at most."""

    at_source: int  # mails the source has
    stored: int  # of these, in the database as they should be
    missing: tuple[Gap, ...] = ()  # at the source, and nowhere with us
    dead: tuple[Gap, ...] = ()  # at the source, and with us only in the dead letters
    waiting: tuple[Gap, ...] = ()  # on their way: added, or to be marked deleted
    extra: tuple[Gap, ...] = ()  # in the database, not marked deleted, and gone from the source
    hidden: tuple[Gap, ...] = ()  # at the source, and marked deleted in the database
    wrong_labels: tuple[Gap, ...] = ()  # in the database, under other labels than at the source; counted as stored
    kept: tuple[Gap, ...] = ()  # in the database, and in their mbox no more: as it should be

    @property
    def is_complete(self) -> bool:
        """True if the database has exactly what the source has, what is kept of an mbox aside."""
        return self.is_accounted_for and not self.dead

    @property
    def is_accounted_for(self) -> bool:
        """True if every mail of the source is in the database as it is there, or in the dead letters with a reason."""
        return not (self.waiting or self.needs_second_look)

    @property
    def needs_second_look(self) -> bool:
        """True if mails that came or went during the look may have caused what was found."""
        return bool(self.missing or self.extra or self.hidden or self.wrong_labels)


def compare(
    census: Iterable[CensusItem],
    facts: Facts,
    *,
    mailboxes: Set[str],
    archives: Set[str] = frozenset(),
    is_listed_anywhere: Callable[[str], bool] = lambda _: False,
) -> Comparison:
    """Compare a complete census of these mailboxes with the facts, which were gathered after it.

    `archives`: those of the mailboxes that are read from an mbox. `is_listed_anywhere`: tells source ids that the
    census would list whatever mailbox our row is of, as when an account was read by another way before.
    """
    rows, by_place = _index(facts.known)
    found: dict[_State, list[Gap]] = {state: [] for state in _State}
    seen: set[str] = set()
    # Mailbox to whether its mails are numbered: on a server they are, in files not.
    origins: dict[str, set[bool]] = {mailbox: {False} for mailbox in archives}
    stored = 0
    for item in census:
        origins.setdefault(item.place.mailbox, set()).add(item.place.uid > 0)
        source_id = item.source_id if item.source_id in rows else by_place.get(item.place, item.source_id)
        if source_id in seen:
            continue
        seen.add(source_id)
        state = _state_at_source(source_id, rows.get(source_id), facts)
        if state is _State.STORED:
            stored += 1
            state = _state_of_labels(item, rows[source_id], facts.waiting.get(source_id, frozenset()))
        if state is not _State.STORED:
            code = facts.dead[source_id] if state is _State.DEAD else ""
            found[state].append(Gap(source_id, item.place.mailbox, item.place.uid, code))
    for source_id, row in rows.items():
        if source_id in seen or row.is_deleted or not row.is_stored:
            continue
        if is_listed_anywhere(source_id) or _would_be_listed(row, mailboxes, origins):
            state = _state_not_at_source(source_id, row, facts, archives)
            found[state].append(Gap(source_id, row.place.mailbox, row.place.uid))
    return Comparison(
        at_source=len(seen),
        stored=stored,
        missing=tuple(found[_State.MISSING]),
        dead=tuple(found[_State.DEAD]),
        waiting=tuple(found[_State.WAITING]),
        extra=tuple(found[_State.EXTRA]),
        hidden=tuple(found[_State.HIDDEN]),
        wrong_labels=tuple(found[_State.WRONG_LABELS]),
        kept=tuple(found[_State.KEPT]),
    )


def agreed(first: Comparison, second: Comparison) -> Comparison:
    """Return the second look with only those findings that the first had too.

    A mail that arrived, left or was settled between the source's list and ours looks amiss in one look, not in two.
    """
    findings = (first.missing, first.extra, first.hidden, first.wrong_labels, first.waiting, first.dead)
    before = {gap.source_id for gaps in findings for gap in gaps}

    def both(gaps: tuple[Gap, ...]) -> tuple[Gap, ...]:
        return tuple(gap for gap in gaps if gap.source_id in before)

    missing, hidden = both(second.missing), both(second.hidden)
    came_meanwhile = len(second.missing) + len(second.hidden) - len(missing) - len(hidden)
    return Comparison(
        at_source=second.at_source - came_meanwhile,
        stored=second.stored,
        missing=missing,
        dead=second.dead,
        waiting=second.waiting,
        extra=both(second.extra),
        hidden=hidden,
        wrong_labels=both(second.wrong_labels),
        kept=second.kept,
    )


class _State(Enum):
    STORED = auto()
    MISSING = auto()
    DEAD = auto()
    WAITING = auto()
    HIDDEN = auto()
    WRONG_LABELS = auto()
    EXTRA = auto()
    KEPT = auto()


@dataclass(frozen=True, slots=True)
class _Row:
    """The little of a KnownMail that is kept for all of them at once: a mailbox may hold a million."""

    place: Place  # one object for all mails without a UID in the same mailbox
    is_deleted: bool
    is_stored: bool
    labels: frozenset[str]  # one object for all mails with the same


def _index(known: Iterable[KnownMail]) -> tuple[dict[str, _Row], dict[Place, str]]:
    label_sets: dict[frozenset[str], frozenset[str]] = {}
    places: dict[Place, Place] = {}
    rows: dict[str, _Row] = {}
    for mail in known:
        labels = frozenset(mail.labels)
        place = mail.place if mail.place.uid else places.setdefault(mail.place, mail.place)
        rows[mail.source_id] = _Row(place, mail.is_deleted, mail.is_stored, label_sets.setdefault(labels, labels))
    return rows, {row.place: source_id for source_id, row in rows.items() if row.place.uid}


def _state_at_source(source_id: str, row: _Row | None, facts: Facts) -> _State:
    """Tell how it stands with a mail that the source has."""
    is_stored = row is not None and row.is_stored
    coming = facts.waiting.get(source_id, frozenset())
    if row is not None and is_stored and not row.is_deleted:
        return _State.STORED
    if Kind.ADDED in coming or (is_stored and Kind.CHANGED in coming):  # a change alone does not bring a mail
        return _State.WAITING
    if is_stored:
        return _State.HIDDEN
    return _State.DEAD if source_id in facts.dead else _State.MISSING


def _would_be_listed(row: _Row, mailboxes: Set[str], origins: Mapping[str, Set[bool]]) -> bool:
    """Tell whether a row is of what was listed: an archive may have been imported under the name of a mailbox of a
    server, or the other way round."""
    mailbox = row.place.mailbox
    return mailbox in mailboxes and (row.place.uid > 0) in origins.get(mailbox, _EITHER)


def _state_not_at_source(source_id: str, row: _Row, facts: Facts, archives: Set[str]) -> _State:
    """Tell how it stands with a stored mail that the source does not list."""
    if Kind.DELETED in facts.waiting.get(source_id, ()):
        return _State.WAITING
    return _State.KEPT if row.place.mailbox in archives and _is_of_mbox(source_id, row.place) else _State.EXTRA


def _state_of_labels(item: CensusItem, row: _Row, coming: Set[Kind]) -> _State:
    """Tell how it stands with the labels of a stored mail. Labels that the census does not tell are not compared."""
    if item.labels is None or row.labels == frozenset(item.labels):
        return _State.STORED
    return _State.WAITING if coming & {Kind.ADDED, Kind.CHANGED} else _State.WRONG_LABELS


def _is_of_mbox(source_id: str, place: Place) -> bool:
    """Tell whether an mbox brought this mail: it has no number, and its id is of its content and not a file name."""
    return not place.uid and not place.uidvalidity and not source_id.startswith(f"{place.mailbox}/")
