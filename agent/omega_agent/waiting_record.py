"""What one item of an outbox holds: the bundle so far, and where it is to be posted.

The server's address and pinned key stand in the item, so it can be sent whatever becomes of the
device's enrolment, and its receipt is checked against the key that was trusted when it was sealed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from omega_core.availability_record import AvailabilityRecord
from omega_core.bundle import Bundle
from omega_core.canonical import NotPlainJsonError
from omega_core.envelope import EnvelopeError, PayloadType, Sealed, parse_envelope
from omega_core.facts import Version1
from omega_core.models import (
    ContentError,
    Digest,
    KeyText,
    ModelT,
    StrictModel,
    model_bytes,
    parse_model,
)
from omega_core.record import Record


class DamagedItemError(ValueError):
    """The item's bytes are not what was put there."""


class WaitingRecord(StrictModel):
    """A sealed record with everything it is posted with. `bundle.receipt` is still null."""

    item_version: Version1 = 1
    digest: Digest
    server_url: Annotated[str, Field(max_length=256)]
    insecure: bool
    server_key: KeyText
    bundle: Bundle

    def to_bytes(self) -> bytes:
        """Return what is kept in the outbox."""
        return model_bytes(self)

    def with_receipt(
        self, receipt: bytes, proof: str | None, key_rotations: Sequence[str] = ()
    ) -> Bundle:
        """Return the complete bundle, with the rotations that led to the receipt's key."""
        events = dict.fromkeys((*self.bundle.key_events, *key_rotations))
        update = {"receipt": receipt.decode("utf-8"), "proof": proof, "key_events": tuple(events)}
        return self.bundle.model_copy(update=update)

    @property
    def is_availability(self) -> bool:
        """Whether it is what a watch saw, and not a measurement."""
        return self._sealed().payload_type == PayloadType.AVAILABILITY

    def opened(self) -> Record:
        """Return the measurement inside, which is our own; raises DamagedItemError."""
        return self._content(Record)

    def opened_availability(self) -> AvailabilityRecord:
        """Return what a watch saw, which is our own; raises DamagedItemError."""
        return self._content(AvailabilityRecord)

    def _content(self, model: type[ModelT]) -> ModelT:
        try:
            return parse_model(model, self._sealed().payload)
        except (NotPlainJsonError, ContentError, EnvelopeError) as error:
            raise DamagedItemError(str(error)) from error

    def _sealed(self) -> Sealed:
        return parse_envelope(self.bundle.record.encode("utf-8"))


def parse_waiting(content: bytes) -> WaitingRecord:
    """Return the item; raises DamagedItemError and nothing else."""
    try:
        item = parse_model(WaitingRecord, content)
        sealed = parse_envelope(item.bundle.record.encode("utf-8"))
    except (NotPlainJsonError, ContentError, EnvelopeError) as error:
        raise DamagedItemError(str(error)) from error
    if sealed.payload_digest != item.digest:
        raise DamagedItemError("the record is not the one the item is named after")
    return item
