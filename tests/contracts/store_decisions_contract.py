"""What every store must do with what rules say of mails. Subclass it and give a `store` opened with `decide`."""

import itertools
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings

from src.mail.parse import parse
from src.model.decision import Decision
from src.model.extraction import Scan
from src.model.message import Message, Record
from src.store.protocol import Store
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
from tests.contracts.store_attachments_contract import WORDS, best, readings, told
from tests.contracts.store_contract import SHARED
from tests.fakes.no_sandbox import keep
from tests.fixtures.mails import mutated_mails


def decide(record: Record) -> Decision:
    """Play the rules: those of what was found in the attachments, and one of the labels."""
    assert record.message is not None
    attachments = record.message.attachments
    matched = {it.extraction.text for it in attachments} & set(WORDS)
    matched |= {"infected"} if any(it.scan is Scan.INFECTED for it in attachments) else {"nothing found"}
    matched |= {"seen"} if "\\Seen" in (record.labels or ()) else set()
    return Decision(rules=tuple(sorted(matched))).tagged(*(f"tag of {name}" for name in matched))


def by_rules(record: Record) -> Record:
    """Return the record with what the rules say of it, as a worker writes it."""
    return replace(record, decision=decide(record))


def tagged(source_id: str, *tags: str, account: str = ACCOUNT, minutes: int = 0, body: str = "common") -> Record:
    """Return a record of a mail with these tags."""
    received_at = LONG_AGO + timedelta(minutes=minutes)
    record = added(source_id, account=account, message=make_message(body=body), received_at=received_at)
    return replace(record, decision=Decision(tags=tags, rules=("a rule",)))


_fresh_account = (f"asked{number}@example.org" for number in itertools.count())

INFECTED = make_attachment(reason="infected", scan=Scan.INFECTED)
UNSCANNED = make_attachment("zeppelin", scan=Scan.UNSCANNED)
CLEAN = make_attachment("zeppelin", scan=Scan.CLEAN)


def _people(message: Message) -> list[str]:
    return [str(one) for one in (message.sender, *message.to, *message.cc, *message.bcc)]


