"""FETCH of whole mails, streamed: each mail is yielded as it completes, with several commands under way.

Steps: ask what is known of the next mails (`DESCRIBE_MAILS` a command), ask for the bodies of those that are small
enough (`BODY_MAILS` or `BODY_BYTES` a command, two commands under way), and look again for those that never came.
Asking ahead keeps a slow line busy: there is always a command under way while another is being read. A server may then
answer several commands mixed together (Dovecot does), so each answer finds its command by its UID.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice

from src.common.errors import SourceRefusedError
from src.imap.answers import FetchAnswer, FetchedMail, GoneMail, LargeMail, MailFacts
from src.imap.channel import Channel
from src.imap.fetch_answer import Attributes, attributes, body_of, mail_facts, uid_of, usual_facts
from src.imap.refusal import command_refusal
from src.imap.response import SMALL_LITERAL_BYTES, Oversize, Tagged, Untagged, garbage
from src.imap.search import search
from src.imap.uid_set import UidSet

DESCRIBE_MAILS = 600  # a command; their facts take about 1 KB each, their UIDs at most 6.6 KB of its line
BODY_MAILS = 200  # a command; more gained nothing when measured (docs/imap.md)
BODY_BYTES = 16 * 1024 * 1024  # a command, by the sizes the server told
DESCRIBE_COMMANDS = 2  # under way at once
BODY_COMMANDS = 2  # under way at once; at 80 ms a round trip six times as fast as one
_LOW_MAILS = 3 * BODY_MAILS  # with fewer described mails in hand the next describe goes out
_SIZE_MARGIN_BYTES = 64 * 1024  # a body may be this much, plus its size again, larger than the server told


@dataclass(frozen=True, slots=True)
class FactsWanted:
    """What to ask of each mail besides its bytes."""

    condstore: bool
    gmail: bool
    object_ids: bool
    message_id: bool = False

    def items(self) -> bytes:
        """Return the items of the FETCH command."""
        words = [b"UID", b"RFC822.SIZE", b"INTERNALDATE", b"FLAGS"]
        words += [b"MODSEQ"] if self.condstore else []
        words += [b"X-GM-MSGID", b"X-GM-THRID", b"X-GM-LABELS"] if self.gmail else []
        words += [b"EMAILID", b"THREADID"] if self.object_ids else []
        words += [b"BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]"] if self.message_id else []
        return b" ".join(words)


def describe(channel: Channel, uids: Iterable[int], wanted: FactsWanted) -> Iterator[MailFacts]:
    """Yield the facts of each mail that is there."""
    for answer in fetch_mails(channel, uids, wanted, large_bytes=-1):  # every mail is larger, so no body is asked for
        if isinstance(answer, LargeMail):
            yield answer.facts


def fetch_mails(
    channel: Channel, uids: Iterable[int], wanted: FactsWanted, *, large_bytes: int
) -> Iterator[FetchAnswer]:
    """Yield every mail once, see `Session.fetch_mails`."""
    with channel.walk():
        yield from _Walk(channel, uids, wanted, large_bytes).run()


@dataclass(slots=True)
class _Command:
    """A FETCH under way, and the mails it has yet to bring."""

    is_describe: bool
    uids: set[int] = field(default_factory=set)  # whose facts it brings
    facts: dict[int, MailFacts] = field(default_factory=dict)  # of the mails whose bodies it brings
    literal_limit: int = SMALL_LITERAL_BYTES


class _Walk:
    """The state of one `fetch_mails`."""

    def __init__(self, channel: Channel, uids: Iterable[int], wanted: FactsWanted, large_bytes: int) -> None:
        self._channel = channel
        self._waiting = iter(uids)  # nothing asked of them yet
        self._wanted = wanted
        self._large_bytes = large_bytes
        self._described: deque[MailFacts] = deque()  # body not asked for yet
        self._under_way: dict[bytes, _Command] = {}  # by tag
        self._missing: list[int] = []  # asked for, and never came
        self._refused: Tagged | None = None  # the last NO or BAD: ask for nothing more until it is explained

    def run(self) -> Iterator[FetchAnswer]:
        while True:
            if self._refused is None:
                self._send_ahead()
            if self._under_way:
                yield from self._until_one_ends()
            elif self._missing:
                yield from self._explain_missing()
            else:
                return

    def _send_ahead(self) -> None:
        while self._count_describing() < DESCRIBE_COMMANDS and len(self._described) < _LOW_MAILS:
            uids = set(islice(self._waiting, DESCRIBE_MAILS))
            if not uids:
                break
            self._start(uids, self._wanted.items(), _Command(is_describe=True, uids=uids))
        while self._described and len(self._under_way) - self._count_describing() < BODY_COMMANDS:
            facts = self._next_bodies()
            limit = 2 * max(each.size_bytes for each in facts.values()) + _SIZE_MARGIN_BYTES
            self._start(facts, b"UID BODY.PEEK[]", _Command(is_describe=False, facts=facts, literal_limit=limit))

    def _start(self, uids: Iterable[int], items: bytes, command: _Command) -> None:
        tag = self._channel.start(b"UID FETCH %s (%s)" % (UidSet.of(sorted(uids)).encode(), items))
        self._under_way[tag] = command

    def _count_describing(self) -> int:
        return sum(command.is_describe for command in self._under_way.values())

    def _next_bodies(self) -> dict[int, MailFacts]:
        chosen: dict[int, MailFacts] = {}
        size = 0
        while self._described and len(chosen) < BODY_MAILS:
            facts = self._described[0]
            size += facts.size_bytes
            if chosen and size > BODY_BYTES:
                break
            chosen[facts.uid] = self._described.popleft()
        return chosen

    def _until_one_ends(self) -> Iterator[FetchAnswer]:
        literal_limit = max(command.literal_limit for command in self._under_way.values())
        while True:
            answer = self._channel.next_answer(literal_limit)
            if isinstance(answer, Tagged):
                return self._end(answer)
            if answer.name == b"FETCH":
                mail = self._take(answer)
                if mail:
                    yield mail

    def _take(self, answer: Untagged) -> FetchedMail | LargeMail | None:
        facts = usual_facts(answer)
        if facts:
            return self._facts(facts)
        found = attributes(answer)
        if body_of(found) is not None:
            return self._mail(found)
        if b"RFC822.SIZE" in found and b"UID" in found:
            return self._facts(mail_facts(found, utf8=self._channel.utf8))
        self._channel.has_news = True  # a change of flags that nobody asked for, perhaps without a UID
        return None

    def _mail(self, found: Attributes) -> FetchedMail | LargeMail | None:
        body, uid = body_of(found), uid_of(found)
        for command in self._under_way.values():
            facts = command.facts.pop(uid, None)
            if facts and isinstance(body, Oversize):
                return LargeMail(replace(facts, size_bytes=body.size_bytes))
            if facts and isinstance(body, bytes):
                return FetchedMail(facts, body)
        return None

    def _facts(self, facts: MailFacts) -> LargeMail | None:
        command = next((each for each in self._under_way.values() if facts.uid in each.uids), None)
        if command is None:
            return None  # told twice
        command.uids.remove(facts.uid)
        if facts.size_bytes > self._large_bytes:
            return LargeMail(facts)
        self._described.append(facts)
        return None

    def _end(self, answer: Tagged) -> None:
        command = self._under_way.pop(answer.tag, None)
        if command is None:
            raise garbage("the end of a command that is not under way")
        self._missing += [*command.uids, *command.facts]
        if answer.status != b"OK":
            self._refused = answer

    def _explain_missing(self) -> Iterator[GoneMail]:
        """Tell mails that are gone from mails that the server would not give: only the former may be passed over."""
        missing, self._missing = UidSet.of(self._missing), []
        refused, self._refused = self._refused, None
        still_there = _still_there(self._channel, missing)
        if still_there:
            if refused:
                raise command_refusal("FETCH", refused)
            raise SourceRefusedError(f"the mail server lists {len(still_there)} mails, but does not give them")
        for uid in missing:
            yield GoneMail(uid)


def _still_there(channel: Channel, uids: UidSet) -> UidSet:
    """Ask whether mails still exist. NOOP first: a server may hide an expunge from the session until then."""
    channel.run(b"NOOP")
    found = UidSet()
    for part in uids.split():
        found |= search(channel, b"UID " + part.encode(), esearch=False)
    return found & uids
