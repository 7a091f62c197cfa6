"""From the facts of a session to a sealed record."""

from __future__ import annotations

from dataclasses import replace

import pytest

from omega_agent.errors import NoAnswerError
from omega_agent.sealing import faults_of, measurement, observed
from omega_agent.verify import verify
from omega_agent.verify_report import Standing
from omega_core.canonical import digest_hex
from omega_core.control import TestPointLoad
from omega_core.envelope import PayloadType, keys_by_id, open_sealed, parse_envelope
from omega_core.models import parse_model
from omega_core.record import Record
from omega_core.units import US_PER_S
from omega_core.verdict import Fault, Mode, Verdict
from support import builders
from support.agent_story import PLAN_ID, Story, dead_line
from support.builders import AGENT_ID, AGENT_KEY, SERVER_KEY, SHEET_ID, STRANGER_KEY
from support.facts import evidence, goodput_run, idle_stream


def opened(envelope: str) -> Record:
    keys = keys_by_id([AGENT_KEY.public, STRANGER_KEY.public])
    payload = open_sealed(parse_envelope(envelope.encode()), PayloadType.RECORD, keys)
    return parse_model(Record, payload)


def test_the_record_says_what_was_measured_by_whom_under_which_grant() -> None:
    story = Story()
    made = story.sealed_record()
    record = opened(made.bundle.record)
    assert record == made.record
    assert made.digest == parse_envelope(made.bundle.record.encode()).payload_digest
    assert (record.agent.id, record.agent.kid) == (AGENT_ID, AGENT_KEY.public.kid)
    assert (record.session.sheet_id, record.plan_id) == (SHEET_ID, PLAN_ID)
    assert record.grant_digest == story.granted.digest
    assert record.evidence == story.evidence
    assert record.observation_digest == digest_hex(
        parse_envelope(story.observation().encode()).payload
    )


def test_everything_that_proves_it_goes_with_it() -> None:
    story = Story()
    bundle = story.sealed_record().bundle
    assert bundle.grant == story.granted.envelope
    assert bundle.observation == story.observation()
    assert bundle.keys == (story.statement,)
    assert bundle.profile == (story.profile.content() if story.profile else None)
    assert bundle.receipt is None
    report = verify(bundle.to_bytes(), trusted=[SERVER_KEY.public])
    assert report.standing is Standing.TRUSTED


def test_the_preview_is_the_judges() -> None:
    preview = Story().sealed_record().record.preview
    assert preview is not None
    assert (preview.verdict, preview.mode) == (Verdict.INCONCLUSIVE, Mode.STANDARD)
    assert any(each.metric == "goodput_bps_down" for each in preview.outcomes)


def test_without_a_plan_nobody_judges() -> None:
    record = Story(has_profile=False).sealed_record().record
    assert (record.preview, record.profile, record.plan_id) == (None, None, None)


def test_a_fault_makes_the_run_invalid() -> None:
    record = Story(faults=(Fault.TUNNEL,)).sealed_record().record
    assert record.validity == (Fault.TUNNEL,)
    assert record.preview is not None
    assert record.preview.verdict is Verdict.INVALID


def test_octets_and_time_are_told_in_the_units_of_the_record() -> None:
    story = Story()
    result = replace(story.result(), duration_us=2 * US_PER_S + 999)
    cost = measurement(story.held(result), story.measurer, ()).cost
    assert (cost.bytes_down, cost.bytes_up, cost.duration_ms) == (180_000_000, 60_000_000, 2_000)


class TestSecondObserver:
    def test_one_who_disagrees_is_a_fault(self) -> None:
        story = Story()
        held = story.held(replace(story.result(), evidence=evidence(idle=(idle_stream(),) * 2)))
        seen = observed(held.result, held.granted)
        assert faults_of(held.result, seen) == (Fault.OBSERVERS_DISAGREE,)

    def test_one_who_was_overloaded_is_a_fault(self) -> None:
        story = Story()
        load = TestPointLoad(cpu_busy_ppm_max=0, sessions_max=2, nic_busy_ppm_max=900_000)
        held = story.held(replace(story.result(), observation=story.observation(load=load)))
        made = story.sealed_record(held).record
        assert made.validity == (Fault.TEST_POINT_SATURATED,)
        assert made.preview is not None
        assert made.preview.verdict is Verdict.INVALID

    def test_a_fault_is_told_once(self) -> None:
        story = Story(faults=(Fault.TUNNEL, Fault.TUNNEL))
        assert faults_of(story.result(), None) == (Fault.TUNNEL,)

    @pytest.mark.parametrize(
        "envelope",
        [
            pytest.param("", id="nothing"),
            pytest.param("{}", id="not sealed"),
            pytest.param(
                builders.sealed(
                    builders.observation(), PayloadType.OBSERVATION, STRANGER_KEY
                ).decode(),
                id="signed by somebody else",
            ),
            pytest.param(
                builders.sealed(
                    builders.observation(session_id="another"),
                    PayloadType.OBSERVATION,
                    builders.TEST_POINT_KEY,
                ).decode(),
                id="of another session",
            ),
        ],
    )
    def test_what_does_not_hold_is_nobodys_observation(self, envelope: str) -> None:
        story = Story()
        held = story.held(replace(story.result(), observation=envelope))
        assert observed(held.result, held.granted) is None
        made = story.sealed_record(held)
        assert (made.record.observation_digest, made.bundle.observation) == (None, None)

    def test_none_may_have_come(self) -> None:
        made = Story(has_observation=False).sealed_record()
        assert (made.record.observation_digest, made.bundle.observation) == (None, None)
        assert made.record.validity == ()


class TestDeadLine:
    FAILURE = NoAnswerError("no_attempt", server="https://omega.example")

    def test_the_record_says_why_there_was_no_session_and_for_which_sheet(self) -> None:
        story = Story()
        record = story.sealed_record(dead_line(story, self.FAILURE)).record
        assert (record.session.id, record.grant_digest, record.preview) == (None, None, None)
        assert record.session.sheet_id == SHEET_ID
        assert record.no_grant_reason == "every attempt to reach https://omega.example was in vain"

    def test_a_long_reason_is_cut_to_what_a_record_has_room_for(self) -> None:
        story = Story()
        failure = NoAnswerError("no_answer", server="x", why="y" * 2_000)
        record = story.sealed_record(dead_line(story, failure)).record
        assert len(record.no_grant_reason or "") == 512

    def test_it_holds_by_itself(self) -> None:
        story = Story()
        bundle = story.sealed_record(dead_line(story, self.FAILURE)).bundle
        report = verify(bundle.to_bytes(), trusted=[SERVER_KEY.public])
        assert report.standing is Standing.TRUSTED


def test_the_record_of_a_stranger_is_nobodys() -> None:
    story = Story(enrolled=False, key=STRANGER_KEY, mode=Mode.QUICK)
    made = story.sealed_record()
    assert made.record.agent.id is None
    report = verify(made.bundle.to_bytes(), trusted=[SERVER_KEY.public])
    assert report.standing is Standing.TRUSTED  # the grant names the key


def test_the_same_facts_give_the_same_bytes() -> None:
    assert Story().sealed_record().bundle == Story().sealed_record().bundle


def test_a_full_record_fits() -> None:
    runs = tuple(goodput_run(run=number, flows=16) for number in range(16))
    story = Story(evidence=evidence(goodput=runs))
    report = verify(story.bundle().to_bytes(), trusted=[SERVER_KEY.public])
    assert report.standing is Standing.TRUSTED
