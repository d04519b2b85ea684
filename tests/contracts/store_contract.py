"""What every store must do. Subclass it and give a `store` fixture with an empty database.

Searching has its own file, `store_search_contract.py`.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from src.common.errors import DatabaseRefusedError
from src.model.envelope import GmailIds, Kind, Place
from src.model.message import Record
from src.store.protocol import Store, SyncState
from tests.contracts.mail_records import (
    ACCOUNT,
    LONG_AGO,
    added,
    changed,
    deleted,
    make_attachment,
    make_message,
    numbered,
)
from tests.contracts.store_model import Expected, expected

# One database serves all examples of a test, and the suite is run by several classes.
SHARED = settings(
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)

_fresh_account = (f"user{number}@example.org" for number in itertools.count())


@st.composite
def histories(draw: st.DrawFn, *, account: str = "") -> list[list[Record]]:
    """Draw records of a few mails, in any order, some repeated, cut into batches."""
    account = account or next(_fresh_account)
    records: list[Record] = []
    versions = draw(st.lists(st.integers(0, 30), unique=True, min_size=1, max_size=9))
    for version in versions:
        source_id = f"INBOX/1/{draw(st.integers(1, 3))}"
        place = draw(st.builds(Place, st.sampled_from(["INBOX", "Archive"]), st.just(1), st.integers(1, 3)))
        labels = draw(st.sampled_from([None, (), ("\\Seen",), ("\\Flagged", "\\Seen")]))
        match draw(st.sampled_from(list(Kind))):
            case Kind.ADDED:
                message = make_message(body=f"text of {source_id}", attachments=[make_attachment("appendix")])
                records.append(added(source_id, version, account=account, labels=labels, place=place, message=message))
            case Kind.CHANGED:
                received_at = draw(st.sampled_from([None, LONG_AGO + timedelta(hours=1)]))
                records.append(
                    changed(source_id, version, account=account, labels=labels, place=place, received_at=received_at)
                )
            case Kind.DELETED:
                records.append(deleted(source_id, version, account=account, place=place))
    told = draw(st.permutations(records + draw(st.lists(st.sampled_from(records), max_size=4))))
    cuts = sorted(draw(st.sets(st.integers(1, len(told)), max_size=3)) | {0, len(told)})
    return [list(told[first:last]) for first, last in itertools.pairwise(cuts)]


def seen(store: Store, account: str) -> dict[str, Expected]:
    """Return what the store shows of an account's mails."""
    return {
        mail.source_id: Expected(mail.place, mail.labels, mail.is_deleted, mail.is_stored)
        for mail in store.known_mails(account)
    }


