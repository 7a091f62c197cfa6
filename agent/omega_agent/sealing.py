"""From the facts of a session to a sealed record, and what travels with it.

Pure: facts in, bytes out. The order is fixed: metrics and faults, the preview by the same judge as
the server's, the record, its canonical bytes, the envelope. Nothing is serialised again afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from omega_agent.measuring import Held, Measurer
from omega_agent.session_request import Granted
from omega_core.bundle import Bundle
from omega_core.canonical import NotPlainJsonError, digest_hex
from omega_core.control import Observation
from omega_core.envelope import (
    EnvelopeError,
    PayloadType,
    keys_by_id,
    open_sealed,
    parse_envelope,
    seal,
)
from omega_core.keys import NotAKeyError, PublicKey
from omega_core.models import ContentError, model_bytes, parse_model
from omega_core.record import AgentRef, Chain, Clocks, Cost, Measurement, Record, Session
from omega_core.saturation import faults_observed
from omega_core.units import US_PER_MS
from omega_core.verdict import Fault, Judgement
from omega_probe.session import SessionResult


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedRecord:
    """A record, its envelope, its digest, and the bundle that proves it; no receipt yet."""

    record: Record
    digest: str
    bundle: Bundle


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The other observer's counts as they came, and their digest."""

    envelope: str
    digest: str
    observation: Observation


def observed(result: SessionResult, granted: Granted | None) -> Seen | None:
    """Return the test point's observation; None when none came, or none that holds.

    What its key did not sign, or signed of another session, is nobody's observation. The record is
    then posted without one, and the server says what that is worth.
    """
    if result.observation is None or granted is None:
        return None
    try:
        key = PublicKey.from_text(granted.grant.test_point.key)
        sealed = parse_envelope(result.observation.encode("utf-8"))
        payload = open_sealed(sealed, PayloadType.OBSERVATION, keys_by_id([key]))
        observation = parse_model(Observation, payload)
    except (EnvelopeError, NotAKeyError, NotPlainJsonError, ContentError):
        return None
    if observation.session_id != granted.grant.session_id:
        return None
    return Seen(envelope=result.observation, digest=sealed.payload_digest, observation=observation)


def faults_of(result: SessionResult, seen: Seen | None) -> tuple[Fault, ...]:
    """Return what spoiled the run: what the probe found, and what the test point's word says."""
    observed = faults_observed(result.evidence, seen.observation) if seen else ()
    return tuple(dict.fromkeys((*result.faults, *observed)))


def measurement(held: Held, measurer: Measurer, faults: tuple[Fault, ...]) -> Measurement:
    """Return what `omega measure --json` prints."""
    result = held.result
    return Measurement(
        session=_session(held, measurer),
        environment=result.environment,
        validity=faults,
        cost=Cost(
            bytes_down=result.bytes_down,
            bytes_up=result.bytes_up,
            duration_ms=result.duration_us // US_PER_MS,
        ),
        metrics=result.metrics,
    )


def preview(held: Held, faults: tuple[Fault, ...]) -> Judgement | None:
    """Return what the judge says of it; None where nobody said what the line must do."""
    if held.granted is None or held.granted.profile is None:
        return None
    from omega_acceptance.evaluate import evaluate  # noqa: PLC0415 - `omega measure` has no judge

    return evaluate(
        held.granted.profile,
        held.wanted.mode,
        evidence=held.result.evidence,
        environment=held.result.environment,
        faults=faults,
    )


def seal_record(
    held: Held, measurer: Measurer, *, chain: Chain, statement: str, key_events: Sequence[str] = ()
) -> SealedRecord:
    """Judge, seal, and put together what goes with the record.

    `key_events` are the rotations that led to the device's key, and to the server's.
    """
    seen = observed(held.result, held.granted)
    faults = faults_of(held.result, seen)
    facts = measurement(held, measurer, faults)
    granted = held.granted
    result = held.result
    record = Record(
        **{name: getattr(facts, name) for name in Measurement.model_fields},
        agent=AgentRef(
            id=measurer.agent_id, kid=measurer.key.public.kid, software=measurer.software
        ),
        chain=chain,
        clocks=_clocks(result),
        grant_digest=granted.digest if granted else None,
        no_grant_reason=held.no_grant_reason,
        observation_digest=seen.digest if seen else None,
        plan_id=granted.grant.plan_id if granted else None,
        profile=granted.grant.profile if granted else None,
        evidence=result.evidence,
        preview=preview(held, faults),
    )
    payload = model_bytes(record)
    envelope = seal(payload, PayloadType.RECORD, measurer.key)
    bundle = Bundle(
        record=envelope.decode("utf-8"),
        grant=granted.envelope if granted else None,
        observation=seen.envelope if seen else None,
        receipt=None,
        keys=(statement,),
        key_events=tuple(dict.fromkeys((*key_events, *(granted.key_rotations if granted else ())))),
        profile=granted.profile.content() if granted and granted.profile else None,
    )
    return SealedRecord(record=record, digest=digest_hex(payload), bundle=bundle)


def _session(held: Held, measurer: Measurer) -> Session:
    wanted, result = held.wanted, held.result
    grant = held.granted.grant if held.granted else None
    return Session(
        id=grant.session_id if grant else None,
        purpose=wanted.purpose,
        mode=wanted.mode,
        server=str(measurer.server),
        test_point=grant.test_point.id if grant else None,
        address=result.address,
        sheet_id=wanted.sheet_id,
        ticket_id=wanted.ticket_id,
        started_unix_us=result.started_unix_us,
        ended_unix_us=result.ended_unix_us,
        campaign=wanted.campaign,
        changed=wanted.changed,
    )


def _clocks(result: SessionResult) -> Clocks:
    return Clocks(
        monotonic_started_us=result.monotonic_started_us,
        monotonic_ended_us=result.monotonic_ended_us,
        step_us=result.clock_step_us,
        suspended_us=result.suspended_us,
        offset_to_server_us=result.test_point_offset_us,
        synchronised=None,
    )
