"""`search`, `export`, `status`, `keygen`: what they print, and how they end."""

import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from typer.testing import CliRunner

from src.cli.app import app
from src.common import exit_codes
from src.common.errors import DatabaseRefusedError
from src.common.logs import account_tag
from src.model.envelope import Place
from src.store.protocol import SyncState
from tests.contracts.mail_records import added, make_message, numbered
from tests.contracts.stream_mails import ACCOUNT, MAILBOX, outgoing, publish
from tests.unit.cli.desk import Desk


def test_search_finds_newest_first_and_limits(desk: Desk) -> None:
    desk.mails.write(numbered(5, account=ACCOUNT))
    found = desk.json("search", "common", "--limit", "3")
    assert len(found) == 3
    times = [hit["received_at"] for hit in found]
    assert times == sorted(times, reverse=True)
    assert desk.json("search", "common", "--account", "nobody@example.org") == []
    assert len(desk.json("search", "common", "common")) == 5, "several words need no quotes"
    assert len(desk.json("search", "common", "--order", "relevance")) == 5


def test_a_hostile_subject_cannot_touch_the_terminal(desk: Desk) -> None:
    desk.mails.write([added(account=ACCOUNT, message=make_message(subject="invoice \x1b]0;owned\x07 [red]\u202eexe"))])
    shown = desk.run("search", "invoice").stdout
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "[red]" in shown


def test_search_that_finds_nothing_is_no_failure(desk: Desk) -> None:
    result = desk.run("search", "nothing-like-it")
    assert (result.exit_code, result.stdout) == (exit_codes.OK, "")
    assert "nothing found" in result.stderr


def test_search_without_a_word_to_look_for_says_so(desk: Desk) -> None:
    result = desk.run("search", "--", "-without")
    assert (result.exit_code, result.stdout) == (exit_codes.OK, "")
    assert "at least one word" in result.stderr


def test_export_writes_one_object_a_line(desk: Desk) -> None:
    desk.mails.write(numbered(3, account=ACCOUNT))
    result = desk.run("export", "--format", "jsonl")
    mails = [json.loads(line) for line in result.stdout.splitlines()]
    assert [mail["source_id"] for mail in mails] == [record.source_id for record in numbered(3)]
    assert result.stderr == "3 mails\n"
    assert desk.run("export", "--account", "nobody@example.org").stdout == ""


def test_labels_are_shown_by_the_names_that_people_gave_them(desk: Desk) -> None:
    names = {"Label_12": "Kunden/\x1b[31mÖl"}
    desk.mails.save_sync_state("gmail", SyncState(ACCOUNT, "Gmail", label_names=names))
    labels = ("INBOX", "Label_12", "Label_7")
    desk.mails.write([added(account=ACCOUNT, labels=labels, message=make_message(subject="invoice"))])
    told = ["INBOX", "Kunden/\x1b[31mÖl", "Label_7"]

    (exported,) = [json.loads(line) for line in desk.run("export").stdout.splitlines()]
    assert (exported["labels"], exported["label_names"]) == (["INBOX", "Label_12", "Label_7"], told)
    (hit,) = desk.json("search", "invoice")
    assert (hit["labels"], hit["label_names"]) == (["INBOX", "Label_12", "Label_7"], told)
    shown = desk.run("search", "invoice").stdout
    assert "Öl" in shown
    assert "Label_7" not in shown, "only names, since room is scarce"
    assert "\x1b" not in shown


