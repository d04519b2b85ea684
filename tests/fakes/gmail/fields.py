"""Partial answers: the `fields` parameter, such as `nextPageToken,messages(id,payload/headers)`, and the trimming.

`a,b` picks two, `a/b` and `a(b,c)` pick inside, `*` picks all. A name that the answer's schema lacks is refused, as
Google does.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from tests.fakes.gmail.errors import invalid_field_selection

JsonObject = Mapping[str, Any]
Tree = dict[str, "Tree"]  # what is picked; an empty tree means all that is below

_TOKEN = re.compile(r"[A-Za-z0-9_*]+|[,/()]")


@lru_cache(maxsize=64)
def parse(selection: str) -> Tree:
    """Return the tree of a selection."""
    tokens = _TOKEN.findall(selection)
    if "".join(tokens) != selection.replace(" ", ""):
        raise invalid_field_selection(selection)
    tokens.append("")  # the end
    tree = _list(tokens)
    if tokens != [""]:
        raise invalid_field_selection(selection)
    return tree


def check(tree: Tree, schema: JsonObject, schemas: JsonObject) -> None:
    """Refuse names that the schema lacks."""
    while "$ref" in schema or schema.get("type") == "array":
        schema = schemas[schema["$ref"]] if "$ref" in schema else schema["items"]
    properties = schema.get("properties", {})
    for name, inner in tree.items():
        if name == "*":
            continue
        if name not in properties:
            raise invalid_field_selection(name)
        check(inner, properties[name], schemas)


def trim(value: Any, tree: Tree) -> Any:
    """Return what the tree picks of a JSON value."""
    if not tree or "*" in tree:
        return value
    if isinstance(value, list):
        return [trim(item, tree) for item in value]
    return {name: trim(inner, tree[name]) for name, inner in value.items() if name in tree}


def _list(tokens: list[str]) -> Tree:
    tree: Tree = {}
    while True:
        name = tokens.pop(0)
        if not name or name in ",/()":
            raise invalid_field_selection(name)
        tree[name] = _below(tokens)
        if tokens[0] != ",":
            return tree
        tokens.pop(0)


def _below(tokens: list[str]) -> Tree:
    if tokens[0] == "/":
        tokens.pop(0)
        name = tokens.pop(0)
        if not name or name in ",/()":
            raise invalid_field_selection(name)
        return {name: _below(tokens)}
    if tokens[0] == "(":
        tokens.pop(0)
        tree = _list(tokens)
        if tokens.pop(0) != ")":
            raise invalid_field_selection("(")
        return tree
    return {}
