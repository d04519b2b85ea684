"""Newest first, whichever way it is found: by sorting, among the newest mails, or by walking them."""

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from src.model.message import Record
from src.store import sqlite_search
from src.store.opening import open_store
from src.store.protocol import Store
from tests.contracts.mail_records import LONG_AGO, added, deleted, make_message

ACCOUNTS = ("ada@example.org", "eve@example.org")
MAILS = 400
NEVER, ALWAYS = 10**9, 0  # what taking mails costs, so that this way is taken never or always


def written_in_any_order() -> list[Record]:
    """Mails whose order of writing has nothing to do with their age; two in three hold the word `common`."""
    chance = random.Random(7)
    ages = chance.sample(range(MAILS * 2), MAILS)
    return [
        added(
            f"INBOX/1/{number}",
            number,
            account=chance.choice(ACCOUNTS),
            received_at=LONG_AGO + timedelta(hours=age // 2),
            message=make_message(body="common ground" if number % 3 else "other ground", date=None),
        )
        for number, age in enumerate(ages, 1)
    ]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder: Path = tmp_path_factory.mktemp("search")
    opened = open_store(f"sqlite:///{folder}/mail.db")
    mails = written_in_any_order()
    opened.write(mails)
    opened.write([deleted(mail.source_id, 10_000, account=mail.account) for mail in mails[::5]])
    yield opened
    opened.close()


@pytest.mark.parametrize("taking_cost", [pytest.param(ALWAYS, id="among the newest"), pytest.param(NEVER, id="walked")])
@pytest.mark.parametrize("account", [None, *ACCOUNTS, "nobody@example.org"])
@pytest.mark.parametrize("include_deleted", [False, True])
@pytest.mark.parametrize("limit", [1, 7, 60, 1_000])
def test_every_way_finds_what_sorting_finds(
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    taking_cost: int,
    account: str | None,
    include_deleted: bool,
    limit: int,
) -> None:
    def found() -> list[int]:
        hits = store.search("common", account=account, include_deleted=include_deleted, limit=limit)
        return [hit.id for hit in hits]

    sorted_ = found()
    monkeypatch.setattr(sqlite_search, "FEW_MATCHES", 5)
    monkeypatch.setattr(sqlite_search, "TAKING_COST", taking_cost)

    assert found() == sorted_
    assert bool(sorted_) == (account != "nobody@example.org")


def test_a_word_of_the_latest_rows_only_is_found_among_older_mails_too(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The share of matches is guessed from the latest rows; where it does not hold, the mails are walked."""
    late = [
        added(f"LATE/1/{n}", n, account="late@example.org", received_at=LONG_AGO - timedelta(days=n + 1),
              message=make_message(body="rare", date=None))
        for n in range(1, 50)
    ]  # fmt: skip
    store.write(late)
    monkeypatch.setattr(sqlite_search, "FEW_MATCHES", 5)
    monkeypatch.setattr(sqlite_search, "TAKING_COST", ALWAYS)

    assert [hit.source_id for hit in store.search("rare", limit=3)] == [f"LATE/1/{n}" for n in (1, 2, 3)]
