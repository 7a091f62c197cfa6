"""Posted records and observations: what is stored, judged and receipted."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from omega_acceptance.catalogue import Catalogue
from omega_core.control import Receipt, TestPointLoad
from omega_core.envelope import PayloadType, open_sealed, parse_envelope, seal
from omega_core.evidence import Evidence
from omega_core.keys import PublicKey, SigningKey
from omega_core.limits import GRANT_LIFE_S
from omega_core.metrics import Direction
from omega_core.models import parse_model
from omega_core.units import NS_PER_S
from omega_core.verdict import Fault, Judgement, Mode, Verdict
from omega_server import enrolment, sheets, tickets
from omega_server.collector import Observers
from omega_server.refusals import Code, RefusalError
from omega_server.sheets import SheetState
from omega_server.ticket_life.life import Status
from support.builders import STRANGER_KEY, goodput_run, session
from support.facts import evidence, idle_stream
from support.profiles import carried
from support.server_rig import Granted, Rig, digest_of, record_in, refused


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
    plan = Catalogue.builtin().for_plan("FTTH-300-100", date(2026, 12, 1))
    held = tuple(replace(each, run=10 + at) for at, each in enumerate(carried(plan)))
    return evidence(goodput=tuple(runs), capacity=held)


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
    assert ticket.state is Status.IN_PROGRESS
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
