"""The actions of rules, each held to the contract."""

from pathlib import Path

from src.actions.registry import ACTIONS
from src.model.decision import Decision
from tests.contracts.action_contract import ActionContract

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "rules.md").read_text(encoding="utf-8")


class TestTag(ActionContract):
    name = "tag"
    decides = (
        ("quarantine", Decision(tags=("quarantine",))),
        (["to pay", "invoice", "to pay"], Decision(tags=("invoice", "to pay"))),
        (["x" * 100], Decision(tags=("x" * 100,))),
    )
    wrong = ([" sesame"], "sesame\n", "sesame\x1b[31m", ["a", 1], ["x" * 101], ["a"] * 21, {"a": 1})


def test_every_action_has_a_test_and_a_row_in_the_docs() -> None:
    tested = {suite.name for suite in ActionContract.__subclasses__()}
    assert tested == set(ACTIONS)
    for name in ACTIONS:
        assert f"\n| `{name}` |" in PAGE.partition("## Actions")[2]
