"""Servers unlike Dovecot: Gmail's extensions, servers that can little, and servers that say odd or hostile things."""

import base64
import time
from datetime import UTC, datetime

import pytest

from src.common.errors import (
    InsecureConnectionError,
    LoginRefusedError,
    MailboxMissingError,
    SourceRefusedError,
    SourceUnavailableError,
)
from src.imap.answers import FetchedMail, GmailTags, GoneMail, LargeMail
from src.imap.credentials import BearerToken, Credentials, Password
from src.imap.endpoint import Endpoint, Tls
from src.imap.session import Session
from src.imap.uid_set import UidSet
from tests.fakes.imap_scripted_server import ImapScriptedServer

GMAIL = "IMAP4rev1 UNSELECT IDLE NAMESPACE ENABLE CONDSTORE ESEARCH UTF8=ACCEPT X-GM-EXT-1 AUTH=XOAUTH2 AUTH=PLAIN"
DESCRIBE = "UID FETCH .*RFC822.SIZE.*"
BODIES = r"UID FETCH .*BODY\.PEEK\[\]\)"


def open_session(
    server: ImapScriptedServer, credentials: Credentials | None = None, *, tls: Tls = "none", timeout_s: float = 5
) -> Session:
    return Session.open(
        Endpoint("127.0.0.1", server.port, tls, timeout_s=timeout_s), lambda: credentials or Password("ada", "secret")
    )


def described(uid: int, size: int, more: str = "") -> bytes:
    date = '" 1-May-2026 10:00:00 +0200"'
    return f"* 1 FETCH (UID {uid} RFC822.SIZE {size} INTERNALDATE {date} FLAGS (){more})\r\n".encode()


def ended(*answers: bytes) -> bytes:
    return b"".join(answers) + b"{tag} OK done\r\n"


# --- what servers can ------------------------------------------------------------------------------------------------


def test_gmails_ids_and_labels_come_with_each_mail() -> None:
    tags = ' X-GM-MSGID 1278455344230334865 X-GM-THRID 12 X-GM-LABELS ("\\\\Inbox" Entw\u00fcrfe) MODSEQ (77)'
    rules = {
        "ENABLE .*": b"* ENABLED CONDSTORE UTF8=ACCEPT\r\n{tag} OK done\r\n",
        "UID SEARCH X-GM-MSGID 1278455344230334865": ended(b"* SEARCH 5\r\n"),
        "UID SEARCH RETURN .*": ended(b'* ESEARCH (TAG "x") UID ALL 5,7:8\r\n'),
        DESCRIBE: ended(described(5, 3, tags)),
        BODIES: ended(b"* 1 FETCH (UID 5 BODY[] {3}\r\nabc)\r\n"),
        "UID FETCH 5 .*FLAGS.*": ended(b"* 1 FETCH (UID 5 FLAGS (\\Seen) MODSEQ (78) X-GM-LABELS (a))\r\n"),
    }
    with ImapScriptedServer(rules, capabilities=GMAIL) as server, open_session(server) as session:
        assert session.has_gmail
        assert session.has_condstore
        assert not session.has_qresync
        session.select("[Gmail]/Entw\u00fcrfe")
        assert session.search_gmail_id(1278455344230334865) == UidSet.of([5])
        assert list(session.search_uids()) == [5, 7, 8]
        (mail,) = session.fetch_mails([5])
        assert isinstance(mail, FetchedMail)
        assert mail.facts.gmail == GmailTags(1278455344230334865, 12, ("Entw\u00fcrfe", "\\Inbox"))
        assert mail.facts.modseq == 77
        assert session.fetch_flags(UidSet.of([5])).changes[0].labels == ("a",)
    assert any("UID FETCH" in command and "X-GM-LABELS" in command for command in server.commands)
    assert any("[Gmail]/Entw\u00fcrfe" in command for command in server.commands)  # UTF-8, since that is enabled


def test_a_server_that_can_nothing_is_asked_for_nothing_more() -> None:
    rules = {
        "UID SEARCH .*": ended(b"* SEARCH 9 1 5\r\n* SEARCH\r\n"),
        DESCRIBE: ended(described(5, 3)),
        BODIES: ended(b'* 1 FETCH (BODY[] "abc" UID 5)\r\n'),
    }
    with ImapScriptedServer(rules) as server, open_session(server) as session:
        assert not any((session.has_condstore, session.has_qresync, session.has_idle, session.has_gmail))
        selected = session.select("INBOX")
        assert (selected.exists, selected.uidvalidity, selected.highestmodseq) == (3, 7, None)
        assert list(session.search_uids()) == [1, 5, 9]
        (mail,) = session.fetch_mails([5])
        assert isinstance(mail, FetchedMail)
        assert mail.raw == b"abc"
        assert mail.facts.received_at == datetime(2026, 5, 1, 8, tzinfo=UTC)
        with pytest.raises(ValueError, match="CONDSTORE"):
            session.fetch_flags(changed_since=1)
        started = time.monotonic()
        assert not session.idle(0.1)
        assert time.monotonic() - started >= 0.1
    assert not [command for command in server.commands if "MODSEQ" in command or "IDLE" in command]
    assert "ENABLE" not in "".join(server.commands)


