"""Rule: when what is asked holds of a mail, this is done. Rules: all of them, in the order of the file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol, Self

from src.model.decision import Decision
from src.model.message import Message, Record
from src.rules.combining import Asked
from src.rules.facts import Facts


class Act(Protocol):
    """What rules need of an action; see src/actions/action.py."""

    @classmethod
    def read(cls, options: object) -> Self: ...

    def apply(self, message: Message, decision: Decision) -> Decision: ...


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule."""

    name: str  # unique; a metric label
    asked: Asked
    acts: tuple[Act, ...]
    stops: bool  # whether no later rule is looked at when this one matched
    when: Mapping[str, object]  # as it is written in the file
    then: Mapping[str, object]  # as well

    def applied(self, message: Message, decision: Decision) -> Decision:
        """Return the decision on a mail that this rule matched."""
        for act in self.acts:
            decision = act.apply(message, decision)
        return replace(decision, rules=(*decision.rules, self.name))


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules, in the order in which they are looked at."""

    rules: tuple[Rule, ...]

    def matching(self, record: Record) -> Iterator[str]:
        """Yield the names of all rules that match a mail, whether or not one before them stops."""
        if record.message is not None:
            facts = Facts(record, record.message)
            yield from (rule.name for rule in self.rules if rule.asked.holds(facts))

    def decide(self, record: Record) -> Decision | None:
        """Return what the rules say of a mail; None if the record does not bring one. Pure; threads may share it."""
        if record.message is None:
            return None
        facts, decision = Facts(record, record.message), Decision()
        for rule in self.rules:
            if rule.asked.holds(facts):
                decision = rule.applied(record.message, decision)
                if rule.stops:
                    break
        return decision
