"""The rules file: TOML, a `[[rule]]` for each rule, turned into rules. Pure: the text and the actions are handed in.

    [[rule]]
    name = "infected mail"
    when = { infected = true }
    then = { tag = ["quarantine"] }

All mistakes are reported in one message, which names each rule and the place in it. See docs/rules.md.
"""

import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from config.settings import SettingsError
from config.toml_values import WrongValueError, kind_of, names, shown, truth
from src.rules.reading import ConditionReader, Mistakes
from src.rules.rule import Act, Rule, Rules

MOST_RULES = 200  # each is looked at for each mail, and is a label of a metric
MOST_WEIGHT = 1_000  # patterns of all rules together: the worst of mails then takes seconds, a usual one a millisecond
MOST_NAME_CHARS = 100  # of a rule's name: a metric label, part of a database key, shown in tables
KEYS = ("name", "when", "then", "stop")

Actions = Mapping[str, type[Act]]
Entry = Mapping[str, Any]  # one [[rule]], as TOML has it


def parse_rules(text: str, actions: Actions) -> Rules:
    """Return the rules of the file; `actions` are what may stand under `then`. Raises SettingsError."""
    mistakes = Mistakes()
    entries = _entries(text, mistakes)
    conditions = ConditionReader(mistakes)
    rules = tuple(
        _rule(f"rule {number}{_name_shown(entry)}", entry, conditions, actions, mistakes)
        for number, entry in enumerate(entries, start=1)
    )
    if conditions.weight > MOST_WEIGHT:
        most = f"at most {MOST_WEIGHT} patterns and texts, where one of `text` counts as ten"
        mistakes.add("all rules", f"expected {most}, found {conditions.weight}")
    _check_names(rules, mistakes)
    if mistakes.told:
        raise _wrong(mistakes.told)
    return Rules(rules)


def _entries(text: str, mistakes: Mistakes) -> Sequence[Entry]:
    """Return the rules as they are written, so that what is wrong in them is told with what is wrong beside them."""
    try:
        content = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise _wrong([f"it is not TOML: {error}"]) from error
    entries: Any = content.pop("rule", [])
    for key in content:
        mistakes.add(shown(key), "only [[rule]] tables are expected")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        mistakes.add("rule", "expected [[rule]], in double brackets, once for each rule")
        return []
    if len(entries) > MOST_RULES:
        mistakes.add("all rules", f"expected at most {MOST_RULES} rules, found {len(entries)}")
    return entries[:MOST_RULES]


def _wrong(mistakes: Sequence[str]) -> SettingsError:
    head = "The rules file is wrong. Mend it (see docs/rules.md):"
    return SettingsError("\n".join([head, *(f"  {mistake}" for mistake in mistakes)]))


def _name_shown(entry: Entry) -> str:
    try:
        return f' "{_name(entry)}"'
    except WrongValueError:
        return ""


def _name(entry: Entry) -> str:
    value = entry.get("name")
    if not isinstance(value, str):
        raise WrongValueError("expected some text, by which the rule is known in metrics and on its mails")
    return names(value, what="a name", most=1, most_chars=MOST_NAME_CHARS)[0]


def _rule(place: str, entry: Entry, conditions: ConditionReader, actions: Actions, mistakes: Mistakes) -> Rule:
    """Return the rule of an entry, as far as it goes."""
    name, stops = "", False
    for key in entry:
        if key not in KEYS:
            mistakes.add_unknown(place, key, KEYS)
    try:
        name = _name(entry)
    except WrongValueError as error:
        mistakes.add(f"{place}.name", error)
    try:
        stops = truth(entry.get("stop", False))
    except WrongValueError as error:
        mistakes.add(f"{place}.stop", error)
    when, then = entry.get("when"), entry.get("then")
    asked = conditions.read_all(f"{place}.when", when)
    acts = _acts(f"{place}.then", then, actions, mistakes)
    return Rule(name, asked, acts, stops, _table(when), _table(then))


def _acts(place: str, entry: object, actions: Actions, mistakes: Mistakes) -> tuple[Act, ...]:
    acts: list[Act] = []
    if not isinstance(entry, Mapping) or not entry:
        mistakes.add(place, f"expected a table with at least one of {', '.join(actions)}, found {kind_of(entry)}")
        return ()
    for name, options in entry.items():
        if name not in actions:
            mistakes.add_unknown(place, name, actions)
            continue
        try:
            acts.append(actions[name].read(options))
        except WrongValueError as error:
            mistakes.add(f"{place}.{name}", error)
    return tuple(acts)


def _table(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _check_names(rules: Sequence[Rule], mistakes: Mistakes) -> None:
    first: dict[str, int] = {}
    for number, rule in enumerate(rules, start=1):
        if rule.name and first.setdefault(rule.name, number) != number:
            mistakes.add(f"rule {number}", f"has the name of rule {first[rule.name]}; names must differ")