class StoreContract:
    """The suite."""

    @pytest.fixture
    def store(self) -> Iterator[Store]:
        raise NotImplementedError("give a store with an empty database")

    # --- writing -----------------------------------------------------------------------------------------------------

    @settings(SHARED, max_examples=60)
    @given(batches=histories())
    def test_any_order_partition_and_repetition_ends_in_the_same_state(
        self, store: Store, batches: list[list[Record]]
    ) -> None:
        account = batches[0][0].account

        for batch in batches:
            store.write(batch)

        told = [record for batch in batches for record in batch]
        assert seen(store, account) == expected(told)
        stored = {record.source_id for record in told if record.kind is Kind.ADDED}
        exported = {str(mail["source_id"]): mail for mail in store.export(account)}
        assert exported.keys() == stored
        assert all(len(mail["attachments"]) == 1 for mail in exported.values())  # type: ignore[arg-type]  # a list
        assert all(mail["received_at"] == "2020-01-01T01:00:00+00:00" for mail in exported.values())
        found = {hit.source_id for hit in store.search("text", account=account, include_deleted=True)}
        assert found == stored

    def test_a_repeated_batch_changes_nothing_not_even_the_time_of_change(self, store: Store) -> None:
        batch = [*numbered(5), changed("INBOX/1/2", 50), deleted("INBOX/1/3", 51)]
        store.write(batch)
        before = (list(store.export()), store.stats(), self.updated_times(store))

        store.write(batch)
        store.write(list(reversed(batch)))

        assert (list(store.export()), store.stats(), self.updated_times(store)) == before

    def updated_times(self, store: Store) -> Sequence[object]:
        """Return `updated_at` of every row."""
        raise NotImplementedError("read it below the store")

    def test_a_deletion_before_its_mail_leaves_a_tombstone_that_the_mail_does_not_undo(self, store: Store) -> None:
        store.write([deleted(version=9)])
        tombstone = store.find_by_source_ids(ACCOUNT, ["INBOX/1/1"])["INBOX/1/1"]
        store.write([added(version=4)])
        filled = store.find_by_source_ids(ACCOUNT, ["INBOX/1/1"])["INBOX/1/1"]

        assert (tombstone.is_deleted, tombstone.is_stored) == (True, False)
        assert (filled.is_deleted, filled.is_stored, filled.size_bytes) == (True, True, 2_345)

    def test_a_mail_comes_back_to_life_with_a_newer_version(self, store: Store) -> None:
        store.write([added(version=1)])
        store.write([deleted(version=2)])
        assert store.search("minutes") == []

        store.write([changed(version=3, labels=None)])

        assert not store.find_by_source_ids(ACCOUNT, ["INBOX/1/1"])["INBOX/1/1"].is_deleted
        assert len(store.search("minutes")) == 1

    def test_content_is_written_once(self, store: Store) -> None:
        store.write([added(version=1, message=make_message(subject="First"))])

        store.write([added(version=2, message=make_message(subject="Second"), sha256="c" * 64)])

        (mail,) = store.export()
        assert (mail["subject"], mail["sha256"]) == ("First", "a" * 64)

    def test_a_batch_of_a_thousand_is_written_whole(self, store: Store) -> None:
        store.write(numbered(1_000))

        assert store.stats().mails == store.stats().attachments == 1_000
        assert len(list(store.known_mails(ACCOUNT, "INBOX", uidvalidity=1))) == 1_000

    def test_an_empty_batch_is_nothing(self, store: Store) -> None:
        store.write([])

        assert store.stats().mails == 0

    @pytest.mark.parametrize(
        "record",
        [
            pytest.param(added("bad", place=Place("INBOX", 1, 2**63)), id="UID over 64 bits"),
            pytest.param(added("bad", size_bytes=-1), id="negative size"),
            pytest.param(added("bad", 2**63), id="version over 64 bits"),
            pytest.param(added("x" * 3_000), id="source id longer than an index takes"),
            pytest.param(added("bad", gmail=GmailIds("0f", "0f", "9" * 30)), id="history id over 64 bits"),
        ],
    )
    def test_what_can_never_be_written_is_refused_and_nothing_of_the_batch_is_written(
        self, store: Store, record: Record
    ) -> None:
        with pytest.raises(DatabaseRefusedError):
            store.write([*numbered(3), record])

        assert store.stats().mails == 0

    def test_nuls_and_lone_surrogates_do_not_stop_a_mail(self, store: Store) -> None:
        dirty = "a\0b \udcff c"
        attachment = make_attachment(dirty, filename=dirty)
        message = make_message(subject=dirty, body=dirty, message_id=dirty, attachments=[attachment], defects=(dirty,))

        store.write([added(labels=(dirty,), message=message)])

        (mail,) = store.export()
        text = orjson.dumps(mail).decode()
        assert "\\u0000" not in text
        assert str(mail["subject"]).startswith("ab ")
        assert len(store.search("ab")) == 1

    def test_huge_and_strange_texts_are_stored_whole_and_can_be_searched(self, store: Store) -> None:
        longest = "wort" * 100_000  # one word far over what an index takes
        many = " ".join(f"{chr(0x4E00 + n % 20_000)}{n}é" for n in range(150_000))
        store.write(
            [
                added("INBOX/1/1", 1, message=make_message(body=f"alpha {longest}", message_id="<" + "i" * 9_000)),
                added("INBOX/1/2", 2, message=make_message(body=f"beta {many}")),
            ]
        )

        assert [mail["text"] for mail in store.export()] == [f"alpha {longest}", f"beta {many}"]
        assert [len(store.search(word)) for word in ("alpha", "beta", "nothing")] == [1, 1, 0]

    def test_every_time_a_mail_may_claim_is_kept(self, store: Store) -> None:
        first, last = LONG_AGO.replace(year=1), LONG_AGO.replace(year=9999)
        store.write([added("a", 1, message=make_message(date=first), received_at=last)])
        store.write([added("b", 2, message=make_message(date=last), received_at=None)])
        store.write([added("c", 3, message=make_message(date=None), received_at=None)])

        times = [(mail["date"], mail["received_at"]) for mail in store.export()]
        assert times == [
            ("0001-01-01T00:00:00+00:00", "9999-01-01T00:00:00+00:00"),
            ("9999-01-01T00:00:00+00:00", "9999-01-01T00:00:00+00:00"),  # not told: the Date header stands in
            (None, None),
        ]

    # --- reading -----------------------------------------------------------------------------------------------------

    def test_export_gives_the_objects_of_the_contract(self, store: Store) -> None:
        attachments = [make_attachment("the plan"), make_attachment(position=1, filename="big.iso", reason="too_large")]
        store.write([added(message=make_message(attachments=attachments)), changed("INBOX/1/9", 5)])

        assert list(store.export()) == [
            {
                "account": ACCOUNT,
                "source": "imap",
                "source_id": "INBOX/1/1",
                "mailbox": "INBOX",
                "message_id": "m1@example.org",
                "thread_id": "t1",
                "subject": "Minutes",
                "from": "Bob Builder <bob@example.org>",
                "to": [f"Ada <{ACCOUNT}>"],
                "cc": ["carol@example.net"],
                "date": "2020-01-01T00:00:00+00:00",
                "received_at": "2020-01-01T01:00:00+00:00",
                "size": 2_345,
                "text": "Nothing was decided.",
                "labels": ["\\Seen"],
                "tags": [],
                "rules": [],
                "is_deleted": False,
                "sha256": "a" * 64,
                "attachments": [
                    {
                        "filename": filename,
                        "content_type": "text/plain",
                        "size": 1_000,
                        "sha256": "b" * 64,
                        "text": text,
                        "skipped_reason": reason,
                        "outcome": "skipped" if reason else "text",
                        "is_truncated": False,
                        "scan": "",
                        "metadata": {"pages": 2},
                    }
                    for filename, text, reason in [("plan.txt", "the plan", ""), ("big.iso", "", "too_large")]
                ],
            }
        ]

    def test_walks_are_complete_and_in_order_beyond_one_page(self, store: Store) -> None:
        store.write(numbered(1_200))
        store.write(numbered(120, account="eve@example.org"))

        uids = [mail.place.uid for mail in store.known_mails(ACCOUNT)]
        assert uids == list(range(1, 1_201))
        assert sum(1 for _ in store.export()) == 1_320
        assert sum(1 for _ in store.export("eve@example.org")) == 120

    def test_mails_without_uids_are_walked_completely(self, store: Store) -> None:
        nowhere = Place("archive.mbox")
        store.write([changed(f"sha256:{number}", number, place=nowhere) for number in range(1, 2_301)])
        store.write([changed("later", 9_000, place=Place("other.mbox"))])

        walked = [mail.source_id for mail in store.known_mails(ACCOUNT)]
        assert len(walked) == len(set(walked)) == 2_301
        assert walked[-1] == "later"

    def test_a_walk_goes_on_while_others_write(self, store: Store) -> None:
        store.write(numbered(150))
        walk = store.export()
        next(walk)

        store.write([added("late", 900), deleted("INBOX/1/100", 901)])

        assert len({str(mail["source_id"]) for mail in walk}) >= 149

    def test_known_mails_are_found_by_place_and_by_id(self, store: Store) -> None:
        store.write([*numbered(3), deleted("INBOX/1/9", 99, place=Place("INBOX", 1, 9))])

        by_uid = store.find_by_uids(ACCOUNT, "INBOX", 1, [*range(1, 3_000)])
        by_id = store.find_by_source_ids(ACCOUNT, [f"INBOX/1/{n}" for n in range(3_000)])
        assert {uid: mail.source_id for uid, mail in by_uid.items()} == {n: f"INBOX/1/{n}" for n in (1, 2, 3, 9)}
        assert {mail.place.uid for mail in by_id.values()} == {1, 2, 3, 9}
        assert store.find_by_uids(ACCOUNT, "INBOX", 2, [1]) == {}
        assert list(store.known_mails(ACCOUNT, "Archive")) == []
        known = by_uid[2]
        assert (known.message_id, known.size_bytes, known.sha256) == ("m2@example.org", 2_345, "a" * 64)
        assert known.received_at == LONG_AGO + timedelta(minutes=2)
        assert by_uid[9].version == 99, "what is to count from now on must be greater"

    def test_living_mails_with_a_uid_are_told_from_others(self, store: Store) -> None:
        store.write([added("api", place=Place("Gmail")), deleted("gone", 99, place=Place("INBOX", 1, 9))])
        assert not store.has_numbered_mails(ACCOUNT)
        store.write([added("INBOX/1/1", account="other@example.org", place=Place("INBOX", 1, 1))])
        assert not store.has_numbered_mails(ACCOUNT)
        store.write(numbered(1))
        assert store.has_numbered_mails(ACCOUNT)

    def test_of_two_rows_at_one_place_the_living_mail_is_meant(self, store: Store) -> None:
        place = Place("INBOX", 1, 7)
        store.write([deleted("old", 5, place=place), added("new", 6, place=place), changed("stub", 7, place=place)])

        assert store.find_by_uids(ACCOUNT, "INBOX", 1, [7])[7].source_id == "new"

    def test_stats_count_mails_stubs_deletions_attachments_and_defects(self, store: Store) -> None:
        store.write(numbered(4))
        store.write([added("odd", 50, message=make_message(defects=("bad_base64",))), deleted("INBOX/1/1", 60)])
        store.write([changed("stub", 70), *numbered(2, account="eve@example.org")])

        everything, ada = store.stats(), store.stats(ACCOUNT)
        assert (ada.mails, ada.deleted, ada.attachments, ada.stubs, ada.with_defects) == (5, 1, 4, 1, 1)
        assert (everything.mails, everything.attachments) == (7, 6)
        assert ada.newest_received_at == LONG_AGO + timedelta(hours=1)
        assert everything.size_bytes > 0

    # --- sync states -------------------------------------------------------------------------------------------------

    def test_sync_states_are_kept_apart_and_replaced(self, store: Store) -> None:
        store.save_sync_state("imap", SyncState("eve@example.org", "INBOX", {"last_uid": "4"}))
        store.save_sync_state("imap", SyncState("eve@example.org", "INBOX", {"last_uid": "5"}, "login_refused"))
        store.save_sync_state("gmail", SyncState("eve@example.org", "all", {"history_id": "77"}))
        store.write([added()])

        states = store.sync_states("eve@example.org")
        assert [(s.mailbox, dict(s.values), s.error_code) for s in states] == [
            ("INBOX", {"last_uid": "5"}, "login_refused"),
            ("all", {"history_id": "77"}, ""),
        ]
        assert all(state.updated_at is not None and state.updated_at.tzinfo for state in states)
        assert store.sync_states(ACCOUNT) == []
        assert store.accounts() == [ACCOUNT, "eve@example.org"]

    def test_a_retired_sync_state_says_all_it_said_until_somebody_reads_again(self, store: Store) -> None:
        since = LONG_AGO.replace(microsecond=0)
        said = SyncState("eve@example.org", "all", {"history_id": "77"}, "scope_missing", reader="host-1")
        for source in ("imap", "gmail"):  # of the same name in both tables
            store.save_sync_state(source, said)
        of_imap, of_gmail = store.sync_states("eve@example.org")

        assert store.retire_sync_state(of_gmail, since)

        assert store.sync_states("eve@example.org") == [of_imap, replace(of_gmail, retired_at=since)]
        assert (of_imap.is_gmail_api, of_gmail.is_gmail_api, of_gmail.reader) == (False, True, "host-1")
        store.save_sync_state("gmail", said)
        (again,) = [state for state in store.sync_states() if state.is_gmail_api]
        assert again.retired_at is None

    def test_what_is_left_of_a_mailbox_is_kept_beside_its_cursor(self, store: Store) -> None:
        said = SyncState("eve@example.org", "all", {"history_id": "77"}, left_mails=1200, left_s=34.5)
        store.save_sync_state("gmail", said)
        (kept,) = store.sync_states()
        assert (kept.left_mails, kept.left_s, kept.values) == (1200, 34.5, {"history_id": "77"})
        store.save_sync_state("gmail", replace(said, left_s=None))
        assert store.sync_states()[0].left_s is None
        store.save_sync_state("gmail", replace(said, left_mails=None, left_s=None))
        assert store.sync_states()[0].left_mails is None

    def test_names_of_labels_are_kept_beside_the_cursor_whatever_they_are(self, store: Store) -> None:
        names = {"Label_1": 'Kunden/Öl "A" \U0001f600', "Label_2": "a\nb\\", "Label_3": ""}
        store.save_sync_state("gmail", SyncState("eve@example.org", "all", {"history_id": "77"}, label_names=names))
        (kept,) = store.sync_states()
        assert (kept.label_names, kept.values) == (names, {"history_id": "77"})
        broken = {"Label_1": "half \ud800 a character", "Label_2": "nul\0"}
        store.save_sync_state("gmail", SyncState("eve@example.org", "all", label_names=broken))
        assert set(store.sync_states()[0].label_names or ()) == {"Label_1", "Label_2"}
        store.save_sync_state("gmail", SyncState("eve@example.org", "all", label_names={}))
        assert not store.sync_states()[0].label_names

    def test_a_sync_state_that_was_written_since_is_not_retired(self, store: Store) -> None:
        store.save_sync_state("imap", SyncState("eve@example.org", "INBOX", {"last_uid": "4"}))
        (seen,) = store.sync_states()
        store.save_sync_state("imap", SyncState("eve@example.org", "INBOX", {"last_uid": "5"}))
        assert not store.retire_sync_state(seen, LONG_AGO)
        (now,) = store.sync_states()
        assert (now.values, now.retired_at) == ({"last_uid": "5"}, None)
