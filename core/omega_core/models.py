"""The base of everything parsed where bytes come in, and the one way to parse it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any, TypeAlias, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from omega_core.canonical import NotPlainJsonError, canonical_bytes, parse_plain
from omega_core.facts import INTEGER_MAX

ModelT = TypeVar("ModelT", bound="StrictModel")

UnixUs: TypeAlias = Annotated[int, Field(ge=0, le=INTEGER_MAX)]
"""UTC, microseconds since 1970."""
Digest: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256 in hexadecimal."""
KeyId: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")]
"""RFC 7638 thumbprint in base64url."""
KeyText: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")]
"""An Ed25519 public key in base64url."""
Id: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]
"""A name given by us or by the operator: safe in a path, a URL and a log line."""
Port: TypeAlias = Annotated[int, Field(ge=1, le=65_535)]
Address: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-fA-F:.]{2,45}$")]


_VERSION_FIELDS = {"schema_version", "bundle_version"}


class StrictModel(BaseModel):
    """No coercion, no unknown field, no change afterwards."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


class ContentError(ValueError):
    """Plain JSON, but not what this kind of message promises. Never quotes the content."""


def parse_model(model: type[ModelT], data: bytes) -> ModelT:
    """Return the message in these bytes.

    Raises NotPlainJsonError when they are not JSON that every reader understands alike, and
    ContentError, naming the first wrong field, when they are not what `model` promises.
    """
    return parse_both(model, data)[0]


def parse_both(model: type[ModelT], data: bytes) -> tuple[ModelT, Any]:
    """Return the message in these bytes, and the plain JSON value it was made from.

    Raises as `parse_model` does.
    """
    content = parse_plain(data)
    _check_version(model, content)
    try:
        return model.model_validate_json(data), content
    except ValidationError as error:
        raise ContentError(first_fault(error, model)) from None


def first_fault(error: ValidationError, model: type[BaseModel]) -> str:
    """Return where the first fault is and of what kind, without quoting what stood there.

    Names that `model` defines are safe to print; any other part of the place came from outside.
    """
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    known = _names_of(model)
    parts = (
        str(part) if isinstance(part, int) or part in known else "(unknown)"
        for part in first["loc"]
    )
    where = ".".join(parts) or "the top"
    return f"{error.error_count()} faults, first {first['type']} at {where}"


def model_bytes(model: BaseModel) -> bytes:
    """Return the canonical JSON of a message: what is signed, and what its digest is of."""
    return canonical_bytes(content_of(model))


def content_of(model: BaseModel) -> dict[str, Any]:
    """Return the message as plain JSON values."""
    return model.model_dump(mode="json")


def _check_version(model: type[BaseModel], content: object) -> None:
    """Refuse a message that does not say its version, and one of a version we don't know.

    In our own code the version is a default; a message without it could be of any version.
    """
    for name in _VERSION_FIELDS & model.model_fields.keys():
        version = content.get(name) if isinstance(content, dict) else None
        known = get_args(model.model_fields[name].annotation)
        if type(version) is not int:
            raise ContentError(f"{name} is missing, or not a whole number")
        if version not in known:
            raise ContentError(f"{name} {version}; this program knows {known[-1]}")


@cache
def _names_of(model: type[BaseModel]) -> frozenset[str]:
    """Return every name that the model and what stands in it define."""
    return frozenset(_names_in(model.model_json_schema()))


def _names_in(schema: object) -> Iterator[str]:
    match schema:
        case dict():
            yield from schema.get("properties", ())
            yield from schema.get("propertyNames", {}).get("enum", ())
            for inner in schema.values():
                yield from _names_in(inner)
        case list():
            for inner in schema:
                yield from _names_in(inner)
        case _:
            return


__all__ = [
    "Address",
    "ContentError",
    "Digest",
    "Id",
    "KeyId",
    "KeyText",
    "ModelT",
    "NotPlainJsonError",
    "Port",
    "StrictModel",
    "UnixUs",
    "content_of",
    "first_fault",
    "model_bytes",
    "parse_both",
    "parse_model",
]
