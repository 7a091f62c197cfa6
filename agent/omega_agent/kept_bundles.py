"""The bundles that stand on this device: what waits to be posted, and what was posted last."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from omega_agent.home import Home
from omega_agent.outbox_directory import DirectoryOutbox
from omega_agent.waiting_record import DamagedItemError, parse_waiting
from omega_core.bundle import Bundle, parse_bundle
from omega_core.canonical import NotPlainJsonError
from omega_core.control import Grant
from omega_core.envelope import EnvelopeError, parse_envelope
from omega_core.models import ContentError, parse_model

_LOOKED_AT_MAX = 20  # what was posted since; to open one takes some milliseconds


def waiting_bundles(home: Home) -> Iterator[Bundle]:
    """Yield what waits in the outbox, oldest first."""
    for item in DirectoryOutbox(home.outbox).pending():
        with suppress(DamagedItemError):
            yield parse_waiting(item.content).bundle


def posted_bundles(home: Home) -> Iterator[Bundle]:
    """Yield what the device has posted last, the last first."""
    paths = home.records.glob("*.json")
    ordered = sorted(paths, key=lambda each: each.stat().st_mtime_ns, reverse=True)
    for path in ordered[:_LOOKED_AT_MAX]:
        with suppress(OSError, EnvelopeError):
            yield parse_bundle(path.read_bytes())


def record_made_for(home: Home, instruction_id: str) -> str | None:
    """Return the digest of the record that was made for an instruction, if there is one here."""
    for bundles in (waiting_bundles(home), posted_bundles(home)):
        for bundle in bundles:
            if _instruction_of(bundle) == instruction_id:
                return parse_envelope(bundle.record.encode("utf-8")).payload_digest
    return None


def _instruction_of(bundle: Bundle) -> str | None:
    if bundle.grant is None:
        return None
    try:
        grant = parse_model(Grant, parse_envelope(bundle.grant.encode("utf-8")).payload)
    except (EnvelopeError, NotPlainJsonError, ContentError):
        return None
    return grant.instruction_id
