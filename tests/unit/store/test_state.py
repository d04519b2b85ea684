"""Joining what is said of a mail: the laws that make order, grouping and repeats unimportant."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from src.model.envelope import GmailIds, Place
from src.store.state import Key, State, fold, join, state_of
from src.store.tables import NEVER
from tests.contracts.mail_records import ACCOUNT, LONG_AGO, added, changed, deleted, make_message

_versions = st.integers(0, 4)  # few, so that the same version is often said twice
_places = st.builds(Place, st.sampled_from(["INBOX", "Archive"]), st.just(1), st.integers(1, 2))
_labels = st.sampled_from([None, (), ("a",), ("b", "c")])


@st.composite
def _states(draw: st.DrawFn) -> State:
    version, place, labels = draw(_versions), draw(_places), draw(_labels)
    match draw(st.integers(0, 2)):
        case 0:
            # The source always tells the same time of a mail, or none.
            told = draw(st.sampled_from([None, LONG_AGO + timedelta(hours=1)]))
            return state_of(added("x", version, place=place, labels=labels, received_at=told))
        case 1:
            return state_of(changed("x", version, place=place, labels=labels))
        case _:
            return state_of(deleted("x", version, place=place))


@given(_states(), _states())
def test_joining_is_commutative(one: State, other: State) -> None:
    assert join(one, other) == join(other, one)


@given(_states(), _states(), _states())
def test_joining_is_associative(one: State, two: State, three: State) -> None:
    assert join(join(one, two), three) == join(one, join(two, three))


@given(_states(), _states())
def test_joining_again_changes_nothing(one: State, other: State) -> None:
    both = join(one, other)

    assert join(both, one) == join(both, other) == join(both, both) == both


def test_labels_that_are_not_told_stay_while_the_place_moves() -> None:
    said = join(
        state_of(changed("x", 3, labels=("\\Seen",))), state_of(changed("x", 5, labels=None, place=Place("A", 2, 9)))
    )

    assert (said.labels, said.labels_version, said.version, said.mailbox) == ('["\\\\Seen"]', 3, 5, "A")


def test_no_labels_is_not_the_same_as_not_told() -> None:
    said = join(state_of(changed("x", 3, labels=("a",))), state_of(changed("x", 4, labels=())))

    assert (said.labels, said.labels_version) == ("[]", 4)


def test_a_deletion_of_the_same_version_wins() -> None:
    assert join(state_of(added("x", 5)), state_of(deleted("x", 5))).is_deleted
    assert not join(state_of(added("x", 5)), state_of(deleted("x", 4))).is_deleted
    assert not state_of(added("x", 0)).is_deleted
    assert state_of(deleted("x", 0)).is_deleted


def test_a_told_time_of_receipt_wins_over_the_date_header() -> None:
    mail = state_of(added("x", 1, received_at=None, message=make_message(date=LONG_AGO)))
    told = state_of(changed("x", 2, received_at=LONG_AGO + timedelta(days=1)))

    assert mail.known_received_at == LONG_AGO
    assert join(mail, told).known_received_at == LONG_AGO + timedelta(days=1)


def test_a_history_id_only_grows() -> None:
    states = [state_of(added("x", n, gmail=GmailIds("0f", "0e", text))) for n, text in enumerate(["9", "10", ""])]

    assert join(join(states[0], states[1]), states[2]).history_id == 10
    assert join(states[2], states[2]).history_id is None


def test_a_batch_is_folded_mail_by_mail() -> None:
    batch = [deleted("x", 9), added("y", 1), added("x", 2), changed("x", 3, labels=None)]

    sayings = fold(batch)

    assert list(sayings) == [Key(ACCOUNT, "x"), Key(ACCOUNT, "y")]
    said = sayings[Key(ACCOUNT, "x")]
    assert said.contents == (batch[2],)
    assert (said.state.version, said.state.labels_version, said.state.deleted_version) == (3, 2, 9)
    assert sayings[Key(ACCOUNT, "y")].state.deleted_version == NEVER
