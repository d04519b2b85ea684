"""No mail content, address or token in logs or error texts: read from the source of every log call and every raise.

A value passed to a log call must have a name from a list of harmless ones. An error text may be composed only of
harmless names as well. What slips through in a value is masked by `redact`, which is tested below.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.common.logs import MAX_VALUE_CHARS, account_tag, redact, redact_event

ROOT = Path(__file__).resolve().parents[3]
SOURCES = [*ROOT.glob("*.py"), *sorted((ROOT / "src").rglob("*.py")), *sorted((ROOT / "config").rglob("*.py"))]
LEVELS = {"debug", "info", "warning", "error", "critical", "exception"}

# Words that may name mail content, a person or a secret. A log value or a part of an error text may not be named so.
FORBIDDEN = {
    "subject", "sender", "recipient", "recipients", "address", "addresses", "body", "body_text", "html", "text", "raw",
    "payload", "headers", "header", "snippet", "filename", "from_", "to", "cc", "bcc", "username", "user", "email",
    "account", "password", "token", "access_token", "refresh_token", "secret", "key", "credentials", "authorization",
    "message_id", "references", "challenge", "query",
}  # fmt: skip


def _log_calls(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in LEVELS
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id in {"log", "logger", "_log"}
        ):
            yield node


def _names(node: ast.expr) -> Iterator[str]:
    """Yield the last names of what flows into a text: `a.b.subject` gives `subject`; what a call returns has none."""
    if isinstance(node, ast.JoinedStr):
        for value in node.values:
            yield from _names(value)
    elif isinstance(node, ast.FormattedValue):
        yield from _names(node.value)
    elif isinstance(node, ast.BinOp):
        yield from _names(node.left)
        yield from _names(node.right)
    elif isinstance(node, ast.Attribute):
        yield node.attr
    elif isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        yield str(node.slice.value)


def _is_tag(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "account_tag"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_log_calls_pass_a_slug_and_harmless_names(path: Path) -> None:
    for call in _log_calls(ast.parse(path.read_text(encoding="utf-8"))):
        where = f"{path.relative_to(ROOT)}:{call.lineno}"
        assert len(call.args) == 1, f"{where}: a log call takes the slug and named values only"
        slug = call.args[0]
        assert isinstance(slug, ast.Constant), f"{where}: the event must be a constant slug"
        assert re.fullmatch(r"[a-z][a-z0-9_]*", str(slug.value)), f"{where}: {slug.value!r} is not a slug"
        for keyword in call.keywords:
            assert keyword.arg is not None, f"{where}: no ** in log calls, the values could not be read here"
            if _is_tag(keyword.value):
                continue
            assert keyword.arg not in FORBIDDEN, f"{where}: {keyword.arg} may hold personal data"
            leaked = set(_names(keyword.value)) & FORBIDDEN
            assert not leaked, f"{where}: {keyword.arg} is made of {leaked}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_error_texts_are_made_of_harmless_names(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not (isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)):
            continue
        for argument in node.exc.args:
            leaked = set(_names(argument)) & FORBIDDEN
            assert not leaked, f"{path.relative_to(ROOT)}:{node.lineno}: the error text is made of {leaked}"


LOCAL = st.from_regex(r"[a-z][a-z0-9._+-]{0,20}", fullmatch=True)
AROUND = st.text(alphabet=" <>,;:\"'()\n\t", max_size=3)


@given(local=LOCAL, before=AROUND, after=AROUND)
def test_addresses_are_masked(local: str, before: str, after: str) -> None:
    assert f"{local}@example.org" not in redact(f"failed for{before} {local}@example.org{after}")


@pytest.mark.parametrize(
    "secret",
    [
        "Authorization: Bearer abcdef0123456789",
        "user=a\x01auth=Bearer ya29.A0ARrdaM-x\x01\x01",
        "refresh_token=1//0gabcdefghijkl",
        "redis://worker:hunter22@cache.example.org/0",
        "password: hunter22",
        "client_secret=GOCSPX-hunter22",
    ],
)
def test_secrets_are_masked(secret: str) -> None:
    masked = redact(f"cannot go on: {secret}")
    for word in ("abcdef0123456789", "ya29.A0", "1//0g", "hunter22"):
        assert word not in masked


@given(st.text(max_size=5000))
def test_a_log_value_is_one_bounded_line(text: str) -> None:
    masked = redact(text)
    assert len(masked) <= MAX_VALUE_CHARS
    assert "\n" not in masked


def test_objects_are_masked_as_well() -> None:
    event = redact_event(None, "info", {"event": "x", "error": ValueError("no such user: ada@example.org"), "count": 3})
    assert event == {"event": "x", "error": "no such user: [address]", "count": 3}


def test_an_account_tag_is_stable_and_says_nothing() -> None:
    assert account_tag("ada@example.org") == account_tag("ada@example.org")
    assert re.fullmatch(r"[0-9a-f]{8}", account_tag("ada@example.org"))
