"""Does an account look the same through IMAP and through the Gmail API? Compare what was told through both.

Pure: takes two complete lists and returns what differs; the callers' walks raise instead of ending early. A mail is the
same when Gmail's id of it is (X-GM-MSGID). What only one of the two can say is left out, and named.
IMAP's list is held, 0.3 KB a mail; the API's is walked.
"""

import random
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from heapq import nlargest

from src.model.envelope import Place
from src.sources.gmail.label_words import LabelWords
from src.sources.source import CensusItem


@dataclass(frozen=True, slots=True)
class LoneMail:
    """A mail that was told of through one of the two only."""

    source_id: str
    mailbox: str
    uid: int  # 0 through the API


@dataclass(frozen=True, slots=True)
class LabelGap:
    """A mail of which both tell other labels."""

    source_id: str
    only_imap: tuple[str, ...]  # names, sorted
    only_api: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BothWays:
    """What one look, or two, found."""

    imap: int  # mails told of through IMAP
    api: int  # through the API
    only_imap: tuple[LoneMail, ...] = ()
    only_api: tuple[LoneMail, ...] = ()  # of those that lie in the mailboxes that IMAP reads
    labels: tuple[LabelGap, ...] = ()
    beyond: int = 0  # mails of the API's that lie in none of these mailboxes: no difference, they were never asked for
    unwanted: int = 0  # mails in both that the settings keep out of what is read through the API, drafts for one
    not_compared: tuple[str, ...] = ()  # names of labels that IMAP could not tell, sorted
    both: Mapping[str, Place] = field(default_factory=dict)  # mails told of through both, and where in IMAP

    @property
    def is_same(self) -> bool:
        """True if nothing differs."""
        return not (self.only_imap or self.only_api or self.labels)


@dataclass(frozen=True, slots=True)
class _Told:
    """What IMAP told of a mail; it may do so in several mailboxes."""

    place: Place
    label_ids: frozenset[str]
    has_labels: bool


def compare(
    imap: Iterable[CensusItem],
    api: Iterable[CensusItem],
    words: LabelWords,
    *,
    is_wanted: Callable[[Collection[str]], bool],
) -> BothWays:
    """Compare two complete lists. `is_wanted`: whether a mail with these labels is read through the API."""
    left = _by_id(imap, words)
    told_by_imap = len(left)
    both: dict[str, Place] = {}
    only_api: list[LoneMail] = []
    labels: list[LabelGap] = []
    not_compared: set[str] = set()
    told_by_api = beyond = unwanted = 0
    for item in api:
        told_by_api += 1
        has = item.labels or ()
        comparable = words.comparable(has)
        not_compared.update(words.name(each) for each in has if each not in comparable)
        seen = left.pop(item.source_id, None)
        if seen is None:
            if words.is_within_reach(has):
                only_api.append(LoneMail(item.source_id, item.place.mailbox, item.place.uid))
            else:
                beyond += 1
            continue
        both[item.source_id] = seen.place
        unwanted += not is_wanted(has)
        if seen.has_labels and seen.label_ids != comparable:
            labels.append(_gap(item.source_id, seen.label_ids, comparable, words))
    return BothWays(
        imap=told_by_imap,
        api=told_by_api,
        only_imap=tuple(LoneMail(each, told.place.mailbox, told.place.uid) for each, told in left.items()),
        only_api=tuple(only_api),
        labels=tuple(labels),
        beyond=beyond,
        unwanted=unwanted,
        not_compared=tuple(sorted(not_compared)),
        both=both,
    )


def agreed(first: BothWays, second: BothWays) -> BothWays:
    """Return the second look with only those differences that the first had too.

    A mail that came, went or was labelled between the two lists of one look differs in that look alone.
    """
    only_imap = {mail.source_id for mail in first.only_imap}
    only_api = {mail.source_id for mail in first.only_api}
    gaps = {gap.source_id: gap for gap in first.labels}
    common = (_common(gaps[gap.source_id], gap) for gap in second.labels if gap.source_id in gaps)
    return BothWays(
        imap=second.imap,
        api=second.api,
        only_imap=tuple(mail for mail in second.only_imap if mail.source_id in only_imap),
        only_api=tuple(mail for mail in second.only_api if mail.source_id in only_api),
        labels=tuple(gap for gap in common if gap.only_imap or gap.only_api),
        beyond=second.beyond,
        unwanted=second.unwanted,
        not_compared=second.not_compared,
        both=second.both,
    )


def choose(both: Mapping[str, Place], most: int, rng: random.Random) -> dict[str, Place]:
    """Return at most `most` mails to be looked at closely: half of them the newest, by id, the others at random."""
    newest = nlargest(min(most - most // 2, len(both)), both)
    others = sorted(both.keys() - set(newest))
    chosen = newest + rng.sample(others, min(most - len(newest), len(others)))
    return {source_id: both[source_id] for source_id in chosen}


def _by_id(imap: Iterable[CensusItem], words: LabelWords) -> dict[str, _Told]:
    found: dict[str, _Told] = {}
    same: dict[frozenset[str], frozenset[str]] = {}  # one object for equal sets: a million mails have few different
    for item in imap:
        has_labels = item.labels is not None
        label_ids = words.ids(item.labels or (), item.gmail_labels or (), item.place.mailbox)
        before = found.get(item.source_id)
        if before is not None:
            label_ids, has_labels = label_ids | before.label_ids, has_labels and before.has_labels
        found[item.source_id] = _Told(item.place, same.setdefault(label_ids, label_ids), has_labels)
    return found


def _gap(source_id: str, imap: frozenset[str], api: frozenset[str], words: LabelWords) -> LabelGap:
    return LabelGap(
        source_id,
        tuple(sorted(words.name(each) for each in imap - api)),
        tuple(sorted(words.name(each) for each in api - imap)),
    )


def _common(first: LabelGap, second: LabelGap) -> LabelGap:
    return LabelGap(
        second.source_id,
        tuple(sorted({*first.only_imap} & {*second.only_imap})),
        tuple(sorted({*first.only_api} & {*second.only_api})),
    )
