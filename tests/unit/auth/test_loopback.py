"""The loopback listener takes one thing only: a redirect with the state of this sign-in."""

import socket
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlencode, urlsplit

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from src.auth.loopback import (
    LOOPBACK_HOSTS,
    Listener,
    ask_for_paste,
    is_loopback,
    listening,
    paste_redirect_uri,
    read_redirect,
)
from src.common.errors import SignInFailedError

STATE = "s3cret-state"


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening("http://127.0.0.1:0/") as opened:
        yield opened


def _get(listener: Listener, query: str = "", **options: object) -> int:
    address = f"{listener.redirect_uri}{query}"
    return requests.get(address, timeout=5, **options).status_code  # type: ignore[arg-type]


def _redirect_later(listener: Listener, query: str) -> None:
    threading.Timer(0.05, lambda: _get(listener, query)).start()


@pytest.mark.parametrize(
    ("query", "code", "error"),
    [
        (f"?state={STATE}&code=4%2Fabc", "4/abc", ""),  # granted
        (f"?state={STATE}&error=access_denied", "", "access_denied"),  # refused
        (f"?state={STATE}&error=access_denied&code=4%2Fabc", "", "access_denied"),  # both: refused wins
        (f"state={STATE}&code=x", "x", ""),  # the query alone, without its question mark
        (f"http://127.0.0.1:1/?state={STATE}&code=x&scope=a%20b#frag", "x", ""),  # whole address, more fields
    ],
)
def test_reads_a_redirect(query: str, code: str, error: str) -> None:
    redirect = read_redirect(query, STATE)
    assert redirect is not None
    assert (redirect.code, redirect.error) == (code, error)
    assert "4/abc" not in repr(redirect)


@pytest.mark.parametrize(
    "query",
    [
        "?code=x",  # no state
        "?state=other&code=x",  # another sign-in's state
        f"?state={STATE}&state=other&code=x",  # two states
        f"?state={STATE}",  # neither code nor error
        f"?state={STATE}&code=",  # empty code
        "?" + "&".join(f"a{n}=1" for n in range(100)) + f"&state={STATE}&code=x",  # far too many fields
        f"?state={STATE}&code={'x' * 10_000}",  # far too long
        "",
        "http://[broken/",
    ],
)
def test_ignores_what_is_not_of_this_sign_in(query: str) -> None:
    assert read_redirect(query, STATE) is None


@given(st.text(max_size=300))
def test_no_pasted_text_breaks_the_reader(text: str) -> None:
    redirect = read_redirect(text, STATE)
    assert redirect is None or STATE in text


def test_hostile_requests_do_not_end_the_wait(listener: Listener) -> None:
    seen: list[int] = []

    def attack_then_answer() -> None:
        time.sleep(0.05)
        seen.append(_get(listener, "?code=stolen"))
        seen.append(_get(listener, "?state=guess&code=stolen"))
        seen.append(_get(listener, f"?state={STATE}&code=x", headers={"Host": "evil.example.org"}))  # DNS rebinding
        seen.append(_get(listener, f"favicon.ico?state={STATE}&code=x"))  # another path
        seen.append(requests.post(f"{listener.redirect_uri}?state={STATE}&code=x", timeout=5).status_code)
        with socket.create_connection(("127.0.0.1", urlsplit(listener.redirect_uri).port or 0)) as garbage:
            garbage.sendall(b"\x16\x03\x01 not http\r\n\r\n")
        seen.append(_get(listener, f"?state={STATE}&code=right"))

    thread = threading.Thread(target=attack_then_answer)
    thread.start()
    redirect = listener.wait(STATE, 10)
    thread.join()
    assert redirect.code == "right"
    assert seen == [404, 404, 404, 404, 501, 200]


def test_a_silent_caller_holds_nothing_up(listener: Listener) -> None:
    with socket.create_connection(("127.0.0.1", urlsplit(listener.redirect_uri).port or 0)) as silent:
        silent.sendall(b"GET / HT")
        _redirect_later(listener, f"?state={STATE}&code=x")
        assert listener.wait(STATE, 10).code == "x"


def test_the_page_shows_nothing_of_the_request(listener: Listener) -> None:
    answers: list[str] = []
    query = "?" + urlencode({"state": STATE, "code": "4/<script>", "scope": "<b>"})
    threading.Timer(0.05, lambda: answers.append(requests.get(listener.redirect_uri + query, timeout=5).text)).start()
    listener.wait(STATE, 10)
    time.sleep(0.1)
    assert "close this window" in answers[0]
    assert "script" not in answers[0]


def test_nobody_comes(listener: Listener) -> None:
    with pytest.raises(SignInFailedError, match="--headless"):
        listener.wait(STATE, 0.05)


def test_listens_on_loopback_only(listener: Listener) -> None:
    assert urlsplit(listener.redirect_uri).hostname in LOOPBACK_HOSTS
    assert urlsplit(listener.redirect_uri).port


def test_a_taken_port_says_so() -> None:
    with listening("http://127.0.0.1:0/") as first, pytest.raises(SignInFailedError, match="GOOGLE_REDIRECT_URI"):
        Listener(first.redirect_uri)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("http://127.0.0.1:0/", True),
        ("http://localhost:8080/callback", True),
        ("https://127.0.0.1/", False),  # we cannot serve TLS there
        ("https://mail.example.org/gmail/auth/callback", False),  # somebody else's server
        ("urn:ietf:wg:oauth:2.0:oob", False),  # switched off by Google
    ],
)
def test_is_loopback(address: str, expected: bool) -> None:
    assert is_loopback(address) is expected


def test_pasting_needs_a_port_that_google_accepts() -> None:
    assert urlsplit(paste_redirect_uri("http://127.0.0.1:0/")).port
    assert paste_redirect_uri("http://127.0.0.1:8765/x") == "http://127.0.0.1:8765/x"
    assert paste_redirect_uri("https://mail.example.org/cb") == "https://mail.example.org/cb"


def test_wrong_pastes_are_told_and_the_right_one_is_taken() -> None:
    lines = iter(["oops\n", f"http://127.0.0.1:1/?state={STATE}&code=x\n"])
    said: list[str] = []
    assert ask_for_paste(STATE, ask=lambda: next(lines), say=said.append, timeout_s=5).code == "x"
    assert len(said) == 1


@pytest.mark.parametrize("lines", [[""], ["a\n", "b\n", "c\n"]])
def test_pasting_ends(lines: list[str]) -> None:
    waiting = iter(lines)
    with pytest.raises(SignInFailedError):
        ask_for_paste(STATE, ask=lambda: next(waiting), say=lambda _: None, timeout_s=5)
