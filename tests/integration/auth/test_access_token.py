"""Access tokens: fresh for everybody, refreshed once, and clear about who has to do what."""

import fcntl
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from config.settings import Settings, load
from src.auth import bounded_http
from src.auth.access_token import access_token_provider
from src.auth.google_oauth import IMAP_SCOPE, READ_SCOPE
from src.auth.shared_lock import locked
from src.auth.sign_in_mark import sign_in_mark
from src.auth.signed_in import token_file
from src.auth.token_file import StoredToken
from src.common.clock import SystemClock
from src.common.errors import (
    EncryptionKeyError,
    IngestError,
    LoginRefusedError,
    ScopeMissingError,
    SignInNeededError,
    SourceUnavailableError,
)
from tests.fakes.clock import FakeClock
from tests.fakes.google_oauth import FakeGoogle, Mood
from tests.fixtures.logs import CapturedLogs
from tests.fixtures.services import wait_until

ROOT = Path(__file__).resolve().parents[3]
SignedIn = Callable[..., StoredToken]


def test_an_ended_token_is_refreshed_once_and_kept(google: FakeGoogle, settings: Settings, signed_in: SignedIn) -> None:
    signed_in()
    mark = sign_in_mark(settings)
    provider = access_token_provider(settings)
    assert provider() == provider() == google.access_tokens[0]
    assert google.refreshes == 1
    assert sign_in_mark(settings) == mark  # or the mailboxes of an account would wake each other for ever
    assert token_file(settings).load().access_token == google.access_tokens[0]


def test_a_living_token_costs_no_call(google: FakeGoogle, settings: Settings, signed_in: SignedIn) -> None:
    signed_in(access_token="ya29.alive", expires_at=SystemClock().now() + timedelta(minutes=30))
    assert access_token_provider(settings)() == "ya29.alive"
    assert google.refreshes == 0


def test_refreshes_ahead_of_the_end(google: FakeGoogle, settings: Settings, signed_in: SignedIn) -> None:
    clock = FakeClock()
    signed_in(access_token="ya29.ends-soon", expires_at=clock.now() + timedelta(minutes=6))
    provider = access_token_provider(settings, clock)
    assert provider() == "ya29.ends-soon"
    clock.advance(120)
    assert provider() == google.access_tokens[0]
    clock.advance(3600 - 301)
    assert provider() == google.access_tokens[0]
    clock.advance(2)
    assert provider() == google.access_tokens[1]


def test_a_refused_token_is_replaced_even_if_it_looks_alive(
    google: FakeGoogle, settings: Settings, signed_in: SignedIn
) -> None:
    signed_in(access_token="ya29.alive", expires_at=SystemClock().now() + timedelta(minutes=30))
    provider = access_token_provider(settings)
    refused = provider()
    assert provider(refused=refused) == google.access_tokens[0] != refused
    assert provider(refused=refused) == google.access_tokens[0]  # replaced already: no second refresh
    assert google.refreshes == 1


def test_a_forgotten_token_is_replaced_once(google: FakeGoogle, settings: Settings, signed_in: SignedIn) -> None:
    signed_in(access_token="ya29.alive", expires_at=SystemClock().now() + timedelta(minutes=30))
    provider = access_token_provider(settings)
    provider.forget()  # nothing was given yet: nothing to forget
    assert provider() == "ya29.alive"
    provider.forget()
    assert provider() == provider() == google.access_tokens[0]
    assert google.refreshes == 1


