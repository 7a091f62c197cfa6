"""Bundles given out, and who may have one."""

from __future__ import annotations

import pytest

from omega_core.bundle import Bundle, parse_bundle
from omega_core.canonical import canonical_bytes, digest_hex
from omega_core.envelope import PayloadType, open_sealed, parse_envelope
from omega_core.keys import PublicKey, to_base64url
from omega_core.limits import READ_REQUEST_LIFE_S
from omega_core.units import NS_PER_S
from omega_server import enrolment, records
from omega_server.refusals import Code, RefusalError
from support.builders import session
from support.server_rig import Device, Granted, Rig, digest_of


def posted(rig: Rig, device: Device | None = None) -> tuple[Granted, str]:
    granted = rig.installed(device or rig.enrolled())
    seen, _ = rig.services.collector.observe(rig.observation(granted))
    envelope = rig.record(granted, observation_digest=seen)
    rig.post(envelope)
    return granted, digest_of(envelope)


def bundle(rig: Rig, digest: str) -> Bundle:
    return records.bundle_of(rig.store, records.known(rig.store, digest), rig.services.key)


def test_a_bundle_holds_everything_that_proves_a_record(rig: Rig) -> None:
    granted, digest = posted(rig)
    got = bundle(rig, digest)
    server = PublicKey.from_text(rig.services.server_key)
    keys = {server.kid: server}
    assert parse_bundle(got.to_bytes()) == got
    assert digest_of(got.record.encode()) == digest
    assert got.grant == granted.envelope.decode()
    for envelope, kind in (
        (got.grant, PayloadType.GRANT),
        (got.receipt, PayloadType.RECEIPT),
        *((statement, PayloadType.KEY) for statement in got.keys),
    ):
        open_sealed(parse_envelope(str(envelope).encode()), kind, keys)
    assert got.observation is not None
    assert len(got.keys) == 2
    assert granted.grant.profile is not None
    assert digest_hex(canonical_bytes(got.profile)) == granted.grant.profile.digest


def test_a_bundle_of_a_dead_line_holds_what_there_is(rig: Rig) -> None:
    device = rig.enrolled()
    stated = session(id=None, test_point=None, address=None, sheet_id=rig.sheet())
    envelope = rig.dead_line(device, session=stated)
    rig.post(envelope)
    got = bundle(rig, digest_of(envelope))
    assert (got.grant, got.observation, got.profile) == (None, None, None)
    assert len(got.keys) == 1


def test_what_is_not_there_is_said_to_be_unknown(rig: Rig) -> None:
    with pytest.raises(RefusalError) as refusal:
        records.known(rig.store, "0" * 64)
    assert refusal.value.code is Code.RECORD_UNKNOWN


def test_a_device_may_read_its_own_record(rig: Rig) -> None:
    device = rig.enrolled()
    _, digest = posted(rig, device)
    records.check_reader(rig.store, rig.read_request(device, digest), digest, rig.clock)


def not_authorised(rig: Rig, proof: str, digest: str) -> bool:
    with pytest.raises(RefusalError) as refusal:
        records.check_reader(rig.store, proof, digest, rig.clock)
    return refusal.value.code is Code.NOT_AUTHORISED


def test_a_device_may_not_read_anothers(rig: Rig) -> None:
    _, digest = posted(rig)
    other = rig.enrolled()
    assert not_authorised(rig, rig.read_request(other, digest), digest)


def test_a_record_that_is_not_there_is_refused_like_anothers(rig: Rig) -> None:
    device = rig.enrolled()
    assert not_authorised(rig, rig.read_request(device, "0" * 64), "0" * 64)


def test_a_request_is_for_one_record(rig: Rig) -> None:
    device = rig.enrolled()
    _, one = posted(rig, device)
    granted = rig.installed(device)
    other = rig.post(rig.record(granted)).row.digest
    assert not_authorised(rig, rig.read_request(device, one), other)


def test_a_stranger_and_a_revoked_device_read_nothing(rig: Rig) -> None:
    device = rig.enrolled()
    _, digest = posted(rig, device)
    assert not_authorised(rig, rig.read_request(rig.stranger(), digest), digest)
    enrolment.revoke(rig.store, str(device.agent_id), "stolen", rig.clock.unix_us())
    assert not_authorised(rig, rig.read_request(device, digest), digest)


@pytest.mark.parametrize(
    ("seconds", "is_good"),
    [
        pytest.param(READ_REQUEST_LIFE_S, True, id="good to its last second"),
        pytest.param(READ_REQUEST_LIFE_S + 1, False, id="and not a second longer"),
        pytest.param(-READ_REQUEST_LIFE_S, True, id="good for a clock that is ahead"),
        pytest.param(-READ_REQUEST_LIFE_S - 1, False, id="but not for one that is years ahead"),
    ],
)
def test_a_request_has_its_time(rig: Rig, seconds: int, *, is_good: bool) -> None:
    device = rig.enrolled()
    _, digest = posted(rig, device)
    proof = rig.read_request(device, digest)
    rig.clock.pass_ns(seconds * NS_PER_S)
    if is_good:
        records.check_reader(rig.store, proof, digest, rig.clock)
    else:
        assert not_authorised(rig, proof, digest)


@pytest.mark.parametrize("proof", ["", "?", "é", "AAAA", to_base64url(b"{}")])
def test_a_proof_that_is_none_is_refused(rig: Rig, proof: str) -> None:
    with pytest.raises(RefusalError) as refusal:
        records.check_reader(rig.store, proof, "0" * 64, rig.clock)
    assert refusal.value.code in {Code.NOT_AUTHORISED, Code.NOT_AN_ENVELOPE}
