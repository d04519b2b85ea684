"""What every store must know of attachments: used again, counted, and read anew. Subclass it and give a `store`."""

import itertools
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.model.extraction import Attachment, Extracted, Extraction, Scan
from src.model.message import Record
from src.store.protocol import Store
from tests.contracts.mail_records import ACCOUNT, LONG_AGO, added, deleted, make_attachment, make_message
from tests.contracts.store_contract import SHARED

WORDS = ("zeppelin", "harbour", "крокодил")
REASONS = ("", "ocr_unavailable", "time_out")

_fresh_account = (f"reader{number}@example.org" for number in itertools.count())


def told(day: int, *attachments: Attachment, account: str = ACCOUNT, source_id: str = "INBOX/1/1") -> Record:
    """Return a record of a mail fetched on this day."""
    message = make_message(body="the body stays", attachments=attachments)
    return added(source_id, account=account, message=message, fetched_at=LONG_AGO + timedelta(days=day))


@st.composite
def readings(draw: st.DrawFn) -> list[list[Record]]:
    """Draw what several fetches found in the two attachments of one mail, in any order, cut into batches."""
    account = next(_fresh_account)
    records = []
    for day in draw(st.lists(st.integers(0, 9), unique=True, min_size=1, max_size=5)):
        found = [
            make_attachment(
                draw(st.sampled_from(("", *WORDS))),
                position=position,
                reason=draw(st.sampled_from(REASONS)),
                scan=draw(st.sampled_from(Scan)),
            )
            for position in range(2)
        ]
        records.append(told(day, *found, account=account))
    order = draw(st.permutations(records + draw(st.lists(st.sampled_from(records), max_size=3))))
    cuts = sorted(draw(st.sets(st.integers(1, len(order)), max_size=4)) | {0, len(order)})
    return [list(order[first:last]) for first, last in itertools.pairwise(cuts)]


def best(records: Sequence[Record], position: int) -> Attachment:
    """Return the reading that counts: the oracle."""

    def rank(record: Record) -> tuple[int, object]:
        assert record.message is not None
        found = record.message.attachments[position]
        if found.scan is Scan.INFECTED:
            return 3, record.fetched_at
        if found.extraction.outcome not in (Extracted.TEXT, Extracted.EMPTY):
            return 0, record.fetched_at
        if found.extraction.reason:
            return 1, record.fetched_at
        return 3 if found.scan is Scan.CLEAN else 2, record.fetched_at

    message = max(records, key=rank).message
    assert message is not None
    return message.attachments[position]