def test_two_processes_and_many_threads_cause_one_refresh(
    google: FakeGoogle, environment: dict[str, str], settings: Settings, signed_in: SignedIn
) -> None:
    signed_in()
    google.delay_s = 0.5
    code = (
        "import threading, config.settings as s, src.auth.access_token as a\n"
        "p = a.access_token_provider(s.load()); out = []\n"
        "ts = [threading.Thread(target=lambda: out.append(p())) for _ in range(5)]\n"
        "[t.start() for t in ts]; [t.join() for t in ts]\n"
        "print(set(out).pop() if len(set(out)) == 1 else out)"
    )
    command = [sys.executable, "-c", code]
    started = [
        subprocess.Popen(
            command, env=environment | {"PATH": "", "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    printed = {process.communicate(timeout=60)[0].strip() for process in started}
    assert printed == {google.access_tokens[0]}
    assert google.refreshes == 1


def test_a_process_killed_while_it_refreshes_holds_up_nobody(
    google: FakeGoogle, environment: dict[str, str], settings: Settings, signed_in: SignedIn
) -> None:
    signed_in()
    google.delay_s = 30.0
    code = "import config.settings as s, src.auth.access_token as a; a.access_token_provider(s.load())()"
    process = subprocess.Popen([sys.executable, "-c", code], env=environment | {"PATH": "", "PYTHONPATH": str(ROOT)})
    lock = token_file(settings).path.with_name("gmail_token.json.lock")
    wait_until(lambda: is_held(lock), what="the other process refreshes")
    process.kill()
    process.wait()
    google.delay_s = 0.0
    assert access_token_provider(settings)() == google.access_tokens[-1]


def test_one_account_s_refresh_does_not_hold_up_another_account(
    google: FakeGoogle, settings: Settings, signed_in: SignedIn, tmp_path: Path
) -> None:
    signed_in()
    other = tmp_path / "tokens" / "other.json"
    other.touch()
    with locked(other):
        assert access_token_provider(settings)() == google.access_tokens[0]


def test_a_sign_in_during_a_refresh_is_not_overwritten_by_it(
    google: FakeGoogle, settings: Settings, signed_in: SignedIn
) -> None:
    old = signed_in()
    google.delay_s = 0.5
    provider = access_token_provider(settings)
    with ThreadPoolExecutor(1) as threads:
        refreshing = threads.submit(provider)
        wait_until(lambda: is_held(token_file(settings).path.with_name("gmail_token.json.lock")), what="it refreshes")
        with locked(token_file(settings).path):  # as the sign-in does
            new = replace(old, refresh_token=google.issue_refresh_token(IMAP_SCOPE), signed_in_at=SystemClock().now())
            token_file(settings).save(new)
        refreshing.result()
    assert token_file(settings).load() == new


def is_held(lock: Path) -> bool:
    """Tell whether a process holds this lock file."""
    if not lock.exists():
        return False
    with lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@pytest.mark.parametrize("mood", [Mood.SERVER_ERROR, Mood.BROKEN_JSON, Mood.JSON_BUT_NO_OBJECT, Mood.NO_ACCESS_TOKEN,
                                  Mood.HANGS_UP])  # fmt: skip
def test_a_bad_day_is_temporary_and_leaves_the_file(
    google: FakeGoogle, settings: Settings, signed_in: SignedIn, mood: Mood
) -> None:
    before = signed_in()
    google.mood = mood
    provider = access_token_provider(settings)
    with pytest.raises(SourceUnavailableError) as caught:
        provider()
    assert "ya29" not in _whole_text(caught.value)
    assert token_file(settings).load() == before
    google.mood = Mood.WELL
    assert provider() == google.access_tokens[-1]


def test_nobody_listens(google: FakeGoogle, settings: Settings, signed_in: SignedIn) -> None:
    signed_in()
    google.stop()
    with pytest.raises(SourceUnavailableError):
        access_token_provider(settings)()


def test_a_slow_google_is_given_up(
    google: FakeGoogle, settings: Settings, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed_in()
    google.delay_s = 5.0
    monkeypatch.setattr(bounded_http, "TIMEOUT_S", 0.2)
    with pytest.raises(SourceUnavailableError):
        access_token_provider(settings)()


def test_while_google_is_away_the_last_minutes_of_a_token_are_used(
    google: FakeGoogle, settings: Settings, signed_in: SignedIn, logs: CapturedLogs
) -> None:
    signed_in(access_token="ya29.ends-soon", expires_at=SystemClock().now() + timedelta(minutes=2))
    google.mood = Mood.BROKEN_JSON
    assert access_token_provider(settings)() == "ya29.ends-soon"
    assert logs.named("token_refresh_postponed")


def test_a_sign_in_that_ended_says_sign_in(google: FakeGoogle, settings: Settings, signed_in: SignedIn) -> None:
    signed_in(refresh_token="1//revoked-long-ago")
    with pytest.raises(SignInNeededError, match="--auth-setup") as caught:
        access_token_provider(settings)()
    assert "1//revoked" not in _whole_text(caught.value)


def test_a_wrong_client_is_not_the_accounts_fault(google: FakeGoogle, settings: Settings, signed_in: SignedIn) -> None:
    signed_in()
    google.mood = Mood.INVALID_CLIENT
    with pytest.raises(LoginRefusedError, match="GOOGLE_CLIENT_SECRET"):
        access_token_provider(settings)()


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"scopes": (READ_SCOPE,)}, ScopeMissingError),  # enough for the API, not for IMAP
        ({"account": "bob@example.org"}, SignInNeededError),  # the token of somebody else
        ({"client_id": "other.apps.example.org"}, SignInNeededError),  # of another OAuth client
    ],
)
def test_a_token_that_does_not_fit_is_not_used(
    google: FakeGoogle, settings: Settings, signed_in: SignedIn, changes: dict[str, object], error: type[IngestError]
) -> None:
    signed_in(**changes)
    with pytest.raises(error) as caught:
        access_token_provider(settings)()
    assert "@" not in str(caught.value)  # errors name accounts by their tag
    assert google.refreshes == 0


def test_a_scope_taken_back_is_found_at_the_next_refresh(
    google: FakeGoogle, settings: Settings, signed_in: SignedIn
) -> None:
    signed_in(refresh_token=google.issue_refresh_token(READ_SCOPE))
    with pytest.raises(ScopeMissingError, match=IMAP_SCOPE):
        access_token_provider(settings)()
    google.mood = Mood.INVALID_SCOPE
    with pytest.raises(ScopeMissingError):
        access_token_provider(settings)()


def test_without_file_or_key_it_says_so_and_makes_nothing(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(SignInNeededError):
        access_token_provider(settings)()
    with pytest.raises(EncryptionKeyError):
        access_token_provider(load(encryption_key=""))()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "told",
    [None, "3600", "soon", -5, 0, 1e300, float("nan")],  # missing, a text, nonsense, past, never, for ever, no number
)
def test_any_lifetime_gives_a_usable_token(
    google: FakeGoogle, settings: Settings, signed_in: SignedIn, told: object
) -> None:
    signed_in()
    google.expires_in = told
    try:
        assert access_token_provider(settings)() == google.access_tokens[-1]
    except SourceUnavailableError:
        assert told in ("soon", 1e300) or told != told  # no answer of a token endpoint


def test_a_lock_that_is_never_given_back_is_told(tmp_path: Path) -> None:
    (tmp_path / "token.json").touch()
    failures: list[BaseException] = []

    def second() -> None:
        try:
            with locked(tmp_path / "token.json", wait_s=0.1):
                pass
        except SourceUnavailableError as error:
            failures.append(error)

    with locked(tmp_path / "token.json"):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    assert "lock" in str(failures[0])


def _whole_text(error: BaseException) -> str:
    """Return what a traceback would show: the error and what it names as its cause."""
    shown = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return str(error) + (_whole_text(shown) if shown else "")
