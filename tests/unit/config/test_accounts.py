"""The accounts file: what is said of one account holds for it alone, and all mistakes come in one message."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.account import GMAIL_MAILBOX, Account
from config.account_secrets import SecretsAround
from config.accounts import account_named, accounts_of
from config.accounts_file import KEYS, MOST_ACCOUNTS, parse_accounts
from config.rollout import is_switched
from config.settings import Settings, SettingsError, load
from src.common.logs import account_tag

TWO = """
[[account]]
name = "ada@example.org"
imap_host = "imap.example.org"
imap_auth = "password"
imap_password_env = "ADA_PASSWORD"
imap_mailbox = "INBOX,Sent"
imap_poll_interval_seconds = 5

[[account]]
name = "bob@example.com"
"""


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)  # no .env


def unreadable(_path: str) -> str:
    raise FileNotFoundError(2, "No such file or directory")


def parsed(text: str, *, is_private: bool = True, **settings: Any) -> list[Account]:
    base = load(_env_file=None, **settings)
    around = SecretsAround({"ADA_PASSWORD": "hunter22"}, unreadable, is_private)
    return list(parse_accounts(text, base, around))


def mistakes(text: str, **options: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        parsed(text, **options)
    assert "hunter22" not in str(caught.value)
    return str(caught.value)


def written(text: str, mode: int = 0o600) -> Settings:
    path = Path("accounts.toml")
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return load(accounts_file=str(path))


# --- what an account gets --------------------------------------------------------------------------------------------


def test_each_account_has_its_own_settings_and_the_rest_from_those_for_all() -> None:
    ada, bob = parsed(TWO, imap_host="imap.for.all.example", batch_size=7, imap_timeout_seconds=9)
    assert (ada.name, ada.kind, ada.sign_in_name) == ("ada@example.org", "imap", "ada@example.org")
    assert (ada.settings.imap_host, ada.settings.imap_auth) == ("imap.example.org", "password")
    assert ada.settings.imap_password.get_secret_value() == "hunter22"
    assert (ada.settings.mailboxes, ada.settings.imap_poll_interval_seconds) == (("INBOX", "Sent"), 5)
    assert (bob.settings.imap_host, bob.settings.imap_auth) == ("imap.for.all.example", "xoauth2")
    assert (bob.settings.mailboxes, bob.settings.imap_poll_interval_seconds) == (("INBOX",), 60)
    for account in (ada, bob):
        assert (account.settings.batch_size, account.settings.imap_timeout_seconds) == (7, 9)


def test_what_belongs_to_one_account_is_not_taken_over_from_the_settings() -> None:
    """A password for all would be shown to every server of the file, a token used for somebody else."""
    of_all: dict[str, Any] = {
        "imap_user": "eve",
        "gmail_user": "eve",
        "imap_password": "hunter22",
        "google_token_file": "t/eve.json",
    }
    _, bob = parsed(TWO, **of_all)
    assert (bob.settings.imap_user, bob.settings.gmail_user) == ("bob@example.com", "bob@example.com")
    assert bob.settings.imap_password.get_secret_value() == ""
    assert bob.settings.google_token_file != "t/eve.json"


def test_each_account_has_a_token_file_named_after_its_tag_beside_that_of_the_settings() -> None:
    ada, bob = parsed(TWO, google_token_file="secrets/gmail_token.json")
    assert ada.settings.google_token_file == f"secrets/gmail_token-{account_tag('ada@example.org')}.json"
    assert bob.settings.google_token_file == f"secrets/gmail_token-{account_tag('bob@example.com')}.json"


def test_the_environment_does_not_win_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAP_MAILBOX", "Everywhere")
    monkeypatch.setenv("POLL_INTERVAL_SECONDS", "77")
    ada, bob = parsed(TWO)
    assert (ada.settings.mailboxes, ada.settings.imap_poll_interval_seconds) == (("INBOX", "Sent"), 5)
    assert (bob.settings.mailboxes, bob.settings.imap_poll_interval_seconds) == (("Everywhere",), 77)


def test_a_printed_account_hides_its_password() -> None:
    assert "hunter22" not in repr(parsed(TWO))


def test_the_example_of_the_docs_is_a_file_that_works() -> None:
    page = Path(__file__).resolve().parents[3] / "docs" / "howto" / "several-accounts.md"
    (example,) = re.findall(r"^```toml\n(.*?)^```$", page.read_text(encoding="utf-8"), re.M | re.S)
    around = SecretsAround({"OFFICE_PASSWORD": "hunter22"}, lambda path: f"in {path}", is_private=False)
    ada, office, bob = parse_accounts(example, load(_env_file=None), around)
    assert ada.settings.imap_password.get_secret_value() == "in /run/secrets/ada"
    assert (office.name, office.sign_in_name, office.mailboxes) == ("office", "office@example.com", ("INBOX", "Sent"))
    assert (bob.kind, bob.sign_in_name) == ("gmail", "bob@example.net")


# --- which way -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("own", "of_all", "kind"),
    [
        ("", {}, "imap"),
        ('source = "gmail"', {}, "gmail"),
        ("use_gmail_api = true", {}, "gmail"),
        ("", {"use_gmail_api": True}, "gmail"),
        ("", {"source": "gmail"}, "gmail"),
        ("", {"use_gmail_api_percent": 100}, "gmail"),
        # its own word wins
        ('source = "imap"', {"use_gmail_api": True, "use_gmail_api_percent": 100}, "imap"),
        ("use_gmail_api = false", {"source": "gmail", "use_gmail_api_percent": 100}, "imap"),
        ("use_gmail_api = true", {"use_gmail_api_percent": 0}, "gmail"),
    ],
)
def test_which_way_an_account_is_read(own: str, of_all: dict[str, Any], kind: str) -> None:
    (account,) = parsed(f'[[account]]\nname = "ada@example.org"\n{own}', **of_all)
    assert account.kind == kind
    assert account.mailboxes == ((GMAIL_MAILBOX,) if kind == "gmail" else ("INBOX",))
    assert (account.settings.source == "gmail") == account.settings.use_gmail_api == (kind == "gmail")


@given(names=st.sets(st.integers(0, 10**6), min_size=1, max_size=20), percent=st.floats(0, 100))
def test_the_rollout_decides_for_all_that_do_not_say(names: set[int], percent: float) -> None:
    text = "".join(f'[[account]]\nname = "user{number}@example.org"\n' for number in names)
    for account in parsed(text, use_gmail_api_percent=percent):
        assert (account.kind == "gmail") == is_switched(account.name, percent)


def test_the_rollout_takes_the_one_account_of_the_settings_too() -> None:
    (account,) = accounts_of(load(imap_user="ada@example.org", use_gmail_api_percent=100))
    assert (account.name, account.kind) == ("ada@example.org", "gmail")


def test_a_password_is_asked_for_only_where_one_is_used() -> None:
    one = '[[account]]\nname = "ada@example.org"\nimap_auth = "password"\n'
    assert "imap_password_file" in mistakes(one)
    assert parsed(one + "use_gmail_api = true")[0].kind == "gmail"


# --- mistakes --------------------------------------------------------------------------------------------------------


def test_all_mistakes_of_all_accounts_come_in_one_message() -> None:
    told = mistakes(
        """
        [[account]]
        name = "ada@example.org"
        imap_hots = "imap.example.org"
        IMAP_TLS = "none"
        redis_url = "redis://example.org"
        imap_port = "993"
        imap_auth = "hunter22"
        imap_timeout_seconds = 0

        [[account]]
        imap_auth = "password"

        [[account]]
        name = "ADA@example.org"
        source = "gmail"
        use_gmail_api = false
        """
    )
    for line in (
        "account 1: imap_hots: no such setting of an account; is imap_host meant?",
        "account 1: IMAP_TLS: write it in lower case",
        "account 1: redis_url: holds for all accounts: it belongs into the environment or .env",
        "account 1: imap_port: expected a whole number, 1 to 65535",
        "account 1: imap_auth: expected one of `xoauth2`, `oauthbearer`, `password`",
        "account 1: imap_timeout_seconds: expected a number, above 0",
        "account 2: name: expected some text",
        "account 2: imap_password_file or imap_password_env: missing",
        "account 3: source and use_gmail_api: give one of them",
        "account 3: name: the same as of account 1, upper and lower case aside",
    ):
        assert f"\n  {line}" in told


def test_what_is_wrong_beside_the_accounts_is_told_with_what_is_wrong_in_them() -> None:
    told = mistakes('[[account]]\nname = "ada"\nimap_prot = 143\n[[acount]]\nname = "bob"')
    assert "\n  acount: only [[account]] tables are expected" in told
    assert "\n  account 1: imap_prot: no such setting of an account; is imap_port meant?" in told


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected [[account]]"),
        ('[account]\nname = "ada"', "in double brackets"),
        ("account = [1, 2]", "in double brackets"),
        ('[[accounts]]\nname = "ada"', "accounts: only [[account]] tables are expected"),
        ("[[account]\n", "it is not TOML"),
        ('[[account]]\nname = "a"\nname = "b"', "it is not TOML"),
        ('[[account]]\nname = ""', "account 1: name: expected some text"),
        ("[[account]]\nname = 7", "account 1: name: expected some text"),
        ('[[account]]\nname = " ada"', "without blanks"),
        ('[[account]]\nname = "a\\u0007da"', "printable"),
        (f'[[account]]\nname = "{"a" * 201}"', "at most 200"),
        ('[[account]]\nname = "ada"\n"\\u001b[2J" = 1', "a key with strange text"),
        ('[[account]]\nname = "ada"\nimap_password_env = "hunter22"', "imap_password_env: the variable it names"),
        ('[[account]]\nname = "ada"\nimap_password_file = "hunter22"', "imap_password_file: the file cannot be read"),
        ('[[account]]\nname = "ada"\nimap_password = 5', "imap_password: expected some text"),
        ('[[account]]\nname = "ada"\nimap_password = "x"\nimap_password_env = "ADA_PASSWORD"', "give one of them"),
        ("".join(f'[[account]]\nname = "a{n}"\n' for n in range(MOST_ACCOUNTS + 1)), "too many for one process"),
    ],
)
def test_a_mistake_is_told_in_plain_words(text: str, said: str) -> None:
    told = mistakes(text)
    assert said in told
    assert told.replace("\n", "").isprintable()


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ('imap_user = "x"', 'imap_user = "X"', "account 2: reads the same mailbox as account 1"),
        ('imap_user = "x"\nimap_mailbox = "A,B"', 'imap_user = "x"\nimap_mailbox = "C,B"', "the same mailbox"),
        ('imap_user = "x"\nsource = "gmail"', 'gmail_user = "x"\nsource = "gmail"', "the same mailbox"),
        ('google_token_file = "t"', 'google_token_file = "t"', "google_token_file: the same as of account 1"),
    ],
)
def test_accounts_that_clash_are_told(first: str, second: str, said: str) -> None:
    assert said in mistakes(f'[[account]]\nname = "ada"\n{first}\n[[account]]\nname = "bob"\n{second}\n')


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('imap_user = "x"\nimap_mailbox = "A"', 'imap_user = "x"\nimap_mailbox = "B"'),
        ('imap_user = "x"\nimap_host = "one.example"', 'imap_user = "x"\nimap_host = "other.example"'),
        (
            'imap_user = "x"\nimap_mailbox = "A"\ngoogle_token_file = "t"',
            'imap_user = "x"\nimap_mailbox = "B"\ngoogle_token_file = "t"',
        ),
    ],
)
def test_accounts_may_share_a_login_but_no_mailbox(first: str, second: str) -> None:
    assert len(parsed(f'[[account]]\nname = "ada"\n{first}\n[[account]]\nname = "bob"\n{second}\n')) == 2


VALUES = st.one_of(st.text(max_size=8), st.integers(-9, 9), st.booleans(), st.just("password"), st.just("gmail"))


@given(entries=st.lists(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=5), min_size=1, max_size=3))
def test_any_file_gives_valid_accounts_or_one_message(entries: list[dict[str, Any]]) -> None:
    text = "".join("[[account]]\n" + "".join(f"{k} = {_toml(v)}\n" for k, v in entry.items()) for entry in entries)
    try:
        accounts = parsed(text)
    except SettingsError as error:
        assert "The accounts file is wrong" in str(error)  # noqa: PT017 - either is right
        return
    for account, entry in zip(accounts, entries, strict=True):
        again = load(_env_file=None, **account.settings.model_dump())
        assert again == account.settings
        assert account.name == entry["name"]


def _toml(value: str | int | bool) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    return '"' + "".join(f"\\U{ord(char):08x}" for char in value) + '"'


# --- the file on the disk --------------------------------------------------------------------------------------------


def test_passwords_come_from_files_and_from_the_environment_and_from_dotenv(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("ada.txt").write_text("pass word\n", encoding="utf-8")
    Path(".env").write_text("BOB_PASSWORD=from-dotenv\nEVE_PASSWORD=from-dotenv\n", encoding="utf-8")
    monkeypatch.setenv("EVE_PASSWORD", "from-environment")
    settings = written(
        "".join(
            f'[[account]]\nname = "{name}"\nimap_auth = "password"\nimap_password_{how} = "{where}"\n'
            for name, how, where in (
                ("ada", "file", "ada.txt"),
                ("bob", "env", "BOB_PASSWORD"),
                ("eve", "env", "EVE_PASSWORD"),
            )
        ),
        mode=0o644,
    )
    found = [account.settings.imap_password.get_secret_value() for account in accounts_of(settings)]
    assert found == ["pass word", "from-dotenv", "from-environment"]


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "one line"), (b"a\nb\n", "one line"), (b"\xff\xfe", "not UTF-8"), (b"a" * 5000, "too large")],
)
def test_a_file_that_is_no_password_is_told(content: bytes, said: str) -> None:
    Path("ada.txt").write_bytes(content)
    with pytest.raises(SettingsError, match=said):
        accounts_of(written('[[account]]\nname = "ada"\nimap_password_file = "ada.txt"'))


def test_a_password_in_the_clear_is_taken_only_from_a_file_of_ones_own() -> None:
    text = '[[account]]\nname = "ada"\nimap_auth = "password"\nimap_password = "hunter22"\n'
    (ada,) = accounts_of(written(text, 0o600))
    assert ada.settings.imap_password.get_secret_value() == "hunter22"
    with pytest.raises(SettingsError, match="chmod 600") as caught:
        accounts_of(written(text, 0o640))
    assert "hunter22" not in str(caught.value)


@pytest.mark.parametrize("make", ["nothing", "folder", "pipe", "big", "latin-1"])
def test_a_file_that_cannot_be_read_is_told(make: str, tmp_path: Path) -> None:
    path = tmp_path / "accounts.toml"
    if make == "folder":
        path.mkdir()
    elif make == "big":
        path.write_bytes(b"#" * (1024 * 1024 + 1))
    elif make == "latin-1":
        path.write_bytes(b"# \xe9\n")
    elif make == "pipe":
        os.mkfifo(path)
    with pytest.raises(SettingsError, match="ACCOUNTS_FILE"):
        accounts_of(load(accounts_file=str(path)))


# --- choosing --------------------------------------------------------------------------------------------------------


def test_without_a_file_there_is_the_one_account_of_the_settings() -> None:
    settings = load(imap_user="ada@example.org")
    assert accounts_of(settings) == (Account("ada@example.org", settings),)
    assert accounts_of(settings, only="ada@example.org") == accounts_of(settings)
    assert account_named(settings, "bob@example.com") is None
    with pytest.raises(SettingsError, match="IMAP_USER"):
        accounts_of(settings, only="bob@example.com")


def test_without_any_account_nothing_is_found_by_an_empty_name() -> None:
    (nobody,) = accounts_of(load())
    assert nobody.name == ""
    assert account_named(load(), "") is None


def test_the_gmail_user_names_the_account_read_through_the_api() -> None:
    (account,) = accounts_of(load(imap_user="ada", gmail_user="ada@example.org", use_gmail_api=True))
    assert (account.name, account.kind) == ("ada@example.org", "gmail")


def test_an_account_of_the_file_is_chosen_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADA_PASSWORD", "hunter22")
    settings = written(TWO)
    (bob,) = accounts_of(settings, only="bob@example.com")
    assert bob.name == "bob@example.com"
    assert account_named(settings, "bob@example.com") == bob
    assert account_named(settings, "archive") is None
    with pytest.raises(SettingsError, match="ACCOUNTS_FILE"):
        accounts_of(settings, only="Bob@example.com")


def test_options_win_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADA_PASSWORD", "hunter22")
    settings = written(TWO).model_copy(update={"imap_mailbox": "Work"})
    for account in accounts_of(settings, winning=("imap_mailbox",)):
        assert account.settings.mailboxes == ("Work",)
    with pytest.raises(SettingsError, match="--account"):
        accounts_of(settings, winning=("imap_user",))


def test_options_are_weighed_before_clashes() -> None:
    """Two accounts of one login may read two mailboxes; told to read one, they would store its mails twice."""
    one_login = "".join(
        f'[[account]]\nname = "{name}"\nimap_user = "x"\nimap_mailbox = "{name}"\ngoogle_token_file = "t"\n'
        for name in ("A", "B")
    )
    settings = written(one_login).model_copy(update={"imap_mailbox": "Work"})
    assert len(accounts_of(settings)) == 2
    with pytest.raises(SettingsError, match="account 2: reads the same mailbox as account 1"):
        accounts_of(settings, winning=("imap_mailbox",))
