"""When a session knows enough: its streams and runs end where the verdict comes out the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_acceptance.catalogue import Catalogue
from omega_acceptance.demand import demand
from omega_acceptance.enough import packets_needed, runs_answered, saved
from omega_acceptance.evaluate import evaluate
from omega_acceptance.profile import AcceptanceProfile, Statistic
from omega_core.derive import LEFT_OUT, NOT_NEEDED
from omega_core.evidence import Ended, Evidence, GoodputRun, TaskEnd
from omega_core.metrics import Direction
from omega_core.verdict import Because, CriterionOutcome, Mode, Outcome
from support.facts import environment, idle_stream
from support.profiles import LOSS, RUN, criterion, exact_run, good_evidence, newest, profile, task

DOWN, UP = Direction.DOWN, Direction.UP
STANDARD = Mode.STANDARD
LIMIT_BPS = 1_386_515  # of RUN: 90 % of the normal rate, as TCP payload
WIMAX = Catalogue.builtin().get("wimax-home-2m", 2)


def stream(packets: int, **lost: list[int]) -> Evidence:
    return Evidence(idle=(idle_stream(packets=packets, rtt_us=60_000, **lost),))


def outcomes(plan: AcceptanceProfile, evidence: Evidence) -> list[CriterionOutcome]:
    """Return what the mandatory criteria on the idle stream come to."""
    judged = evaluate(plan, STANDARD, evidence=evidence, environment=environment(), faults=())
    on_packets = {Statistic.PERCENTILE, Statistic.SHARE}
    return [each for each in judged.outcomes if each.mandatory and each.statistic in on_packets]


class TestIdleStream:
    @pytest.mark.parametrize("plan", newest(), ids=lambda plan: plan.id)
    def test_of_a_clean_line_ends_with_everything_proved(self, plan: AcceptanceProfile) -> None:
        seen, size, looks = Evidence(), 0, 0
        while (wanted := packets_needed(plan, STANDARD, seen)) > size:
            size, looks = wanted, looks + 1
            seen = Evidence(idle=(idle_stream(packets=size, rtt_us=5_000),))
        assert {each.outcome for each in outcomes(plan, seen)} == {Outcome.PASS}
        planned = demand(plan, STANDARD)
        assert size <= planned.idle_duration_ns // planned.idle_period_ns
        assert looks <= 2, "a look takes milliseconds, and the next packet is due"

    @pytest.mark.parametrize(
        ("criteria", "packets"),
        [
            pytest.param([criterion(id="delay"), LOSS], 3_350, id="3,303 prove a loss of 1 %"),
            pytest.param([criterion(n_min=800)], 800, id="as many as it asks for"),
            pytest.param([criterion(n_min=801)], 850, id="it is read once a second"),
            pytest.param([{**LOSS, "limit": 0}], 950, id="nothing proves that none is lost"),
            pytest.param(
                [criterion(id="rtt", n_min=800), {**LOSS, "mandatory_in": []}], 800, id="advisory"
            ),
        ],
    )
    def test_is_first_looked_at_when_what_is_mandatory_can_be_proved(
        self, criteria: list[dict[str, Any]], packets: int
    ) -> None:
        assert packets_needed(profile(*criteria), STANDARD, Evidence()) == packets

    def test_a_packet_that_is_lost_makes_it_longer(self) -> None:
        clean = packets_needed(WIMAX, STANDARD, stream(3_000))
        lossy = packets_needed(WIMAX, STANDARD, stream(3_000, lost_up=[100]))
        assert 3_300 <= clean <= 3_350 < lossy

    def test_what_is_decided_needs_no_more(self) -> None:
        assert packets_needed(WIMAX, STANDARD, stream(3_350)) == 3_350

    def test_what_has_failed_needs_no_more(self) -> None:
        lost_up, lost_down = list(range(0, 3_500, 10)), list(range(1, 3_500, 10))
        broken = stream(3_500, lost_up=lost_up, lost_down=lost_down)
        assert {each.outcome for each in outcomes(WIMAX, broken)} == {Outcome.FAIL}
        assert packets_needed(WIMAX, STANDARD, broken) == 3_500

    def test_a_mandatory_criterion_is_pursued_beyond_what_is_planned(self) -> None:
        planned = 1_001
        seen = stream(planned, lost_up=[100])
        assert packets_needed(profile(LOSS), STANDARD, seen) > planned

    def test_an_advisory_one_as_far_as_the_plan_goes(self) -> None:
        advisory = profile({**LOSS, "mandatory_in": []})
        assert packets_needed(advisory, STANDARD, stream(950)) == 950, "1,001 can't prove it"
        soon = profile(criterion(mandatory_in=[], n_min=100))
        assert packets_needed(soon, STANDARD, stream(100)) > 100, "it could, soon"
        assert packets_needed(soon, STANDARD, stream(700)) == 700

    def test_a_stream_that_nothing_is_asked_of_is_held_whole(self) -> None:
        plan = profile(RUN)
        assert packets_needed(plan, STANDARD, Evidence()) >= 1_001
        assert packets_needed(plan, STANDARD, stream(500)) == 1_001

    def test_that_went_on_until_decided_proves_what_its_plan_is_too_short_for(self) -> None:
        short = outcomes(profile(LOSS), stream(1_001))
        (long,) = outcomes(profile(LOSS), stream(4_000))
        assert [each.because for each in short] == [Because.NOT_PROVABLE_IN_MODE]
        assert long.outcome is Outcome.PASS
        (longer,) = outcomes(profile(LOSS), stream(3_500, lost_up=[1]))
        assert longer.because is Because.TOO_FEW_SAMPLES

    def test_what_is_decided_between_two_looks_is_not_yet_decided(self) -> None:
        """The record of a few packets more is not read there, and might say otherwise."""
        between = stream(3_298)
        (found,) = outcomes(profile(LOSS), between)
        assert found.outcome is Outcome.PASS
        assert packets_needed(profile(LOSS), STANDARD, between) == 3_300
        assert packets_needed(profile(LOSS), STANDARD, stream(3_300)) == 3_300

    def test_a_mandatory_variation_goes_on_to_the_end_for_a_lesser_delay_may_come(self) -> None:
        variation = criterion(metric="idle_pdv_us_p95", limit=10_000)
        planned = 1_001
        assert packets_needed(profile(variation), STANDARD, stream(900)) == planned
        advisory = profile({**variation, "mandatory_in": []})
        assert packets_needed(advisory, STANDARD, stream(900)) == 900

    def test_a_sample_that_is_read_no_further_asks_for_no_more(self) -> None:
        capped = profile({**LOSS, "n_max": 1_000})
        assert packets_needed(capped, STANDARD, stream(1_000)) == 1_000
        (found,) = outcomes(capped, stream(1_200))
        assert found.decision is not None
        assert (found.outcome, found.decision.more_needed) == (Outcome.INCONCLUSIVE, None)

    @given(
        lost=st.sets(st.integers(0, 3_499), max_size=12),
        late=st.sets(st.integers(0, 3_499), max_size=12),
        size=st.integers(3_350, 3_500),
        more=st.integers(0, 400) | st.integers(0, 6),
        way=st.sampled_from(["lost_up", "lost_down"]),
    )
    def test_ends_where_the_verdict_comes_out_the_same(
        self, lost: set[int], late: set[int], size: int, more: int, way: str
    ) -> None:
        rtt_us = [900_000 if at in late else 60_000 for at in range(3_900)]

        def first(packets: int) -> Evidence:
            gone = [at for at in lost if at < packets]
            held = idle_stream(packets=packets, rtt_us=rtt_us[:packets], **{way: gone})
            return Evidence(idle=(held,))

        if packets_needed(WIMAX, STANDARD, first(size)) > size:
            return
        ended = [each.outcome for each in outcomes(WIMAX, first(size))]
        went_on = [each.outcome for each in outcomes(WIMAX, first(size + more))]
        assert Outcome.INCONCLUSIVE not in ended
        assert ended == went_on


def runs(*shares: float, direction: Direction = DOWN) -> Evidence:
    """Return runs of these shares of the limit."""
    return Evidence(goodput=tuple(exact_run(direction, int(LIMIT_BPS * each)) for each in shares))


class TestRuns:
    @pytest.mark.parametrize(
        ("shares", "answered"),
        [
            pytest.param((), False, id="none yet"),
            pytest.param((1.3, 1.3), False, id="two say nothing of how alike they are"),
            pytest.param((1.3, 1.3, 1.3), True, id="clearly above"),
            pytest.param((0.7, 0.7, 0.7), True, id="clearly below"),
            pytest.param((1.04, 1.10, 1.12), False, id="above, and more would show it"),
            pytest.param((0.93, 0.90, 0.96), False, id="below, and more would show it"),
            pytest.param((1.0, 1.0, 1.0), True, id="at the limit: no number of them decides"),
            pytest.param((1.0, 1.2, 0.8), True, id="too far apart"),
        ],
    )
    def test_end_when_they_answer_or_never_will(
        self, shares: tuple[float, ...], *, answered: bool
    ) -> None:
        assert runs_answered(profile(RUN), STANDARD, DOWN, runs(*shares)) is answered

    def test_go_on_at_the_limit_for_who_wants_to_know(self) -> None:
        at_limit = runs(1.0, 1.0, 1.0)
        assert not runs_answered(profile(RUN), STANDARD, DOWN, at_limit, until_decided=True)
        clear = runs(1.3, 1.3, 1.3)
        assert runs_answered(profile(RUN), STANDARD, DOWN, clear, until_decided=True)

    def test_each_direction_is_asked_by_itself(self) -> None:
        up = {**RUN, "id": "up", "metric": "goodput_bps_up"}
        seen = runs(1.3, 1.3, 1.3)
        assert runs_answered(profile(RUN, up), STANDARD, DOWN, seen)
        assert not runs_answered(profile(RUN, up), STANDARD, UP, seen)

    def test_an_advisory_criterion_keeps_nobody_waiting(self) -> None:
        advisory = profile({**RUN, "mandatory_in": []})
        assert runs_answered(advisory, STANDARD, DOWN, runs(1.04, 1.10, 1.12))


def not_needed(way: Direction) -> TaskEnd:
    return replace(task(f"goodput_{way}", Ended.SKIPPED), detail=NOT_NEEDED)


class TestSaved:
    def test_is_nothing_where_everything_was_taken(self) -> None:
        assert saved(WIMAX, STANDARD, good_evidence()) is None

    def test_is_the_rest_of_a_stream_that_ended_early(self) -> None:
        early = good_evidence(
            tasks=(task("idle", Ended.DECIDED),), idle=(idle_stream(packets=3_001),)
        )
        found = saved(WIMAX, STANDARD, early)
        assert found is not None
        assert found.duration_us == 10_000_000, "500 packets of 70 s"
        assert found.octets_down == found.octets_up == 500 * 92

    def test_is_nothing_of_a_stream_that_went_on_beyond_the_plan(self) -> None:
        longer = good_evidence(
            tasks=(task("idle", Ended.DECIDED),), idle=(idle_stream(packets=4_001),)
        )
        assert saved(WIMAX, STANDARD, longer) is None

    def test_is_the_runs_that_were_left_out_at_what_the_others_took(self) -> None:
        ends = (*[not_needed(DOWN)] * 5, *[not_needed(UP)] * 4)
        evidence = good_evidence(tasks=ends)
        found = saved(WIMAX, STANDARD, evidence)
        assert found is not None
        assert found.duration_us == 9 * 5_000_000
        (down, up) = (by_header(run) for run in evidence.goodput[:2])
        assert found.octets_down == 5 * down
        assert found.octets_up == 4 * up

    def test_counts_no_run_that_was_left_out_for_another_reason(self) -> None:
        other = replace(task("goodput_down", Ended.SKIPPED), detail=LEFT_OUT)
        assert saved(WIMAX, STANDARD, good_evidence(tasks=(other,))) is None

    def test_of_a_direction_that_never_had_a_run_counts_the_time_alone(self) -> None:
        found = saved(WIMAX, STANDARD, good_evidence(goodput=(), tasks=(not_needed(DOWN),)))
        assert found is not None
        assert (found.duration_us, found.octets_down) == (5_000_000, 0)


def by_header(run: GoodputRun) -> int:
    payload = run.flows[0].octets[-1]
    return payload + payload * run.ip_header_octets // run.segment_octets
