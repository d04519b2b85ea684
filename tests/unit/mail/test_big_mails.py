"""A mail of 240 MB, mapped from a file, is parsed and its attachments kept within a few MB of memory."""

import base64
import subprocess
import sys
from pathlib import Path

import pytest

EXTRA_MB = 48  # what the process may take beyond what it has once everything is imported
_CHILD = """
import mmap, resource, sys
from pathlib import Path
from tests.fakes.no_sandbox import keep
from src.mail.parse import parse

taken = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmData")) * 1024
limit = taken + int(sys.argv[3]) * 1024 * 1024
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
with open(sys.argv[1], "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as raw:
    parsed = parse(raw)
    message = parsed.with_attachments([keep(part, temp_dir=Path(sys.argv[2])) for part in parsed.parts])
print(message.body_text, *message.defects)
for kept in message.attachments:
    print(kept.filename, kept.size_bytes, kept.extraction.outcome.value, kept.extraction.reason, kept.sha256[:8])
"""


@pytest.fixture
def big_mail(tmp_path: Path) -> Path:
    """A text, a CSV file of 40 MB and a film of 150 MB, both in base64."""
    path = tmp_path / "big.eml"
    line = base64.b64encode(b"a;b;c;d;e;f;g;h;i;j;k;l;m;n;o;p;q;r;s;t;u;v;w;x;y;z;0;1;2\n"[:57]) + b"\r\n"
    block = line * 1000
    part = b"\r\n--b\r\nContent-Type: %s; name=%s\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    with path.open("wb") as file:
        file.write(b"From: a@example.org\r\nDate: Mon, 2 Feb 2026 10:00:00 +0000\r\n")
        file.write(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nthe text\r\n")
        for content_type, name, megabytes in ((b"text/csv", b"a.csv", 40), (b"video/mp4", b"a.mp4", 150)):
            file.write(part % (content_type, name))
            for _ in range(megabytes * 1_000_000 // 57_000):
                file.write(block)
        file.write(b"\r\n--b--\r\n")
    return path


def test_memory_does_not_grow_with_the_mail(big_mail: Path, tmp_path: Path) -> None:
    temp_dir = tmp_path / "temp"
    command = [sys.executable, "-c", _CHILD, str(big_mail), str(temp_dir), str(EXTRA_MB)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr[-2000:]
    text, csv, film = ended.stdout.splitlines()
    assert text == "the text"
    assert csv.startswith("a.csv 39957000 text  ")
    assert film.split()[:4] == ["a.mp4", "149967000", "skipped", "too_large"]
    assert list(temp_dir.iterdir()) == []
