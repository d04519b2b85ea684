"""The rules file: what it means, and everything that can be wrong with it told at once."""

import re
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from config.settings import SettingsError
from src.actions.registry import ACTIONS
from src.attachments.limits import MB
from src.model.decision import Decision
from src.model.envelope import Kind
from src.model.extraction import Scan
from src.model.message import Record
from src.rules.conditions.registry import CONDITIONS
from src.rules.reading import MOST_DEPTH
from src.rules.rule import Rules
from src.rules.rules_file import parse_rules
from tests.contracts.mail_records import added, changed, make_attachment, make_message
from tests.fixtures.records import any_records

ROOT = Path(__file__).resolve().parents[3]
INFECTED = added(message=make_message(attachments=[make_attachment(reason="infected", scan=Scan.INFECTED)]))


def rules(text: str) -> Rules:
    return parse_rules(text, ACTIONS)


def rule(name: str, when: str, tag: str, more: str = "") -> str:
    return f'[[rule]]\nname = "{name}"\nwhen = {when}\nthen = {{ tag = "{tag}" }}\n{more}\n'


def mistakes(text: str) -> list[str]:
    with pytest.raises(SettingsError) as wrong:
        rules(text)
    head, *told = str(wrong.value).splitlines()
    assert head == "The rules file is wrong. Mend it (see docs/rules.md):"
    return [one.strip() for one in told]


def test_all_that_match_are_applied_in_order_up_to_one_that_stops() -> None:
    text = (
        rule("infected", "{ infected = true }", "quarantine")
        + rule("not this one", '{ subject = "invoice" }', "invoice")
        + rule("from bob", '{ from = "bob@*" }', "bob", "stop = true")
        + rule("all", "{ larger_than = 0 }", "late")
    )
    assert rules(text).decide(INFECTED) == Decision(tags=("bob", "quarantine"), rules=("infected", "from bob"))
    assert rules(text).decide(added(message=make_message(sender="eve@example.org"))) == Decision(("late",), ("all",))


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ('{ from = "bob@*", subject = "min" }', True),
        ('{ from = "bob@*", subject = "max" }', False),  # all must hold
        ('{ any = [{ subject = "max" }, { from = "bob@*" }] }', True),
        ('{ any = [{ subject = "max" }, { from = "bob@*", infected = false }] }', False),
        ('{ not = { subject = "max" } }', True),
        ('{ not = { subject = "min", from = "bob@*" } }', False),
        ('{ not = { subject = "min", from = "eve@*" } }', True),  # not all of them hold
        ('{ not = { any = [{ subject = "max" }, { not = { infected = true } }] } }', True),
        ('{ infected = true, any = [{ not = { label = "*" } }, { label = "\\\\Seen" }] }', True),
    ],
)
def test_conditions_combine(when: str, expected: bool) -> None:
    assert bool(rules(rule("it", when, "x")).decide(INFECTED) == Decision(("x",), ("it",))) is expected


@pytest.mark.parametrize(
    ("when", "needs"),
    [
        ('{ from = "*", not = { subject = "x" } }', False),
        ('{ from = "*", infected = true }', True),
        ('{ any = [{ from = "*" }, { not = { text = "x" } }] }', True),
    ],
)
def test_a_rule_needs_attachments_when_any_of_its_conditions_does(when: str, needs: bool) -> None:
    assert rules(rule("it", when, "x")).rules[0].asked.needs_attachments is needs


def test_only_a_mail_is_decided_on() -> None:
    all_mails = rules(rule("all", "{ larger_than = 0 }", "x"))
    assert all_mails.decide(changed()) is None
    assert all_mails.decide(changed(kind=Kind.DELETED)) is None
    assert rules("").decide(added()) == Decision()


def test_all_mistakes_are_told_at_once_each_with_its_rule_and_place() -> None:
    text = """
        [[rule]]
        name = "first"
        when = { infectd = true, from = 3, any = [{ subject = "a" }, { scan = "sesame", not = {} }] }
        then = { tagg = "x" }
        stop = "no"

        [[rule]]
        nane = "second"
        when = { Subject = "a" }

        [[rule]]
        name = "first"
        when = { subject = "a" }
        then = { tag = [" sesame"] }
    """
    assert mistakes(text) == [
        'rule 1 "first".stop: expected true or false, found a text',
        'rule 1 "first".when.infectd: is not known here; is infected meant?',
        'rule 1 "first".when.from: expected a pattern, or a list of such texts, found a number',
        'rule 1 "first".when.any[2].scan: expected one or a list of clean, infected, unscanned',
        'rule 1 "first".when.any[2].not: expected a table with at least one condition, found an empty table',
        'rule 1 "first".then.tagg: is not known here; is tag meant?',
        "rule 2.nane: is not known here; is name meant?",
        "rule 2.name: expected some text, by which the rule is known in metrics and on its mails",
        "rule 2.when.Subject: is not known here; is subject meant?",
        "rule 2.then: expected a table with at least one of tag, found nothing",
        'rule 3 "first".then.tag: expected the name of a tag, printable and without blanks around it',
        "rule 3: has the name of rule 1; names must differ",
    ]


