"""Take the text out of one attachment: see what it is, find its reader, open containers down to the allowed depth.

Runs in a child process for all that could hurt, and in the worker for what the registry marks as `here`.
"""

from dataclasses import replace
from functools import cache
from typing import TypeGuard, cast

from src.attachments.extractor import Container, Content, Extractor, NotExtractedError
from src.attachments.inside import refined
from src.attachments.limits import Limits
from src.attachments.registry import REGISTRY, Line, line_for, outcome_unread
from src.attachments.sniff import HEAD_BYTES, media_type_of
from src.model.extraction import Extracted, Extraction
from src.text.normalise import cut

TOO_DEEP = Extraction(Extracted.SKIPPED, reason="nested_too_deep")
BROKEN = Extraction(Extracted.FAILED, reason="broken")
NOT_OPENED = Extraction(Extracted.SKIPPED, reason="member_not_opened")  # too large, damaged, or with a password


def take_out(content: Content, limits: Limits, registry: tuple[Line, ...] = REGISTRY) -> Extraction:
    """Return what is found in `content`. Raises MemoryError and RecursionError, else nothing."""
    try:
        sniffed = media_type_of(content.first(HEAD_BYTES), content.content_type, content.filename)
        content = refined(content, sniffed)
        line = line_for(content.content_type, registry)
        if line is None or line.reader is None:
            return outcome_unread(line)
        return _read(line.reader, content, limits, registry)
    except NotExtractedError as error:
        return Extraction(error.outcome, reason=error.reason)
    except (MemoryError, RecursionError):
        raise
    except Exception:  # noqa: BLE001  # whatever a broken file makes a library raise, its mail is stored
        return BROKEN


def _read(reader: Extractor | Container, content: Content, limits: Limits, registry: tuple[Line, ...]) -> Extraction:
    if _opens(reader):
        return _read_members(reader, content, limits, registry)
    return cast(Extractor, reader).extract(content, limits)


def _opens(reader: Extractor | Container) -> TypeGuard[Container]:
    return _is_container(type(reader))


@cache
def _is_container(kind: type) -> bool:
    """Tell the role a class plays: `isinstance` looks at a protocol's methods anew for each of an archive's members."""
    return issubclass(kind, Container)


def _read_members(reader: Container, content: Content, limits: Limits, registry: tuple[Line, ...]) -> Extraction:
    """Join the texts of the members, each after its name. What was read before a bound was met, or before the place
    where it is broken (an archive cut short), is kept."""
    if limits.depth <= 0:
        return TOO_DEEP
    within = replace(limits, depth=limits.depth - 1)
    texts: list[str] = []  # one for each member
    room, opened, left_out, reason = limits.text_chars, 0, 0, ""
    try:
        for member in reader.members(content, limits):
            found = NOT_OPENED if member.data is None else take_out(member, within, registry)
            opened += 1
            left_out += found.outcome in (Extracted.SKIPPED, Extracted.FAILED)
            piece = "\n".join(text for text in (member.filename, found.text) if text)
            texts.append(piece)
            room -= len(piece) + 2
            if room <= 0:
                break
    except NotExtractedError as error:
        if not texts:
            raise
        reason = error.reason
    except (MemoryError, RecursionError):
        raise
    except Exception:  # as above, whatever a library raises
        if not texts:
            raise
        reason = "broken"
    text, was_cut = cut("\n\n".join(texts).strip(), limits.text_chars)
    return Extraction(
        Extracted.TEXT if text else Extracted.EMPTY,
        text=text,
        reason=reason,
        truncated=was_cut or room <= 0 or bool(reason),
        metadata={"members": opened, "members_left_out": left_out},
    )