class StoreAttachmentsContract:
    """The suite."""

    @pytest.fixture
    def store(self) -> Iterator[Store]:
        raise NotImplementedError("give a store with an empty database")

    def indexed_words(self, store: Store, account: str) -> object:
        """Return all that the full-text index holds of an account's mails, but for their numbers."""
        raise NotImplementedError("read it below the store")

    @given(batches=readings())
    @settings(SHARED, max_examples=40)
    def test_the_better_reading_counts_in_any_order_and_is_what_a_search_finds(
        self, store: Store, batches: list[list[Record]]
    ) -> None:
        records = [record for batch in batches for record in batch]
        account = records[0].account
        for batch in batches:
            store.write(batch)

        (mail,) = store.export(account)
        kept: Any = mail["attachments"]
        wanted = [best(records, position) for position in range(2)]
        assert [(it["text"], it["skipped_reason"], it["scan"]) for it in kept] == [
            (it.extraction.text, it.extraction.reason, it.scan.value) for it in wanted
        ]
        twin = next(_fresh_account)
        store.write([told(1, *wanted, account=twin)])
        assert self.indexed_words(store, account) == self.indexed_words(store, twin)
        for word in WORDS:
            is_there = any(it.extraction.text == word for it in wanted)
            assert bool(store.search(word, account=account)) == is_there

    def test_workers_that_refresh_one_mail_at_once_end_with_the_best_reading(self, store: Store) -> None:
        texts = ["", *(f"zeppelin{day}" for day in range(1, 9)), ""]
        records = [
            told(day, make_attachment(text, reason="" if text else "time_out")) for day, text in enumerate(texts)
        ]
        with ThreadPoolExecutor(len(records)) as workers:
            list(workers.map(lambda record: store.write([record]), records))

        (mail,) = store.export()
        kept: Any = mail["attachments"]
        assert [it["text"] for it in kept] == ["zeppelin8"]
        assert [bool(store.search(text)) for text in texts[1:-1]] == [False] * 7 + [True]

    def test_the_same_reading_once_more_writes_nothing(self, store: Store) -> None:
        store.write([told(1, make_attachment("zeppelin"))])
        before = list(store.export())
        store.write([told(1, make_attachment("zeppelin"))])
        assert list(store.export()) == before

    @pytest.mark.parametrize("scan", [Scan.OFF, Scan.UNSCANNED])
    def test_what_is_infected_gets_its_text_back_only_from_a_scanner_that_calls_it_clean(
        self, store: Store, scan: Scan
    ) -> None:
        infected = make_attachment(reason="infected", scan=Scan.INFECTED)
        store.write([told(1, infected)])
        store.write([told(2, make_attachment("zeppelin", scan=scan))])
        assert not store.search("zeppelin")
        store.write([told(3, make_attachment("zeppelin", scan=Scan.CLEAN))])
        store.write([told(1, infected)])  # again: it was not settled when its worker was killed
        assert len(store.search("zeppelin")) == 1

    @pytest.mark.parametrize(
        ("found", "is_better"),
        [
            (make_attachment("zeppelin", scan=Scan.UNSCANNED), True),
            (make_attachment(reason="crashed", scan=Scan.UNSCANNED), False),
            (make_attachment(reason="infected", scan=Scan.INFECTED), True),
        ],
    )
    def test_a_ticket_that_is_worked_on_twice_ends_with_the_better_reading(
        self, store: Store, found: Attachment, is_better: bool
    ) -> None:
        """A worker killed between writing and settling leaves it to another one; the mail was fetched once."""
        half = make_attachment("half", reason="time_out", scan=Scan.UNSCANNED)
        store.write([told(1, half)])
        store.write([told(1, found)])
        (mail,) = store.export()
        kept: Any = mail["attachments"]
        assert kept[0]["text"] == (found if is_better else half).extraction.text
        assert len(store.search("half")) == (not is_better)

    def test_a_text_is_found_by_its_bytes_and_the_way_it_was_read(self, store: Store) -> None:
        found = make_attachment("zeppelin", recipe="application/pdf 2:a")
        store.write([told(1, found)])
        assert store.extraction_of("b" * 64, "application/pdf 2:a") == Extraction(
            Extracted.TEXT, text="zeppelin", metadata={"pages": 2}
        )
        assert store.extraction_of("c" * 64, "application/pdf 2:a") is None
        assert store.extraction_of("b" * 64, "application/pdf 2:b") is None

    @pytest.mark.parametrize(
        "found", [make_attachment("half", reason="ocr_unavailable"), make_attachment(reason="time_out")]
    )
    def test_what_did_not_go_well_is_not_used_again(self, store: Store, found: Attachment) -> None:
        store.write([told(1, found)])
        assert store.extraction_of(found.sha256, found.recipe) is None

    def test_the_ledger_counts_by_outcome_and_reason(self, store: Store) -> None:
        store.write(
            [
                told(1, make_attachment("a"), make_attachment("b", position=1)),
                told(1, make_attachment(reason="encrypted"), make_attachment("", position=1), source_id="INBOX/1/2"),
                told(1, make_attachment("c"), account="bob@example.org"),
            ]
        )
        found = store.stats()
        assert found.attachments_by_outcome == {"empty": 1, "skipped:encrypted": 1, "text": 3}
        assert (found.attachments, store.stats("bob@example.org").attachments) == (5, 1)

    def test_the_mails_worth_another_try_are_found(self, store: Store) -> None:
        now, before = "2:new", "1:old"
        store.write(
            [
                told(1, make_attachment("a", recipe=f"application/pdf {now}")),
                told(1, make_attachment("a", recipe=f"application/pdf {before}"), source_id="INBOX/1/2"),
                told(1, make_attachment(reason="time_out", recipe=f"application/pdf {now}"), source_id="INBOX/1/3"),
                told(1, make_attachment("a", scan=Scan.UNSCANNED, recipe=f"x 1{now}"), source_id="INBOX/1/4"),
                told(1, make_attachment(reason="time_out", recipe=f"x {now}"), source_id="INBOX/1/5"),
                deleted("INBOX/1/5"),
                told(1, make_attachment(reason="time_out", recipe=f"x {now}"), account="bob@example.org"),
            ]
        )

        def meant(**chosen: str) -> list[str]:
            return [mail.source_id for mail in store.mails_to_read_again(ACCOUNT, **chosen)]

        assert meant(reason="time_out") == ["INBOX/1/3"]
        assert meant(reason="unscanned") == ["INBOX/1/4"]
        assert meant(way=now) == ["INBOX/1/2", "INBOX/1/4"]  # 12:new is another way than 2:new
        assert meant(reason="encrypted") == []