def test_a_search_answer_beyond_64_kb_is_read() -> None:
    uids = list(range(1, 400_000, 7))
    line = b"* SEARCH " + " ".join(map(str, uids)).encode() + b"\r\n"
    assert len(line) > 256 * 1024
    with ImapScriptedServer({"UID SEARCH .*": ended(line)}) as server, open_session(server) as session:
        session.select("INBOX")
        assert list(session.search_uids()) == uids


# --- signing in ------------------------------------------------------------------------------------------------------


def test_logindisabled_is_respected_and_the_password_stays_here() -> None:
    capabilities = "IMAP4rev1 LOGINDISABLED"
    with (
        ImapScriptedServer(capabilities=capabilities) as server,
        pytest.raises(LoginRefusedError, match="takes no password"),
    ):
        open_session(server)
    assert "secret" not in "".join(server.commands)


def test_login_serves_where_authenticate_plain_is_not_offered() -> None:
    with ImapScriptedServer(capabilities="IMAP4rev1") as server, open_session(server, Password("ada", 'qu"o\\te')):
        pass
    assert 'LOGIN ada "qu\\"o\\\\te"' in server.commands


def test_a_password_beyond_ascii_needs_authenticate_plain() -> None:
    with ImapScriptedServer(capabilities="IMAP4rev1") as server, pytest.raises(LoginRefusedError, match="AUTH=PLAIN"):
        open_session(server, Password("ada", "p\u00e4ss"))


def test_a_token_with_a_line_break_never_reaches_the_wire() -> None:
    with ImapScriptedServer() as server, pytest.raises(LoginRefusedError, match="control character"):
        open_session(server, BearerToken("ada", "abc\r\nX1 DELETE INBOX"))
    assert "DELETE" not in "".join(server.commands)


@pytest.mark.parametrize(
    ("mechanism", "end"),
    [("XOAUTH2", ""), ("OAUTHBEARER", "AQ==")],  # what ends the exchange after the challenge
)
def test_the_challenge_is_read_and_answered(mechanism: str, end: str) -> None:
    challenge = base64.b64encode(b'{"status":"400","schemes":"Bearer","scope":"https://mail.example.org/"}')
    rules = {
        f"AUTHENTICATE {mechanism}": b"+ \r\n",
        "answer": [b"+ " + challenge + b"\r\n", b"{tag} NO [AUTHENTICATIONFAILED] Invalid credentials\r\n"],
    }
    credentials = BearerToken("ada", "abc", "XOAUTH2" if mechanism == "XOAUTH2" else "OAUTHBEARER")
    with ImapScriptedServer(rules) as server, pytest.raises(LoginRefusedError, match="status 400"):
        open_session(server, credentials)
    assert server.commands[-1] == end


def test_exchange_in_trouble_is_not_a_wrong_password() -> None:
    rules = {"answer": b"{tag} BAD User is authenticated but not connected.\r\n"}
    with ImapScriptedServer(rules) as server, pytest.raises(SourceRefusedError):
        open_session(server)


def test_starttls_that_is_not_offered_keeps_the_password_here() -> None:
    with ImapScriptedServer() as server, pytest.raises(InsecureConnectionError):
        open_session(server, tls="starttls")
    assert not [command for command in server.commands if command.startswith(("LOGIN", "AUTHENTICATE"))]


def test_plain_data_after_starttls_ends_the_connection() -> None:
    rules = {"STARTTLS": b"{tag} OK go\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n"}
    server = ImapScriptedServer(rules, capabilities="IMAP4rev1 STARTTLS AUTH=PLAIN")
    with server, pytest.raises(SourceUnavailableError, match="in between"):
        open_session(server, tls="starttls")


@pytest.mark.parametrize(
    "greeting",
    [
        b"* BYE too many connections\r\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"* OK " + b"x" * 200_000 + b"\r\n",
        b"\xff\xfe\r\n",
    ],
)
def test_a_greeting_that_is_none(greeting: bytes) -> None:
    with ImapScriptedServer(greeting=greeting) as server, pytest.raises((SourceUnavailableError, SourceRefusedError)):
        open_session(server)


def test_a_server_that_talks_for_ever_before_the_login_is_given_up() -> None:
    rules = {"CAPABILITY": b"* OK still thinking about it for a while\r\n" * 50_000}
    with ImapScriptedServer(rules) as server, pytest.raises(SourceUnavailableError):
        open_session(server)


