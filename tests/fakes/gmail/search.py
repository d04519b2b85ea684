"""The small part of Gmail's search words that the fake knows; an unknown one is refused, so that no test relies on it.

Known: `after:` and `before:` (YYYY/MM/DD, midnight at UTC-8 as Gmail's API has it, or seconds since 1970; `after`
includes its moment, `before` does not), `in:` (inbox, sent, drafts, spam, trash, anywhere), `label:`, `from:`, and
plain words, which must be somewhere in the mail. All must fit; `-` before one turns it round; quotes hold blanks.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

from tests.fakes.gmail.errors import ApiError, bad_request
from tests.fakes.gmail.mailbox import Mail, Mailbox

_WORD = re.compile(r'(?P<minus>-?)(?:(?P<operator>[a-z_]+):)?(?:"(?P<quoted>[^"]*)"|(?P<plain>\S+))', re.IGNORECASE)
_FROM = re.compile(rb"^From:(.*(?:\r?\n[ \t].*)*)", re.IGNORECASE | re.MULTILINE)
_PACIFIC = timezone(timedelta(hours=-8))
_PLACES = {"inbox": "INBOX", "sent": "SENT", "drafts": "DRAFT", "spam": "SPAM", "trash": "TRASH"}
HIDDEN = frozenset({"SPAM", "TRASH"})  # left out of lists unless asked for

Test = Callable[[Mail], bool]


def fits(query: str, mailbox: Mailbox) -> Test:
    """Return the test that `query` stands for."""
    tests = [_test(found, mailbox) for found in _WORD.finditer(query)]
    return lambda mail: all(test(mail) for test in tests)


def asks_for_hidden(query: str) -> bool:
    """Say whether the words themselves name spam or trash, so that they are not left out."""
    return re.search(r"(?<![-\w])in:(spam|trash|anywhere)\b", query, re.IGNORECASE) is not None


def _test(found: re.Match[str], mailbox: Mailbox) -> Test:
    word = found["plain"] if found["quoted"] is None else found["quoted"]
    test = _positive((found["operator"] or "").lower(), word, mailbox)
    return (lambda mail: not test(mail)) if found["minus"] else test


def _positive(operator: str, word: str, mailbox: Mailbox) -> Test:
    match operator:
        case "":
            return lambda mail: word.lower().encode() in mail.raw.lower()
        case "after":
            first = _moment_ms(word)
            return lambda mail: mail.internal_date_ms >= first
        case "before":
            end = _moment_ms(word)
            return lambda mail: mail.internal_date_ms < end
        case "in" if word.lower() == "anywhere":
            return lambda _mail: True
        case "in" if word.lower() in _PLACES:
            return lambda mail: _PLACES[word.lower()] in mail.labels
        case "label":
            wanted = mailbox.label_ids_named(word)
            return lambda mail: not wanted.isdisjoint(mail.labels)
        case "from":
            return lambda mail: word.lower().encode() in _sender(mail.raw)
    raise _unknown(f"{operator}:{word}")


def _moment_ms(word: str) -> int:
    try:
        if word.isdigit():
            return int(datetime.fromtimestamp(int(word), UTC).timestamp() * 1000)
        return int(datetime.strptime(word, "%Y/%m/%d").replace(tzinfo=_PACIFIC).timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise _unknown(word) from error


def _sender(raw: bytes) -> bytes:
    header = re.split(rb"\r?\n\r?\n", raw, maxsplit=1)[0]
    found = _FROM.search(header)
    return found[1].lower() if found else b""


def _unknown(word: str) -> ApiError:
    return bad_request(f"the fake does not know the search word {word!r}")
