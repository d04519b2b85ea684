"""Comparing: each mail of the source ends in exactly one list, whatever the database, stream and dead letters hold."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.cli.completeness import Comparison, Facts, Gap, agreed, compare
from src.model.envelope import Kind, Place
from src.sources.source import CensusItem
from src.store.protocol import KnownMail

INBOX = frozenset({"INBOX"})


def known(
    source_id: str,
    *,
    uid: int = 0,
    deleted: bool = False,
    stored: bool = True,
    box: str = "INBOX",
    labels: tuple[str, ...] = (),
) -> KnownMail:
    return KnownMail(
        source_id=source_id,
        place=Place(box, 7, uid),
        labels=labels,
        is_deleted=deleted,
        is_stored=stored,
        message_id="",
        size_bytes=0,
        received_at=None,
        sha256="",
    )


def item(source_id: str, uid: int = 0, box: str = "INBOX") -> CensusItem:
    return CensusItem(source_id, Place(box, 7, uid))


def facts(*mails: KnownMail, waiting: dict[str, set[Kind]] | None = None, dead: dict[str, str] | None = None) -> Facts:
    return Facts(known=mails, waiting=waiting or {}, dead=dead or {})


def ids(gaps: Sequence[Gap]) -> list[str]:
    return [gap.source_id for gap in gaps]


@pytest.mark.parametrize(
    ("mail", "waiting", "dead", "expected"),
    [
        (known("a"), set(), "", "stored"),  # as it should be
        (known("a"), {Kind.CHANGED}, "", "stored"),  # a new label is on its way: the mail is there
        (known("a"), set(), "database_refused", "stored"),  # a dead change of it
        (None, set(), "", "missing"),
        (None, {Kind.ADDED}, "", "waiting"),
        (None, {Kind.CHANGED}, "", "missing"),  # a change alone does not bring the mail
        (None, set(), "mail_too_large", "dead"),
        (None, {Kind.ADDED}, "mail_too_large", "waiting"),  # replayed a moment ago
        (known("a", stored=False), set(), "", "missing"),  # a stub: only a change came
        (known("a", stored=False), {Kind.ADDED}, "", "waiting"),
        (known("a", stored=False, deleted=True), set(), "", "missing"),  # a tombstone, and yet the source has it
        (known("a", deleted=True), set(), "", "hidden"),
        (known("a", deleted=True), {Kind.CHANGED}, "", "waiting"),  # on its way to live again
        (known("a", deleted=True), {Kind.DELETED}, "", "hidden"),
    ],
)
def test_a_mail_of_the_source(mail: KnownMail | None, waiting: set[Kind], dead: str, expected: str) -> None:
    found = compare(
        [item("a")],
        facts(*([mail] if mail else []), waiting={"a": waiting} if waiting else {}, dead={"a": dead} if dead else {}),
        mailboxes=INBOX,
    )
    assert found.at_source == 1
    assert found.stored == (1 if expected == "stored" else 0)
    assert {name: ids(getattr(found, name)) for name in ("missing", "dead", "waiting", "hidden", "extra")} == {
        name: ["a"] if name == expected else [] for name in ("missing", "dead", "waiting", "hidden", "extra")
    }
    assert found.is_complete is (expected == "stored")
    assert found.is_accounted_for is (expected in ("stored", "dead"))


@pytest.mark.parametrize(
    ("mail", "waiting", "expected"),
    [
        (known("a"), set(), "extra"),
        (known("a"), {Kind.DELETED}, "waiting"),  # its deletion is on its way
        (known("a", deleted=True), set(), ""),  # gone there, marked here: as it should be
        (known("a", stored=False), set(), ""),  # a stub is no mail
        (known("a", box="Other"), set(), ""),  # of a mailbox that was not listed: nothing can be said
    ],
)
def test_a_mail_that_the_source_does_not_have(mail: KnownMail, waiting: set[Kind], expected: str) -> None:
    found = compare([], facts(mail, waiting={"a": waiting} if waiting else {}), mailboxes=INBOX)
    assert ids(found.extra) == (["a"] if expected == "extra" else [])
    assert ids(found.waiting) == (["a"] if expected == "waiting" else [])
    assert found.is_complete is (expected == "")


@pytest.mark.parametrize(
    ("ours", "theirs", "waiting", "expected"),
    [
        (("A", "B"), ("B", "A"), set(), ""),
        ((), (), set(), ""),
        (("A",), None, set(), ""),  # labels that are not told are not compared
        (("A",), ("A", "B"), set(), "wrong_labels"),
        (("A",), (), set(), "wrong_labels"),
        (("A",), ("B",), {Kind.CHANGED}, "waiting"),
        (("A",), ("B",), {Kind.ADDED}, "waiting"),
        (("A",), ("B",), {Kind.DELETED}, "wrong_labels"),
    ],
)
def test_labels(ours: tuple[str, ...], theirs: tuple[str, ...] | None, waiting: set[Kind], expected: str) -> None:
    census = [CensusItem("a", Place("Gmail"), theirs)]
    found = compare(census, facts(known("a", labels=ours), waiting={"a": waiting}), mailboxes={"Gmail"})
    assert {name: ids(getattr(found, name)) for name in ("wrong_labels", "waiting", "missing", "extra")} == {
        name: ["a"] if name == expected else [] for name in ("wrong_labels", "waiting", "missing", "extra")
    }
    assert (found.at_source, found.stored) == (1, 1)
    assert found.is_complete is found.is_accounted_for is (expected == "")
    assert found.needs_second_look is (expected == "wrong_labels")
    assert agreed(found, found) == found


def test_a_mail_that_was_read_another_way_before_is_extra_when_its_id_would_be_listed() -> None:
    before = known("00000000000000aa", uid=5, box="[Gmail]/All Mail")
    found = compare([], facts(before), mailboxes={"Gmail"})
    assert found.is_complete
    found = compare([], facts(before), mailboxes={"Gmail"}, is_listed_anywhere=lambda each: len(each) == 16)
    assert ids(found.extra) == ["00000000000000aa"]


def test_an_archive_under_a_servers_name_is_no_extra_of_the_server() -> None:
    archived, gone = known("INBOX/1.host"), known("b", uid=9)
    found = compare([item("a", uid=3)], facts(known("a", uid=3), archived, gone), mailboxes=INBOX)
    assert ids(found.extra) == ["b"]
    found = compare([item("INBOX/1.host")], facts(archived, gone), mailboxes=INBOX)
    assert found.is_complete


def of_mbox(source_id: str) -> KnownMail:
    return replace(known(source_id), place=Place("old"))


def test_what_is_in_an_mbox_no_more_is_kept_and_nothing_is_amiss() -> None:
    facts_of = facts(of_mbox("a:1"), of_mbox("cut out:1"), waiting={"b:1": {Kind.ADDED}})
    census = [CensusItem("a:1", Place("old")), CensusItem("b:1", Place("old"))]
    found = compare(census, facts_of, mailboxes={"old"}, archives={"old"})
    assert (ids(found.kept), ids(found.extra), ids(found.waiting)) == (["cut out:1"], [], ["b:1"])
    facts_of = facts(of_mbox("a:1"), of_mbox("cut out:1"))
    found = compare(census[:1], facts_of, mailboxes={"old"}, archives={"old"})
    assert found.is_complete
    assert found.is_accounted_for
    assert not found.needs_second_look
    assert ids(agreed(found, found).kept) == ["cut out:1"]


def test_only_what_an_mbox_brought_is_kept() -> None:
    of_folder, of_server = of_mbox("old/1.host"), known("7/4", uid=4, box="old")
    for archives, extra in (({"old"}, ["old/1.host"]), (set[str](), ["old/1.host", "7/4"])):
        found = compare([], facts(of_folder, of_server), mailboxes={"old"}, archives=archives)
        assert (ids(found.extra), ids(found.kept)) == (extra, [])


def test_a_renumbered_mail_is_known_by_its_place() -> None:
    found = compare([item("INBOX/8/3", uid=3)], facts(known("INBOX/7/41", uid=3)), mailboxes=INBOX)
    assert found.is_complete
    assert found.stored == 1


def test_a_mail_listed_in_two_mailboxes_is_one_mail() -> None:
    found = compare([item("g1", 1), item("g1", 5, "Spam")], facts(known("g1", uid=1)), mailboxes={"INBOX", "Spam"})
    assert (found.at_source, found.stored, found.is_complete) == (1, 1, True)


def test_an_empty_source_with_an_empty_database_is_complete() -> None:
    assert compare([], facts(), mailboxes=INBOX).is_complete


_NAMES = st.sampled_from("abcdef")
_KINDS = st.sets(st.sampled_from(list(Kind)))


@given(
    source=st.sets(_NAMES),
    rows=st.dictionaries(_NAMES, st.tuples(st.booleans(), st.booleans())),
    waiting=st.dictionaries(_NAMES, _KINDS),
    dead=st.dictionaries(_NAMES, st.just("mail_unparsable")),
)
def test_every_mail_is_in_exactly_one_list(
    source: set[str],
    rows: dict[str, tuple[bool, bool]],
    waiting: dict[str, set[Kind]],
    dead: dict[str, str],
) -> None:
    mails = [known(name, deleted=deleted, stored=stored) for name, (deleted, stored) in rows.items()]
    found = compare([item(name) for name in source], facts(*mails, waiting=waiting, dead=dead), mailboxes=INBOX)
    lists = [*found.missing, *found.dead, *found.waiting, *found.hidden, *found.extra]
    assert len({gap.source_id for gap in lists}) == len(lists)
    assert found.stored + sum(gap.source_id in source for gap in lists) == found.at_source == len(source)
    living = {mail.source_id for mail in mails if mail.is_stored and not mail.is_deleted}
    assert found.is_complete is (not lists)
    if found.is_complete:
        assert living == source  # the point of it all: never "complete" while anything differs


def test_only_what_two_looks_agree_on_counts() -> None:
    first = Comparison(3, 1, missing=(Gap("arrived", "INBOX", 1),), extra=(Gap("new", "INBOX", 2),))
    second = Comparison(3, 2, missing=(Gap("just-came", "INBOX", 3),), extra=(Gap("new", "INBOX", 2),))
    found = agreed(first, second)
    assert ids(found.missing) == []  # came between the looks
    assert found.at_source == found.stored  # and is not counted either
    assert ids(found.extra) == ["new"]
    assert not found.is_complete


def test_what_was_on_its_way_and_then_is_nowhere_is_missing() -> None:
    first = Comparison(1, 0, waiting=(Gap("lost", "INBOX", 1),))
    second = Comparison(1, 0, missing=(Gap("lost", "INBOX", 1),))
    assert ids(agreed(first, second).missing) == ["lost"]