def test_what_is_wrong_beside_the_rules_is_told_with_what_is_wrong_in_them() -> None:
    assert mistakes(rule("a", "{ subjekt = 'a', x = 1 }", "x") + "[[rules]]\nname = 'b'\n") == [
        "rules: only [[rule]] tables are expected",
        'rule 1 "a".when.subjekt: is not known here; is subject meant?',
        f'rule 1 "a".when.x: is not known here; known are {", ".join([*CONDITIONS, "any", "not"])}',
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[rule", "it is not TOML: "),
        ("[" * 100_000, "it is not TOML: "),
        ("[rule]\nname = 1", "expected [[rule]], in double brackets, once for each rule"),
        ("rule = [1]", "expected [[rule]], in double brackets, once for each rule"),
        ("rules = 1", "rules: only [[rule]] tables are expected"),
        ('"\\u001b[31m" = 1', "a key with strange text: only [[rule]] tables are expected"),
        ("".join(rule(f"{at}", "{ infected = true }", "x") for at in range(201)), "expected at most 200 rules"),
        (rule("a", "{ " + "not = { " * 6 + "infected = true" + " }" * 7, "x"), "any and not are more than 5 deep"),
        (rule("a", "{ any = [" + "{ infected = true }, " * 101 + "] }", "x"), "expected a list of 1 to 100 tables"),
        (rule("a", "{ any = { infected = true } }", "x"), "conditions, found a table"),
        ("".join(rule(f"{at}", f"{{ subject = {['x'] * 100} }}", "x") for at in range(11)), "at most 1000 patterns"),
        ("".join(rule(f"{at}", f"{{ text = {['x'] * 51} }}", "x") for at in range(2)), "counts as ten, found 1020"),
        (rule("x" * 101, "{ infected = true }", "x"), "expected a name of at most 100 characters, found 101"),
        (rule("a\\tb", "{ infected = true }", "x"), "expected a name, printable and without blanks around it"),
    ],
)  # fmt: skip
def test_what_is_wrong_as_a_whole_is_told(text: str, told: str) -> None:
    assert any(told in one for one in mistakes(text)), mistakes(text)


def test_every_bound_can_be_reached() -> None:
    text = "".join(rule(f"{at}", f"{{ subject = {['x' * 999] * 5} }}", "x") for at in range(200))
    deep = rule("deep", "{ " + "not = { " * 5 + "infected = true" + " }" * 6, "x")
    assert len(rules(text).rules) == 200
    assert rules(deep).rules[0].name == "deep"


_conditions: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {"infected": True}, {"infected": False}, {"signature": "*"}, {"scan": ["unscanned"]}, {"text": ["a", "İ"]},
        {"attachment_outcome": "text"}, {"skipped_reason": "*"}, {"has_attachments": False}, {"from": "*@*"},
        {"to": "*a*"}, {"subject": "a"}, {"label": "*"}, {"larger_than": "1KB"}, {"attachment_name": "*.*"},
    ]
)  # fmt: skip
_asked: st.SearchStrategy[dict[str, Any]] = st.recursive(
    _conditions,
    lambda inner: st.one_of(
        inner.map(lambda one: {"not": one}), st.lists(inner, min_size=1, max_size=3).map(lambda some: {"any": some})
    ),
    max_leaves=4,
)


def _depth(asked: dict[str, Any]) -> int:
    deeper = [asked["not"]] if "not" in asked else asked.get("any", [])
    return 1 + max(map(_depth, deeper)) if deeper else 0


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {_toml(item)}" for name, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return str(value).lower() if isinstance(value, bool) else f'"{value}"'


def _expected(asked: dict[str, Any], record: Record) -> bool:
    """Say what a table of conditions means: the oracle of how they combine."""
    for name, value in asked.items():
        if name == "not":
            found = not _expected(value, record)
        elif name == "any":
            found = any(_expected(one, record) for one in value)
        else:
            found = rules(rule("one", _toml({name: value}), "x")).decide(record) != Decision()
        if not found:
            return False
    return True


@settings(max_examples=100, deadline=None)
@given(asked=_asked, record=any_records())
def test_any_rules_decide_on_any_mail_and_twice_the_same(asked: dict[str, Any], record: Record) -> None:
    assume(_depth(asked) <= MOST_DEPTH)
    found = rules(rule("it", _toml(asked), "x"))
    decision = found.decide(record)
    assert decision == found.decide(record)
    assert (decision == Decision(("x",), ("it",))) is _expected(asked, record)


def test_the_longest_texts_of_a_mail_take_bounded_time() -> None:
    body = "lorem ipsum dolor " * (MB // 18)
    mail = added(message=make_message(body=body, attachments=[make_attachment(body, position=at) for at in range(10)]))
    most = rules(rule("it", f"{{ text = {[f'needle number {at}' for at in range(100)]} }}", "x"))
    began = time.process_time()
    assert most.decide(mail) == Decision()
    assert time.process_time() - began < 10.0


def test_the_example_of_the_docs_is_right_and_tags_what_it_says() -> None:
    page = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    decide = rules(example).decide
    bill = added(message=make_message(sender="billing@example.com", subject="Your BILL"))
    unscanned = make_attachment(scan=Scan.UNSCANNED)
    assert decide(INFECTED) == Decision(("quarantine",), ("infected mail",))
    assert decide(bill) == Decision(("invoice", "to pay"), ("invoices of suppliers",))
    stranger = added(message=make_message(sender="eve@example.net", attachments=[unscanned]))
    assert decide(stranger) == Decision(("unscanned",), ("not looked at by the scanner",))
    assert decide(added()) == Decision()
