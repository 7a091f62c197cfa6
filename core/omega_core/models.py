"""The base of everything parsed where bytes come in, and the one way to parse it."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias, TypeVar

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


_UNKNOWN_FIELD = {"extra_forbidden", "unexpected_keyword_argument"}


class StrictModel(BaseModel):
    """No coercion, no unknown field, no change afterwards."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ContentError(ValueError):
    """Plain JSON, but not what this kind of message promises. Never quotes the content."""


def parse_model(model: type[ModelT], data: bytes) -> ModelT:
    """Return the message in these bytes.

    Raises NotPlainJsonError when they are not JSON that every reader understands alike, and
    ContentError, naming the first wrong field, when they are not what `model` promises.
    """
    parse_plain(data)
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        raise ContentError(first_fault(error)) from None


def first_fault(error: ValidationError) -> str:
    """Return where the first fault is and of what kind, without quoting what stood there."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    # A field name we know is safe to print; one we don't know came from outside.
    known = first["loc"][:-1] if first["type"] in _UNKNOWN_FIELD else first["loc"]
    where = ".".join(str(part) for part in known)
    return f"{error.error_count()} faults, first {first['type']} at {where or 'the top'}"


def model_bytes(model: BaseModel) -> bytes:
    """Return the canonical JSON of a message: what is signed, and what its digest is of."""
    return canonical_bytes(content_of(model))


def content_of(model: BaseModel) -> dict[str, Any]:
    """Return the message as plain JSON values."""
    return model.model_dump(mode="json")


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
    "parse_model",
]
