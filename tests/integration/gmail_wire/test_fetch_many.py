"""Many mails at once: each comes once, one bad mail spoils no other, and whatever ends the walk ends its threads."""

import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from src.common.errors import (
    GmailPreconditionError,
    GmailRefusedError,
    GmailRequestError,
    GmailThrottledError,
    GmailUnavailableError,
    IngestError,
    SignInNeededError,
)
from src.sync import bounded_answer, gmail_caller
from src.sync.fetch_many import AHEAD, MOST_UNAVAILABLE
from src.sync.gmail_values import GoneMessage, MessageFacts, RawMessage
from src.sync.quota import Limits
from tests.fakes.gmail_scripted_server import Answer, Asked, message, refusal
from tests.integration.gmail_wire.conftest import MakeWire, StopError, Wire

pytestmark = pytest.mark.redis

IDS = [f"18c0ffee{number:08x}" for number in range(60)]


def raw_of(message_id: str) -> bytes:
    return f"Subject: {message_id}\r\n\r\n".encode() * 20


def mail(asked: Asked) -> Answer:
    message_id = asked.path.rsplit("/", 1)[1]
    return Answer(message(message_id, raw_of(message_id)))


def fetch_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("gmail-fetch")]


@pytest.fixture(autouse=True)
def _no_thread_is_left(wire: MakeWire) -> Iterator[None]:
    yield
    assert not fetch_threads()


@pytest.mark.parametrize("threads", [1, 4, 10])
def test_each_mail_comes_once_with_its_own_bytes(wire: MakeWire, threads: int) -> None:
    w = wire(mail)
    found = list(w.api.fetch_many(IDS, use="backfill", threads=threads))
    assert sorted(message_id for message_id, _ in found) == IDS
    for message_id, result in found:
        assert isinstance(result, RawMessage)
        assert (result.facts.id, result.raw) == (message_id, raw_of(message_id))
    assert len(w.server.asked) == len(IDS)  # none twice
    assert len({asked.port for asked in w.server.asked}) <= threads  # connections are kept
    assert w.server.most_under_way <= threads


def test_what_is_known_of_many_mails_besides_their_bytes_comes_with_several_calls_under_way(wire: MakeWire) -> None:
    def facts(asked: Asked) -> Answer:
        message_id = asked.path.rsplit("/", 1)[1]
        if message_id == IDS[3]:
            return refusal(404, "notFound")
        return Answer(message(message_id), delay_s=0.05)

    w = wire(facts)
    found = dict(w.api.look_up_many(IDS, use="live", threads=10))
    assert found.pop(IDS[3]) == GoneMessage(IDS[3])
    assert {each.id: each.label_ids for each in found.values() if isinstance(each, MessageFacts)} == {
        message_id: ("INBOX", "Label_1") for message_id in IDS if message_id != IDS[3]
    }
    assert 8 <= w.server.most_under_way <= 10
    assert {asked.one("format") for asked in w.server.asked} == {"minimal"}


def test_calls_overlap_and_connections_outlive_a_walk(wire: MakeWire) -> None:
    w = wire(lambda asked: Answer(mail(asked).told, delay_s=0.05))
    for ids in (IDS, IDS[:20]):
        assert len(list(w.api.fetch_many(ids, use="backfill", threads=10))) == len(ids)
    assert 8 <= w.server.most_under_way <= 10
    assert len({asked.port for asked in w.server.asked}) <= 10


def test_the_account_has_no_more_calls_under_way_than_the_settings_say(wire: MakeWire) -> None:
    w = wire(lambda asked: Answer(mail(asked).told, delay_s=0.02), limits=Limits(most_calls=3))
    assert len(list(w.api.fetch_many(IDS[:20], use="backfill", threads=8))) == 20
    assert w.server.most_under_way == 2  # and one place is kept for live mail


def test_one_bad_mail_spoils_no_other(wire: MakeWire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gmail_caller, "TRIES", replace(gmail_caller.TRIES, initial_s=0.02))
    answers = {
        IDS[3]: refusal(404, "notFound"),
        IDS[5]: refusal(400, "invalidArgument"),
        IDS[7]: refusal(400, "failedPrecondition"),
    }
    w = wire(lambda asked: answers.get(asked.path.rsplit("/", 1)[1]) or mail(asked))
    found = dict(w.api.fetch_many(IDS, use="backfill"))
    assert len(found) == len(IDS)
    assert found.pop(IDS[3]) == GoneMessage(IDS[3])
    assert isinstance(found.pop(IDS[5]), GmailRequestError)
    assert isinstance(found.pop(IDS[7]), GmailPreconditionError)
    assert all(isinstance(result, RawMessage) for result in found.values())
    assert Counter(asked.path.rsplit("/", 1)[1] for asked in w.server.asked)[IDS[7]] == 4


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refusal(401, "authError"), SignInNeededError),
        (refusal(403, "domainPolicy"), GmailRefusedError),
        (refusal(429, "rateLimitExceeded", Retry_After="3000"), GmailThrottledError),
    ],
)
def test_an_error_of_the_account_is_raised_and_not_told_of_each_mail(
    wire: MakeWire, answer: Answer, kind: type[IngestError]
) -> None:
    w = wire(lambda asked: answer if asked.path.endswith(IDS[20]) else mail(asked))
    yielded = []

    def walk() -> None:
        for message_id, result in w.api.fetch_many(IDS, use="backfill", threads=4):
            assert isinstance(result, RawMessage)
            yielded.append(message_id)

    with pytest.raises(kind):
        walk()
    assert len(yielded) < len(IDS) / 2 + AHEAD * 4  # what was under way meanwhile
    assert len(w.server.asked) < len(IDS)


