"""The schemas of bodies that the application parses itself, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from omega_server.api.exchange import JSON

_REFERENCE = "#/$defs/"


def body_of(model: type[BaseModel], media_type: str = JSON) -> dict[str, Any]:
    """Return what an endpoint's OpenAPI entry says of its body."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})
    return {
        "requestBody": {
            "required": True,
            "content": {media_type: {"schema": _whole(schema, definitions)}},
        }
    }


def _whole(schema: Any, definitions: dict[str, Any]) -> Any:  # noqa: ANN401 - any JSON
    """Return a schema with what it refers to in its place; none of ours refers to itself."""
    match schema:
        case {"$ref": str(reference)}:
            found = _whole(definitions[reference.removeprefix(_REFERENCE)], definitions)
            rest = {key: each for key, each in schema.items() if key != "$ref"}
            return {**found, **rest}
        case dict():
            return {key: _whole(each, definitions) for key, each in schema.items()}
        case list():
            return [_whole(each, definitions) for each in schema]
        case _:
            return schema