class StoreDecisionsContract:
    """The suite."""

    @pytest.fixture
    def store(self) -> Iterator[Store]:
        raise NotImplementedError("give a store with an empty database, opened with `decide`")

    @given(batches=readings())
    @settings(SHARED, max_examples=40)
    def test_the_decision_is_that_on_the_attachments_as_they_are_stored_in_any_order(
        self, store: Store, batches: list[list[Record]]
    ) -> None:
        records = [record for batch in batches for record in batch]
        for batch in batches:
            store.write([by_rules(record) for record in batch])

        (mail,) = store.export(records[0].account)
        kept = tuple(best(records, position) for position in range(2))
        expected = decide(replace(records[0], message=make_message(attachments=kept)))
        assert (mail["tags"], mail["rules"]) == (list(expected.tags), list(expected.rules))

    def test_a_virus_found_when_read_anew_brings_its_tag_and_one_that_is_none_takes_it(self, store: Store) -> None:
        def tags() -> object:
            (mail,) = store.export()
            return mail["tags"]

        store.write([by_rules(told(1, UNSCANNED))])
        assert "tag of infected" not in str(tags())
        store.write([by_rules(told(2, INFECTED))])
        assert tags() == ["tag of infected", "tag of seen"]
        store.write([by_rules(told(3, UNSCANNED))])  # the scanner is away: what it said before counts
        assert tags() == ["tag of infected", "tag of seen"]
        store.write([by_rules(told(4, CLEAN))])
        assert tags() == ["tag of nothing found", "tag of seen", "tag of zeppelin"]

    def test_of_a_mail_fetched_again_the_latest_decision_counts(self, store: Store) -> None:
        first, second = told(1), replace(told(2), labels=("\\Flagged",))
        store.write([by_rules(second)])
        store.write([by_rules(first)])  # out of order
        (mail,) = store.export()
        assert mail["rules"] == ["nothing found"]
        store.write([by_rules(told(3))])
        (mail,) = store.export()
        assert mail["rules"] == ["nothing found", "seen"]

    def test_a_repeat_writes_nothing(self, store: Store) -> None:
        batch = [by_rules(told(1, CLEAN)), by_rules(told(1, source_id="INBOX/1/2")), tagged("INBOX/1/3", "x")]
        store.write(batch)
        before = self.updated_times(store)
        store.write(batch)
        store.write([*reversed(batch), *batch])
        assert self.updated_times(store) == before

    def updated_times(self, store: Store) -> Sequence[object]:
        """Return `updated_at` of every row."""
        raise NotImplementedError("read it below the store")

    def test_without_rules_what_is_stored_stays(self, store: Store) -> None:
        store.write([by_rules(told(1, CLEAN))])
        store.write([told(2, make_attachment("harbour", scan=Scan.CLEAN))])
        (mail,) = store.export()
        assert mail["rules"] == ["nothing found", "seen", "zeppelin"]

    def test_changes_and_deletions_do_not_touch_it_nor_does_it_touch_labels(self, store: Store) -> None:
        store.write([changed(version=5, labels=("\\Flagged",))])  # a stub first
        store.write([by_rules(told(1, CLEAN))])
        store.write([changed(version=7, labels=("\\Answered",)), deleted(version=9)])
        (mail,) = store.export()
        assert (mail["rules"], mail["labels"]) == (["nothing found", "seen", "zeppelin"], ["\\Answered"])

    def test_workers_that_refresh_one_mail_at_once_end_with_the_decision_on_the_best(self, store: Store) -> None:
        attachments = [UNSCANNED, CLEAN, INFECTED, UNSCANNED, make_attachment(reason="time_out"), CLEAN] * 2
        records = [by_rules(told(day, found)) for day, found in enumerate(attachments[:-1])]
        with ThreadPoolExecutor(4) as workers:
            list(workers.map(lambda record: store.write([record]), records))
        (mail,) = store.export()
        kept: Any = mail["attachments"]
        assert (kept[0]["scan"], mail["rules"]) == ("infected", ["infected", "seen"])

    def test_tags_are_counted_the_most_frequent_first_and_bounded(self, store: Store) -> None:
        store.write([tagged(f"INBOX/1/{number}", "all", f"nr{number}") for number in range(100)])
        store.write(numbered(3, account="eve@example.org"))
        counted = store.stats().mails_by_tag
        assert (len(counted), next(iter(counted.items())), counted["nr0"]) == (50, ("all", 100), 1)
        assert store.stats(ACCOUNT).mails_by_tag == {}

    def test_a_search_may_ask_for_a_tag(self, store: Store) -> None:
        store.write(
            [
                tagged("old", "quarantine", minutes=1),
                tagged("new", "quarantine", "other", minutes=3),
                tagged("plain", "other", minutes=2),
                tagged("other words", "quarantine", body="else", minutes=4),
                tagged("eve's", "quarantine", account="eve@example.org"),
                *numbered(30),
            ]
        )
        store.write([deleted("old", 9)])

        def found(query: str, **more: Any) -> list[str]:
            return [hit.source_id for hit in store.search(query, account=ACCOUNT, tag="quarantine", **more)]

        assert found("common") == ["new"]
        assert found("common", include_deleted=True) == ["new", "old"]
        assert found("common", order="relevance") == ["new"]
        assert found("") == ["other words", "new"]
        assert found("", limit=1) == ["other words"]
        assert found("-else") == []
        assert [hit.source_id for hit in store.search("", tag="quarantine")] == ["other words", "new", "eve's"]
        assert store.search("common", tag="Quarantine") == store.search("", tag="no such tag") == []
        assert store.search("") == []

    @given(raw=mutated_mails())
    @settings(SHARED, max_examples=40)
    def test_a_stored_mail_can_be_asked_about_as_the_one_that_came(self, store: Store, raw: bytes) -> None:
        parsed = parse(raw)
        message = parsed.with_attachments([keep(part) for part in parsed.parts])
        record = added(account=next(_fresh_account), labels=("a", "b"), message=message)
        store.write([record])

        found = store.stored_record(record.account, record.source_id)

        assert found is not None
        assert found.message is not None
        assert _people(found.message) == _people(message)
        people = found.message
        assert replace(message, sender=people.sender, to=people.to, cc=people.cc, bcc=people.bcc) == people
        assert replace(found, message=message, received_at=record.received_at, gmail=None) == record

    def test_of_a_stub_or_a_stranger_there_is_nothing_to_ask(self, store: Store) -> None:
        store.write([changed("stub"), added("mail")])
        assert store.stored_record(ACCOUNT, "stub") is store.stored_record(ACCOUNT, "absent") is None
        assert store.stored_record("eve@example.org", "mail") is None
