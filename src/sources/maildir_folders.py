"""The folders of a Maildir tree and the mails in each, by file name alone.

Two layouts are read, mixed if need be: Maildir++ (`.Sub.Folder` beside the INBOX, names in modified UTF-7) and plain
nested folders, as isync makes them. A folder is a directory with `cur` and `new`; `tmp` holds unfinished mails and is
never looked at. A file name is `UNIQUE` in `new` and `UNIQUE:2,FLAGS` in `cur` (https://cr.yp.to/proto/maildir.html);
`;2,` stands for `:2,` on file systems that know no colon.
"""

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from imapclient.imap_utf7 import decode as decode_utf7

from src.common.errors import FileUnreadableError, SourceUnavailableError
from src.sources.file_bytes import clean_name, unreadable

INBOX = "INBOX"
MAX_DEPTH = 20  # of nested folders; also what ends a loop of symbolic links

_INFO = re.compile(r"[:;]2,(?P<flags>[A-Za-z]*)$")
_FLAGS: Mapping[str, str] = {
    "D": "\\Draft",
    "F": "\\Flagged",
    "P": "$Forwarded",
    "R": "\\Answered",
    "S": "\\Seen",
    "T": "\\Deleted",
}


@dataclass(frozen=True, slots=True)
class Folder:
    """One folder of a tree."""

    name: str  # decoded, `.` or `/` between its parts as on disk; the top folder is INBOX
    path: Path


@dataclass(frozen=True, slots=True)
class MailFile:
    """One mail of a folder, as its file name tells it."""

    unique: str  # the name up to `:2,`: stays the same when flags change
    place: str  # `cur/NAME` or `new/NAME`: changes with the flags
    flags: str  # letters after `:2,`


def folders(root: Path) -> list[Folder]:
    """Return all folders of a tree, the top one first. Raises FileUnreadableError if there are none."""
    try:
        found = list(_walk(root, root, 0))
    except OSError as error:
        raise unreadable(error) from error
    if not found:
        raise FileUnreadableError("a Maildir was expected, a folder with `cur` and `new` in it, and none was found")
    names = Counter(folder.name for folder in found)
    return [folder if names[folder.name] == 1 else _named_as_on_disk(root, folder) for folder in found]


def _walk(root: Path, path: Path, depth: int) -> Iterator[Folder]:
    if (path / "cur").is_dir() and (path / "new").is_dir():
        yield Folder(_name(root, path), path)
    if depth < MAX_DEPTH:
        for child in sorted(path.iterdir()):
            if child.name not in ("cur", "new", "tmp") and child.is_dir():
                yield from _walk(root, child, depth + 1)


def _named_as_on_disk(root: Path, folder: Folder) -> Folder:
    """Tell apart folders such as `.Work` and `Work`, which lie in both layouts under one name."""
    return folder if folder.path == root else Folder(clean_name(str(folder.path.relative_to(root))), folder.path)


def _name(root: Path, path: Path) -> str:
    if path == root:
        return INBOX
    parts = (_decoded(part) for part in path.relative_to(root).parts)
    return clean_name("/".join(part.removeprefix(".") or part for part in parts))


def _decoded(name: str) -> str:
    try:
        return str(decode_utf7(name.encode("ascii")))
    except ValueError:  # UTF-8 on disk, or no modified UTF-7 at all
        return name


def mail_files(folder: Path) -> Iterator[MailFile]:
    """Walk the mails of a folder, in no order. A mail whose flags change meanwhile may come twice, or not at all.

    `new` comes first: a mail that is moved to `cur` meanwhile then comes at least once.
    """
    for part in ("new", "cur"):
        try:
            with os.scandir(folder / part) as entries:
                for entry in entries:
                    if not entry.name.startswith(".") and not entry.is_dir(follow_symlinks=False):
                        yield mail_file(f"{part}/{entry.name}")
        except FileNotFoundError as error:
            raise SourceUnavailableError(
                "a Maildir folder went away while it was listed: it is listed again"
            ) from error
        except OSError as error:
            raise unreadable(error) from error


def mail_file(place: str) -> MailFile:
    """Return what the name of a file says of its mail."""
    name = place.partition("/")[2]
    info = _INFO.search(name)
    return MailFile(clean_name(name[: info.start()] if info else name), place, info["flags"] if info else "")


def keywords(folder: Path) -> Mapping[str, str]:
    """Return the names of Dovecot's keyword letters `a` to `z`; empty without such a file."""
    try:
        text = (folder / "dovecot-keywords").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    numbered = (line.split(maxsplit=1) for line in text.splitlines())
    return {
        chr(ord("a") + int(pair[0])): pair[1].strip()
        for pair in numbered
        if len(pair) == 2 and pair[0].isascii() and pair[0].isdigit() and int(pair[0]) < 26
    }


def labels(flags: str, names: Mapping[str, str]) -> tuple[str, ...]:
    """Return the labels for the letters of a file name, sorted, as IMAP names them."""
    found = {_FLAGS.get(letter) or names.get(letter, "") for letter in flags}
    return tuple(sorted(found - {""}))
