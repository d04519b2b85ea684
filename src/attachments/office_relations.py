"""Relations of the parts of an office file (ECMA-376 part 2): which member an id stands for, and as what."""

import posixpath
from typing import NamedTuple

from src.attachments.office_xml import Attributes, Handler
from src.attachments.office_zip import OfficeZip


class Relation(NamedTuple):
    """Where a relation leads."""

    kind: str  # the last word of its type, such as "slide" or "notesSlide"
    member: str  # its name in the ZIP; may be missing there


def relations_of(archive: OfficeZip, part: str) -> dict[str, Relation]:
    """Return the relations of the member `part` by their ids, in the order of the file."""
    folder, name = posixpath.split(part)
    handler = _Relations(folder)
    archive.read_xml(f"{folder}/_rels/{name}.rels", handler)
    return handler.found


class _Relations(Handler):
    def __init__(self, folder: str) -> None:
        self._folder = folder
        self.found: dict[str, Relation] = {}

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "Relationship":
            kind = attributes.get("Type", "").rpartition("/")[2]
            member = posixpath.normpath(posixpath.join("/", self._folder, attributes.get("Target", "")))
            self.found[attributes.get("Id", "")] = Relation(kind, member.lstrip("/"))
