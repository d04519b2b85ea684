"""File names from strangers, made safe to show and to store. The name decides nothing: no path is ever made of it."""

import re

from src.text.normalise import one_line

MAX_BYTES = 255  # of UTF-8; what file systems take
_HARMLESS = re.compile(r"[A-Za-z0-9_-]{1,80}(?:\.[A-Za-z0-9_-]{1,80})?")  # most names: nothing to clean
_FORBIDDEN = re.compile(r'[/\\:*?"<>|\u200e\u200f\u061c]+')


def cleaned(name: str) -> str:
    """Return `name` without separators, control and bidi characters or leading dots, at most 255 bytes."""
    if _HARMLESS.fullmatch(name):
        return name
    name = _FORBIDDEN.sub("_", one_line(name, MAX_BYTES * 4)).strip(" .")
    while ".." in name:
        name = name.replace("..", ".")
    return _shortened(name)


def _shortened(name: str) -> str:
    """Cut the stem rather than the extension."""
    if len(name.encode()) <= MAX_BYTES:
        return name
    stem, dot, extension = name.rpartition(".")
    if not stem or len(extension.encode()) > 20:
        stem, dot, extension = name, "", ""
    room = MAX_BYTES - len((dot + extension).encode())
    return stem.encode()[:room].decode("utf-8", "ignore").rstrip(" .") + dot + extension
