"""Posted records: what is stored, judged and receipted, and what is refused with which code."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from omega_core.canonical import canonical_bytes, parse_plain
from omega_core.control import Receipt, TestPointLoad
from omega_core.derive import metrics_of
from omega_core.envelope import PayloadType, open_sealed, parse_envelope, seal
from omega_core.evidence import Evidence
from omega_core.keys import PublicKey, SigningKey
from omega_core.limits import GRANT_LIFE_S
from omega_core.metrics import Direction
from omega_core.models import parse_model
from omega_core.record import AgentRef
from omega_core.units import NS_PER_S, US_PER_S
from omega_core.verdict import Fault, Judgement, Mode, ProfileRef, Verdict
from omega_server import enrolment, sheets, tickets
from omega_server.collector import Observers
from omega_server.refusals import Code, RefusalError
from omega_server.sheets import SheetState
from omega_server.tickets import TicketState
from support.builders import STRANGER_KEY, goodput_run, session
from support.facts import evidence, idle_stream
from support.server_rig import Device, Granted, Rig, digest_of, record_in


def refused(rig: Rig, envelope: bytes, key: str | None = None) -> RefusalError:
    with pytest.raises(RefusalError) as refusal:
        rig.services.collector.post(envelope, key or digest_of(envelope))
    return refusal.value


def observed(rig: Rig, granted: Granted, of: Evidence | None = None) -> str:
    """Post what the test point saw; return its digest."""
    return rig.services.collector.observe(rig.observation(granted, of))[0]


def receipt_in(envelope: bytes, rig: Rig) -> Receipt:
    key = PublicKey.from_text(rig.services.server_key)
    payload = open_sealed(parse_envelope(envelope), PayloadType.RECEIPT, {key.kid: key})
    return parse_model(Receipt, payload)


def good_evidence() -> Evidence:
    """Return evidence in which every standard criterion of the plan that is measured passes."""
    runs = [
        goodput_run(direction, rate_bps=rate, run=number)
        for number, (direction, rate) in enumerate(
            [(Direction.DOWN, 289_600_000), (Direction.UP, 96_500_000)] * 3
        )
    ]
    return evidence(goodput=tuple(runs))


# What is kept


def test_a_record_is_stored_byte_for_byte_and_receipted(rig: Rig) -> None:
    granted = rig.installed(rig.enrolled())
    digest = observed(rig, granted)
    rig.clock.pass_ns(5 * NS_PER_S)
    envelope = rig.record(granted, observation_digest=digest)
    posted = rig.post(envelope)
    row = rig.store.sessions.record(digest_of(envelope))
    assert posted.is_new
    assert row.envelope == envelope
    assert row.receipt == posted.row.receipt
    receipt = receipt_in(row.receipt, rig)
    assert receipt.record_digest == digest_of(envelope)
    assert receipt.envelope_digest == parse_envelope(envelope).envelope_digest
    assert receipt.session_id == granted.grant.session_id
    assert receipt.received_unix_us == rig.clock.unix_us() == row.received_unix_us
    assert (receipt.posted_to, receipt.posted_id) == ("sheet", granted.grant.sheet_id)
    assert receipt.verdict == row.verdict
    assert row.observers == Observers.AGREE


def test_the_same_record_again_gives_the_same_receipt(rig: Rig) -> None:
    granted = rig.installed(rig.enrolled())
    envelope = rig.record(granted)
    first = rig.post(envelope)
    rig.clock.pass_ns(NS_PER_S)
    again = rig.post(envelope)
    assert not again.is_new
    assert again.row == first.row


def test_a_record_known_already_is_receipted_after_its_key_was_revoked(rig: Rig) -> None:
    device = rig.enrolled()
    envelope = rig.record(rig.installed(device))
    first = rig.post(envelope)
    enrolment.revoke(rig.store, str(device.agent_id), "lost", rig.clock.unix_us())
    assert rig.post(envelope).row == first.row


def test_the_same_record_in_another_envelope_is_refused(rig: Rig) -> None:
    envelope = rig.record(rig.installed(rig.enrolled()))
    rig.post(envelope)
    spaced = json.dumps(json.loads(envelope), indent=1).encode()
    assert digest_of(spaced) == digest_of(envelope)
    assert refused(rig, spaced).code is Code.OTHER_BYTES_KNOWN


def test_a_record_may_come_days_after_its_grant_has_expired(rig: Rig) -> None:
    granted = rig.installed(rig.enrolled())
    rig.clock.pass_ns((GRANT_LIFE_S + 7 * 86_400) * NS_PER_S)
    assert rig.post(rig.record(granted)).is_new


def test_a_record_of_a_key_made_for_one_run_is_nobodys(rig: Rig) -> None:
    granted = rig.granted(rig.stranger())
    row = rig.post(rig.record(granted)).row
    assert (row.agent_id, row.sheet_id, row.ticket_id, row.verdict) == (None, None, None, None)
    assert receipt_in(row.receipt, rig).posted_to == "nobody"


# The verdict


@pytest.mark.parametrize(
    ("mode", "completes"),
    [
        pytest.param(Mode.STANDARD, True, id="standard completes the measurement of a sheet"),
        pytest.param(Mode.QUICK, False, id="quick is listed and completes nothing"),
    ],
)
def test_a_sheet_after_a_record(rig: Rig, mode: Mode, *, completes: bool) -> None:
    granted = rig.installed(rig.enrolled(), mode=mode)
    envelope = rig.record(granted)
    rig.post(envelope)
    sheet = sheets.load(rig.store, str(granted.grant.sheet_id))
    assert sheet.state is (SheetState.MEASURED if completes else SheetState.DISPATCHED)
    assert [posting.digest for posting in sheet.postings] == [digest_of(envelope)]
    assert [attempt.record_digest for attempt in sheet.attempts] == [digest_of(envelope)]


def test_a_line_that_gives_what_was_promised_passes(rig: Rig) -> None:
    good = good_evidence()
    granted = rig.installed(rig.enrolled())
    digest = observed(rig, granted, good)
    row = rig.post(rig.record(granted, good, observation_digest=digest)).row
    assert (row.verdict, row.observers) == (Verdict.PASS, Observers.AGREE)


def test_a_line_at_half_its_rate_fails(rig: Rig) -> None:
    slow = good_evidence()
    halved = tuple(
        goodput_run(run.direction, rate_bps=150_000_000, run=run.run)
        if run.direction is Direction.DOWN
        else run
        for run in slow.goodput
    )
    bad = replace(slow, goodput=halved)
    granted = rig.installed(rig.enrolled())
    digest = observed(rig, granted, bad)
    row = rig.post(rig.record(granted, bad, observation_digest=digest)).row
    assert row.verdict == Verdict.FAIL
    judgement = json.loads(str(row.judgement))
    assert judgement["verdict"] == Verdict.FAIL
    assert granted.grant.profile is not None
    assert judgement["profile"]["digest"] == granted.grant.profile.digest


def test_the_agents_own_verdict_decides_nothing(rig: Rig) -> None:
    granted = rig.installed(rig.enrolled())
    assert granted.grant.profile is not None
    claimed = Judgement(
        verdict=Verdict.PASS, mode=Mode.STANDARD, profile=granted.grant.profile, outcomes=()
    )
    envelope = rig.record(granted, preview=claimed)
    preview = record_in(envelope).preview
    assert preview is not None
    assert preview.verdict is Verdict.PASS
    assert rig.post(envelope).row.verdict == Verdict.INCONCLUSIVE


def test_a_fault_the_agent_states_makes_the_run_invalid(rig: Rig) -> None:
    granted = rig.installed(rig.enrolled())
    digest = observed(rig, granted)
    envelope = rig.record(granted, validity=(Fault.TUNNEL,), observation_digest=digest)
    row = rig.post(envelope).row
    assert row.verdict == Verdict.INVALID
    sheet = sheets.load(rig.store, str(granted.grant.sheet_id))
    assert sheet.state is SheetState.DISPATCHED, "an invalid run leaves the state"
    assert [posting.verdict for posting in sheet.postings] == [Verdict.INVALID]


def test_a_diagnosis_sets_its_ticket_going(rig: Rig) -> None:
    ticket_id = rig.ticket()
    granted = rig.granted(rig.enrolled(), purpose="ticket", mode=Mode.QUICK, ticket_id=ticket_id)
    row = rig.post(rig.record(granted)).row
    assert receipt_in(row.receipt, rig).posted_id == ticket_id
    ticket = tickets.load(rig.store, ticket_id)
    assert ticket.state is TicketState.IN_PROGRESS
    assert [posting.digest for posting in ticket.postings] == [row.digest]


def test_what_no_plan_speaks_of_is_not_judged(rig: Rig) -> None:
    ticket_id = rig.ticket(activated=False)
    granted = rig.granted(rig.enrolled(), purpose="ticket", mode=Mode.QUICK, ticket_id=ticket_id)
    row = rig.post(rig.record(granted)).row
    assert (row.verdict, row.judgement) == (None, None)


# Two observers


def without_last_run(of: Evidence) -> Evidence:
    return replace(of, goodput=of.goodput[:-1])


def with_a_stream_of_another_report(of: Evidence) -> Evidence:
    return replace(of, idle=(idle_stream(lost_up=[7]),))


@pytest.mark.parametrize(
    ("seen", "verdict", "observers"),
    [
        pytest.param(evidence(), "inconclusive", Observers.AGREE, id="the same"),
        pytest.param(
            without_last_run(evidence()), "invalid", Observers.DISAGREE, id="a run nobody else saw"
        ),
        pytest.param(
            with_a_stream_of_another_report(evidence()),
            "invalid",
            Observers.DISAGREE,
            id="another report of the delay stream",
        ),
        pytest.param(None, "inconclusive", Observers.MISSING, id="nothing arrived: only a note"),
    ],
)
def test_what_the_test_point_saw(
    rig: Rig, seen: Evidence | None, verdict: str, observers: str
) -> None:
    granted = rig.installed(rig.enrolled())
    digest = observed(rig, granted, seen) if seen else None
    row = rig.post(rig.record(granted, observation_digest=digest)).row
    assert (row.verdict, row.observers) == (verdict, observers)


def test_a_test_point_that_was_overloaded_spoils_the_session(rig: Rig) -> None:
    granted = rig.installed(rig.enrolled())
    load = TestPointLoad(
        cpu_busy_ppm_max=0, sessions_max=1, capacity_bps=100, committed_bps_max=101
    )
    rig.services.collector.observe(rig.observation(granted, load=load))
    row = rig.post(rig.record(granted, observation_digest=None)).row
    assert (row.verdict, row.observers) == (Verdict.INVALID, Observers.AGREE)


def test_an_observation_counts_though_the_record_does_not_name_it(rig: Rig) -> None:
    granted = rig.installed(rig.enrolled())
    observed(rig, granted, without_last_run(evidence()))
    row = rig.post(rig.record(granted, observation_digest=None)).row
    assert (row.verdict, row.observers) == (Verdict.INVALID, Observers.DISAGREE)


def test_naming_another_observation_than_the_sessions_is_disagreeing(rig: Rig) -> None:
    granted = rig.installed(rig.enrolled())
    observed(rig, granted)
    row = rig.post(rig.record(granted, observation_digest="0" * 64)).row
    assert row.observers == Observers.DISAGREE


def test_an_observation_is_kept_once(rig: Rig) -> None:
    granted = rig.installed(rig.enrolled())
    envelope = rig.observation(granted)
    digest, is_new = rig.services.collector.observe(envelope)
    assert (digest, is_new) == (digest_of(envelope), True)
    assert rig.services.collector.observe(envelope) == (digest, False)


@pytest.mark.parametrize(
    ("changes", "key", "code"),
    [
        pytest.param({}, STRANGER_KEY, Code.TEST_POINT_UNKNOWN, id="signed by a stranger"),
        pytest.param({"grant_digest": "0" * 64}, None, Code.GRANT_UNKNOWN, id="of no grant"),
        pytest.param({"session_id": "s"}, None, Code.GRANT_MISMATCH, id="of another session"),
        pytest.param({"test_point": "t"}, None, Code.GRANT_MISMATCH, id="of another test point"),
    ],
)
def test_an_observation_that_is_refused(
    rig: Rig,
    changes: dict[str, Any],
    key: SigningKey | None,
    code: Code,
) -> None:
    envelope = rig.observation(rig.installed(rig.enrolled()), **changes)
    if key is not None:
        envelope = seal(parse_envelope(envelope).payload, PayloadType.OBSERVATION, key)
    with pytest.raises(RefusalError) as refusal:
        rig.services.collector.observe(envelope)
    assert refusal.value.code is code


def test_a_second_observation_of_a_session_is_refused(rig: Rig) -> None:
    granted = rig.installed(rig.enrolled())
    observed(rig, granted)
    with pytest.raises(RefusalError) as refusal:
        rig.services.collector.observe(rig.observation(granted, octets_sent=1))
    assert refusal.value.code is Code.OTHER_BYTES_KNOWN


# Without a grant


def test_a_dead_line_is_kept_on_its_sheet_and_judged_by_nobody(rig: Rig) -> None:
    device, sheet_id = rig.enrolled(), rig.sheet()
    envelope = rig.dead_line(
        device, session=session(id=None, test_point=None, address=None, sheet_id=sheet_id)
    )
    row = rig.post(envelope).row
    assert (row.verdict, row.observers) == (None, Observers.NOT_GRANTED)
    sheet = sheets.load(rig.store, sheet_id)
    assert sheet.state is SheetState.DISPATCHED
    assert [(posting.digest, posting.granted) for posting in sheet.postings] == [
        (digest_of(envelope), False)
    ]
    assert receipt_in(row.receipt, rig).posted_id == sheet_id


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"sheet_id": "FI-2026-999999"}, Code.SHEET_UNKNOWN, id="no such sheet"),
        pytest.param(
            {"purpose": "ticket", "sheet_id": None, "ticket_id": "TT-2026-999999"},
            Code.TICKET_UNKNOWN,
            id="no such ticket",
        ),
        pytest.param({"sheet_id": None}, Code.SCHEMA_INVALID, id="an installation of nothing"),
        pytest.param({"ticket_id": "TT-1"}, Code.SCHEMA_INVALID, id="a sheet and a ticket"),
    ],
)
def test_a_dead_line_that_is_refused(rig: Rig, changes: dict[str, Any], code: Code) -> None:
    stated = session(id=None, test_point=None, address=None, **changes)
    assert refused(rig, rig.dead_line(rig.enrolled(), session=stated)).code is code


def test_a_dead_line_of_a_device_nobody_knows_is_refused(rig: Rig) -> None:
    stranger = rig.stranger()
    assert refused(rig, rig.dead_line(stranger)).code is Code.AGENT_UNKNOWN
    rig.granted(stranger)
    assert refused(rig, rig.dead_line(stranger)).code is Code.AGENT_UNKNOWN


# What is refused


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
