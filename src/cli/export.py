"""`export`: every stored mail as one JSON object a line (docs/commands.md lists the fields)."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, BinaryIO, cast

import typer

from src.cli.label_names import LabelNames
from src.cli.output import json_line, say
from src.cli.services import services_of
from src.common.errors import FileUnreadableError

FLUSH_BYTES = 256 * 1024  # written at once: few calls, and a reader of the pipe never waits long


class Format(StrEnum):
    """How mails are written."""

    jsonl = "jsonl"


def export(
    context: typer.Context,
    format_: Annotated[Format, typer.Option("--format", help="How to write them.")] = Format.jsonl,
    account: Annotated[str, typer.Option(help="Only mails of this account.")] = "",
    output: Annotated[Path | None, typer.Option(help="Write into this file, which appears when it is whole.")] = None,
) -> None:
    """Write all stored mails, deleted ones included, in the order they came.

    Streams: memory does not grow with the number of mails. A file appears in its place when it is whole.
    `labels` are as the source tells them; `label_names` are the same as people call them.
    """
    store = services_of(context).store()
    labels = LabelNames(store.sync_states(account or None))
    mails = (_with_label_names(mail, labels) for mail in store.export(account or None))
    with _opened(output) as file:
        count = _write(mails, file, _WRITERS[format_])
    say(f"{count} mails" + (f" written to {output}" if output else ""))


def _with_label_names(mail: dict[str, object], labels: LabelNames) -> dict[str, object]:
    return {**mail, "label_names": labels.names(cast("str", mail["account"]), cast("list[str]", mail["labels"]))}


_WRITERS: dict[Format, Callable[[dict[str, object]], bytes]] = {
    Format.jsonl: json_line,
}


def _write(mails: Iterator[dict[str, object]], file: BinaryIO, as_bytes: Callable[[dict[str, object]], bytes]) -> int:
    count, waiting = 0, bytearray()
    for count, mail in enumerate(mails, start=1):  # noqa: B007 - the last number is the result
        waiting += as_bytes(mail)
        if len(waiting) >= FLUSH_BYTES:
            file.write(waiting)
            waiting.clear()
    file.write(waiting)
    file.flush()
    return count


@contextmanager
def _opened(output: Path | None) -> Iterator[BinaryIO]:
    if output is None:
        sys.stdout.flush()
        yield cast("BinaryIO", sys.stdout.buffer)
        return
    draft = output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)  # mail is private
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(handle)
        draft.replace(output)
    except OSError as error:
        raise FileUnreadableError(
            f"cannot write the export ({error.strerror}): look at the folder of --output"
        ) from error
    finally:
        draft.unlink(missing_ok=True)
