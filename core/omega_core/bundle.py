"""The bundle: one file with a record and everything needed to check it without a network.

Envelopes stand in it as text, byte for byte as they were signed and posted, so that no digest
depends on how somebody writes JSON. The file itself is canonical JSON and must stay so: no byte of
it is free to change unnoticed.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from omega_core.canonical import canonical_bytes
from omega_core.envelope import EnvelopeError
from omega_core.facts import Version1
from omega_core.limits import (
    BUNDLE_BYTES_MAX,
    ENVELOPE_BYTES_MAX,
    KEY_EVENT_BYTES_MAX,
    KEY_EVENTS_MAX,
    LOG_PROOF_BYTES_MAX,
)
from omega_core.models import (
    ContentError,
    KeyText,
    NotPlainJsonError,
    StrictModel,
    model_bytes,
    parse_both,
)

_KeyEvent = Annotated[str, Field(max_length=KEY_EVENT_BYTES_MAX)]
_Envelope = Annotated[str, Field(max_length=ENVELOPE_BYTES_MAX)]
_LEFT_OUT = frozenset({"key_events", "run_key"})


class Bundle(StrictModel):
    """A record with grant, the other observer's counts, receipt, keys, profile and proof.

    `key_events` are rotations and revocations of the keys that signed in it, as far as they were
    known when the bundle was made. `run_key` is the key of a run that is nobody's, where no
    statement offers it: the grant names its id. Either is left out where there is nothing to say,
    as bundles of older programs have it.
    """

    bundle_version: Version1 = 1
    record: _Envelope
    grant: _Envelope | None
    observation: _Envelope | None
    receipt: _Envelope | None
    keys: Annotated[tuple[_Envelope, ...], Field(max_length=8)]
    key_events: Annotated[tuple[_KeyEvent, ...], Field(max_length=KEY_EVENTS_MAX)] = ()
    run_key: KeyText | None = None
    profile: dict[str, Any] | None
    proof: Annotated[str, Field(max_length=LOG_PROOF_BYTES_MAX)] | None = None
    """That the record is in the server's log: the text of a `.tlog-proof` file."""

    @model_serializer(mode="wrap")
    def _without_what_says_nothing(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = write(self)
        for name in _LEFT_OUT:
            if not content[name]:
                del content[name]
        return content

    def to_bytes(self) -> bytes:
        """Return the file's content."""
        return model_bytes(self)


def parse_bundle(data: bytes) -> Bundle:
    """Return the bundle; raises EnvelopeError `bundle_shape` and nothing else."""
    if len(data) > BUNDLE_BYTES_MAX:
        raise EnvelopeError("bundle_shape", f"{len(data)} bytes, {BUNDLE_BYTES_MAX} at most")
    try:
        bundle, content = parse_both(Bundle, data)
        is_canonical = canonical_bytes(content) == data
    except (NotPlainJsonError, ContentError) as error:
        raise EnvelopeError("bundle_shape", str(error)) from error
    says_nothing = any(not getattr(bundle, name) for name in _LEFT_OUT & bundle.model_fields_set)
    if not is_canonical or says_nothing:
        raise EnvelopeError("bundle_shape", "not written in the one canonical form")
    return bundle
