"""Seal and open: DSSE envelopes with Ed25519.

Theory of operation. The signature covers the exact payload bytes plus their type
(`PAE = "DSSEv1" SP len(type) SP type SP len(body) SP body`), and nothing looks inside before it has
been checked. The sealer serialises once; nothing is serialised again on the way to verification, so
two programs never have to agree on how. What opens an envelope gets bytes back, and parses those
bytes only.

    {"payload": base64, "payloadType": type, "signatures": [{"keyid": kid, "sig": base64}]}

Every failure has a name, which `omega verify` prints:

    EnvelopeError
      + envelope_shape    not an envelope, or too large
      + payload_base64    not the one base64 text of any octets
      + payload_type      an envelope, but of another kind
      + key_missing       no key is known under the key id
      + key_id            the key is not the one its id says
      + signature[i]      the i-th signature does not hold
      + payload_form      the payload is not plain JSON
      + schema            the payload is JSON, but not what its version promises
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from omega_core.canonical import NotPlainJsonError, canonical_bytes, digest_hex, parse_plain
from omega_core.errors import ExitCode, OmegaError
from omega_core.keys import PublicKey, SigningKey
from omega_core.limits import ENVELOPE_BYTES_MAX, SIGNATURES_MAX

_ENVELOPE_KEYS = {"payload", "payloadType", "signatures"}
_SIGNATURE_KEYS = {"keyid", "sig"}


class PayloadType:
    """The kinds of payload; bytes signed as one kind never verify as another."""

    SESSION_REQUEST = "application/vnd.omega.session-request.v1+json"
    ENROLMENT = "application/vnd.omega.enrolment.v1+json"
    GRANT = "application/vnd.omega.grant.v1+json"
    RECORD = "application/vnd.omega.record.v1+json"
    OBSERVATION = "application/vnd.omega.observation.v1+json"
    RECEIPT = "application/vnd.omega.receipt.v1+json"
    KEY = "application/vnd.omega.key.v1+json"
    KEY_ROTATION = "application/vnd.omega.key-rotation.v1+json"
    KEY_REVOCATION = "application/vnd.omega.key-revocation.v1+json"
    ESCALATION = "application/vnd.omega.escalation.v1+json"
    READ_REQUEST = "application/vnd.omega.read-request.v1+json"
    STANDING_REQUEST = "application/vnd.omega.standing-request.v1+json"
    STANDING_GRANT = "application/vnd.omega.standing-grant.v1+json"
    AVAILABILITY = "application/vnd.omega.availability.v1+json"
    INSTRUCTION = "application/vnd.omega.instruction.v1+json"
    CHECK_IN = "application/vnd.omega.check-in.v1+json"
    CHECK_IN_ANSWER = "application/vnd.omega.check-in-answer.v1+json"
    INSTRUCTION_REPORT = "application/vnd.omega.instruction-report.v1+json"


class EnvelopeError(OmegaError):
    """An envelope can't be accepted; `check` names which check failed, in docs/record-format.md."""

    exit_code = ExitCode.NOT_VALID
    who_acts = "operator: treat it as damaged or tampered with"

    def __init__(self, check: str, detail: str) -> None:
        super().__init__(f"{check}: {detail}")
        self.check = check
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Signature:
    """Which key is said to have signed, and the signature."""

    kid: str
    octets: bytes


@dataclass(frozen=True, slots=True)
class Sealed:
    """An envelope as it was received: nothing in it has been checked."""

    payload: bytes
    payload_type: str
    signatures: tuple[Signature, ...]
    envelope_digest: str

    @property
    def payload_digest(self) -> str:
        """SHA-256 of the payload bytes: the id of a record."""
        return digest_hex(self.payload)


def seal(payload: bytes, payload_type: str, *keys: SigningKey) -> bytes:
    """Sign exactly these bytes with each key; return the envelope's bytes."""
    message = pre_authentication(payload_type, payload)
    signatures = [Signature(key.public.kid, key.sign(message)) for key in keys]
    return _written(payload, payload_type, signatures)


def seal_content(content: Any, payload_type: str, key: SigningKey) -> bytes:  # noqa: ANN401
    """Seal a JSON value: serialise it once, in canonical form, and sign that."""
    return seal(canonical_bytes(content), payload_type, key)


