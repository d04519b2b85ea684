"""Text of EPUB books (EPUB 3.3): the documents of the spine in their order."""

import posixpath
from urllib.parse import unquote

from src.attachments.extractor import Content
from src.attachments.finish import finished
from src.attachments.limits import Limits
from src.attachments.office_xml import Attributes, Handler
from src.attachments.office_zip import OfficeZip, properties
from src.model.extraction import Extraction
from src.text import charsets
from src.text.html_text import html_to_text


class Epub:
    """Plays `Extractor` for EPUB."""

    def extract(self, data: Content, limits: Limits) -> Extraction:
        texts: list[str] = []
        room = limits.text_chars
        with OfficeZip(data, limits) as archive:
            container, package = _Container(), _Package()
            archive.read_xml("META-INF/container.xml", container)
            archive.read_xml(container.package, package)
            folder = posixpath.dirname(container.package)
            for reference in package.spine:
                name = posixpath.normpath(posixpath.join(folder, unquote(package.items.get(reference, ""))))
                text = html_to_text(charsets.decode(archive.read(name, limits.html_bytes)).text)
                texts.append(text)
                room -= len(text)
                if room <= 0:
                    break
            known = properties(archive, container.package)
        return finished("\n\n".join(texts), limits, known, was_cut=room <= 0)


class _Container(Handler):
    """Where the package document lies."""

    package = ""

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "rootfile" and not self.package:
            self.package = attributes.get("full-path", "")


class _Package(Handler):
    """The documents by their ids, and the order of reading."""

    def __init__(self) -> None:
        self.items: dict[str, str] = {}
        self.spine: list[str] = []

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "item":
            self.items[attributes.get("id", "")] = attributes.get("href", "")
        elif name == "itemref":
            self.spine.append(attributes.get("idref", ""))