@pytest.mark.parametrize("answer", [refusal(503, "backendError"), Answer(b"", cut_after_bytes=0)])
def test_an_api_that_is_down_is_seen_before_every_mail_was_tried(
    wire: MakeWire, monkeypatch: pytest.MonkeyPatch, answer: Answer
) -> None:
    monkeypatch.setattr(gmail_caller, "TRIES", replace(gmail_caller.TRIES, initial_s=0.01))
    w = wire(lambda asked: answer)
    yielded: list[tuple[str, object]] = []
    with pytest.raises(GmailUnavailableError):
        yielded.extend(w.api.fetch_many(IDS, use="backfill", threads=4))
    assert len(yielded) < MOST_UNAVAILABLE
    assert all(isinstance(result, GmailUnavailableError) for _, result in yielded)


def test_ids_are_read_only_a_little_ahead(wire: MakeWire) -> None:
    w = wire(mail)
    taken: list[str] = []

    def ids() -> Iterator[str]:
        for message_id in IDS:
            taken.append(message_id)
            yield message_id

    walk = w.api.fetch_many(ids(), use="backfill", threads=4)
    for yielded, _ in enumerate(walk, start=1):
        assert len(taken) <= yielded + AHEAD * 4
        time.sleep(0.001)


def test_an_error_in_the_ids_ends_the_walk(wire: MakeWire) -> None:
    w = wire(mail)

    def ids() -> Iterator[str]:
        yield from IDS[:5]
        raise GmailRequestError("the page token has expired")

    with pytest.raises(GmailRequestError):
        list(w.api.fetch_many(ids(), use="backfill"))


def test_closing_the_walk_breaks_off_what_is_under_way(wire: MakeWire) -> None:
    w = wire(lambda asked: Answer(mail(asked).told, delay_s=0.0 if asked.path.endswith(IDS[0]) else 3.0))
    walk = w.api.fetch_many(IDS, use="backfill", threads=4)
    next(walk)
    time.sleep(0.1)
    began_at = time.monotonic()
    walk.close()  # type: ignore[attr-defined]  # it is a generator
    assert time.monotonic() - began_at < 1.0
    w.server.answer = mail
    assert isinstance(w.api.get_raw(IDS[1]), RawMessage)  # the API is as good as before


def test_a_stop_ends_the_walk_though_the_server_is_silent(wire: MakeWire) -> None:
    w = wire(lambda asked: Answer(mail(asked).told, delay_s=3.0))
    threading.Timer(0.1, w.stop.set).start()
    began_at = time.monotonic()
    with pytest.raises(StopError):
        list(w.api.fetch_many(IDS, use="backfill"))
    assert time.monotonic() - began_at < 2.0


def test_big_mails_are_held_one_at_a_time(wire: MakeWire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_answer, "SMALL_ANSWER_BYTES", 100_000)
    monkeypatch.setattr(bounded_answer, "READ_BYTES", 20_000)
    big = os.urandom(300_000)
    w: Wire = wire(lambda asked: Answer(message(asked.path.rsplit("/", 1)[1], big)))
    held = w.api._caller._big._lock  # the only way to see who holds a big answer
    yielded = 0
    for _, result in w.api.fetch_many(IDS[:12], use="backfill", threads=6):
        assert isinstance(result, RawMessage)
        assert result.raw == big
        assert held.locked()
        time.sleep(0.01)
        yielded += 1
    assert yielded == 12
    assert not held.locked()
    walk = w.api.fetch_many(IDS[:12], use="backfill", threads=6)
    next(walk)
    walk.close()  # type: ignore[attr-defined]  # it is a generator
    assert not held.locked()


def test_small_mails_pass_while_a_big_one_is_held(wire: MakeWire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_answer, "SMALL_ANSWER_BYTES", 100_000)
    bigs = {IDS[0], IDS[1]}
    w = wire(lambda asked: Answer(message(IDS[0], b"x" * 300_000)) if asked.path[-16:] in bigs else mail(asked))
    walk = w.api.fetch_many(IDS, use="backfill", threads=4)
    order = [message_id for message_id, _ in walk]
    assert sorted(order) == IDS


def test_an_unforeseen_fault_is_told_of_its_mail(wire: MakeWire, monkeypatch: pytest.MonkeyPatch) -> None:
    w = wire(mail)
    good = w.api._raw_request.for_id

    def for_id(message_id: str) -> object:
        if message_id == IDS[4]:
            raise ZeroDivisionError("mail content")
        return good(message_id)

    monkeypatch.setattr(w.api._raw_request, "for_id", for_id)
    found = dict(w.api.fetch_many(IDS, use="backfill"))
    assert len(found) == len(IDS)
    fault = found[IDS[4]]
    assert isinstance(fault, IngestError)
    assert fault.code == "unexpected"
    assert "mail content" not in str(fault)
