"""`docs/commands.md`, written from the commands themselves (`make docs`); a test compares.

The tables come from the parsers, so that the page cannot name an option that does not exist. What `--json` prints is
told here in words; `tests/unit/cli/test_commands_page.py` compares it with what the commands print.
"""

import argparse
import inspect
from collections.abc import Iterator
from enum import Enum
from typing import Any

import typer.main

import producer
import worker
from src.auth import oauth2_gmail
from src.cli.app import app
from src.common import exit_codes

NOTE = "<!-- Written by `make docs` from the code: change it there. -->"

# What --json prints, by command: its shape, and the meaning of each field.
JSON_FIELDS: dict[str, tuple[str, dict[str, str]]] = {
    "import mbox": (
        "a list, one object a mailbox",
        {
            "mailbox": "its name",
            "state": "`caught_up` when it was read to its end; else `backing_off`, `blocked`, `stopped`, …",
            "published": "envelopes put on the stream by this run",
            "repeated": "left alone, since they were on their way or published lately",
            "dead": "mails that could not be read and went to the dead letters",
            "error_code": "of the last failure; empty when well",
            "error": "its text, redacted",
        },
    ),
    "search": (
        "a list, one object a mail",
        {
            "id": "number of the row",
            "account": "whose mail",
            "mailbox": "where it lies",
            "source_id": "the source's own id",
            "received_at": "ISO 8601, UTC; null if not known",
            "sender": "of From",
            "subject": "decoded",
            "snippet": "text around the match, the match in «»",
            "is_deleted": "deleted at the source",
            "labels": "a list, as the source tells them: ids, flags",
            "label_names": "the same, as people call them (through the Gmail API, labels are ids)",
        },
    ),
    "status": (
        "an object",
        {
            "taken_at": "ISO 8601, UTC",
            "redis": "`is_up`; if up: waiting, pending, retries, retries_due, dead, dead_by_code, raw_bytes, "
            "max_entries, max_bytes, oldest_waiting_s, counters, consumers, redis_version, is_full, cap_use; else code "
            "and message",
            "database": "`is_up`; if up: mails, deleted, attachments, attachments_by_outcome (the ledger: how they "
            "ended), mails_by_tag (the 50 most frequent tags), stubs, with_defects, newest_received_at, size_bytes; "
            "else code and message",
            "accounts": "a list: account, tag (its name in logs and metrics), stored (as `database`), and mailboxes, "
            "each with mailbox, tag, cursor, last_poll_at, age_s, error_code, "
            "retired_at (since when it is not read any more; null: it is to be read), "
            "left (mails still to be read in the poll under way; null: none, or not known), "
            "left_s (seconds that this may take, at the pace of the last ten minutes; null: nobody knows now), "
            "left_at (when that was so)",
        },
    ),
    "verify": (
        "an object",
        {
            "account": "which was asked for",
            "is_complete": "the database has exactly what the source has, what is `kept` aside",
            "is_accounted_for": "each mail is in the database or in the dead letters",
            "verdict": "the same in one line",
            "at_source": "mails the source has",
            "stored": "of these, in the database as they should be",
            "missing": "a list of mails (source_id, mailbox, uid, code) that are nowhere with us",
            "dead": "those in the dead letters, with their code",
            "waiting": "those on their way",
            "extra": "those in the database that the source does not have any more",
            "hidden": "those marked deleted in the database that the source has",
            "wrong_labels": "those with other labels than at the source; told where the Gmail API is read",
            "kept": "those in the database that are in their mbox no more; nothing is amiss with them",
        },
    ),
    "compare": (
        "an object",
        {
            "account": "which was asked for",
            "is_same": "nothing differs",
            "verdict": "the same in one line",
            "imap": "mails told of through IMAP",
            "api": "mails told of through the API",
            "both": "of these, told of through both",
            "only_imap": "a list of mails (source_id, mailbox, uid) told of through IMAP only",
            "only_api": "those told of through the API only, although they lie in a mailbox that IMAP reads",
            "labels": "a list of mails with other labels: source_id, and the names that only_imap and only_api told",
            "sample": "a list of mails fetched through both: source_id, is_same, and of `imap` and `api` each "
            "size_bytes and sha256, or null where it did not come",
            "beyond": "how many mails of the API's lie in none of the mailboxes of IMAP_MAILBOX",
            "unwanted": "how many mails told of through both the settings keep out of what is read through the API",
            "not_compared": "names of labels that IMAP cannot tell",
        },
    ),
    "attachments reprocess": (
        "an object",
        {
            "meant": "mails with such an attachment",
            "published": "of these, put on the stream by this run",
            "repeated": "left alone, since they were on their way already",
            "missing": "no longer at the source, or it could not give them",
            "left": "not published, since the source failed or the run was stopped: run it again",
            "exit_code": "with which the command ends",
        },
    ),
    "rules check": (
        "a list, one object a rule, in the order in which they are looked at",
        {
            "name": "its name, as in `export` and in the metric",
            "when": "as it is written",
            "then": "as well",
            "stop": "whether no later rule is looked at when this one matched",
            "needs_attachments": "whether it can be asked only once the attachments were read",
        },
    ),
    "rules test": (
        "an object",
        {
            "matching": "names of all rules that match the mail as it is stored now",
            "rules": "of these, those that are applied: up to the first with `stop`",
            "tags": "which the mail would get",
        },
    ),
    "dlq list": (
        "a list, one object a dead letter",
        {
            "entry_id": "the ID for `show`, `replay` and `purge`",
            "envelope_id": "the same for the mail's whole way",
            "code": "of the error; names its runbook",
            "error": "its text, redacted",
            "attempts": "tries that failed",
            "died_at": "ISO 8601, UTC",
            "first_seen_at": "when it was published",
            "has_raw": "the raw mail is kept",
            "account": "whose mail; this and the rest are null if the ticket cannot be read",
            "source_id": "the source's own id",
            "kind": "added, changed or deleted",
            "mailbox": "where it lies",
            "size": "bytes of the raw mail",
            "subject": "decoded",
        },
    ),
    "doctor": (
        "a list, one object a check",
        {
            "area": "redis, database, sign-in, push, machine, attachments, rules",
            "name": "what was looked at",
            "state": "green, yellow (an operator should know) or red (mend it)",
            "found": "what was found",
            "mend": "what to do; empty when green",
        },
    ),
}
JSON_FIELDS["import maildir"] = JSON_FIELDS["import mbox"]
JSON_FIELDS["dlq show"] = (
    "an object",
    {**JSON_FIELDS["dlq list"][1], "payload": "the ticket's payload, as in `docs/stream-protocol.md`"},
)


