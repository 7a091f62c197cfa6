"""Posted records that are refused: with which code, and that nothing is left of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from omega_core.canonical import canonical_bytes, parse_plain
from omega_core.derive import metrics_of
from omega_core.envelope import PayloadType, parse_envelope, seal
from omega_core.evidence import Evidence
from omega_core.record import AgentRef
from omega_core.units import US_PER_S
from omega_core.verdict import Fault, Mode, ProfileRef
from omega_server import enrolment, sheets
from omega_server.refusals import Code, RefusalError
from support.builders import STRANGER_KEY, session
from support.facts import evidence, idle_stream
from support.server_rig import Device, Granted, Rig, digest_of, refused


def test_the_key_of_the_request_must_be_the_digest(rig: Rig) -> None:
    envelope = rig.record(rig.installed(rig.enrolled()))
    assert refused(rig, envelope, "0" * 64).code is Code.IDEMPOTENCY_MISMATCH


def test_an_unknown_key_is_refused(rig: Rig) -> None:
    envelope = rig.record(rig.installed(rig.enrolled()))
    resealed = seal(parse_envelope(envelope).payload, PayloadType.RECORD, STRANGER_KEY)
    assert refused(rig, resealed).code is Code.AGENT_UNKNOWN


def test_a_revoked_key_is_refused(rig: Rig) -> None:
    device = rig.enrolled()
    envelope = rig.record(rig.installed(device))
    enrolment.revoke(rig.store, str(device.agent_id), "stolen", rig.clock.unix_us())
    assert refused(rig, envelope).code is Code.AGENT_REVOKED


def test_a_grant_of_another_agent_is_refused(rig: Rig) -> None:
    granted = rig.installed(rig.enrolled())
    thief = replace(granted, device=rig.enrolled())
    assert refused(rig, rig.record(thief)).code is Code.GRANT_OF_ANOTHER_AGENT


def test_a_grant_nobody_issued_is_refused(rig: Rig) -> None:
    granted = rig.installed(rig.enrolled())
    assert refused(rig, rig.record(granted, grant_digest="0" * 64)).code is Code.GRANT_UNKNOWN


def test_a_grant_leads_to_one_record(rig: Rig) -> None:
    granted = rig.installed(rig.enrolled())
    first = rig.post(rig.record(granted))
    other = refused(rig, rig.record(granted, validity=(Fault.CPU_LIMITED,)))
    assert other.code is Code.GRANT_USED
    sheet = sheets.load(rig.store, str(granted.grant.sheet_id))
    assert [posting.digest for posting in sheet.postings] == [first.row.digest]


def changed_session(**changes: Any) -> Callable[[Rig, Granted], dict[str, Any]]:  # noqa: ANN401 - fields
    def change(_: Rig, granted: Granted) -> dict[str, Any]:
        stated = record_in_grant(granted)
        return {"session": stated.model_copy(update=changes)}

    return change


def record_in_grant(granted: Granted) -> Any:  # noqa: ANN401 - a session
    grant = granted.grant
    return session(
        id=grant.session_id,
        purpose=grant.purpose,
        mode=grant.mode,
        sheet_id=grant.sheet_id,
        ticket_id=grant.ticket_id,
        test_point=grant.test_point.id,
    )


@pytest.mark.parametrize(
    ("change", "named"),
    [
        pytest.param(changed_session(id="other"), "session.id", id="session"),
        pytest.param(changed_session(mode=Mode.QUICK), "session.mode", id="mode"),
        pytest.param(
            changed_session(purpose="selftest", sheet_id=None), "session.purpose", id="purpose"
        ),
        pytest.param(changed_session(sheet_id="FI-2026-999999"), "session.sheet_id", id="sheet"),
        pytest.param(changed_session(test_point="tp-x"), "session.test_point", id="test point"),
        pytest.param(lambda *_: {"plan_id": "ADSL-HOME-20M"}, "plan_id", id="plan"),
        pytest.param(
            lambda *_: {"profile": ProfileRef(id="a", version=1, digest="0" * 64)},
            "profile",
            id="profile",
        ),
        pytest.param(lambda *_: {"profile": None}, "profile", id="no profile"),
        pytest.param(
            lambda _, granted: {
                "agent": AgentRef(id=None, kid=granted.device.key.public.kid, software="x")
            },
            "agent.id",
            id="nobody, though it was asked for by name",
        ),
    ],
)
def test_a_record_that_states_otherwise_than_its_grant_is_refused(
    rig: Rig, change: Callable[[Rig, Granted], dict[str, Any]], named: str
) -> None:
    granted = rig.installed(rig.enrolled())
    refusal = refused(rig, rig.record(granted, **change(rig, granted)))
    assert refusal.code is Code.GRANT_MISMATCH
    assert str(refusal).startswith(named)


def test_a_session_that_never_reached_its_test_point_may_say_so(rig: Rig) -> None:
    granted = rig.installed(rig.enrolled())
    stated = record_in_grant(granted).model_copy(update={"test_point": None})
    assert rig.post(rig.record(granted, session=stated)).is_new


@pytest.mark.parametrize(
    "reference",
    [
        pytest.param(
            lambda device: AgentRef(id="MA-999999", kid=device.key.public.kid, software="x"),
            id="another's name",
        ),
        pytest.param(
            lambda device: AgentRef(id=device.agent_id, kid="A" * 43, software="x"),
            id="another's key",
        ),
    ],
)
def test_a_record_that_names_another_agent_is_refused(
    rig: Rig, reference: Callable[[Device], AgentRef]
) -> None:
    device = rig.enrolled()
    granted = rig.installed(device)
    assert refused(rig, rig.record(granted, agent=reference(device))).code is Code.KEY_MISMATCH


def test_metrics_that_do_not_follow_from_the_evidence_are_refused(rig: Rig) -> None:
    granted = rig.installed(rig.enrolled())
    metrics = metrics_of(evidence())
    value = metrics["goodput_bps_down"]
    assert value.value is not None
    better = {**metrics, "goodput_bps_down": replace(value, value=value.value + 1)}
    refusal = refused(rig, rig.record(granted, metrics=better))
    assert refusal.code is Code.METRICS_MISMATCH
    assert "goodput_bps_down" in str(refusal)
    reworded = {**metrics, "goodput_bps_down": replace(value, method="in other words")}
    assert rig.post(rig.record(granted, metrics=reworded)).is_new


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"{}", id="no version"),
        pytest.param(b'{"schema_version":2}', id="a version of the future"),
        pytest.param(b'{"schema_version":1,"schema_version":1}', id="a key twice"),
        pytest.param(b'{"schema_version":1e400}', id="no finite number"),
    ],
)
def test_a_payload_that_is_no_record_is_refused(rig: Rig, payload: bytes) -> None:
    device = rig.enrolled()
    envelope = seal(payload, PayloadType.RECORD, device.key)
    assert refused(rig, envelope).code is Code.SCHEMA_INVALID


def test_a_field_too_many_is_refused(rig: Rig) -> None:
    granted = rig.installed(rig.enrolled())
    content = parse_plain(parse_envelope(rig.record(granted)).payload)
    payload = canonical_bytes({**content, "extra": 1})
    envelope = seal(payload, PayloadType.RECORD, granted.device.key)
    assert refused(rig, envelope).code is Code.SCHEMA_INVALID


def test_one_flipped_bit_anywhere_stores_nothing(rig: Rig) -> None:
    granted = rig.installed(rig.enrolled())
    envelope = rig.record(granted, small_evidence())
    digest = digest_of(envelope)
    for position in range(0, len(envelope), 31):
        flipped = bytearray(envelope)
        flipped[position] ^= 1 << (position % 8)
        with pytest.raises(RefusalError):
            rig.services.collector.post(bytes(flipped), digest)
    assert rig.store.sessions.record(digest) is None
    assert rig.post(envelope).is_new


def small_evidence() -> Evidence:
    return evidence(goodput=(), idle=(idle_stream(packets=50),))


def test_a_refused_record_leaves_no_trace_on_its_sheet(rig: Rig) -> None:
    granted = rig.installed(rig.enrolled())
    refused(rig, rig.record(granted, plan_id="ADSL-HOME-20M"))
    sheet = sheets.load(rig.store, str(granted.grant.sheet_id))
    assert sheet.postings == []
    assert [event.kind for event in sheet.events] == ["created", "dispatched"]


def test_server_time_is_the_time_of_record_whatever_the_agents_clock_says(rig: Rig) -> None:
    granted = rig.installed(rig.enrolled())
    year_us = 365 * 86_400 * US_PER_S
    stated = record_in_grant(granted).model_copy(
        update={"started_unix_us": rig.clock.unix_us() + year_us}
    )
    row = rig.post(rig.record(granted, session=stated)).row
    assert row.received_unix_us == rig.clock.unix_us()
