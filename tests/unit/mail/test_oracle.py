"""On well-formed mails the standard library's compat32 parser is the oracle: same structure, payloads and headers."""

import email
import email.header
import email.utils
from datetime import UTC, datetime
from email import policy
from email.headerregistry import Address as WrittenAddress
from email.message import EmailMessage, Message

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.make_mails import mail
from src.mail.limits import DEFAULT
from src.mail.parse import Parsed, parse
from src.mail.splitter import Node, walk
from src.text.normalise import clean

letters = st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"], exclude_characters="\u2028\u2029\x85")
words = st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=12)
lines = st.lists(st.text(letters, max_size=60), min_size=1, max_size=8).map("\n".join)
filenames = st.builds(lambda stem, end: f"{stem}.{end}", words, st.sampled_from(["pdf", "txt", "png"]))
encodings = st.sampled_from([None, "base64", "quoted-printable"])


@st.composite
def written_mails(draw: st.DrawFn, depth: int = 0) -> EmailMessage:
    """A mail that the standard library wrote: text, alternatives, attachments, nested mails."""
    message = EmailMessage(policy=policy.default.clone(linesep=draw(st.sampled_from(["\r\n", "\n"]))))
    name, local = draw(words), draw(st.from_regex(r"[a-z]{1,8}", fullmatch=True))
    message["From"] = WrittenAddress(name, local, "example.org")
    message["To"] = ", ".join(f"{local}{n}@example.com" for n in range(draw(st.integers(1, 3))))
    message["Subject"] = " ".join(draw(st.lists(words, min_size=1, max_size=12)))
    message["Date"] = datetime.fromtimestamp(draw(st.integers(86_400, 4_000_000_000)), UTC)
    message["Message-ID"] = f"<{local}.{draw(st.integers(0, 10**9))}@example.org>"
    message.set_content(draw(lines), cte=draw(encodings))
    if draw(st.booleans()):
        message.add_alternative(f"<p>{draw(words)}</p>", subtype="html", cte=draw(encodings))
    for _ in range(draw(st.integers(0, 3))):
        message.add_attachment(
            draw(st.binary(max_size=300)), maintype="application", subtype="pdf", filename=draw(filenames)
        )
    if depth < 2 and draw(st.booleans()):
        message.add_attachment(draw(written_mails(depth + 1)))
    return message


def _nodes(raw: bytes) -> list[Node]:
    defects: set[object] = set()
    nodes = list(walk(raw, DEFAULT, defects))  # type: ignore[arg-type]  # a set of anything takes defects
    assert not defects
    return nodes


def _structure(raw: bytes) -> list[tuple[str, str | None]]:
    return [(node.content_type, node.disposition or None) for node in _nodes(raw)]


def _oracle_structure(message: Message) -> list[tuple[str, str | None]]:
    return [(part.get_content_type(), part.get_content_disposition()) for part in message.walk()]


def _decoded(parsed: Parsed) -> list[tuple[str, bytes]]:
    return [(part.filename, part.decode()) for part in parsed.parts if part.content_type != "message/rfc822"]


def _oracle_decoded(message: Message) -> list[tuple[str, bytes]]:
    files = [part for part in message.walk() if part.get_filename()]
    return [(clean(str(part.get_filename())), bytes(part.get_payload(decode=True))) for part in files]


def _oracle_text(value: str) -> str:
    return " ".join(clean(str(email.header.make_header(email.header.decode_header(value)))).split())


@settings(max_examples=40, deadline=None)
@given(written_mails())
def test_structure_and_attachments_are_those_of_the_oracle(written: EmailMessage) -> None:
    raw = written.as_bytes()
    oracle = email.message_from_bytes(raw)
    assert _structure(raw) == _oracle_structure(oracle)
    parsed = parse(raw)
    assert _decoded(parsed) == _oracle_decoded(oracle)
    assert parsed.message.defects == ()


@settings(max_examples=40, deadline=None)
@given(written_mails())
def test_fields_are_those_of_the_oracle(written: EmailMessage) -> None:
    raw = written.as_bytes()
    oracle, message = email.message_from_bytes(raw), parse(raw).message
    assert message.subject == _oracle_text(oracle["Subject"])
    assert message.message_id == oracle["Message-ID"].strip("<>")
    assert message.date == email.utils.parsedate_to_datetime(oracle["Date"])
    assert [a.address for a in message.to] == [a for _, a in email.utils.getaddresses([oracle["To"]])]
    assert message.sender is not None
    assert message.sender.address == email.utils.parseaddr(oracle["From"])[1]
    assert message.sender.name == _oracle_text(email.utils.parseaddr(oracle["From"])[0])
    assert list(message.headers) == list(dict.fromkeys(name.lower() for name in oracle))


@settings(max_examples=40, deadline=None)
@given(written_mails())
def test_the_body_is_what_was_written(written: EmailMessage) -> None:
    plain = written.get_body(("plain",))
    assert plain is not None
    expected = "".join(clean(plain.get_content()).split())
    found = "".join(parse(written.as_bytes()).message.body_text.split())
    assert found == expected or not expected  # blank plain text: the HTML counts


@pytest.mark.parametrize("number", range(60))
def test_generated_mails_have_no_defects_and_the_oracles_structure(number: int) -> None:
    raw = mail(number, seed=7)
    assert _structure(raw) == _oracle_structure(email.message_from_bytes(raw))
    assert parse(raw).message.defects == ()
