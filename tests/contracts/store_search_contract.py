"""How every store must search. Subclass it and give a `store` fixture with an empty database."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.store.protocol import Store
from tests.contracts.mail_records import LONG_AGO, added, changed, deleted, make_attachment, make_message, numbered
from tests.contracts.store_contract import SHARED

MAILS = {
    "plain": make_message(subject="Quarterly report", body="The harbour master counts ships."),
    "accents": make_message(subject="Café crème", body="Grüße aus München, Straße 5"),
    "phrase": make_message(subject="Odd", body="ships counts master harbour, in another order"),
    "chinese": make_message(subject="会议", body="明天在北京开会讨论预算"),
    "russian": make_message(subject="Привет", body="Отчёт готов"),
    "attached": make_message(subject="See file", attachments=[make_attachment("zeppelin blueprint", filename="x.pdf")]),
    "sender": make_message(subject="Hello", body="Hi", sender="grace.hopper@navy.example"),
}

QUERIES = [
    ("harbour", {"plain", "phrase"}),
    ("HARBOUR ships", {"plain", "phrase"}),
    ('"harbour master"', {"plain"}),
    ('"master harbour"', {"phrase"}),
    ("harb*", {"plain", "phrase"}),
    ("harb", set()),
    ("harbour -quarterly", {"phrase"}),
    ('ships -"harbour master"', {"phrase"}),
    ("cafe", {"accents"}),
    ("CAFÉ", {"accents"}),
    ("munchen strasse", {"accents"}),
    ("北京", {"chinese"}),
    ("京北", set()),
    ("会议", {"chinese"}),
    ("привет", {"russian"}),
    ("ОТЧЕТ", {"russian"}),
    ("zeppelin", {"attached"}),
    ("x.pdf", {"attached"}),
    ("grace.hopper@navy.example", {"sender"}),
    ("grace navy", {"sender"}),
    ('"report the"', set()),  # the end of one column and the beginning of another are no phrase
    ('"blueprint', {"attached"}),  # a quote that is never closed
    ("-harbour", set()),  # nothing to look for
    ("harbour OR zeppelin", set()),  # OR is a word like others
]

NASTY = [
    "",
    " ",
    '"',
    '""',
    "-",
    "*",
    "- -",
    "a AND",
    "NEAR(a b)",
    "subject:report",
    "^a",
    "{a}",
    "a'b;--",
    "\\",
    "(",
    ":*",
]


class StoreSearchContract:
    """The suite."""

    @pytest.fixture
    def store(self) -> Iterator[Store]:
        raise NotImplementedError("give a store with an empty database")

    def test_queries_find_what_they_mean(self, store: Store) -> None:
        store.write([added(name, number + 1, message=mail) for number, (name, mail) in enumerate(MAILS.items())])

        for order in ("newest", "relevance"):
            for query, wanted in QUERIES:
                assert {hit.source_id for hit in store.search(query, order=order)} == wanted, (query, order)

    def test_newest_comes_first_whatever_the_order_of_writing(self, store: Store) -> None:
        mails = numbered(40)
        store.write(mails[20:])
        store.write(
            [*mails[:20], added("undated", 99, message=make_message(body="common", date=None), received_at=None)]
        )

        found = [hit.source_id for hit in store.search("common", limit=1_000)]
        assert found == [*(f"INBOX/1/{n}" for n in range(40, 0, -1)), "undated"]
        assert [hit.source_id for hit in store.search("common", limit=2)] == found[:2]

    def test_newest_comes_first_among_thousands(self, store: Store) -> None:
        for account in ("ada@example.org", "eve@example.org"):
            mails = numbered(1_500, account=account)
            store.write(mails[::2])
            store.write(mails[1::2])
        store.write([deleted("INBOX/1/1500", 5_000)])

        every = store.search("common", limit=4)
        assert [hit.source_id for hit in every] == ["INBOX/1/1500", *["INBOX/1/1499"] * 2, "INBOX/1/1498"]
        ada = store.search("common", account="ada@example.org", limit=2)
        assert [(hit.account, hit.source_id) for hit in ada] == [
            ("ada@example.org", "INBOX/1/1499"),
            ("ada@example.org", "INBOX/1/1498"),
        ]

    def test_more_of_the_words_ranks_higher(self, store: Store) -> None:
        filler = "lorem ipsum dolor sit amet " * 20
        store.write(
            [
                added("once", 1, message=make_message(body=f"{filler} walrus")),
                added("often", 2, message=make_message(subject="Walrus", body="walrus and walrus")),
                added("never", 3, message=make_message(body=filler)),
            ]
        )

        assert [hit.source_id for hit in store.search("walrus", order="relevance")] == ["often", "once"]

    def test_deleted_mails_and_other_accounts_are_left_out_unless_asked_for(self, store: Store) -> None:
        store.write([*numbered(3), *numbered(2, account="eve@example.org")])
        store.write([deleted("INBOX/1/2", 90)])

        assert len(store.search("common")) == 4
        assert len(store.search("common", include_deleted=True)) == 5
        assert len(store.search("common", account="eve@example.org")) == 2
        assert store.search("common", account="nobody@example.org") == []

    def test_hits_follow_a_change_of_time_and_place(self, store: Store) -> None:
        store.write([added("x", 5, message=make_message(date=None), received_at=None)])
        store.write([changed("x", 6, received_at=LONG_AGO + timedelta(days=9))])

        (hit,) = store.search("minutes")
        assert hit.received_at == LONG_AGO + timedelta(days=9)

    def test_the_snippet_shows_the_match_where_it_is(self, store: Store) -> None:
        long = "before " * 100 + "the Walrus sings " + "after " * 100
        store.write(
            [
                added("body", 1, message=make_message(body=long)),
                added("file", 2, message=make_message(attachments=[make_attachment("a zeppelin, drawn")])),
                added("accent", 3, message=make_message(body="un bon café noir")),
            ]
        )

        snippets = [store.search(query)[0].snippet for query in ("walrus", '"walrus sings"', "zepp*", "cafe")]
        assert "the «Walrus» sings" in snippets[0]
        assert snippets[0].startswith("…")
        assert len(snippets[0]) < 200
        assert "«Walrus sings»" in snippets[1]
        assert "a «zeppelin», drawn" in snippets[2]
        assert snippets[3] == "un bon «café» noir"

    @pytest.mark.parametrize("query", NASTY)
    def test_nasty_queries_find_nothing_they_should_not(self, store: Store, query: str) -> None:
        store.write([added()])

        for order in ("newest", "relevance", "no such order"):
            assert store.search(query, order=order) == []

    @settings(SHARED, max_examples=100)
    @given(
        st.text(st.sampled_from("ab \"*-():\\^'é\0\udcff京&|!<>"), max_size=30) | st.text(max_size=60),
        st.sampled_from(["newest", "relevance"]),
    )
    def test_no_query_raises(self, store: Store, query: str, order: str) -> None:
        store.search(query, order=order, account="a\0\udcff", limit=5)
        assert store.search(query, order=order, limit=0) == []
