"""Comparing both ways finds exactly what differs, whatever the labels, and nothing that only one of both can tell."""

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from src.cli.both_ways import BothWays, LabelGap, LoneMail, agreed, choose, compare
from src.model.envelope import Place
from src.sources.gmail.label_words import LabelWords
from src.sources.source import CensusItem
from src.sync.gmail_values import Label

ALL_MAIL, SPAM, TRASH = "[Gmail]/Alle Nachrichten", "[Gmail]/Spam", "[Gmail]/Papierkorb"
USES = {ALL_MAIL: "\\All", SPAM: "\\Junk", TRASH: "\\Trash"}
USER_LABELS = {"Label_1": "Junk", "Label_2": "Rechnungen/Größe", "Label_3": "INBOX/old"}
LABELS = [Label(label_id, name, False) for label_id, name in USER_LABELS.items()]
WORDS = LabelWords(LABELS, USES)
TOLD_BY_BOTH = {"INBOX": "\\Inbox", "SENT": "\\Sent", "DRAFT": "\\Draft", "IMPORTANT": "\\Important"} | USER_LABELS
NUMBERS = (1, 2, 3, 4, 5, 0x18F0_0000_0000_0001, 2**64 - 1)  # few, so that two mailboxes share some
ONLY_API = ("CATEGORY_SOCIAL", "CATEGORY_UPDATES", "YELLOW_STAR")
ONLY_IMAP = ("\\Answered", "$Forwarded", "NonJunk", "Junk")  # flags; the last one is called as a label is


@dataclass(frozen=True)
class Mail:
    """One mail, as neither of both writes it."""

    number: int
    labels: frozenset[str]  # keys of TOLD_BY_BOTH
    is_unread: bool
    is_starred: bool
    folder: str
    only_api: frozenset[str] = frozenset()
    only_imap: frozenset[str] = frozenset()

    @property
    def id(self) -> str:
        return f"{self.number:016x}"

    def to_imap(self) -> CensusItem:
        own = {TOLD_BY_BOTH[each] for each in self.labels}
        flags = {"\\Seen"} - ({"\\Seen"} if self.is_unread else set()) | self.only_imap
        flags |= {"\\Flagged"} if self.is_starred else set()
        return CensusItem(self.id, Place(self.folder, 3, self.number), tuple({*flags, *own}), tuple(own))

    def to_api(self) -> CensusItem:
        more = {"UNREAD"} if self.is_unread else set()
        more |= {"STARRED"} if self.is_starred else set()
        more |= {SPAM: {"SPAM"}, TRASH: {"TRASH"}}.get(self.folder, set())
        return CensusItem(self.id, Place("Gmail"), tuple(self.labels | more | self.only_api))


def some_of(words: Collection[str]) -> st.SearchStrategy[frozenset[str]]:
    return st.frozensets(st.sampled_from(sorted(words)))


mails = st.builds(
    Mail,
    number=st.sampled_from(NUMBERS),
    labels=some_of(TOLD_BY_BOTH),
    is_unread=st.booleans(),
    is_starred=st.booleans(),
    folder=st.sampled_from(sorted(USES)),
    only_api=some_of(ONLY_API),
    only_imap=some_of(ONLY_IMAP),
)
mailboxes = st.lists(mails, max_size=5, unique_by=lambda mail: mail.number)


def look(imap: Collection[Mail], api: Collection[Mail]) -> BothWays:
    return compare(
        [mail.to_imap() for mail in imap],
        [mail.to_api() for mail in api],
        WORDS,
        is_wanted=lambda labels: "DRAFT" not in labels,
    )


@given(mailboxes)
@settings(max_examples=60, deadline=None)
def test_one_mailbox_is_the_same_both_ways(mailbox: list[Mail]) -> None:
    found = look(mailbox, mailbox)
    assert found.is_same
    assert (found.imap, found.api, found.beyond) == (len(mailbox), len(mailbox), 0)
    assert found.both == {mail.id: Place(mail.folder, 3, mail.number) for mail in mailbox}
    assert found.unwanted == sum("DRAFT" in mail.labels for mail in mailbox)
    assert set(found.not_compared) == {label for mail in mailbox for label in mail.only_api}


