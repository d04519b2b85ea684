"""Address fields to names and addresses: one pass over tokens, bounded, lenient where senders are careless."""

import re
from functools import lru_cache

from src.mail import encoded_words
from src.mail.limits import Limits
from src.model.message import Address
from src.text.normalise import one_line

# The same few people write to a mailbox and are written to, so short fields are read once and remembered.
REMEMBERED_FIELDS = 1_024  # under 2 MB in all
REMEMBERED_CHARS = 200  # of one field; the lists of many are rarely the same

# An address as nearly all are, with what ends it. Groups: quoted name, bare name, its address; lone address; comma.
_PLAIN = re.compile(
    r' *+(?:(?:"([^"\\]*+)"|([^"<>()@,:;\\]*+)) *+<([^<>()@,:;"\s\\]++@[^<>()@,:;"\s\\]++)>'
    r'|([^<>()@,:;"\s\\]++@[^<>()@,:;"\s\\]++)) *+(,|\Z)'
)
_TOKEN = re.compile(r'"((?:[^"\\]++|\\.)*+)"?|<([^<>]*+)>?|([(),:;>])|([^"<>(),:;]++)')
_ESCAPED = re.compile(r"\\(.)")


def read(value: str, limits: Limits) -> tuple[tuple[Address, ...], bool]:
    """Return the addresses of a field, in order, and whether the limit left some out."""
    return _remembered(value, limits) if len(value) <= REMEMBERED_CHARS else _read(value, limits)


def _read(value: str, limits: Limits) -> tuple[tuple[Address, ...], bool]:
    addresses: list[Address] = []
    position, comma = 0, ","
    while comma and len(addresses) < limits.addresses:
        found = _PLAIN.match(value, position)
        if found is None:
            break
        quoted, name, address, lone_address, comma = found.groups()
        addresses.append(_address(quoted or name or "", address or lone_address, limits))
        position = found.end()
    if not comma:
        return tuple(addresses), False
    if "=?" in value and "@" not in value:
        value = encoded_words.decode(value)  # some senders encode the address along with the name
    return _read_list(value, limits)


_remembered = lru_cache(maxsize=REMEMBERED_FIELDS)(_read)


def _read_list(value: str, limits: Limits) -> tuple[tuple[Address, ...], bool]:
    if value.count('"') % 2 and "\\" not in value:
        value = "".join(value.rpartition('"')[::2])  # a quote that never ends would swallow the address
    addresses: list[Address] = []
    entry = _Entry()
    comment_depth = 0
    for token in _TOKEN.finditer(value):
        quoted, angle, mark, text = token.groups()
        if mark == "(":
            comment_depth += 1
        elif mark == ")":
            comment_depth = max(0, comment_depth - 1)
        elif comment_depth:
            entry.comment.append(token[0])
        elif quoted is not None:
            entry.words.append(_ESCAPED.sub(r"\1", quoted))
        elif angle is not None:
            entry.angle = entry.angle or angle
        elif mark == ":":
            entry = _Entry()  # what came before was the name of a group
        elif mark in (",", ";"):
            if entry.add_to(addresses, limits) and len(addresses) >= limits.addresses:
                return tuple(addresses), True
            entry = _Entry()
        elif text is not None:
            entry.words.append(text.strip())
    entry.add_to(addresses, limits)
    return tuple(addresses), False


class _Entry:
    """The pieces of one address while its tokens come."""

    __slots__ = ("angle", "comment", "words")

    def __init__(self) -> None:
        self.words: list[str] = []
        self.comment: list[str] = []
        self.angle = ""

    def add_to(self, addresses: list[Address], limits: Limits) -> bool:
        phrase = " ".join(word for word in self.words if word)
        if self.angle:
            addresses.append(_address(phrase, self.angle, limits))
        elif "@" in phrase:
            addresses.append(_address(" ".join(self.comment), "".join(phrase.split()), limits))
        elif phrase:
            addresses.append(_address(phrase, "", limits))
        else:
            return False
        return True


def _address(name: str, address: str, limits: Limits) -> Address:
    if "=?" in name:
        name = encoded_words.decode(name)
    if name:
        name = one_line(name, limits.name_chars)
        if name[:1] in ("'", '"') and name[:1] == name[-1:] and len(name) > 1:
            name = name[1:-1].strip()
    if not (address.isascii() and len(address) <= limits.address_chars and " " not in address):
        address = one_line(address, limits.address_chars)
    return Address(name, address)
