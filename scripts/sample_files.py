"""Small files of several types, made here so that the project carries no binary of unknown origin."""

import io
import struct
import zipfile
import zlib


def sample_files() -> list[tuple[str, str, bytes]]:
    """Return name, media type and content of each."""
    invoice = "Invoice 2026-117\nBlue lamp;1;49.00\nCopper kettle;2;31.50\nTotal;;112.00\n"
    return [
        ("invoice.txt", "text/plain; charset=utf-8", invoice.encode()),
        ("invoice.csv", "text/csv; charset=utf-8", invoice.replace("\n", "\r\n").encode()),
        (
            "Übersicht März.txt",
            "text/plain; charset=iso-8859-1",
            "Übersicht für März: größere Ausgaben\n".encode("latin-1"),
        ),
        (
            "page.html",
            "text/html; charset=utf-8",
            b"<h1>Garden plan</h1><p>Roses &amp; lavender</p><script>x()</script>",
        ),
        ("invite.ics", "text/calendar; charset=utf-8; method=REQUEST", _calendar()),
        ("change.patch", "text/x-patch", b"--- a/kettle\n+++ b/kettle\n@@ -1 +1 @@\n-copper\n+steel\n"),
        ("contact.vcf", "text/vcard; charset=utf-8", b"BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Clara Finch\r\nEND:VCARD\r\n"),
        ("data.json", "application/json", b'{"lamp": "blue", "price": 49.0}'),
        ("dot.png", "image/png", _png()),
        ("letter.pdf", "application/pdf", _pdf()),
        ("letters.zip", "application/zip", _zip()),
        ("report.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", _docx()),
    ]


def _calendar() -> bytes:
    lines = ("BEGIN:VCALENDAR", "VERSION:2.0", "BEGIN:VEVENT", "UID:1@example.org", "DTSTART:20260306T120000Z")
    return "\r\n".join((*lines, "SUMMARY:Lunch at the harbour", "END:VEVENT", "END:VCALENDAR", "")).encode()


def _png() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixel = zlib.compress(b"\0\x20\x40\x80")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixel) + chunk(b"IEND", b"")


def _pdf() -> bytes:
    drawing = b"BT /F1 24 Tf 72 720 Td (The copper kettle has arrived) Tj ET"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawing), drawing),
    ]
    out = io.BytesIO()
    out.write(b"%PDF-1.4\n")
    places = []
    for number, content in enumerate(objects, 1):
        places.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, content))
    table = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    out.write(b"".join(b"%010d 00000 n \n" % place for place in places))
    out.write(b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table))
    return out.getvalue()


def _zip(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in (files or {"letter.txt": b"Dear Clara, the lamp is blue."}).items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 5, 8, 0, 0)), data)
    return out.getvalue()


def _docx() -> bytes:
    main = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    wordprocessing = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    files = {
        "[Content_Types].xml": f'{head}<Types xmlns="{package}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/word/document.xml" ContentType="{wordprocessing}"/></Types>',
        "_rels/.rels": f'{head}<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="r1" Type="{relations}/officeDocument" Target="word/document.xml"/></Relationships>',
        "word/document.xml": f'{head}<w:document xmlns:w="{main}"><w:body><w:p><w:r>'
        "<w:t>Report on the harvest</w:t></w:r></w:p></w:body></w:document>",
    }
    return _zip(**{name: text.encode() for name, text in files.items()})
