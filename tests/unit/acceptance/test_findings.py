"""What a finding tells, and of which of several streams, runs, windows and tasks it speaks.

Whether a line passes is tested beside this (`test_judges`, `test_judges_by_points`); here is that
the figures under a verdict are those of the facts it was found by.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from omega_acceptance.decision.reading import Looks
from omega_acceptance.evaluate import evaluate
from omega_acceptance.judges.case import Case
from omega_acceptance.judges.shares import Sample, judge_sample
from omega_acceptance.judges.table import RULES
from omega_acceptance.windows import allowance_of
from omega_core.evidence import (
    Attempt,
    Ended,
    Evidence,
    Family,
    GoodputRun,
    IdleStream,
    WorkingStream,
)
from omega_core.metrics import Direction
from omega_core.verdict import Because, CriterionOutcome, Decision, Mode, Outcome
from support.facts import environment, idle_stream, working_stream
from support.profiles import (
    BLOCK,
    LOSS,
    REACH,
    RUN,
    WINDOW,
    criterion,
    exact_run,
    profile,
    task,
    tries,
)
from support.windows import window

PASS, FAIL, OPEN = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
Y, N = True, False
RTT = criterion(n_min=100)
BUDGET = {
    mode: {"s": 180, "idle_s": 70, "bytes_down": 10**9, "bytes_up": 10**9}
    for mode in ("quick", "standard")
}
QUICK = {**RUN, "mandatory_in": ["quick"]}


def judged(
    one: dict[str, Any], evidence: Evidence, mode: Mode = Mode.STANDARD, *, rules: int = RULES
) -> CriterionOutcome:
    return evaluate(
        profile(one, budget=BUDGET),
        mode,
        evidence=evidence,
        environment=environment(),
        faults=(),
        rules=rules,
    ).outcomes[0]


def decision_of(outcome: CriterionOutcome) -> Decision:
    assert outcome.decision is not None
    return outcome.decision


class TestStreams:
    def test_the_value_is_the_metric_of_the_stream(self) -> None:
        slow = idle_stream(rtt_us=[60_000] * 900 + [150_000] * 100)
        outcome = judged(RTT, Evidence(idle=(slow,)))
        assert (outcome.value, outcome.unit, outcome.samples) == (150_000, "us", 1_000)
        lossy = judged(LOSS, Evidence(idle=(idle_stream(packets=3_501, lost_up=[7]),)))
        assert (lossy.value, lossy.unit, lossy.samples) == (286, "ppm", 3_501), "rounded up"

    @pytest.mark.parametrize(
        "second",
        [
            pytest.param(idle_stream(packets=3_501, lost_up=range(3_501)), id="a silent one"),
            pytest.param(idle_stream(packets=0), id="an empty one"),
        ],
    )
    @pytest.mark.parametrize("one", [RTT, LOSS], ids=["delay", "loss"])
    def test_the_first_stream_is_judged_whatever_comes_after_it(
        self, one: dict[str, Any], second: IdleStream
    ) -> None:
        both = Evidence(
            idle=(idle_stream(packets=3_501, rtt_us=1), second),
            attempts=tries(udp=(N, N, N)),
        )
        outcome = judged(one, both)
        assert (outcome.outcome, outcome.because) == (PASS, Because.MET)
        assert outcome.samples == 3_501

    def test_loss_whose_way_nobody_knows_is_not_judged(self) -> None:
        unknown = idle_stream(packets=3_501, lost_somewhere=[7], report=None)
        outcome = judged(LOSS, Evidence(idle=(unknown,)))
        assert (outcome.outcome, outcome.because) == (OPEN, Because.NOT_MEASURED)
        assert (outcome.value, outcome.samples) == (None, 0)

    @pytest.mark.parametrize("other", ["goodput_down", "working_down"])
    @pytest.mark.parametrize("ended", [Ended.LINK_LOST, Ended.BUDGET])
    def test_how_another_task_ended_does_not_matter(self, other: str, ended: Ended) -> None:
        evidence = Evidence(idle=(idle_stream(packets=3_501),), tasks=(task(other, ended),))
        assert judged(LOSS, evidence).outcome is PASS

    def test_a_stream_slower_than_a_packet_a_second_is_looked_at_after_every_packet(self) -> None:
        crawling = idle_stream(packets=20, rtt_us=300_000, period_us=2_000_000)
        outcome = judged({**RTT, "n_min": 1}, Evidence(idle=(crawling,)))
        assert (outcome.outcome, decision_of(outcome).after_stop) == (FAIL, 17)

    @pytest.mark.parametrize(
        ("most", "because"),
        [
            pytest.param(367, Because.TOO_FEW_SAMPLES, id="just as large as a proof takes"),
            pytest.param(366, Because.NOT_PROVABLE_IN_MODE, id="a packet smaller"),
            pytest.param(None, Because.TOO_FEW_SAMPLES, id="not bounded"),
        ],
    )
    def test_what_a_mode_can_prove_with_its_last_packet_it_can_prove(
        self, most: int | None, because: Because
    ) -> None:
        plan = profile(LOSS)
        case = Case(
            profile=plan,
            criterion=plan.criteria[0],
            mode=Mode.STANDARD,
            evidence=Evidence(),
            runs=(),
            metrics={},
        )
        looks = Looks(every=50)
        sample = Sample(
            events=(), size=100, limit_ppm=10_000, looks=looks, value=None, most=most
        )  # fmt: skip
        assert judge_sample(case, sample).because is because

    @pytest.mark.parametrize(("late", "expected"), [(100, PASS), (101, FAIL)])
    def test_by_the_first_rules_one_packet_of_two_thousand_decides(
        self, late: int, expected: Outcome
    ) -> None:
        stream = idle_stream(rtt_us=[200_001] * late + [200_000] * (2_000 - late))
        assert judged(RTT, Evidence(idle=(stream,)), rules=1).outcome is expected


class TestAttempts:
    @pytest.mark.parametrize("answered", [1, 2])
    def test_one_answer_is_enough_where_one_is_asked_for(self, answered: int) -> None:
        outcome = judged({**REACH, "n_min": 1}, Evidence(attempts=tries((Y,) * answered, ())))
        assert (outcome.outcome, outcome.value) == (PASS, 1_000_000)

    def test_a_line_that_is_down_three_times_is_no_better_than_one_that_is_down_twice(self) -> None:
        dead = Evidence(attempts=tries((N,) * 9, (N,) * 9))
        assert judged(REACH, dead).outcome is FAIL


class TestRuns:
    """At least 1,386,515 bit/s of payload over IPv4."""

    LIMIT = 1_386_515

    def at(self, *shares: float) -> tuple[GoodputRun, ...]:
        return tuple(exact_run(Direction.DOWN, round(share * self.LIMIT)) for share in shares)

    def test_n_max_ends_the_reading(self) -> None:
        uneven = self.at(1.0667, 1.0278, 1.0789, 1.0578, 1.0711)
        to_the_end = judged(RUN, Evidence(goodput=uneven))
        cut = judged({**RUN, "n_max": 4}, Evidence(goodput=uneven))
        assert (to_the_end.outcome, cut.outcome) == (PASS, OPEN)
        assert decision_of(cut).after_stop == 1

    @pytest.mark.parametrize(
        ("count", "read", "spread_ppm"),
        [
            pytest.param(1, 1, 50_000, id="one: its spread is assumed"),
            pytest.param(2, 1, 50_000, id="two: their mean is taken for one"),
            pytest.param(3, 3, 1, id="three: their spread is seen"),
            pytest.param(4, 3, 1, id="four: three decided"),
        ],
    )
    def test_mode_quick_reads_as_many_runs_as_there_are(
        self, count: int, read: int, spread_ppm: int
    ) -> None:
        outcome = judged(
            {**QUICK, "n_min": 1}, Evidence(goodput=self.at(*(1.2,) * count)), Mode.QUICK
        )
        runs = decision_of(outcome).runs
        assert runs is not None
        assert (outcome.outcome, outcome.samples, runs.runs) == (PASS, count, read)
        assert runs.spread_ppm <= spread_ppm

    def test_mode_quick_asks_for_no_more_runs_than_the_plan(self) -> None:
        one = Evidence(goodput=self.at(1.2))
        assert judged({**QUICK, "n_min": 2}, one, Mode.QUICK).samples_needed == 2
        assert judged({**RUN, "n_min": 3}, one).samples_needed == 3

    def test_runs_over_the_other_family_do_not_count(self) -> None:
        six = tuple(exact_run(Direction.DOWN, 2_000_000, family=6) for _ in range(3))
        outcome = judged(RUN, Evidence(goodput=(*six, *self.at(0.1))))
        assert (outcome.outcome, outcome.samples) == (PASS, 3)
        assert outcome.value == 2_000_000
        assert outcome.limit < self.LIMIT, "the headers of IPv6 are longer"

    def test_how_another_task_ended_does_not_matter(self) -> None:
        for other in ("connectivity", "goodput_up"):
            evidence = Evidence(goodput=self.at(1.2), tasks=(task(other, Ended.BUDGET),))
            assert judged(RUN, evidence).because is Because.TOO_FEW_SAMPLES

    def test_by_the_first_rules_more_runs_than_needed_are_no_fewer(self) -> None:
        four = Evidence(goodput=self.at(1.0, 1.0, 1.0, 1.0))
        assert judged(RUN, four, rules=1).outcome is PASS


class TestFamilies:
    """A criterion that names a family is judged by what was measured over that family alone."""

    @pytest.mark.parametrize(("family", "value"), [(4, 60_000), (6, 150_000)])
    def test_streams(self, family: Family, value: int) -> None:
        streams = (
            idle_stream(packets=1_000, rtt_us=60_000, family=4),
            idle_stream(packets=1_000, rtt_us=150_000, family=6),
        )
        for order in (streams, streams[::-1]):
            outcome = judged({**RTT, "family": family}, Evidence(idle=order))
            assert (outcome.outcome, outcome.value, outcome.family) == (PASS, value, family)

    @pytest.mark.parametrize(("family", "value"), [(4, 2_000_000), (6, 3_000_000)])
    def test_runs(self, family: Family, value: int) -> None:
        four, six = (
            exact_run(Direction.DOWN, 2_000_000, family=4),
            exact_run(Direction.DOWN, 3_000_000, family=6),
        )
        runs = [four] * 3 + [six] * 3
        for order in (runs, runs[::-1]):
            outcome = judged({**RUN, "family": family}, Evidence(goodput=tuple(order)))
            assert (outcome.outcome, outcome.value, outcome.samples) == (PASS, value, 3)

    @pytest.mark.parametrize(("family", "expected"), [(4, PASS), (6, OPEN)])
    def test_windows(self, family: Family, expected: Outcome) -> None:
        held = partial(
            window, fixed_bps=400_000, allowance=allowance_of(profile(WINDOW)), ip_octets=200
        )
        runs = [held(448_000, family=4), held(360_000, family=6)]
        for order in (runs, runs[::-1]):
            outcome = judged({**WINDOW, "family": family}, Evidence(capacity=tuple(order)))
            assert (outcome.outcome, outcome.samples) == (expected, 1 if family == 4 else 0)

    @pytest.mark.parametrize(("family", "value"), [(4, 60_000), (6, 150_000)])
    def test_seconds_under_load(self, family: Family, value: int) -> None:
        one = {**BLOCK, "metric": "working_rtt_us_p50_down", "n_min": 1, "family": family}
        both = [under_load(4, 60_000, run=0), under_load(6, 150_000, run=1)]
        for order in (both, both[::-1]):
            evidence = Evidence(
                goodput=tuple(run for run, _ in order),
                working=tuple(stream for _, stream in order),
            )
            outcome = judged(one, evidence)
            assert (outcome.value, outcome.samples) == (value, 18)


def under_load(family: Family, rtt_us: int, *, run: int) -> tuple[GoodputRun, WorkingStream]:
    """Return a download of eighteen seconds and the stream beside it, of fifty packets a second."""
    carrier = replace(exact_run(Direction.DOWN, 1_600_000, family=family), run=run)
    flow = replace(carrier.flows[0], at_us=(0, 18_000_000), octets=(0, 3_600_000))
    stream = working_stream(
        run=run, packets=18 * 50, rtt_us=rtt_us, family=family, started_offset_us=40_000_000
    )
    return replace(carrier, flows=(flow,)), stream


class TestBlockedUdp:
    def test_a_filter_is_named_where_tcp_is_answered_and_udp_never(self) -> None:
        assert judged(RTT, Evidence(attempts=tries(udp=(N, N, N)))).because is Because.UDP_BLOCKED

    @pytest.mark.parametrize(
        "attempts",
        [
            pytest.param(tries(udp=()), id="UDP was never tried"),
            pytest.param(tries(tcp=(N, N, N), udp=(N, N, N)), id="TCP is not answered either"),
            pytest.param(tries(tcp=(), udp=(N, N, N)), id="TCP was never tried"),
            pytest.param(tries(udp=(N, Y, N)), id="UDP was answered once"),
            pytest.param(tries(udp=(N, N, N), to_test_point=False), id="of another server"),
        ],
    )
    def test_and_nowhere_else(self, attempts: tuple[Attempt, ...]) -> None:
        assert judged(RTT, Evidence(attempts=attempts)).because is Because.NOT_MEASURED


def test_every_number_of_a_decision_is_a_whole_one() -> None:
    half = criterion(metric="idle_rtt_us_p50", n_min=100)
    share = decision_of(judged(half, Evidence(idle=(idle_stream(packets=1_000),)))).share
    assert share is not None
    numbers = [getattr(share, name) for name in type(share).__slots__]
    assert [type(each) for each in numbers] == [int] * 8
