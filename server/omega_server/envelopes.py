"""What comes in sealed: size, then shape, then signature, then content; each failure refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from omega_core.envelope import EnvelopeError, Sealed, open_sealed, parse_envelope
from omega_core.keys import NotAKeyError, PublicKey
from omega_core.models import ContentError, NotPlainJsonError, StrictModel, parse_model
from omega_server.refusals import Code, RefusalError

ModelT = TypeVar("ModelT", bound=StrictModel)


def unsealed(data: bytes) -> Sealed:
    """Return the envelope's parts, unchecked; raises RefusalError `not_an_envelope`."""
    try:
        sealed = parse_envelope(data)
    except EnvelopeError as error:
        raise RefusalError(Code.NOT_AN_ENVELOPE, str(error)) from error
    if len(sealed.signatures) != 1:
        raise RefusalError(Code.NOT_AN_ENVELOPE, "one signature is expected here")
    return sealed


def signed_payload(sealed: Sealed, payload_type: str, key: PublicKey) -> bytes:
    """Return the payload that this key signed; raises RefusalError `signature_invalid`.

    Also `not_an_envelope` for an envelope that carries another kind of message.
    """
    keys: Mapping[str, PublicKey] = {key.kid: key}
    try:
        return open_sealed(sealed, payload_type, keys)
    except EnvelopeError as error:
        other_kind = error.check == "payload_type"
        code = Code.NOT_AN_ENVELOPE if other_kind else Code.SIGNATURE_INVALID
        raise RefusalError(code, str(error)) from error


def content(model: type[ModelT], payload: bytes) -> ModelT:
    """Return the message in a payload; raises RefusalError `schema_invalid`."""
    try:
        return parse_model(model, payload)
    except (NotPlainJsonError, ContentError) as error:
        raise RefusalError(Code.SCHEMA_INVALID, str(error)) from error


def stored(model: type[ModelT], envelope: bytes) -> ModelT:
    """Return the message in an envelope that was checked before it was stored.

    It is parsed by its schema only: that it is plain JSON, and signed, was established then.
    """
    return model.model_validate_json(parse_envelope(envelope).payload)


def public_key(text: str) -> PublicKey:
    """Return the key written as `text`; raises RefusalError `schema_invalid`."""
    try:
        return PublicKey.from_text(text)
    except NotAKeyError as error:
        raise RefusalError(Code.SCHEMA_INVALID, "not an Ed25519 key") from error
