"""What two accounts of a file may not share: a name, a mailbox, or the token of another sign-in."""

from collections.abc import Hashable, Iterator, Sequence

from config.account import Account


def clashes(accounts: Sequence[Account]) -> Iterator[str]:
    """Yield a line for each account that clashes with an earlier one; both are named by their number, from 1."""
    yield from same_names(accounts)
    mailboxes = [_mailboxes(account) for account in accounts]
    yield from _repeated("reads the same mailbox as account {}: its mails would be stored twice", mailboxes)
    yield from _shared_tokens(accounts)


def same_names(accounts: Sequence[Account]) -> Iterator[str]:
    """Yield a line for each account with an earlier one's name: what may be told of accounts not whole yet."""
    names = [[account.name.casefold()] if account.name else [] for account in accounts]
    yield from _repeated("name: the same as of account {}, upper and lower case aside", names)


def _mailboxes(account: Account) -> list[Hashable]:
    settings, login = account.settings, account.sign_in_name.casefold()
    server = () if account.kind == "gmail" else (settings.imap_host.casefold(), settings.imap_port)
    return [(account.kind, *server, login, mailbox) for mailbox in account.mailboxes]


def _repeated(said: str, marks: Sequence[Sequence[Hashable]]) -> Iterator[str]:
    first: dict[Hashable, int] = {}
    for number, own in enumerate(marks, start=1):
        earlier = [first.setdefault(mark, number) for mark in own]
        if any(one != number for one in earlier):
            yield f"account {number}: {said.format(min(earlier))}"


def _shared_tokens(accounts: Sequence[Account]) -> Iterator[str]:
    owners: dict[str, tuple[int, str]] = {}
    for number, account in enumerate(accounts, start=1):
        login = account.sign_in_name.casefold()
        owner, owner_login = owners.setdefault(account.settings.google_token_file, (number, login))
        if owner_login != login:
            yield f"account {number}: google_token_file: the same as of account {owner}; a token is of one sign-in"
