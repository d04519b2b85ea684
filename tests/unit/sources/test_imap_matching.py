"""Old mails and new numbers are paired by key where that is certain, else by their bytes; never one with two."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from src.imap.uid_set import UidSet
from src.sources.imap.matching import Key, OldMail, key_of, match

KEYS = st.none() | st.tuples(st.sampled_from(["a", "b"]), st.integers(1, 2), st.just(0))


@st.composite
def old_mails(draw: st.DrawFn) -> list[OldMail]:
    keys = draw(st.lists(KEYS, max_size=8))
    hashes = draw(st.lists(st.sampled_from(["", "h1", "h2"]), min_size=len(keys), max_size=len(keys)))
    return [OldMail(f"id{at}", at + 1, 1, key, sha) for at, (key, sha) in enumerate(zip(keys, hashes, strict=True))]


@given(old_mails(), st.lists(KEYS, max_size=8))
def test_every_mail_goes_one_way_only(old: list[OldMail], new: list[Key | None]) -> None:
    found = match(old, list(enumerate(new, start=1)))
    assert sorted([*found.mapped, *found.unsure]) == list(range(1, len(new) + 1))
    assert len(set(found.mapped.values())) == len(found.mapped)
    assert {*found.mapped.values(), *found.left} == {one.source_id for one in old}
    assert not set(found.mapped.values()) & set(found.left)


@given(old_mails(), st.lists(KEYS, max_size=8))
def test_mapped_mails_share_a_key_that_no_other_has(old: list[OldMail], new: list[Key | None]) -> None:
    found = match(old, list(enumerate(new, start=1)))
    by_id = {one.source_id: one for one in old}
    for uid, source_id in found.mapped.items():
        assert new[uid - 1] is not None
        assert by_id[source_id].key == new[uid - 1]
        assert new.count(new[uid - 1]) == 1
        assert [one.key for one in old].count(new[uid - 1]) == 1


def test_twins_are_claimed_by_their_bytes_in_order_of_uid() -> None:
    key: Key = ("twin", 10, 0)
    old = [OldMail("second", 2, 1, key, "same"), OldMail("first", 1, 1, key, "same"), OldMail("other", 3, 1, key, "o")]
    found = match(old, [(7, key), (8, key), (9, key)])
    assert found.unsure == [7, 8, 9]
    claimed = [found.claim("same"), found.claim("same"), found.claim("same"), found.claim("o")]
    assert [one and one.source_id for one in claimed] == ["first", "second", None, "other"]
    assert found.left == {}


def test_twin_of_a_mail_in_place_already_is_not_told_by_its_key() -> None:
    """What a first try left over looks unique, and is not."""
    key: Key = ("twin", 10, 0)
    found = match([OldMail("gone", 1, 1, key, "h")], [(7, key)], taken={key})
    assert (found.mapped, found.unsure) == ({}, [7])
    found = match([OldMail("gone", 1, 1, key, "h")], [(6, key), (7, key), (8, None)], placed=UidSet.of([6, 8]))
    assert (found.mapped, found.unsure) == ({}, [7])


def test_key_needs_a_message_id_and_a_date() -> None:
    received_at = datetime(2026, 1, 1, tzinfo=UTC)
    assert key_of("<a@example.org>", 5, received_at) == key_of(" a@example.org", 5, received_at.replace(microsecond=7))
    assert key_of("", 5, received_at) is None
    assert key_of("a@example.org", 5, None) is None