def test_export_to_a_file_is_private_and_all_or_nothing(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.mails.write(numbered(3, account=ACCOUNT))
    target = tmp_path / "mails.jsonl"
    assert desk.run("export", "--output", str(target)).exit_code == exit_codes.OK
    whole = target.read_bytes()
    assert whole.count(b"\n") == 3
    assert stat.S_IMODE(target.stat().st_mode) == 0o600

    def breaks(_account: str | None = None) -> object:
        yield {"account": ACCOUNT, "labels": [], "subject": "one"}
        raise DatabaseRefusedError("broke in the middle")

    monkeypatch.setattr(desk.mails, "export", breaks)
    assert desk.run("export", "--output", str(target)).exit_code == exit_codes.OPERATOR_NEEDED
    assert target.read_bytes() == whole
    assert [path.name for path in tmp_path.glob("*.part")] == []
    assert [path.name for path in tmp_path.glob(".*.part")] == []


def test_export_to_where_nothing_can_be_written(desk: Desk, tmp_path: Path) -> None:
    result = desk.run("export", "--output", str(tmp_path / "no" / "such" / "folder.jsonl"))
    assert result.exit_code == exit_codes.OPERATOR_NEEDED
    assert "file_unreadable" in result.stderr


def test_retire_takes_an_account_out_of_what_is_to_be_fresh_and_keeps_what_is_known(desk: Desk) -> None:
    desk.mails.write(numbered(2, account=ACCOUNT))
    for mailbox in ("INBOX", "Work"):
        desk.mails.save_sync_state("imap", SyncState(ACCOUNT, mailbox, {"last_uid": "7"}, "login_refused"))
    desk.mails.save_sync_state("imap", SyncState("bea@example.org", "INBOX", {}))
    for told in ("2 mailboxes are marked", "0 mailboxes are marked as not read any more; 2 were before"):
        result = desk.run("retire", "--account", ACCOUNT)
        assert (result.exit_code, told in result.stderr) == (exit_codes.OK, True)
    states = {(state.account, state.mailbox): state for state in desk.mails.sync_states()}
    assert [key for key, state in states.items() if state.retired_at is None] == [("bea@example.org", "INBOX")]
    assert states[ACCOUNT, "Work"].values == {"last_uid": "7"}
    assert "not read any more" in desk.run("status").stdout
    assert len(desk.json("search", "common", "--account", ACCOUNT)) == 2


def test_retire_says_when_somebody_reads_it_or_nobody_ever_did(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert desk.run("retire", "--account", "nobody").exit_code == exit_codes.USAGE
    desk.mails.save_sync_state("imap", SyncState(ACCOUNT, "INBOX", {}))
    monkeypatch.setattr(desk.mails, "retire_sync_state", lambda _state, _at: False)  # written in between
    result = desk.run("retire", "--account", ACCOUNT)
    assert (result.exit_code, "still reading" in result.stderr) == (exit_codes.INCOMPLETE, True)


@pytest.mark.parametrize(
    ("left_s", "age_s", "said"),
    [
        (7400.0, 5, "reading, 41200 left, about 2.1 h"),
        (None, 5, "reading, 41200 left"),
        (7400.0, 7300, "not read to its end, 41200 left 2.0 h ago"),
    ],
)
def test_status_shows_what_is_left_of_a_long_backfill(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, left_s: float | None, age_s: int, said: str
) -> None:
    written_at = datetime.now(UTC) - timedelta(seconds=age_s)
    state = SyncState(ACCOUNT, "Gmail", {"listing": "1"}, updated_at=written_at, left_mails=41_200, left_s=left_s)
    desk.mails.save_sync_state("gmail", state)
    assert said in desk.run("status").stdout


def test_status_does_not_call_well_what_was_never_read_to_its_end(desk: Desk) -> None:
    """As after a backfill that was stopped before it could tell what is left."""
    desk.mails.save_sync_state("gmail", SyncState(ACCOUNT, "Gmail", {"listing": "1"}))
    assert "\tnever\tnot read to its end yet" in desk.run("status").stdout
    desk.mails.save_sync_state("gmail", SyncState(ACCOUNT, "Gmail", {"last_poll": datetime.now(UTC).isoformat()}))
    assert " ago\tok" in desk.run("status").stdout


def test_status_shows_everything(desk: Desk) -> None:
    desk.mails.write([added(f"{MAILBOX}/1/1", account=ACCOUNT, place=Place(MAILBOX, 1, 1))])
    desk.mails.save_sync_state("imap", SyncState(ACCOUNT, MAILBOX, {"last_uid": "7"}, "login_refused"))
    publish(desk.memory, outgoing(1), outgoing(2, dead_code="mail_too_large"))
    result = desk.run("status")
    assert result.exit_code == exit_codes.OK
    for told in (ACCOUNT, account_tag(ACCOUNT), MAILBOX, "mail_too_large 1", "runbooks/login_refused", "last_uid 7"):
        assert told in result.stdout
    told_json = desk.json("status")
    assert (told_json["redis"]["waiting"], told_json["redis"]["dead"], told_json["database"]["mails"]) == (1, 1, 1)


@pytest.mark.parametrize(("redis", "database"), [(True, False), (False, True), (True, True)])
def test_status_works_while_a_service_is_away_and_says_so(desk: Desk, redis: bool, database: bool) -> None:
    desk.is_redis_away, desk.is_database_away = redis, database
    told = desk.json("status", exit_code=exit_codes.UNAVAILABLE)
    assert (told["redis"]["is_up"], told["database"]["is_up"]) == (not redis, not database)
    shown = desk.run("status").stdout
    assert ("redis_unavailable" in shown) is redis
    assert ("database_unavailable" in shown) is database
    assert ACCOUNT in shown  # the configured account is always told


def test_keygen_needs_nothing_and_gives_a_key() -> None:
    first, second = (CliRunner().invoke(app, ["keygen"]).stdout.strip() for _ in range(2))
    Fernet(first)
    assert first != second


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["search"], ["export", "--format", "xml"], ["import", "mbox"]])
def test_wrong_usage_ends_with_2(desk: Desk, arguments: list[str]) -> None:
    assert desk.run(*arguments).exit_code == exit_codes.USAGE


def test_what_is_told_of_an_error_is_redacted(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_arguments: object, **_options: object) -> None:
        raise DatabaseRefusedError("refused: password=hunter2 for ada@example.org")

    monkeypatch.setattr(desk.mails, "search", fails)
    result = desk.run("search", "x")
    assert result.exit_code == exit_codes.OPERATOR_NEEDED
    assert "hunter2" not in result.stderr
    assert "ada@" not in result.stderr
    assert "docs/runbooks/database_refused.md" in result.stderr
