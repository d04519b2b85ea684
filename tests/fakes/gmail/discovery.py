"""The discovery documents inside google-api-python-client: which methods there are, what they take and answer."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from tests.fakes.gmail.errors import bad_request

JsonObject = Mapping[str, Any]


@dataclass(frozen=True)
class Method:
    """One method of an API."""

    id: str  # such as gmail.users.messages.get
    http_method: str
    path: re.Pattern[str]  # of the whole path, a group for each parameter in it
    parameters: JsonObject  # of the query and the path, those that every method takes included
    request: JsonObject | None  # schema of the body
    response: JsonObject | None  # schema of the answer; None: it is empty
    schemas: JsonObject

    def check(self, query: Mapping[str, list[str]]) -> None:
        """Refuse parameters that the API does not know, as Google does."""
        for name, values in query.items():
            if name not in self.parameters:
                raise bad_request(f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter.')
            for value in values:
                _check_value(name, value, self.parameters[name])


def methods(api: str, ids: tuple[str, ...]) -> tuple[Method, ...]:
    """Return these methods of a document such as `gmail.v1`."""
    document = json.loads(files("googleapiclient.discovery_cache.documents").joinpath(f"{api}.json").read_text("utf-8"))
    found = {method["id"]: method for method in _all_methods(document)}
    return tuple(_method(found[method_id], document) for method_id in ids)


def _all_methods(resource: JsonObject) -> Iterable[JsonObject]:
    yield from resource.get("methods", {}).values()
    for inner in resource.get("resources", {}).values():
        yield from _all_methods(inner)


def _method(method: JsonObject, document: JsonObject) -> Method:
    return Method(
        id=method["id"],
        http_method=method["httpMethod"],
        path=_pattern("/" + document["servicePath"] + method["path"]),
        parameters={**document["parameters"], **method.get("parameters", {})},
        request=method.get("request"),
        response=method.get("response"),
        schemas=document["schemas"],
    )


def _pattern(template: str) -> re.Pattern[str]:
    """Turn a template of RFC 6570, `{name}` and `{+name}`, into a pattern; a `+` may hold slashes."""
    escaped = re.sub(r"\\\{\\\+(\w+)\\\}", r"(?P<\1>[^:]+)", re.escape(template))
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", escaped))


def _check_value(name: str, value: str, parameter: JsonObject) -> None:
    kind = parameter["type"]
    is_number = kind == "integer" or parameter.get("format") == "uint64"
    if is_number and not (value.isascii() and value.isdigit()):
        raise bad_request(f"Invalid value at '{name}' ({parameter.get('format')}), \"{value}\"")
    if kind == "boolean" and value not in ("true", "false"):
        raise bad_request(f"Invalid value at '{name}' (TYPE_BOOL), \"{value}\"")
    if "enum" in parameter and value not in parameter["enum"]:
        raise bad_request(f"Invalid value at '{name}' (TYPE_ENUM), \"{value}\"")
