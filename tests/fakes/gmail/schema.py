"""A validator of the schema dialect of Google's discovery documents (JSON Schema draft 3, cut down).

Stricter than Google's own clients: a property that the schema lacks is a mistake too, because answers of a fake that
real answers never have make tests pass for nothing.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import pybase64

JsonObject = Mapping[str, Any]

_INTEGER_RANGES = {
    "int32": range(-(2**31), 2**31),
    "uint32": range(2**32),
    "int64": range(-(2**63), 2**63),
    "uint64": range(2**64),
}
_INTEGER = re.compile(r"0|-?[1-9][0-9]*")


def mistakes(value: object, schema: JsonObject, schemas: JsonObject, where: str = "answer") -> Iterator[str]:
    """Yield what is wrong with `value`, each with its place."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"]]
    match schema["type"]:
        case "object" if isinstance(value, dict):
            yield from _object_mistakes(value, schema, schemas, where)
        case "array" if isinstance(value, list):
            for index, item in enumerate(value):
                yield from mistakes(item, schema["items"], schemas, f"{where}[{index}]")
        case "string" if isinstance(value, str):
            yield from _string_mistakes(value, schema, where)
        case "integer" if isinstance(value, int) and not isinstance(value, bool):
            if value not in _INTEGER_RANGES[schema.get("format", "int32")]:
                yield f"{where}: {value} is no {schema.get('format')}"
        case "boolean" if isinstance(value, bool):
            pass
        case kind:
            yield f"{where}: {type(value).__name__} where {kind} is expected"


def _object_mistakes(value: JsonObject, schema: JsonObject, schemas: JsonObject, where: str) -> Iterator[str]:
    properties = schema.get("properties", {})
    for name, inner in value.items():
        expected = properties.get(name, schema.get("additionalProperties"))
        if expected is None:
            yield f"{where}.{name}: no such property"
        else:
            yield from mistakes(inner, expected, schemas, f"{where}.{name}")


def _string_mistakes(value: str, schema: JsonObject, where: str) -> Iterator[str]:
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where}: {value!r} is none of {schema['enum']}"
    match schema.get("format"):
        case "byte" if not _is_base64url(value):
            yield f"{where}: not base64 of the kind for addresses"
        case "int64" | "uint64" as kind if not _INTEGER.fullmatch(value) or int(value) not in _INTEGER_RANGES[kind]:
            yield f"{where}: {value!r} is no {kind}"
        case "google-datetime" if not _is_moment(value):
            yield f"{where}: {value!r} is no RFC 3339 moment"


def _is_base64url(value: str) -> bool:
    if "+" in value or "/" in value:
        return False
    try:
        pybase64.b64decode(value, altchars="-_", validate=True)
    except ValueError:
        return False
    return True


def _is_moment(value: str) -> bool:
    try:
        return datetime.fromisoformat(value).utcoffset() is not None
    except ValueError:
        return False
