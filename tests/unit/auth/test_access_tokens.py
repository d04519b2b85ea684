"""What AccessTokens promises whatever Google, the clock and the people do: properties, on a mint of our own."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from enum import Enum, auto

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from src.auth.access_token import ASK_AGAIN_S, AccessTokens
from src.auth.mint import REFRESH_AHEAD, AccessToken
from src.auth.sign_in_mark import Mark
from src.common.errors import IngestError, LoginRefusedError, SignInNeededError, SourceUnavailableError
from tests.fakes.clock import FakeClock

LIFE = timedelta(hours=1)


class Says(Enum):
    """What Google says when it is asked for a token."""

    YES = auto()
    NOTHING = auto()  # it does not answer
    WRONG_CLIENT = auto()  # the operator has to mend the settings
    NO = auto()  # invalid_grant: a person has to sign in


ERRORS: dict[Says, type[IngestError]] = {
    Says.NOTHING: SourceUnavailableError,
    Says.WRONG_CLIENT: LoginRefusedError,
    Says.NO: SignInNeededError,
}


class ScriptedMint:
    """Plays Mint: Google is what `says` says; each sign-in changes the mark."""

    def __init__(self, clock: FakeClock) -> None:
        self.says = Says.YES
        self.asked = 0
        self.sign_ins = 0
        self.meanwhile: Callable[[], None] = lambda: None  # runs while Google thinks
        self._clock = clock

    def mint(self, refused: str) -> AccessToken:
        self.asked += 1
        self.meanwhile()
        if self.says in ERRORS:
            raise ERRORS[self.says](f"said no after {self.asked} questions")
        return AccessToken(f"token-{self.asked}", self._clock.now() + LIFE)

    def mark(self) -> Mark:
        return f"sign-in {self.sign_ins}"


class Tokens(RuleBasedStateMachine):
    """Someone who needs tokens, against a model of what may be given."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.mint = ScriptedMint(self.clock)
        self.tokens = AccessTokens(self.mint, self.clock)
        self.ends_at: dict[str, datetime] = {}  # of each token ever given
        self.last = ""  # token given
        self.refused_for_good_at: Mark | None = None  # the mark when Google last said that a person is needed

    @rule(says=st.sampled_from(Says))
    def google_changes(self, says: Says) -> None:
        self.mint.says = says

    @rule(minutes=st.sampled_from([0.1, 1, 10, 50, 61]))
    def time_passes(self, minutes: float) -> None:
        self.clock.advance(minutes * 60)

    @rule()
    def somebody_signs_in(self) -> None:
        self.mint.sign_ins += 1

    @rule()
    def a_token_is_needed(self) -> None:
        self._ask("")

    @precondition(lambda self: self.last)
    @rule()
    def a_token_was_refused(self) -> None:
        self._ask(self.last)

    @precondition(lambda self: self.last)
    @rule()
    def a_token_was_refused_at_the_login(self) -> None:
        self.tokens.forget()
        self._ask("", not_again=self.last)

    def _ask(self, refused: str, not_again: str = "") -> None:
        asked, mark = self.mint.asked, self.mint.mark()
        try:
            token = self.tokens(refused)
        except IngestError as error:
            self._check_failure(error, asked, mark)
            return
        if self.mint.asked > asked and self.mint.says is Says.YES:
            self.ends_at[token] = self.clock.now() + LIFE
        assert token not in ("", refused, not_again)
        assert self.ends_at[token] > self.clock.now()
        if self.mint.asked > asked:
            self.refused_for_good_at = None
        if self.ends_at[token] <= self.clock.now() + REFRESH_AHEAD:
            assert self.mint.says is Says.NOTHING or self.mint.asked == asked  # in the pause after Google was away
        self.last = token

    def _check_failure(self, error: IngestError, asked: int, mark: Mark) -> None:
        if isinstance(error, SignInNeededError) and self.refused_for_good_at == mark:
            assert self.mint.asked == asked, "Google was asked again before anybody had signed in"
        else:
            assert self.mint.asked == asked + 1
            assert type(error) is ERRORS[self.mint.says]
            self.refused_for_good_at = mark if isinstance(error, SignInNeededError) else None


Tokens.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestTokens = Tokens.TestCase


def test_while_one_thread_renews_the_others_go_on_with_the_token_that_still_lives() -> None:
    clock = FakeClock()
    mint = ScriptedMint(clock)
    tokens = AccessTokens(mint, clock)
    first = tokens()
    clock.advance((LIFE - REFRESH_AHEAD).total_seconds() + 1)
    may_answer, is_asked = threading.Event(), threading.Event()

    def think() -> None:
        is_asked.set()
        may_answer.wait(10)

    mint.meanwhile = think
    with ThreadPoolExecutor(1) as threads:
        renewing = threads.submit(tokens)
        assert is_asked.wait(10)
        assert [tokens() for _ in range(5)] == [first] * 5
        may_answer.set()
        assert renewing.result(10) == tokens() == "token-2"
    assert mint.asked == 2


def test_a_thread_whose_token_was_refused_waits_for_the_new_one() -> None:
    clock = FakeClock()
    mint = ScriptedMint(clock)
    tokens = AccessTokens(mint, clock)
    first = tokens()
    mint.meanwhile = lambda: clock.advance(1)
    with ThreadPoolExecutor(4) as threads:
        given = [found.result(10) for found in [threads.submit(tokens, first) for _ in range(4)]]
    assert given == ["token-2"] * 4
    assert mint.asked == 2


def test_while_google_is_away_it_is_asked_now_and_then() -> None:
    clock = FakeClock()
    mint = ScriptedMint(clock)
    tokens = AccessTokens(mint, clock)
    first = tokens()
    clock.advance((LIFE - REFRESH_AHEAD).total_seconds() + 1)
    mint.says = Says.NOTHING
    calls = 0
    while clock.now() < FakeClock().now() + LIFE - timedelta(seconds=1):
        assert tokens() == first
        calls += 1
        clock.advance(1)
    assert mint.asked - 1 <= calls / ASK_AGAIN_S + 1
    clock.advance(1)
    with pytest.raises(SourceUnavailableError):
        tokens()
