"""A producer that reads with a password into Redis and SQLite loads nothing that only others need: it has 80 MB."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

# What costs most, in MB as measured: google-auth with requests 16, alembic 13, psycopg 9; the rest is the worker's.
NOT_LOADED = (
    "google",
    "requests",
    "cryptography.fernet",
    "alembic",
    "psycopg",
    "pypdf",
    "docx",
    "pytesseract",
    "typer",
)


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    """Names of the modules in memory once `producer.py` is imported."""
    told = subprocess.run(
        [sys.executable, "-c", "import sys, producer; print(*sys.modules)"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return set(told.stdout.split())


@pytest.mark.parametrize("name", NOT_LOADED)
def test_producer_does_not_load(name: str, loaded: set[str]) -> None:
    assert name not in loaded


def test_producer_loads_no_module_of_the_worker(loaded: set[str]) -> None:
    assert not [name for name in loaded if name.startswith(("src.worker", "src.attachments", "src.cli"))]
