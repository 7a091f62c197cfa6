"""What happens to a key after it was issued: another follows it, or it is revoked.

    issued     KeyStatement     sealed by the server            (`omega_core.control`)
    followed   KeyRotation      sealed by the old *and* the new key: both are held by one party
    revoked    KeyRevocation    sealed by the server

A rotation opens itself: both public keys stand in it, so whoever trusts one of the two can go to
the other, forwards (a device that pinned the old one) and backwards (a record of years ago). What
the events together say of a key at a moment is `omega_core.key_history`'s business.

Moments are the server's. A device that rotates its key takes the time from the server it asks, and
the server refuses a rotation whose moment is not its own; so a device's clock decides nothing.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from omega_core.envelope import (
    EnvelopeError,
    PayloadType,
    keys_by_id,
    open_sealed,
    parse_envelope,
    seal,
)
from omega_core.facts import Version1
from omega_core.keys import NotAKeyError, PublicKey, SigningKey
from omega_core.limits import KEY_EVENT_BYTES_MAX, KEY_REASON_CHARS_MAX
from omega_core.models import (
    ContentError,
    Id,
    KeyId,
    KeyText,
    NotPlainJsonError,
    StrictModel,
    UnixUs,
    model_bytes,
    parse_model,
)

SERVER_ID: Final = "server"
"""The `id` of a server's own key: there is one server to a statement."""


class KeyRotation(StrictModel):
    """One key follows another of the same owner, from `rotated_unix_us` on.

    `server_key` is the server a device means, so that its word can't be carried to another one;
    null in a server's own rotation.
    """

    schema_version: Version1 = 1
    role: Literal["server", "agent"]
    id: Id
    old_kid: KeyId
    old_key: KeyText
    kid: KeyId
    key: KeyText
    server_key: KeyText | None
    rotated_unix_us: UnixUs

    @model_validator(mode="after")
    def _is_to_another_key_and_for_one_server(self) -> Self:
        if self.old_kid == self.kid:
            raise ValueError("a key can't follow itself")
        if (self.role == "agent") != (self.server_key is not None):
            raise ValueError("an agent's rotation, and no other, names its server")
        return self


class KeyRevocation(StrictModel):
    """The server's word that a key is out of use from `revoked_unix_us` on.

    From `invalid_since_unix_us` on, which is not later, somebody else may have used it; null where
    nothing speaks for that (a device that was retired).
    """

    schema_version: Version1 = 1
    role: Literal["server", "agent", "test_point"]
    id: Id
    kid: KeyId
    reason: Annotated[str, Field(min_length=1, max_length=KEY_REASON_CHARS_MAX)]
    revoked_unix_us: UnixUs
    invalid_since_unix_us: UnixUs | None

    @model_validator(mode="after")
    def _is_invalid_no_later_than_revoked(self) -> Self:
        since = self.invalid_since_unix_us
        if since is not None and since > self.revoked_unix_us:
            raise ValueError("a key is invalid no later than it is revoked")
        return self


def rotation_of(
    role: Literal["server", "agent"],
    name: str,
    *,
    old: PublicKey,
    new: PublicKey,
    server_key: PublicKey | None,
    at_unix_us: int,
) -> KeyRotation:
    """Return the statement that `new` follows `old`; see `KeyRotation`."""
    return KeyRotation(
        role=role,
        id=name,
        old_kid=old.kid,
        old_key=old.text,
        kid=new.kid,
        key=new.text,
        server_key=None if server_key is None else server_key.text,
        rotated_unix_us=at_unix_us,
    )


def seal_rotation(rotation: KeyRotation, *, old: SigningKey, new: SigningKey) -> bytes:
    """Return the rotation, sealed by both keys: the proof that one party holds them."""
    return seal(model_bytes(rotation), PayloadType.KEY_ROTATION, old, new)


def open_rotation(envelope: bytes) -> KeyRotation:
    """Return the rotation in an envelope that exactly its two keys have signed.

    That says who wrote it, not that anybody should believe them. Raises EnvelopeError only: those
    of `parse_envelope` and `open_sealed`, `payload_form` and `schema`.
    """
    if len(envelope) > KEY_EVENT_BYTES_MAX:
        detail = f"{len(envelope)} bytes, {KEY_EVENT_BYTES_MAX} at most"
        raise EnvelopeError("envelope_shape", detail)
    sealed = parse_envelope(envelope)
    rotation = _content(sealed.payload)
    keys = keys_by_id([_key(rotation.old_key), _key(rotation.key)])
    if keys.keys() != {rotation.old_kid, rotation.kid}:
        raise EnvelopeError("key_id", "a key is not the one its id says")
    if {each.kid for each in sealed.signatures} != keys.keys():
        raise EnvelopeError("key_missing", "a rotation is signed by the old and the new key")
    open_sealed(sealed, PayloadType.KEY_ROTATION, keys)
    return rotation


def _content(payload: bytes) -> KeyRotation:
    try:
        return parse_model(KeyRotation, payload)
    except NotPlainJsonError as error:
        raise EnvelopeError("payload_form", str(error)) from error
    except ContentError as error:
        raise EnvelopeError("schema", str(error)) from error


def _key(text: str) -> PublicKey:
    try:
        return PublicKey.from_text(text)
    except NotAKeyError as error:
        raise EnvelopeError("schema", str(error)) from error
