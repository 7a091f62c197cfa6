"""As much of JSON Schema as our own schemas use; any other keyword is an error."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeAlias

Schema: TypeAlias = dict[str, Any]
_TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "boolean": bool,
    "null": type(None),
}
_SAYS_NOTHING = {"$schema", "$defs", "title", "description", "default"}


def fits(value: Any, schema: Schema, root: Schema | None = None) -> bool:  # noqa: ANN401 - any JSON
    """Say whether a JSON value is what the schema describes; KeyError for a keyword not known."""
    root = root or schema
    if "$ref" in schema:
        return fits(value, root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    if "anyOf" in schema:
        return any(fits(value, each, root) for each in schema["anyOf"])
    if "type" in schema and not _is_a(value, schema["type"]):
        return False
    keys = schema.keys() - _SAYS_NOTHING - {"type"}
    return all(_CHECKS[keyword](value, schema, root) for keyword in keys)


def _is_a(value: object, name: str) -> bool:
    return isinstance(value, _TYPES[name]) and (name == "boolean" or not isinstance(value, bool))


def _items(value: list[Any], schema: Schema, root: Schema) -> bool:
    return all(fits(each, schema["items"], root) for each in value)


def _prefix_items(value: list[Any], schema: Schema, root: Schema) -> bool:
    wanted = schema["prefixItems"]
    return all(fits(each, one, root) for each, one in zip(value, wanted, strict=False))


def _properties(value: Schema, schema: Schema, root: Schema) -> bool:
    wanted = schema["properties"]
    return all(fits(value[name], wanted[name], root) for name in wanted if name in value)


def _others(value: Schema, schema: Schema, root: Schema) -> bool:
    others = value.keys() - schema.get("properties", {}).keys()
    match schema["additionalProperties"]:
        case bool(allowed):
            return allowed or not others
        case wanted:
            return all(fits(value[name], wanted, root) for name in others)


_CHECKS: dict[str, Callable[[Any, Schema, Schema], bool]] = {
    "additionalProperties": _others,
    "const": lambda value, schema, _: bool(value == schema["const"]),
    "enum": lambda value, schema, _: value in schema["enum"],
    "items": _items,
    "maxItems": lambda value, schema, _: len(value) <= schema["maxItems"],
    "maxLength": lambda value, schema, _: len(value) <= schema["maxLength"],
    "maximum": lambda value, schema, _: bool(value <= schema["maximum"]),
    "minItems": lambda value, schema, _: len(value) >= schema["minItems"],
    "minLength": lambda value, schema, _: len(value) >= schema["minLength"],
    "minimum": lambda value, schema, _: bool(value >= schema["minimum"]),
    "pattern": lambda value, schema, _: re.search(schema["pattern"], value) is not None,
    "prefixItems": _prefix_items,
    "properties": _properties,
    "propertyNames": lambda value, schema, _: value.keys() <= set(schema["propertyNames"]["enum"]),
    "required": lambda value, schema, _: set(schema["required"]) <= value.keys(),
}
