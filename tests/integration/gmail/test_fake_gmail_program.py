"""The fake Gmail as a process of its own: it says where it is, serves, and tells at its end what was done to it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httplib2
from google.oauth2.credentials import Credentials
from google_auth_httplib2 import AuthorizedHttp
from googleapiclient.discovery import build

ROOT = Path(__file__).resolve().parents[3]
SERVE = [sys.executable, "-m", "tests.fakes.gmail.program", "--mails", "3", "--bytes", "1000", "--profile", "legacy"]


def test_it_serves_until_its_input_ends() -> None:
    with subprocess.Popen(SERVE, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        where = json.loads(program.stdout.readline())
        fetched = fetch_all(where)
        program.stdin.close()
        summary = json.loads(program.stdout.read())
    assert program.returncode == 0
    assert fetched == 3
    assert (summary["mails_fetched"], summary["mails_fetched_again"], summary["units"]) == (3, 0, 5 + 3 * 5)
    assert summary["errors"] == []


def test_it_is_told_what_to_do_and_says_what_is_true() -> None:
    commands: list[dict[str, Any]] = [
        {"do": "fill", "mails": 4},
        {"do": "weather", "rate": 1.0, "refusals": 1},
        {"do": "act", "times": 20},
        {"do": "expire_history"},
        {"do": "expire_pages"},
        {"do": "end_tokens"},
        {"do": "calm"},
        {"do": "truth"},
        {"do": "tally"},
    ]
    lines = "".join(json.dumps(command) + "\n" for command in commands)
    said = subprocess.run(SERVE, cwd=ROOT, input=lines, capture_output=True, text=True, check=True)
    where, *answers, truth, tally, summary = map(json.loads, said.stdout.splitlines())
    assert where["account"]
    assert answers == [{}] * 7
    assert len(truth["mails"]) > 4
    assert {len(sha256) for sha256, _ in truth["mails"].values()} == {64}
    assert tally == {"calls": 0, "fetched": 0, "fetched_again": 0, "faults": 0, "errors": []}
    assert summary["errors"] == []


def fetch_all(where: dict[str, Any]) -> int:
    settings = where["environment"]
    credentials = Credentials(  # type: ignore[no-untyped-call]
        token=None,
        refresh_token=where["refresh_token"],
        token_uri=settings["GOOGLE_TOKEN_URI"],
        client_id=settings["GOOGLE_CLIENT_ID"],
        client_secret=settings["GOOGLE_CLIENT_SECRET"],
    )
    http = AuthorizedHttp(credentials, http=httplib2.Http(timeout=5))
    options = {"api_endpoint": settings["GMAIL_API_ENDPOINT"]}
    client = build("gmail", "v1", http=http, static_discovery=True, cache_discovery=False, client_options=options)
    messages = client.users().messages()
    found = messages.list(userId="me").execute()["messages"]
    raws = {messages.get(userId="me", id=mail["id"], format="raw").execute()["raw"] for mail in found}
    http.close()
    return len(raws)
