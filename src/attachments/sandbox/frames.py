"""What parent and child say to each other over two pipes: frames of a JSON head and, for a task, the file's bytes.

A frame is the lengths of both (4 bytes each, big endian), the head, the bytes. Every wait has a deadline, since the
other side may hang; every length has a bound, since it may lie.
"""

import os
import re
import select
import time
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from struct import Struct
from typing import Any, BinaryIO

import orjson

from src.attachments.extractor import Budget, Content
from src.attachments.finish import METADATA_CHARS
from src.attachments.limits import Limits, Ocr
from src.model.extraction import Extracted, Extraction
from src.text.normalise import clean, cut, one_line

MAX_HEAD_BYTES = 64 * 1024 * 1024  # an answer's text: at most 1 M characters, some as six bytes of JSON, with room
CHUNK_BYTES = 1024 * 1024
READY = b'"ready"'
MAX_METADATA = 20  # of one attachment: a reader tells six things at most
MAX_NUMBER = 2**53 - 1  # of metadata: beyond it JSON is not exact
SHARE_TO_WORK = 0.95  # of a task's time, after which a child tells what it found by then, before it is killed
_SLUG = re.compile(r"[a-z][a-z0-9_]{0,39}")  # reasons are labels of metrics and names in the database

_LENGTHS = Struct(">II")


class BrokenPipeToChildError(Exception):
    """Raised when the other side is gone, or sends what is no frame."""


class TooSlowError(Exception):
    """Raised when the deadline has passed."""


def send(descriptor: int, head: bytes, data: bytes = b"", *, deadline: float | None = None) -> None:
    """Send a frame; `deadline` as `time.monotonic` tells it, None waits for ever."""
    for piece in (_LENGTHS.pack(len(head), len(data)), head, data):
        view = memoryview(piece)
        while view:
            _wait(descriptor, select.POLLOUT, deadline)
            try:
                view = view[os.write(descriptor, view[:CHUNK_BYTES]) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise BrokenPipeToChildError from error


def receive(descriptor: int, *, max_data_bytes: int, deadline: float) -> tuple[bytes, bytes]:
    """Return head and bytes of the next frame."""
    head_bytes, data_bytes = _lengths(_read(descriptor, _LENGTHS.size, deadline), max_data_bytes)
    return _read(descriptor, head_bytes, deadline), _read(descriptor, data_bytes, deadline)


def receive_from(file: BinaryIO, *, max_data_bytes: int) -> tuple[bytes, bytes]:
    """Return the same of a file that blocks, without a deadline; a large one in a third of the time, since it is read
    to where it stays."""
    head_bytes, data_bytes = _lengths(_read_whole(file, _LENGTHS.size), max_data_bytes)
    return _read_whole(file, head_bytes), _read_whole(file, data_bytes)


def has_something(descriptor: int) -> bool:
    """Tell whether something can be read, or the other side is gone."""
    waiter = select.poll()
    waiter.register(descriptor, select.POLLIN)
    return bool(waiter.poll(0))


def _lengths(told: bytes, max_data_bytes: int) -> tuple[int, int]:
    head_bytes, data_bytes = _LENGTHS.unpack(told)
    if head_bytes > MAX_HEAD_BYTES or data_bytes > max_data_bytes:
        raise BrokenPipeToChildError
    return head_bytes, data_bytes


def _read_whole(file: BinaryIO, size: int) -> bytes:
    found = file.read(size)
    if len(found) < size:
        raise BrokenPipeToChildError
    return found


def _read(descriptor: int, size: int, deadline: float) -> bytes:
    pieces: list[bytes] = []
    while size:
        _wait(descriptor, select.POLLIN, deadline)
        try:
            piece = os.read(descriptor, min(size, CHUNK_BYTES))
        except BlockingIOError:
            continue
        except OSError as error:
            raise BrokenPipeToChildError from error
        if not piece:
            raise BrokenPipeToChildError
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def _wait(descriptor: int, event: int, deadline: float | None) -> None:
    if deadline is None:
        return  # the descriptor blocks
    waiter = select.poll()
    waiter.register(descriptor, event)
    left_s = deadline - time.monotonic()
    if left_s <= 0 or not waiter.poll(left_s * 1000):
        raise TooSlowError


def task(content: Content, limits: Limits, seconds: float) -> bytes:
    """Return the head of a task that is given so much time; its bytes are `content.data`."""
    return orjson.dumps(
        {
            "content_type": content.content_type,
            "charset": content.charset,
            "size_bytes": content.size_bytes,
            "path": str(content.path) if content.path is not None else None,
            "filename": content.filename,
            "limits": asdict(limits),
            "seconds": seconds,
        }
    )


def task_from(head: bytes, data: bytes) -> tuple[Content, Limits]:
    """Return what `task` was made of."""
    told: dict[str, Any] = orjson.loads(head)
    bounds = told["limits"]
    limits = Limits(**{**bounds, "ocr": Ocr(**bounds["ocr"])})
    path = told["path"]
    content = Content(
        content_type=told["content_type"],
        charset=told["charset"],
        size_bytes=told["size_bytes"],
        data=data if path is None else None,
        path=Path(path) if path is not None else None,
        filename=told["filename"],
        budget=Budget.of(limits, time.monotonic() + told["seconds"] * SHARE_TO_WORK),
    )
    return content, limits


def answer(extraction: Extraction) -> bytes:
    """Return the head of an answer."""
    return orjson.dumps(
        {
            "outcome": extraction.outcome.value,
            "text": extraction.text,
            "reason": extraction.reason,
            "truncated": extraction.truncated,
            "metadata": dict(extraction.metadata),
        }
    )


def answer_from(head: bytes, limits: Limits) -> Extraction:
    """Return what `answer` was made of; raises BrokenPipeToChildError for anything else.

    A child that a hostile file took over answers what it likes, so nothing is believed that no reader would say.
    """
    try:
        told: dict[str, Any] = orjson.loads(head)
        text, was_cut = cut(clean(told["text"]), limits.text_chars)
        return Extraction(
            outcome=Extracted(told["outcome"]),
            text=text,
            reason=_slug(told["reason"]) if told["reason"] else "",
            truncated=bool(told["truncated"]) or was_cut,
            metadata={_slug(name): _value(value) for name, value in islice(told["metadata"].items(), MAX_METADATA)},
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BrokenPipeToChildError from error


def _slug(word: str) -> str:
    if not _SLUG.fullmatch(word):
        raise BrokenPipeToChildError
    return word


def _value(value: object) -> str | int:
    if isinstance(value, str):
        return one_line(value, METADATA_CHARS)
    if isinstance(value, int) and abs(value) <= MAX_NUMBER:
        return value
    raise BrokenPipeToChildError
