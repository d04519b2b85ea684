"""The columns that are made of a mail's content."""

from hypothesis import example, given
from hypothesis import strategies as st

from src.store.content import SNIPPET_CHARS, prepare
from tests.contracts.mail_records import added, make_message


@example(body="word " * 100)
@example(body=" \n" * 150 + "word " * 100)
@example(body="x" * 1_000)
@given(body=st.text(st.sampled_from("ab é\t\n\u3000"), max_size=3 * SNIPPET_CHARS))
def test_the_snippet_is_the_beginning_of_the_body_on_one_line(body: str) -> None:
    message = make_message(body=body)

    snippet = prepare(added(message=message), message).content.snippet

    assert snippet == " ".join(body[: 2 * SNIPPET_CHARS].split())[:SNIPPET_CHARS]


def test_what_a_mail_lacks_is_empty_json() -> None:
    message = make_message(defects=())

    content = prepare(added(message=message), message).content

    assert (content.defects, content.reference_ids) == ("[]", '["m0@example.org"]')