# --- fetching --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("segment_bytes", [0, 1, 7])
def test_literal8_unsolicited_answers_and_mixed_order(segment_bytes: int) -> None:
    rules = {
        DESCRIBE: ended(described(6, 4), b"* 9 EXISTS\r\n", b"* 2 FETCH (FLAGS (\\Seen))\r\n", described(5, 3)),
        BODIES: ended(
            b"* 2 FETCH (FLAGS (\\Deleted))\r\n",  # no UID: must not be taken for a mail's
            b"* 2 FETCH (UID 6 BODY[] ~{4}\r\n\x00\r\n\xff)\r\n",
            b"* 1 EXPUNGE\r\n",
            b"* 1 FETCH (UID 99 BODY[] {1}\r\nx)\r\n",  # nobody asked
            b"* 1 FETCH (UID 5 FLAGS (\\Seen) BODY[] {3}\r\nabc MODSEQ (9))\r\n",
            b"* 1 FETCH (UID 5 BODY[] {3}\r\nabc)\r\n",  # twice
        ),
    }
    with ImapScriptedServer(rules, segment_bytes=segment_bytes) as server, open_session(server) as session:
        session.select("INBOX")
        mails = {mail.uid: mail.raw for mail in session.fetch_mails([5, 6]) if isinstance(mail, FetchedMail)}
        assert mails == {5: b"abc", 6: b"\x00\r\n\xff"}
        assert session.idle(5)  # EXISTS and EXPUNGE were noticed on the way


def test_nil_and_silence_are_gone_once_the_server_confirms() -> None:
    rules = {
        "UID SEARCH UID 5:7": ended(b"* SEARCH\r\n"),
        DESCRIBE: ended(described(5, 0), described(6, 3)),
        BODIES: ended(b"* 1 FETCH (UID 5 BODY[] NIL)\r\n"),
    }
    with ImapScriptedServer(rules) as server, open_session(server) as session:
        session.select("INBOX")
        assert sorted(session.fetch_mails([5, 6, 7]), key=lambda gone: gone.uid) == [
            GoneMail(5),
            GoneMail(6),
            GoneMail(7),
        ]


def test_a_mail_that_is_listed_but_not_given_is_never_passed_over() -> None:
    rules = {"UID SEARCH .*": ended(b"* SEARCH 5\r\n"), DESCRIBE: ended(described(5, 3)), BODIES: ended()}
    with ImapScriptedServer(rules) as server, open_session(server) as session:
        session.select("INBOX")
        with pytest.raises(SourceRefusedError, match="does not give"):
            list(session.fetch_mails([5]))


def test_a_refused_fetch_tells_the_servers_reason() -> None:
    rules = {"UID SEARCH .*": ended(b"* SEARCH 5\r\n"), DESCRIBE: b"{tag} NO [UNAVAILABLE] backend is away\r\n"}
    with ImapScriptedServer(rules) as server, open_session(server) as session:
        session.select("INBOX")
        with pytest.raises(SourceRefusedError, match="backend is away"):
            list(session.fetch_mails([5]))


def test_an_empty_mail_is_a_mail() -> None:
    rules = {DESCRIBE: ended(described(5, 0)), BODIES: ended(b"* 1 FETCH (UID 5 BODY[] {0}\r\n)\r\n")}
    with ImapScriptedServer(rules) as server, open_session(server) as session:
        session.select("INBOX")
        (mail,) = session.fetch_mails([5])
        assert isinstance(mail, FetchedMail)
        assert mail.raw == b""


def test_a_mail_far_larger_than_told_is_left_to_slices() -> None:
    body = b"x" * 500_000
    rules = {
        DESCRIBE: ended(described(5, 10)),
        BODIES: ended(b"* 1 FETCH (UID 5 BODY[] {500000}\r\n" + body + b")\r\n"),
        r"UID FETCH 5 \(UID BODY\.PEEK\[\]<0\..*": ended(b"* 1 FETCH (UID 5 BODY[]<0> {500000}\r\n" + body + b")\r\n"),
        r"UID FETCH 5 \(UID BODY\.PEEK\[\]<500000\..*": ended(b'* 1 FETCH (UID 5 BODY[]<500000> "")\r\n'),
    }
    with ImapScriptedServer(rules) as server, open_session(server) as session:
        session.select("INBOX")
        (mail,) = session.fetch_mails([5])
        assert isinstance(mail, LargeMail)
        assert mail.facts.size_bytes == 500_000
        assert b"".join(session.fetch_slices(5)) == body


def test_a_mail_that_goes_between_two_slices_is_not_taken_for_whole() -> None:
    rules = {
        r".*<0\..*": ended(b"* 1 FETCH (UID 5 BODY[]<0> {3}\r\nabc)\r\n"),
        r".*<3\..*": ended(b"* 1 FETCH (UID 5 BODY[]<3> NIL)\r\n"),
    }
    with ImapScriptedServer(rules) as server, open_session(server) as session:
        session.select("INBOX")
        with pytest.raises(SourceRefusedError, match="vanished"):
            list(session.fetch_slices(5))