@given(mailboxes, mailboxes)
@settings(max_examples=60, deadline=None)
def test_two_mailboxes_differ_in_just_what_they_do_not_share(one: list[Mail], other: list[Mail]) -> None:
    imap, api = {mail.id: mail for mail in one}, {mail.id: mail for mail in other}
    found = look(one, other)
    assert {mail.source_id for mail in found.only_imap} == imap.keys() - api.keys()
    assert {mail.source_id for mail in found.only_api} == api.keys() - imap.keys()
    assert found.both.keys() == imap.keys() & api.keys()


@given(mails, some_of(TOLD_BY_BOTH), st.booleans(), st.booleans())
def test_labels_differ_by_just_those_that_one_tells_alone(
    mail: Mail, labels: frozenset[str], is_unread: bool, is_starred: bool
) -> None:
    other = Mail(mail.number, labels, is_unread, is_starred, mail.folder)
    found = look([mail], [other])
    expected_imap = {*mail.labels - labels, *_flags(mail) - _flags(other)}
    expected_api = {*labels - mail.labels, *_flags(other) - _flags(mail)}
    told = [(set(gap.only_imap), set(gap.only_api)) for gap in found.labels]
    assert told == ([(_names(expected_imap), _names(expected_api))] if expected_imap | expected_api else [])


@given(mailboxes, mailboxes, mailboxes, mailboxes)
@settings(max_examples=40, deadline=None)
def test_only_what_both_looks_found_counts(
    imap: list[Mail], api: list[Mail], imap_later: list[Mail], api_later: list[Mail]
) -> None:
    first, second = look(imap, api), look(imap_later, api_later)
    found = agreed(first, second)
    for look_ in (first, second):
        assert _ids(found.only_imap) <= _ids(look_.only_imap)
        assert _ids(found.only_api) <= _ids(look_.only_api)
        assert _ids(found.labels) <= _ids(look_.labels)
    assert agreed(first, look(imap, imap)).is_same
    assert agreed(first, first) == first


def test_a_mail_in_two_mailboxes_has_the_labels_of_both() -> None:
    words = LabelWords(LABELS, {"INBOX": "", "Rechnungen/Größe": "", "[Gmail]/Gesendet": "\\Sent"})
    imap = [
        CensusItem("a" * 16, Place("INBOX", 1, 1), ("\\Seen", "Rechnungen/Größe"), ("Rechnungen/Größe",)),
        CensusItem("a" * 16, Place("Rechnungen/Größe", 1, 1), ("\\Inbox", "\\Seen"), ("\\Inbox",)),
        CensusItem("b" * 16, Place("[Gmail]/Gesendet", 1, 1), ("\\Seen",), ()),
    ]
    api = [
        CensusItem("a" * 16, Place("Gmail"), ("INBOX", "Label_2")),
        CensusItem("b" * 16, Place("Gmail"), ("SENT",)),
        CensusItem("c" * 16, Place("Gmail"), ("Label_1",)),
    ]
    found = compare(imap, api, words, is_wanted=lambda _: True)
    assert (found.is_same, found.imap, found.beyond) == (True, 2, 1)


def test_labels_that_imap_did_not_tell_are_no_difference() -> None:
    imap = [CensusItem("a" * 16, Place(ALL_MAIL, 1, 1))]
    assert compare(imap, [CensusItem("a" * 16, Place("Gmail"), ("INBOX",))], WORDS, is_wanted=lambda _: True).is_same


@given(st.sets(st.integers(0, 500)), st.integers(0, 40), st.integers())
def test_the_sample_holds_the_newest(numbers: set[int], most: int, seed: int) -> None:
    both = {f"{number:016x}": Place(ALL_MAIL, 1, number) for number in numbers}
    chosen = choose(both, most, random.Random(seed))
    assert len(chosen) == min(most, len(both))
    assert chosen.items() <= both.items()
    assert set(sorted(both)[len(both) - min(most // 2, len(both)) :]) <= chosen.keys()


def _ids(told: Sequence[LoneMail | LabelGap]) -> set[str]:
    return {one.source_id for one in told}


def _flags(mail: Mail) -> set[str]:
    return ({"UNREAD"} if mail.is_unread else set()) | ({"STARRED"} if mail.is_starred else set())


def _names(label_ids: set[str]) -> set[str]:
    return {USER_LABELS.get(each, each) for each in label_ids}
