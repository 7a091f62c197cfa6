"""The judges that state an error probability: what they decide, on what evidence, and what is open.

What a sample must hold is the decision engine's, and tested there; here is what is counted, against
which limit, with which rates, and what is told of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from omega_acceptance.evaluate import evaluate
from omega_acceptance.judges.table import FIRST_RULES, RULES
from omega_core.evidence import Ended, Evidence, WorkingStream
from omega_core.metrics import Direction
from omega_core.verdict import Because, CriterionOutcome, Decision, Mode, Outcome
from support.facts import environment, idle_stream, working_stream
from support.profiles import (
    BLOCK,
    LOSS,
    REACH,
    RUN,
    criterion,
    exact_run,
    profile,
    task,
    tries,
)

PASS, FAIL, OPEN = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
RTT = criterion(n_min=100)
LONG = {"standard": {"s": 180, "idle_s": 70, "bytes_down": 10**9, "bytes_up": 10**9}}


def judged(
    one: dict[str, Any],
    evidence: Evidence,
    mode: Mode = Mode.STANDARD,
    *others: dict[str, Any],
    **changes: Any,  # noqa: ANN401 - fields of the profile
) -> CriterionOutcome:
    plan = profile(one, *others, **{"budget": LONG, **changes})
    return evaluate(plan, mode, evidence=evidence, environment=environment(), faults=()).outcomes[0]


def decision_of(outcome: CriterionOutcome) -> Decision:
    assert outcome.decision is not None
    return outcome.decision


def stream(packets: int = 3_501, **changes: Any) -> Evidence:  # noqa: ANN401 - fields of the fact
    return Evidence(idle=(idle_stream(packets=packets, **changes),))


class TestShares:
    """WiMAX assumes bursts of 100 ms: five packets, so a sample is worth a ninth of its size."""

    @pytest.mark.parametrize(
        ("packets", "lost", "expected", "because"),
        [
            pytest.param(3_501, (), PASS, Because.MET, id="none of 3,501 lost"),
            pytest.param(3_250, (), OPEN, Because.TOO_FEW_SAMPLES, id="too few to prove it"),
            pytest.param(
                3_600, range(0, 3_600, 200), OPEN, Because.INSIDE_GUARD_BAND, id="half the limit"
            ),
            pytest.param(
                3_618, range(0, 3_618, 201), OPEN, Because.TOO_FEW_SAMPLES, id="a little less"
            ),
            pytest.param(
                3_501, range(0, 3_501, 10), FAIL, Because.NOT_MET, id="ten times the limit"
            ),
            pytest.param(3_501, range(3_501), FAIL, Because.NOT_MET, id="every packet lost"),
            pytest.param(900, range(900), OPEN, Because.TOO_FEW_SAMPLES, id="before n_min"),
        ],
    )
    def test_loss(
        self, packets: int, lost: Iterable[int], expected: Outcome, because: Because
    ) -> None:
        outcome = judged(LOSS, stream(packets, lost_up=lost))
        assert (outcome.outcome, outcome.because) == (expected, because)
        assert outcome.samples == packets

    def test_a_pass_says_on_what_it_rests(self) -> None:
        found = decision_of(judged(LOSS, stream(3_501)))
        assert (found.false_outcome_ppm, found.false_pass_ppm, found.false_fail_ppm) == (
            50_000,
        ) * 3
        assert (found.after_stop, found.more_needed, found.runs) == (201, None, None)
        share = found.share
        assert share is not None
        assert (share.limit_ppm, share.events, share.samples) == (10_000, 0, 3_300)
        assert (share.burst_ppm, share.assumed_burst_ppm) == (5_000_000, 5_000_000)
        assert share.effective_samples == 366
        assert share.pass_unats >= 2_995_733

    def test_a_fail_is_decided_at_its_part_of_the_false_fail_rate(self) -> None:
        others = [{**REACH, "id": f"reach-{each}"} for each in range(7)]
        outcome = judged(LOSS, stream(lost_up=range(0, 3_501, 10)), Mode.STANDARD, *others)
        assert outcome.outcome is FAIL
        assert decision_of(outcome).false_outcome_ppm == 6_250

    def test_a_longer_confidence_is_kept(self) -> None:
        surer = judged({**LOSS, "confidence_ppm": 990_000}, stream(3_501))
        assert (surer.outcome, decision_of(surer).false_pass_ppm) == (OPEN, 10_000)

    @pytest.mark.parametrize("lost", [(), (100, 200)])
    def test_an_open_loss_says_how_many_more_packets_would_pass(
        self, lost: tuple[int, ...]
    ) -> None:
        outcome = judged(LOSS, stream(3_000, lost_up=lost))
        more = decision_of(outcome).more_needed
        assert (outcome.outcome, outcome.samples_needed) == (OPEN, 3_000 + (more or 0))
        assert more is not None
        enough = judged(LOSS, stream(3_000 + more, lost_up=lost))
        assert enough.outcome is PASS
        assert judged(LOSS, stream(3_000 + more - 1, lost_up=lost)).outcome is OPEN

    def test_bursts_longer_than_assumed_are_told_and_counted(self) -> None:
        bursts = [at for start in range(0, 3_000, 500) for at in range(start, start + 12)]
        share = decision_of(judged(LOSS, stream(lost_up=bursts))).share
        assert share is not None
        assert share.assumed_burst_ppm == 5_000_000
        assert 11_500_000 < share.burst_ppm < 12_000_000

    def test_loss_down_is_read_in_the_order_of_what_got_up(self) -> None:
        """Every tenth packet that got up is lost, though no two that were sent are ten apart."""
        up = [at for at in range(4_000) if at % 3 == 0]
        reached = [at for at in range(4_000) if at % 3]
        down = [reached[at] for at in range(9, len(reached), 10)]
        outcome = judged(
            {**LOSS, "metric": "loss_ppm_down"}, stream(4_000, lost_up=up, lost_down=down)
        )
        share = decision_of(outcome).share
        assert share is not None
        assert outcome.samples == len(reached)
        assert share.events == share.samples // 10

    @pytest.mark.parametrize(
        ("lost", "n_min", "expected", "because"),
        [
            pytest.param((), 950, OPEN, Because.NOT_PROVABLE_IN_MODE, id="never proved"),
            pytest.param((7,), 950, FAIL, Because.NOT_MET, id="refuted by one packet"),
            pytest.param((7,), 3_502, OPEN, Because.TOO_FEW_SAMPLES, id="before n_min"),
        ],
    )
    def test_a_promise_of_no_loss_at_all(
        self, lost: tuple[int, ...], n_min: int, expected: Outcome, because: Because
    ) -> None:
        one = {**LOSS, "limit": 0, "n_min": n_min, "mandatory_in": []}
        outcome = judged(one, stream(lost_up=lost))
        assert (outcome.outcome, outcome.because) == (expected, because)
        assert outcome.decision is None

    @pytest.mark.parametrize(("packets", "expected"), [(950, PASS), (949, OPEN)])
    def test_a_promise_that_allows_any_loss_is_kept(self, packets: int, expected: Outcome) -> None:
        one = {**LOSS, "limit": 1_000_000, "mandatory_in": []}
        outcome = judged(one, stream(packets, lost_up=range(packets - 1)))
        assert (outcome.outcome, outcome.decision) == (expected, None)

    def test_n_max_ends_the_reading(self) -> None:
        outcome = judged({**LOSS, "n_max": 3_200}, stream())
        assert (outcome.outcome, decision_of(outcome).after_stop) == (OPEN, 301)


class TestPercentiles:
    """A p95: late or lost packets are rarer than 5 %; 72 x 9 = 648 without one prove it."""

    @pytest.mark.parametrize(
        ("late", "lost", "expected"),
        [
            pytest.param(0, 0, PASS, id="all in time"),
            pytest.param(50, 0, FAIL, id="one in fifty of a second, and one in two late"),
            pytest.param(0, 50, FAIL, id="as many lost, none late"),
            pytest.param(4, 4, OPEN, id="nearly as many as allowed"),
        ],
    )
    def test_late_or_lost(self, late: int, lost: int, expected: Outcome) -> None:
        """So many of each hundred packets."""
        rtt_us = [200_001 if at % 100 < late else 200_000 for at in range(1_000)]
        gone = [at for at in range(1_000) if 100 - at % 100 <= lost]
        outcome = judged(RTT, Evidence(idle=(idle_stream(rtt_us=rtt_us, lost_up=gone),)))
        assert outcome.outcome is expected

    def test_the_p50_allows_half_of_them(self) -> None:
        half = criterion(metric="idle_rtt_us_p50", n_min=100)
        share = decision_of(judged(half, stream(1_000, rtt_us=1))).share
        assert share is not None
        assert share.limit_ppm == 500_000

    def test_delay_variation_is_counted_from_the_smallest(self) -> None:
        pdv = criterion(metric="idle_pdv_us_p95", limit=10_000)
        for slow_us, expected in ((510_000, PASS), (510_001, FAIL)):
            rtt_us = [500_000] + [slow_us] * 1_000
            assert judged(pdv, Evidence(idle=(idle_stream(rtt_us=rtt_us),))).outcome is expected

    def test_what_three_seconds_can_not_prove_is_said_to_be_the_modes(self) -> None:
        quick = {"quick": {"s": 15, "idle_s": 3, "bytes_down": 10**9, "bytes_up": 10**9}}
        one = {**RTT, "mandatory_in": ["quick"]}
        outcome = judged(one, stream(151, rtt_us=1), Mode.QUICK, budget=quick)
        assert (outcome.outcome, outcome.because) == (OPEN, Because.NOT_PROVABLE_IN_MODE)
        assert decision_of(outcome).more_needed == 646 - 151  # 9 x 71.8

    def test_a_stream_that_says_no_period_is_read_at_the_plans(self) -> None:
        silent = replace(idle_stream(packets=1_000, rtt_us=1), period_us=0)
        outcome = judged(RTT, Evidence(idle=(silent,)))
        share = decision_of(outcome).share
        assert share is not None
        assert (outcome.outcome, share.burst_ppm) == (PASS, 5_000_000)


class TestRuns:
    """At least 1,386,515 bit/s of payload: 90 % of 1.6 Mbit/s at the IP layer."""

    LIMIT = 1_386_515

    def at(self, *shares: float, ended: Ended = Ended.COMPLETED) -> Evidence:
        return Evidence(
            goodput=tuple(
                exact_run(Direction.DOWN, round(share * self.LIMIT), ended=ended)
                for share in shares
            )
        )

    @pytest.mark.parametrize(
        ("shares", "expected", "because"),
        [
            pytest.param((1.1, 1.11, 1.1), PASS, Because.MET, id="clearly above"),
            pytest.param((0.8, 0.81, 0.8), FAIL, Because.NOT_MET, id="clearly below"),
            pytest.param((1.0,) * 3, OPEN, Because.INSIDE_GUARD_BAND, id="exactly at the limit"),
            pytest.param((1.05, 1.1, 1.12), OPEN, Because.TOO_FEW_SAMPLES, id="above, but uneven"),
            pytest.param((0.3, 2.0, 1.5), OPEN, Because.INSIDE_GUARD_BAND, id="anything"),
            pytest.param((1.3, 1.3), OPEN, Because.TOO_FEW_SAMPLES, id="two runs"),
            pytest.param((), OPEN, Because.NOT_MEASURED, id="none"),
        ],
    )
    def test_rates(self, shares: tuple[float, ...], expected: Outcome, because: Because) -> None:
        outcome = judged(RUN, self.at(*shares))
        assert (outcome.outcome, outcome.because) == (expected, because)
        assert (outcome.limit, outcome.samples) == (self.LIMIT, len(shares))

    def test_a_pass_says_on_what_it_rests(self) -> None:
        outcome = judged(RUN, self.at(1.1, 1.11, 1.1, 0.1))
        found, runs = decision_of(outcome), decision_of(outcome).runs
        assert runs is not None
        assert (found.false_outcome_ppm, found.after_stop, found.more_needed) == (50_000, 1, None)
        assert (runs.runs, runs.guard_ppm, runs.correlation_ppm) == (3, 20_000, 300_000)
        assert runs.guard_ppm <= runs.lower_ppm < runs.mean_ppm < runs.upper_ppm

    def test_an_open_rate_says_how_many_more_runs_would_pass(self) -> None:
        open_ = judged(RUN, self.at(1.05, 1.1, 1.12))
        more = decision_of(open_).more_needed
        assert more is not None
        assert open_.samples_needed == 3 + more
        near = judged(RUN, self.at(1.0, 1.0, 1.0))
        assert (decision_of(near).more_needed, near.samples_needed) == (None, 3)

    def test_a_run_that_was_cut_does_not_count(self) -> None:
        cut = self.at(0.1, ended=Ended.BUDGET).goodput
        outcome = judged(RUN, Evidence(goodput=(*self.at(1.3, 1.3).goodput, *cut)))
        assert (outcome.because, outcome.samples, outcome.samples_needed) == (Because.BUDGET, 2, 3)

    @pytest.mark.parametrize(
        ("share", "n_min", "expected", "because"),
        [
            pytest.param(1.108, 1, PASS, Because.MET, id="clearly above"),
            pytest.param(1.107, 1, OPEN, Because.INSIDE_GUARD_BAND, id="not clearly above"),
            pytest.param(0.903, 1, OPEN, Because.INSIDE_GUARD_BAND, id="not clearly below"),
            pytest.param(0.902, 1, FAIL, Because.NOT_MET, id="clearly below"),
            pytest.param(2.0, 2, OPEN, Because.TOO_FEW_SAMPLES, id="where the plan asks for two"),
        ],
    )
    def test_one_quick_run_decides_clear_cases(
        self, share: float, n_min: int, expected: Outcome, because: Because
    ) -> None:
        quick = {"quick": {"s": 30, "idle_s": 3, "bytes_down": 10**9, "bytes_up": 10**9}}
        one = {**RUN, "n_min": n_min, "mandatory_in": ["quick"]}
        outcome = judged(one, self.at(share), Mode.QUICK, budget=quick)
        assert (outcome.outcome, outcome.because) == (expected, because)
        if n_min == 1:
            assert decision_of(outcome).false_outcome_ppm == (None if expected is OPEN else 50_000)

    def test_a_share_of_nothing_is_not_compared(self) -> None:
        outcome = judged(RUN, self.at())
        assert outcome.value is None


class TestBlocks:
    """18 s of load without a bad one prove working latency, at bursts of two seconds."""

    def seconds(self, *p50_us: int, of: int = 50) -> Evidence:
        """Return a download whose steady window lasts so many seconds, each with its delay."""
        return beside_runs([[each] * of for each in p50_us])

    @pytest.mark.parametrize(
        ("good", "bad", "expected", "because"),
        [
            pytest.param(18, 0, PASS, Because.MET, id="eighteen good seconds"),
            pytest.param(17, 0, OPEN, Because.TOO_FEW_SAMPLES, id="one too few"),
            pytest.param(0, 24, FAIL, Because.NOT_MET, id="nothing but bad ones"),
            pytest.param(12, 12, OPEN, Because.INSIDE_GUARD_BAND, id="half of them"),
        ],
    )
    def test_seconds(self, good: int, bad: int, expected: Outcome, because: Because) -> None:
        one = {**BLOCK, "metric": "working_rtt_us_p50_down"}
        outcome = judged(one, self.seconds(*[200_000] * good, *[200_001] * bad))
        assert (outcome.outcome, outcome.because) == (expected, because)
        assert outcome.samples == good + bad

    def test_what_is_told_of_the_seconds(self) -> None:
        """Bad ones in a row are a state and no burst: what the plan assumes is what counts."""
        one = {**BLOCK, "metric": "working_rtt_us_p50_down"}
        outcome = judged({**one, "n_min": 19}, self.seconds(*[200_000] * 22))
        assert (outcome.outcome, outcome.value, outcome.samples) == (PASS, 200_000, 22)
        assert decision_of(outcome).after_stop == 3, "it is looked at after every second"
        mixed = decision_of(judged(one, self.seconds(*[1] * 12, *[200_001] * 12))).share
        assert mixed is not None
        assert (mixed.burst_ppm, mixed.assumed_burst_ppm) == (2_000_000, 2_000_000)

    def test_the_p50_of_a_second_counts_lost_packets_as_late(self) -> None:
        half = beside_runs([[1] * 25 + [None] * 25] * 18)
        more = beside_runs([[1] * 24 + [None] * 26] * 24)
        one = {**BLOCK, "metric": "working_rtt_us_p50_down"}
        assert judged(one, half).outcome is PASS
        assert judged(one, more).outcome is FAIL

    def test_without_load_nothing_was_measured(self) -> None:
        outcome = judged(BLOCK, self.seconds(*[1] * 18))
        assert (outcome.outcome, outcome.because) == (OPEN, Because.NOT_MEASURED), "other direction"


def beside_runs(seconds: list[list[int | None]]) -> Evidence:
    """Return one download and the stream beside it, whose seconds have these round trips."""
    span_us = len(seconds) * 1_000_000
    rate = exact_run(Direction.DOWN, 1_600_000)
    flow = replace(rate.flows[0], at_us=(0, span_us), octets=(0, 200_000 * len(seconds)))
    run = replace(rate, flows=(flow,))
    return Evidence(goodput=(run,), working=(even_stream(seconds, run=run.run),))


def even_stream(seconds: list[list[int | None]], *, run: int) -> WorkingStream:
    fates = tuple(each for second in seconds for each in second)
    stream = working_stream(
        run=run,
        packets=len(fates),
        started_offset_us=40_000_000,
        period_us=1_000_000 // len(seconds[0]),
    )
    return replace(stream, rtt_us=fates)


def test_a_judgement_names_the_rules_it_was_made_by() -> None:
    judgement = evaluate(
        profile(REACH), Mode.STANDARD, evidence=Evidence(), environment=environment(), faults=()
    )
    assert judgement.rules == RULES == 2


def test_attempts_are_decided_without_an_error_probability() -> None:
    assert judged(REACH, Evidence(attempts=tries())).decision is None


@pytest.mark.parametrize("one", [LOSS, RTT])
def test_a_stream_that_was_cut_is_left_open(one: dict[str, Any]) -> None:
    cut = replace(stream(), tasks=(task("idle", Ended.LINK_LOST),))
    outcome = judged(one, cut)
    assert (outcome.outcome, outcome.because) == (OPEN, Because.NOT_MEASURED)
    assert outcome.decision is None


def test_the_same_runs_pass_a_bare_comparison_and_prove_nothing() -> None:
    at_the_limit = Evidence(goodput=(exact_run(Direction.DOWN, 1_386_515),) * 3)
    outcomes = [
        evaluate(
            profile(RUN),
            Mode.STANDARD,
            evidence=at_the_limit,
            environment=environment(),
            faults=(),
            rules=rules,
        )
        .outcomes[0]
        .outcome
        for rules in (FIRST_RULES, RULES)
    ]
    assert outcomes == [PASS, OPEN]