def commands_page() -> str:
    """Return `docs/commands.md`."""
    parts = [
        "# Commands\n",
        NOTE + "\n",
        "Results go to standard output, messages to standard error. In a pipe, lists become tab-separated lines "
        "without colours; `NO_COLOR` switches colours off everywhere. Settings come from the environment and `.env`, "
        "see [settings](settings.md).\n",
        "## Exit codes\n",
        "The same for every command.\n",
        *_table(("code", "meaning"), ((str(code), meaning) for code, meaning in exit_codes.MEANINGS.items())),
        *_of_parser("python producer.py", producer._parser()),
        *_of_parser("python worker.py", worker._parser()),
        *_of_parser("python -m src.auth.oauth2_gmail", oauth2_gmail._parser()),
        "## `python -m src.monitoring.metrics`\n",
        "Serve what Redis and the database know as Prometheus metrics, on `PRODUCER_METRICS_PORT` (9090).\n",
    ]
    for name, command in walk():
        parts += _of_command(name, command)
    return "\n".join(parts)


def walk() -> Iterator[tuple[str, Any]]:
    """Yield every command of `python -m src.cli` with its name, such as `dlq list`."""
    yield from _walk(typer.main.get_command(app), "")


def _walk(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    if not hasattr(command, "commands"):
        yield name, command
        return
    for child_name, child in command.commands.items():
        yield from _walk(child, f"{name} {child_name}".strip())


def _of_command(name: str, command: Any) -> list[str]:
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option"]
    usage = " ".join(str(one.metavar or one.name.upper()) for one in arguments)
    rows = [*((f"`{one.metavar or one.name.upper()}`", one.help or "") for one in arguments), *map(_option, options)]
    parts = [
        f"## `python -m src.cli {name}{' ' + usage if usage else ''}`\n",
        inspect.cleandoc(command.help or "") + "\n",
    ]
    parts += _table(("option", "meaning"), rows)
    if name in JSON_FIELDS:
        shape, fields = JSON_FIELDS[name]
        parts += [f"`--json` prints {shape}:\n", *_table(("field", "meaning"), _quoted(fields))]
    return parts


def _option(option: Any) -> tuple[str, str]:
    value = ""
    if not option.is_flag:
        choices = [str(choice.value) for choice in type(option.default)] if isinstance(option.default, Enum) else []
        value = " " + ("\\|".join(choices) or option.name.rstrip("_").upper())
    default = option.default.value if isinstance(option.default, Enum) else option.default
    shown = "" if option.is_flag or default in (None, "") else f" Default: {default}."
    return f"`{', '.join(option.opts)}{value}`", (option.help or "") + shown


def _of_parser(name: str, parser: argparse.ArgumentParser) -> list[str]:
    actions = [action for action in parser._actions if action.dest != "help"]
    rows = [(f"`{', '.join(action.option_strings)}`", str(action.help or "")) for action in actions]
    return [f"## `{name}`\n", (parser.description or "") + "\n", *_table(("option", "meaning"), rows)]


def _quoted(fields: dict[str, str]) -> Iterator[tuple[str, str]]:
    return ((f"`{name}`", meaning) for name, meaning in fields.items())


def _table(columns: tuple[str, str], rows: Any) -> list[str]:
    lines = [f"| {first} | {second} |" for first, second in rows]
    return [f"| {columns[0]} | {columns[1]} |", "| --- | --- |", *lines, ""] if lines else []
