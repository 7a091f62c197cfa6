"""The first rules: each judge at its limit and one unit either side, every reason to leave open.

Older records are judged again by them. Judges that version 2 has kept are tested here too.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from omega_acceptance.evaluate import evaluate
from omega_acceptance.judges.runs import geometric_mean
from omega_acceptance.judges.table import FIRST_RULES, JUDGES_OF_RULES, RULES
from omega_acceptance.profile import Statistic
from omega_core.evidence import Ended, Evidence
from omega_core.metrics import Direction
from omega_core.verdict import Because, CriterionOutcome, Mode, Outcome
from support.facts import environment, idle_stream
from support.profiles import (
    AVAILABILITY,
    BLOCK,
    CINR,
    LOSS,
    REACH,
    RUN,
    SHARE,
    criterion,
    exact_run,
    good_evidence,
    profile,
    task,
    tries,
)

PASS, FAIL, OPEN = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
Y, N = True, False


def judged(one: dict[str, Any], evidence: Evidence, mode: Mode = Mode.STANDARD) -> CriterionOutcome:
    """Return what this criterion alone comes to."""
    (outcome,) = evaluate(
        profile(one), mode, evidence=evidence, environment=environment(), faults=(), rules=1
    ).outcomes
    return outcome


def came_to(outcome: CriterionOutcome) -> tuple[Outcome, Because]:
    return outcome.outcome, outcome.because


class TestAll:
    @pytest.mark.parametrize(
        ("tcp", "udp", "expected", "because"),
        [
            pytest.param((Y, Y, Y), (Y, Y, Y), PASS, Because.MET, id="all answered"),
            pytest.param((Y,), (Y, Y), PASS, Because.MET, id="exactly as many as needed"),
            pytest.param((Y,), (Y,), OPEN, Because.TOO_FEW_SAMPLES, id="one too few"),
            pytest.param((Y, Y, Y), (Y, N, Y), OPEN, Because.MIXED_ATTEMPTS, id="one lost"),
            pytest.param((Y, N, Y), (N, N, N), OPEN, Because.MIXED_ATTEMPTS, id="TCP flaps too"),
            pytest.param((Y, Y, Y), (N, N, N), OPEN, Because.UDP_BLOCKED, id="UDP filtered"),
            pytest.param((N, N, N), (Y, Y, Y), OPEN, Because.MIXED_ATTEMPTS, id="TCP filtered"),
            pytest.param((N,) * 3, (N,) * 3, OPEN, Because.TOO_FEW_SAMPLES, id="down in one round"),
            pytest.param((N,) * 6, (N,) * 6, FAIL, Because.NOT_MET, id="down in two rounds"),
            pytest.param(
                (N,) * 6, (N,) * 5, OPEN, Because.TOO_FEW_SAMPLES, id="second round cut short"
            ),
            pytest.param(
                (N,) * 6, (N,) * 5 + (Y,), OPEN, Because.MIXED_ATTEMPTS, id="one answer at last"
            ),
            pytest.param((N,) * 6, (), FAIL, Because.NOT_MET, id="down by the one kind tried"),
            pytest.param((), (), OPEN, Because.NOT_MEASURED, id="never tried"),
        ],
    )
    def test_attempts(
        self,
        tcp: tuple[bool, ...],
        udp: tuple[bool, ...],
        expected: Outcome,
        because: Because,
    ) -> None:
        outcome = judged(REACH, Evidence(attempts=tries(tcp, udp)))
        assert came_to(outcome) == (expected, because)
        assert outcome.samples == len(tcp) + len(udp)
        assert outcome.limit == 1_000_000

    def test_a_server_that_is_down_does_not_fail_the_line(self) -> None:
        dead = tries((N,) * 6, (N,) * 6, to_test_point=False)
        assert came_to(judged(REACH, Evidence(attempts=dead))) == (OPEN, Because.NOT_MEASURED)

    def test_needed_is_one_round_to_pass_and_two_of_each_kind_to_fail(self) -> None:
        def needed(tcp: tuple[bool, ...], udp: tuple[bool, ...]) -> int:
            return judged(REACH, Evidence(attempts=tries(tcp, udp))).samples_needed

        assert (needed((Y,), ()), needed((N,), ()), needed((N,), (N,))) == (3, 6, 12)

    def test_only_the_family_that_is_named_counts(self) -> None:
        four, six = tries(), tries((N,) * 6, (N,) * 6, family=6)
        both = Evidence(attempts=(*four, *six))
        assert came_to(judged({**REACH, "family": 4}, both)) == (PASS, Because.MET)
        assert came_to(judged({**REACH, "family": 6}, both)) == (FAIL, Because.NOT_MET)
        mixed = judged(REACH, both)
        assert came_to(mixed) == (OPEN, Because.MIXED_ATTEMPTS)
        assert mixed.value == 333_333


class TestPercentile:
    """100 packets, and p95 <= 200 ms: five may be late or lost, six may not."""

    LIMIT = 200_000
    ONE = criterion(limit=LIMIT, n_min=100)

    @pytest.mark.parametrize(
        ("late", "late_us", "lost", "expected"),
        [
            pytest.param(0, LIMIT, 0, PASS, id="all on the limit"),
            pytest.param(100, LIMIT, 0, PASS, id="every one exactly on the limit"),
            pytest.param(5, LIMIT + 1, 0, PASS, id="five of a hundred one us late"),
            pytest.param(6, LIMIT + 1, 0, FAIL, id="six of a hundred one us late"),
            pytest.param(0, LIMIT, 5, PASS, id="five lost"),
            pytest.param(0, LIMIT, 6, FAIL, id="six lost, none late"),
            pytest.param(3, LIMIT + 1, 2, PASS, id="three late and two lost"),
            pytest.param(3, LIMIT + 1, 3, FAIL, id="three late and three lost"),
            pytest.param(0, LIMIT, 100, FAIL, id="not one came back"),
        ],
    )
    def test_late_or_lost(self, late: int, late_us: int, lost: int, expected: Outcome) -> None:
        rtt_us = [late_us] * late + [60_000] * (100 - late)
        stream = idle_stream(rtt_us=rtt_us, lost_up=range(100 - lost, 100))
        outcome = judged(self.ONE, Evidence(idle=(stream,), attempts=tries()))
        assert outcome.outcome is expected
        assert outcome.samples == 100

    def test_a_line_that_answers_to_nothing_is_down_and_not_filtered(self) -> None:
        silent = idle_stream(packets=100, lost_up=range(100))
        dead = Evidence(idle=(silent,), attempts=tries((N,) * 6, (N,) * 6))
        assert judged(self.ONE, dead).outcome is FAIL

    def test_the_value_shown_is_of_the_packets_that_came_back(self) -> None:
        stream = idle_stream(packets=100, rtt_us=60_000, lost_up=range(6))
        outcome = judged(self.ONE, Evidence(idle=(stream,)))
        assert (outcome.outcome, outcome.value) == (FAIL, 60_000)
        silent = idle_stream(packets=100, lost_up=range(100))
        assert judged(self.ONE, Evidence(idle=(silent,))).value is None

    @pytest.mark.parametrize(("packets", "expected"), [(100, PASS), (99, OPEN)])
    def test_one_packet_too_few_is_no_verdict(self, packets: int, expected: Outcome) -> None:
        outcome = judged(self.ONE, Evidence(idle=(idle_stream(packets=packets, rtt_us=1),)))
        assert outcome.outcome is expected
        assert outcome.value == 1

    def test_too_few_bad_packets_are_no_verdict_either(self) -> None:
        outcome = judged(self.ONE, Evidence(idle=(idle_stream(packets=99, rtt_us=999_999),)))
        assert came_to(outcome) == (OPEN, Because.TOO_FEW_SAMPLES)
        assert (outcome.samples, outcome.samples_needed) == (99, 100)

    def test_another_percentile_allows_another_share(self) -> None:
        half = criterion(metric="idle_rtt_us_p50", limit=self.LIMIT)
        for late, expected in ((50, PASS), (51, FAIL)):
            rtt_us = [self.LIMIT + 1] * late + [1] * (100 - late)
            assert judged(half, Evidence(idle=(idle_stream(rtt_us=rtt_us),))).outcome is expected

    @pytest.mark.parametrize(("late", "expected"), [(5, PASS), (6, FAIL)])
    def test_delay_variation_is_counted_from_the_smallest(
        self, late: int, expected: Outcome
    ) -> None:
        pdv = criterion(metric="idle_pdv_us_p95", limit=10_000)
        rtt_us = [510_001] * late + [510_000] * (99 - late) + [500_000]
        outcome = judged(pdv, Evidence(idle=(idle_stream(rtt_us=rtt_us),)))
        assert outcome.outcome is expected

    def test_the_stream_of_the_family_that_is_named_is_judged(self) -> None:
        streams = (idle_stream(rtt_us=1), idle_stream(rtt_us=900_000, family=6))
        evidence = Evidence(idle=streams)
        assert judged({**self.ONE, "family": 6}, evidence).outcome is FAIL
        assert judged({**self.ONE, "family": 4}, evidence).outcome is PASS
        assert judged(self.ONE, evidence).outcome is PASS
        one_family = Evidence(idle=streams[:1])
        assert came_to(judged({**self.ONE, "family": 6}, one_family)) == (
            OPEN,
            Because.NOT_MEASURED,
        )


class TestShare:
    """1,000 packets upwards, and loss <= 1 %: ten may be lost, eleven may not."""

    @pytest.mark.parametrize(("lost", "expected"), [(0, PASS), (10, PASS), (11, FAIL)])
    def test_lost_packets(self, lost: int, expected: Outcome) -> None:
        stream = idle_stream(packets=1_000, lost_up=range(lost))
        outcome = judged(LOSS, Evidence(idle=(stream,)))
        assert outcome.outcome is expected
        assert (outcome.value, outcome.samples) == (lost * 1_000, 1_000)

    def test_one_packet_in_a_sample_that_does_not_divide_is_rounded_to_the_worse_side(self) -> None:
        one = {**LOSS, "limit": 1_049}
        stream = idle_stream(packets=953, lost_up=[7])  # 1,049.3 ppm
        assert judged(one, Evidence(idle=(stream,))).outcome is FAIL
        assert judged({**one, "limit": 1_050}, Evidence(idle=(stream,))).outcome is PASS

    def test_loss_down_is_a_share_of_what_got_up(self) -> None:
        down = {**LOSS, "metric": "loss_ppm_down"}
        stream = idle_stream(packets=1_000, lost_up=range(50), lost_down=range(50, 60))
        outcome = judged(down, Evidence(idle=(stream,)))
        assert (outcome.outcome, outcome.samples) == (FAIL, 950)
        fewer = idle_stream(packets=1_000, lost_up=range(51))
        assert came_to(judged(down, Evidence(idle=(fewer,)))) == (OPEN, Because.TOO_FEW_SAMPLES)

    def test_packets_lost_nobody_knows_where_are_no_verdict_on_a_direction(self) -> None:
        stream = idle_stream(packets=1_000, lost_somewhere=range(500))
        assert came_to(judged(LOSS, Evidence(idle=(stream,)))) == (OPEN, Because.NOT_MEASURED)


@pytest.mark.parametrize(
    "one", [pytest.param(LOSS, id="loss"), pytest.param(criterion(), id="rtt")]
)
class TestStreamThatIsNoSample:
    SILENT = idle_stream(packets=1_000, lost_up=range(1_000))

    @pytest.mark.parametrize(
        ("evidence", "because"),
        [
            pytest.param(Evidence(), Because.NOT_MEASURED, id="no stream"),
            pytest.param(
                Evidence(idle=(idle_stream(packets=0),)), Because.NOT_MEASURED, id="empty stream"
            ),
            pytest.param(
                Evidence(idle=(SILENT,), attempts=tries(udp=(N, N, N))),
                Because.UDP_BLOCKED,
                id="UDP filtered, stream silent",
            ),
            pytest.param(
                Evidence(attempts=tries(udp=(N, N, N))),
                Because.UDP_BLOCKED,
                id="UDP filtered, stream left out",
            ),
            pytest.param(
                Evidence(tasks=(task("idle", Ended.BUDGET),)), Because.BUDGET, id="no budget left"
            ),
            pytest.param(
                good_evidence(tasks=(task("idle", Ended.LINK_LOST),)),
                Because.NOT_MEASURED,
                id="link lost on the way",
            ),
            pytest.param(
                good_evidence(tasks=(task("idle", Ended.TEST_POINT_LOST),)),
                Because.NOT_MEASURED,
                id="test point lost on the way",
            ),
            pytest.param(
                good_evidence(tasks=(task("idle", Ended.INTERRUPTED),)),
                Because.NOT_MEASURED,
                id="interrupted",
            ),
        ],
    )
    def test_is_left_open(self, one: dict[str, Any], evidence: Evidence, because: Because) -> None:
        assert came_to(judged(one, evidence)) == (OPEN, because)

    @pytest.mark.parametrize("ended", [Ended.COMPLETED, Ended.DECIDED])
    def test_stream_that_came_to_its_end_is_judged(self, one: dict[str, Any], ended: Ended) -> None:
        assert judged(one, good_evidence(tasks=(task("idle", ended),))).outcome is PASS

    def test_stream_without_a_word_on_its_end_is_judged(self, one: dict[str, Any]) -> None:
        assert judged(one, good_evidence(tasks=())).outcome is PASS


class TestMeanLog:
    """Three runs against 1,386,515 bit/s of payload: 90 % of 1.6 Mbit/s at the IP layer."""

    LIMIT = 1_386_515

    def runs(self, *rates_bps: int, **changes: Any) -> Evidence:  # noqa: ANN401 - fields of a run
        return Evidence(
            goodput=tuple(exact_run(Direction.DOWN, rate, **changes) for rate in rates_bps)
        )

    @pytest.mark.parametrize(
        ("rates_bps", "expected"),
        [
            pytest.param((LIMIT,) * 3, PASS, id="each exactly at the limit"),
            pytest.param((LIMIT, LIMIT, LIMIT - 1), FAIL, id="one run one bit per second short"),
            pytest.param((LIMIT + 1, LIMIT + 1, LIMIT - 1), PASS, id="made up for by the others"),
            pytest.param((4 * LIMIT, LIMIT, LIMIT // 4), FAIL, id="four times and a short quarter"),
            pytest.param((4 * LIMIT, LIMIT, LIMIT // 4 + 1), PASS, id="four times and a quarter"),
            pytest.param((2_500_000, 2_500_000, 300_000), FAIL, id="mean above, log mean below"),
        ],
    )
    def test_logarithmic_mean(self, rates_bps: tuple[int, ...], expected: Outcome) -> None:
        outcome = judged(RUN, self.runs(*rates_bps))
        assert outcome.outcome is expected
        assert (outcome.limit, outcome.samples) == (self.LIMIT, 3)
        assert (outcome.value is not None and outcome.value >= self.LIMIT) is (expected is PASS)

    def test_two_runs_are_too_few_however_good(self) -> None:
        outcome = judged(RUN, self.runs(9_000_000, 9_000_000))
        assert came_to(outcome) == (OPEN, Because.TOO_FEW_SAMPLES)
        assert (outcome.value, outcome.samples, outcome.samples_needed) == (9_000_000, 2, 3)

    def test_two_runs_are_too_few_however_bad(self) -> None:
        assert came_to(judged(RUN, self.runs(1_000, 1_000))) == (OPEN, Because.TOO_FEW_SAMPLES)

    def test_without_a_run_nothing_was_measured(self) -> None:
        assert came_to(judged(RUN, Evidence())) == (OPEN, Because.NOT_MEASURED)

    def test_runs_of_the_other_direction_do_not_count(self) -> None:
        up = Evidence(goodput=(exact_run(Direction.UP, 9_000_000),) * 3)
        assert came_to(judged(RUN, up)) == (OPEN, Because.NOT_MEASURED)

    @pytest.mark.parametrize(
        ("ended", "because"),
        [
            (Ended.LINK_LOST, Because.TOO_FEW_SAMPLES),
            (Ended.TEST_POINT_LOST, Because.TOO_FEW_SAMPLES),
            (Ended.BUDGET, Because.BUDGET),
        ],
    )
    def test_a_run_that_was_cut_does_not_count(self, ended: Ended, because: Because) -> None:
        whole = self.runs(9_000_000, 9_000_000).goodput
        cut = exact_run(Direction.DOWN, 1_000, ended=ended)
        outcome = judged(RUN, Evidence(goodput=(*whole, cut)))
        assert came_to(outcome) == (OPEN, because)
        assert outcome.samples == 2

    @pytest.mark.parametrize(
        ("ends", "because"),
        [
            pytest.param((Ended.BUDGET,), Because.BUDGET, id="no room for the first run"),
            pytest.param((Ended.COMPLETED, Ended.BUDGET), Because.BUDGET, id="none for the next"),
            pytest.param((Ended.SKIPPED,), Because.NOT_MEASURED, id="left out"),
        ],
    )
    def test_a_run_that_was_never_begun_says_why(
        self, ends: tuple[Ended, ...], because: Because
    ) -> None:
        evidence = Evidence(tasks=tuple(task("goodput_down", ended) for ended in ends))
        assert came_to(judged(RUN, evidence)) == (OPEN, because)
        other = Evidence(tasks=tuple(task("goodput_up", ended) for ended in ends))
        assert came_to(judged(RUN, other)) == (OPEN, Because.NOT_MEASURED)

    def test_a_run_whose_rate_is_undefined_does_not_count(self) -> None:
        empty = replace(exact_run(), flows=())
        evidence = Evidence(goodput=(*self.runs(9_000_000, 9_000_000).goodput, empty))
        assert judged(RUN, evidence).samples == 2

    def test_over_ipv6_the_limit_leaves_room_for_the_larger_header(self) -> None:
        limit = 1_365_943  # 1,440,000 x 1,328 / 1,400 = 1,365,942.86
        assert judged(RUN, self.runs(limit, limit, limit, family=6)).outcome is PASS
        outcome = judged(RUN, self.runs(limit - 1, limit, limit, family=6))
        assert (outcome.outcome, outcome.limit) == (FAIL, limit)

    def test_runs_of_one_family_are_judged_together(self) -> None:
        four, six = self.runs(*[9_000_000] * 3), self.runs(*[1_000] * 3, family=6)
        both = Evidence(goodput=(*four.goodput, *six.goodput))
        assert judged(RUN, both).outcome is PASS
        assert judged({**RUN, "family": 6}, both).outcome is FAIL

    @pytest.mark.parametrize(
        ("rates", "mean"),
        [
            ((5,), 5),
            ((0, 9), 0),
            ((4, 9), 6),
            ((4, 8), 5),
            ((10**9,) * 8, 10**9),
            ((10**9, 10**9 - 1), 10**9 - 1),
        ],
    )
    def test_geometric_mean_is_cut_off_to_a_whole_number(
        self, rates: tuple[int, ...], mean: int
    ) -> None:
        assert geometric_mean(rates) == mean


class TestLater:
    @pytest.mark.parametrize(
        ("one", "mode", "because"),
        [
            pytest.param(BLOCK, Mode.STANDARD, Because.NOT_MEASURED, id="block under load"),
            pytest.param(CINR, Mode.STANDARD, Because.NOT_MEASURED, id="a device's reading"),
            pytest.param(SHARE, Mode.STANDARD, Because.NOT_PROVABLE_IN_MODE, id="share on site"),
            pytest.param(SHARE, Mode.CAMPAIGN, Because.NOT_MEASURED, id="share in a campaign"),
            pytest.param(AVAILABILITY, Mode.STANDARD, Because.NOT_PROVABLE_IN_MODE, id="days"),
            pytest.param(AVAILABILITY, Mode.CAMPAIGN, Because.NOT_PROVABLE_IN_MODE, id="monitor"),
        ],
    )
    def test_is_shown_and_left_open(
        self, one: dict[str, Any], mode: Mode, because: Because
    ) -> None:
        outcome = judged(one, good_evidence(), mode)
        assert came_to(outcome) == (OPEN, because)
        assert outcome.limit > 0

    def test_a_rate_that_was_measured_is_shown(self) -> None:
        outcome = judged(SHARE, good_evidence())
        assert (outcome.value, outcome.samples) == (480_000, 3)


def test_every_statistic_has_a_judge_in_every_version_of_the_rules() -> None:
    assert {FIRST_RULES, RULES} == JUDGES_OF_RULES.keys()
    assert all(judges.keys() == {*Statistic} for judges in JUDGES_OF_RULES.values())


@pytest.mark.parametrize(
    "statistic",
    [Statistic.ALL, Statistic.WINDOW, Statistic.SHARE_OF_RUNS, Statistic.BOUNDS, Statistic.READING],
)
def test_what_has_no_new_rule_is_judged_as_before(statistic: Statistic) -> None:
    assert JUDGES_OF_RULES[FIRST_RULES][statistic] is JUDGES_OF_RULES[RULES][statistic]