def pre_authentication(payload_type: str, payload: bytes) -> bytes:
    """Return the DSSE pre-authentication encoding: what is really signed."""
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def parse_envelope(data: bytes) -> Sealed:
    """Return the envelope's parts, unchecked.

    Raises EnvelopeError `envelope_shape` or `payload_base64` and nothing else, whatever the bytes.
    """
    if len(data) > ENVELOPE_BYTES_MAX:
        raise EnvelopeError("envelope_shape", f"{len(data)} bytes, {ENVELOPE_BYTES_MAX} at most")
    try:
        content = parse_plain(data)
    except NotPlainJsonError as error:
        raise EnvelopeError("envelope_shape", str(error)) from error
    return sealed_from(content, digest_hex(data))


def parse_written(data: bytes) -> Sealed:
    """Return the parts of an envelope in the form that `seal` gives it.

    Where no receipt states the digest of an envelope nothing else would tell that its base64 was
    written in the other alphabet, or its white space changed. Raises as `parse_envelope` does.
    """
    sealed = parse_envelope(data)
    if _written(sealed.payload, sealed.payload_type, sealed.signatures) != data:
        raise EnvelopeError("envelope_shape", "not written in the one canonical form")
    return sealed


def sealed_from(content: object, envelope_digest: str) -> Sealed:
    """Return the parts of an envelope that is already JSON; see `parse_envelope`."""
    if not isinstance(content, dict) or content.keys() != _ENVELOPE_KEYS:
        raise EnvelopeError("envelope_shape", "an envelope has payload, payloadType, signatures")
    payload_type, signatures = content["payloadType"], content["signatures"]
    if not isinstance(payload_type, str) or not isinstance(signatures, list):
        raise EnvelopeError("envelope_shape", "payloadType is text and signatures a list")
    if not 1 <= len(signatures) <= SIGNATURES_MAX:
        raise EnvelopeError("envelope_shape", f"1 to {SIGNATURES_MAX} signatures")
    signed = tuple(_signature(each) for each in signatures)
    if len({each.kid for each in signed}) != len(signed):  # keys count, not signatures
        raise EnvelopeError("envelope_shape", "a key signs once")
    return Sealed(
        payload=_from_base64(content["payload"], "payload_base64"),
        payload_type=payload_type,
        signatures=signed,
        envelope_digest=envelope_digest,
    )


def open_sealed(sealed: Sealed, payload_type: str, keys: Mapping[str, PublicKey]) -> bytes:
    """Return the payload after every signature has been checked against a known key.

    `keys` maps key ids to the keys offered for them. Raises EnvelopeError `payload_type`,
    `key_missing`, `key_id` or `signature[i]` and nothing else.
    """
    if sealed.payload_type != payload_type:
        raise EnvelopeError("payload_type", f"not {payload_type}")
    message = pre_authentication(sealed.payload_type, sealed.payload)
    for index, signature in enumerate(sealed.signatures):
        key = keys.get(signature.kid)
        if key is None:
            raise EnvelopeError("key_missing", f"signature {index} names a key nobody offered")
        if key.kid != signature.kid:
            raise EnvelopeError("key_id", f"the key of signature {index} has another id")
        if not key.verifies(message, signature.octets):
            raise EnvelopeError(f"signature[{index}]", "the key did not sign this payload")
    return sealed.payload


def keys_by_id(keys: Sequence[PublicKey]) -> dict[str, PublicKey]:
    """Return the keys under their own ids."""
    return {key.kid: key for key in keys}


def _written(payload: bytes, payload_type: str, signatures: Iterable[Signature]) -> bytes:
    content = {
        "payload": _to_base64(payload),
        "payloadType": payload_type,
        "signatures": [{"keyid": each.kid, "sig": _to_base64(each.octets)} for each in signatures],
    }
    return canonical_bytes(content)


def _signature(content: object) -> Signature:
    if not isinstance(content, dict) or content.keys() != _SIGNATURE_KEYS:
        raise EnvelopeError("envelope_shape", "a signature has keyid and sig")
    kid = content["keyid"]
    if not isinstance(kid, str):
        raise EnvelopeError("envelope_shape", "keyid is text")
    return Signature(kid, _from_base64(content["sig"], "envelope_shape"))


def _to_base64(octets: bytes) -> str:
    return base64.standard_b64encode(octets).decode("ascii")


def _from_base64(text: object, check: str) -> bytes:
    """Decode either alphabet; the text must be the one that encoding gives, so no bit is free."""
    if not isinstance(text, str):
        raise EnvelopeError(check, "base64 text expected")
    for altchars in (None, b"-_"):
        try:
            octets = base64.b64decode(text, altchars=altchars, validate=True)
        except ValueError:
            continue
        if base64.b64encode(octets, altchars=altchars) == text.encode("ascii"):
            return octets
    raise EnvelopeError(check, "not base64 in its one form")