@pytest.mark.parametrize(
    "answer",
    [
        b"* 1 FETCH (UID 5 BODY[] {9999999999}\r\n",
        b"* 1 FETCH (UID 5 BODY[] {3}\r\nabc\r\n",
        b"* 1 FETCH garbage\r\n",
        b"complete garbage\r\n",
        b"M999 OK not ours\r\n",
        b"+ go on\r\n",
        b"* BYE shutting down\r\n",
        None,
    ],
)
def test_a_hostile_answer_ends_the_session(answer: bytes | None) -> None:
    with ImapScriptedServer({DESCRIBE: ended(described(5, 3)), BODIES: answer}) as server:
        session = open_session(server)
        session.select("INBOX")
        with pytest.raises(SourceUnavailableError):
            list(session.fetch_mails([5]))
        assert session.is_closed


def test_silence_in_the_middle_ends_the_session() -> None:
    rules = {DESCRIBE: ended(described(5, 3)), BODIES: b"* 1 FETCH (UID 5 BODY[] {3}\r\na"}
    with ImapScriptedServer(rules) as server:
        session = open_session(server, timeout_s=0.3)
        session.select("INBOX")
        with pytest.raises(SourceUnavailableError, match="in time"):
            list(session.fetch_mails([5]))


# --- mailboxes and idling --------------------------------------------------------------------------------------------


def test_list_takes_literals_nil_and_missing_children() -> None:
    lines = (
        b'* LIST (\\HasNoChildren \\All) "/" "[Gmail]/All Mail"\r\n'
        b'* LIST (\\Noselect) NIL {5}\r\na"b c\r\n'
        b'* LIST () "." 2026\r\n'
    )
    with ImapScriptedServer({"LIST .*": ended(lines)}) as server, open_session(server) as session:
        listed = session.list_mailboxes()
    assert [(each.name, each.delimiter, each.is_selectable) for each in listed] == [
        ("[Gmail]/All Mail", "/", True),
        ('a"b c', "", False),
        ("2026", ".", True),
    ]
    assert listed[0].has_flag("\\all")


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (b"{tag} NO Mailbox does not exist\r\n", MailboxMissingError),
        (b"{tag} NO [INUSE] locked\r\n", SourceRefusedError),
        (b"{tag} BAD what?\r\n", SourceRefusedError),
    ],
)
def test_a_refused_select(reply: bytes, kind: type[Exception]) -> None:
    with ImapScriptedServer({"EXAMINE .*": reply}) as server, open_session(server) as session:
        with pytest.raises(kind):
            session.select("INBOX")
        assert not session.is_closed


@pytest.mark.parametrize("segment_bytes", [0, 1, 3])
def test_an_event_in_the_same_segment_as_the_plus_or_in_pieces_wakes(segment_bytes: int) -> None:
    rules = {"IDLE": b"+ idling\r\n* 4 EXISTS\r\n"}
    server = ImapScriptedServer(rules, capabilities="IMAP4rev1 IDLE AUTH=PLAIN", segment_bytes=segment_bytes)
    with server, open_session(server) as session:
        session.select("INBOX")
        started = time.monotonic()
        assert session.idle(10)
        assert time.monotonic() - started < 3
        assert session.status("INBOX").messages == 0  # in step
    assert "DONE" in server.commands


def test_still_here_is_no_event() -> None:
    rules = {"IDLE": b"* OK Still here\r\n+ idling\r\n* OK Still here\r\n"}
    with ImapScriptedServer(rules, capabilities="IMAP4rev1 IDLE AUTH=PLAIN") as server, open_session(server) as session:
        session.select("INBOX")
        assert not session.idle(0.2)


def test_a_socket_that_died_in_silence_is_noticed_at_the_end_of_the_wait() -> None:
    rules = {
        "IDLE": b"+ idling\r\n",
        "answer": [b"{tag} OK logged in\r\n", b""],
    }  # DONE is never answered
    with ImapScriptedServer(rules, capabilities="IMAP4rev1 IDLE AUTH=PLAIN") as server:
        session = open_session(server, timeout_s=0.3)
        session.select("INBOX")
        with pytest.raises(SourceUnavailableError, match="in time"):
            session.idle(0.1)


def test_a_refused_idle() -> None:
    rules = {"IDLE": b"{tag} NO not now\r\n"}
    with ImapScriptedServer(rules, capabilities="IMAP4rev1 IDLE AUTH=PLAIN") as server, open_session(server) as session:
        session.select("INBOX")
        with pytest.raises(SourceRefusedError):
            session.idle(1)
