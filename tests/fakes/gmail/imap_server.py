"""Gmail's IMAP as a real server on a port: what `ImapView` shows, in the words of the protocol.

Speaks what our client asks of Gmail: X-GM-EXT-1, CONDSTORE, special use, labels and names in modified UTF-7; logs
anyone in. Nothing can be changed through it.
"""

import re
import socketserver
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import cast

from src.imap.mailbox_name import decode_name, encode_name
from tests.fakes.imap_mailbox import MemoryImapServer, MemoryMailbox, StoredMail

_CAPABILITIES = b"* CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 ENABLE IDLE CONDSTORE SPECIAL-USE X-GM-EXT-1"
_FETCH = re.compile(rb"(\S+) \((.*?)\)(?: \(CHANGEDSINCE (\d+)\))?$")
_ITEM = re.compile(rb"BODY\.PEEK\[\](?:<(\d+)\.(\d+)>)?|[A-Z0-9.-]+")
_NEVER_ENDING = 2**32
_END_S = 5.0


class ImapServer:
    """Serves the mailboxes of one account from its making until `close`."""

    def __init__(self, shown: MemoryImapServer) -> None:
        self.shown = shown
        self._tcp = _Tcp(("127.0.0.1", 0), _Connection)
        self._tcp.shown = shown
        self.port = int(self._tcp.server_address[1])
        self._thread = threading.Thread(target=self._tcp.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def settings(self) -> dict[str, str]:
        """Return the settings that point a program here."""
        return {
            "IMAP_HOST": "127.0.0.1",
            "IMAP_PORT": str(self.port),
            "IMAP_TLS": "none",
            "IMAP_AUTH": "password",
            "IMAP_PASSWORD": "any",
            "IMAP_MAILBOX": "special-use",
        }

    def close(self) -> None:
        self._tcp.shutdown()
        self._thread.join(_END_S)
        self._tcp.server_close()


class _Tcp(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    shown: MemoryImapServer


class _Connection(socketserver.StreamRequestHandler):
    """One client."""

    def setup(self) -> None:
        super().setup()
        self._shown = cast(_Tcp, self.server).shown
        self._box = MemoryMailbox(0)

    def handle(self) -> None:
        self._say(b"* OK Gimap ready")
        for line in self.rfile:
            tag, _, command = line.rstrip(b"\r\n").partition(b" ")
            try:
                if not self._obey(tag, command):
                    return
            except OSError:
                return  # the client left, which is its right

    def _obey(self, tag: bytes, command: bytes) -> bool:
        verbs: Mapping[bytes, Callable[[bytes], Iterator[bytes]]] = {
            b"CAPABILITY": lambda _: iter([_CAPABILITIES]),
            b"AUTHENTICATE": self._authenticate,
            b"ENABLE": lambda _: iter([b"* ENABLED CONDSTORE"]),
            b"LIST": self._list,
            b"EXAMINE": self._examine,
            b"UID SEARCH": self._search,
            b"UID FETCH": self._fetch,
            b"NOOP": lambda _: iter(()),
            b"IDLE": self._idle,
            b"LOGOUT": lambda _: iter([b"* BYE bye"]),
        }
        verb = next((each for each in verbs if command.startswith(each)), None)
        if verb is None:
            self._say(tag + b" BAD not known")
            return True
        for answer in verbs[verb](command.removeprefix(verb).strip()):
            self._say(answer)
        self._say(tag + b" OK done")
        return verb != b"LOGOUT"

    def _say(self, line: bytes) -> None:
        self.wfile.write(line + b"\r\n")

    def _authenticate(self, _rest: bytes) -> Iterator[bytes]:
        yield b"+ "
        self.rfile.readline()

    def _idle(self, _rest: bytes) -> Iterator[bytes]:
        yield b"+ idling"
        self.rfile.readline()

    def _list(self, _rest: bytes) -> Iterator[bytes]:
        for name, box in self._shown.mailboxes.items():
            flags = " ".join(["\\HasNoChildren", *box.flags]).encode()
            yield b'* LIST (%s) "/" %s' % (flags, encode_name(name, utf8=False))

    def _examine(self, rest: bytes) -> Iterator[bytes]:
        name = decode_name(rest[1 : rest.rindex(b'"')], utf8=False)
        box = self._box = self._shown.mailboxes[name]
        yield b"* %d EXISTS" % len(box.mails)
        for code, number in (("UIDVALIDITY", box.uidvalidity), ("UIDNEXT", box.uidnext), ("HIGHESTMODSEQ", box.modseq)):
            yield f"* OK [{code} {number}] told".encode()

    def _search(self, rest: bytes) -> Iterator[bytes]:
        what, _, value = rest.partition(b" ")
        found = [
            b"%d" % uid
            for uid, mail in list(self._box.mails.items())
            if what == b"ALL" or (_is_in(uid, value) if what == b"UID" else mail.number == int(value))
        ]
        yield b" ".join([b"* SEARCH", *found])

    def _fetch(self, rest: bytes) -> Iterator[bytes]:
        matched = _FETCH.match(rest)
        assert matched, rest
        wanted, items, since = matched.groups()
        for position, (uid, mail) in enumerate(list(self._box.mails.items()), start=1):
            if _is_in(uid, wanted) and mail.modseq > int(since or -1):
                told = b" ".join(self._item(each, uid, mail) for each in _ITEM.finditer(items))
                yield b"* %d FETCH (%s)" % (position, told)

    def _item(self, item: "re.Match[bytes]", uid: int, mail: StoredMail) -> bytes:
        match item[0]:
            case b"UID":
                return b"UID %d" % uid
            case b"RFC822.SIZE":
                return b"RFC822.SIZE %d" % len(mail.raw)
            case b"INTERNALDATE":
                return f'INTERNALDATE "{mail.received_at:%d-%b-%Y %H:%M:%S} +0000"'.encode()
            case b"FLAGS":
                return f"FLAGS ({' '.join(sorted(mail.flags))})".encode()
            case b"MODSEQ":
                return b"MODSEQ (%d)" % mail.modseq
            case b"X-GM-MSGID":
                return b"X-GM-MSGID %d" % mail.number
            case b"X-GM-THRID":
                return b"X-GM-THRID %d" % mail.thread
            case b"X-GM-LABELS":
                labels = (encode_name(label, utf8=False) for label in sorted(mail.labels))
                return b"X-GM-LABELS (%s)" % b" ".join(labels)
        return self._body(item, mail)

    def _body(self, item: "re.Match[bytes]", mail: StoredMail) -> bytes:
        self._shown.bodies_fetched[mail.number] += 1
        if item[1] is None:
            return b"BODY[] {%d}\r\n%s" % (len(mail.raw), mail.raw)
        offset, count = int(item[1]), int(item[2])
        piece = mail.raw[offset : offset + count]
        return b"BODY[]<%d> {%d}\r\n%s" % (offset, len(piece), piece)


def _is_in(uid: int, uid_set: bytes) -> bool:
    for part in uid_set.split(b","):
        first, _, last = part.partition(b":")
        if int(first) <= uid <= (_NEVER_ENDING if last == b"*" else int(last or first)):
            return True
    return False
