"""`make quickstart` does what the README says it does."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.timeout(300)  # a dozen processes, one after the other: a second each, or many on a busy machine
def test_the_tour_ends_with_the_proof(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "scripts.quickstart", "--data", str(tmp_path)]
    tour = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280)
    assert tour.returncode == 0, tour.stdout + tour.stderr
    assert "mail_too_large" in tour.stdout
    assert "1 put back on the stream" in tour.stderr
    assert "«invoice»" in tour.stdout
    assert "complete: the source of sample has 211 mails, and the database has them all" in tour.stdout
