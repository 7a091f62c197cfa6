"""The attempts of a sheet are judged as one process: none is chosen, and only a change begins anew.

The error rates of attempts are a matter of simulation: at the limit three attempts that are pooled
keep them, and the best of three does not.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_acceptance.decision.reading import Looks, read
from omega_acceptance.evaluate import evaluate
from omega_acceptance.joining import joined
from omega_acceptance.pooling import (
    Attempt,
    Epoch,
    Pooled,
    Session,
    epochs_of,
    judged_together,
    pool,
)
from omega_acceptance.profile import AcceptanceProfile
from omega_core.derive import metrics_of
from omega_core.evidence import Ended, Evidence
from omega_core.metrics import Direction
from omega_core.units import US_PER_S
from omega_core.verdict import (
    Because,
    CriterionOutcome,
    Fault,
    Judgement,
    Mode,
    Outcome,
    Verdict,
)
from support.decision_lines import bursts, share_test_of
from support.facts import environment, goodput_run, idle_stream, working_stream
from support.profiles import (
    BLOCK,
    LOSS,
    PACKETS,
    REACH,
    RUN,
    WINDOW,
    criterion,
    exact_run,
    good_evidence,
    home,
    newest,
    profile,
    task,
    tries,
)
from support.windows import window

DOWN, UP = Direction.DOWN, Direction.UP
PASS, FAIL, OPEN = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
HOUR_US = 3_600 * US_PER_S
NEEDED_BPS = 1_386_515  # of RUN: 90 % of the normal rate, as TCP payload


def session(evidence: Evidence | None = None, *, hour: int = 0, **changes: Any) -> Session:  # noqa: ANN401 - fields of the session
    fields: dict[str, Any] = {
        "began_unix_us": hour * HOUR_US,
        "evidence": good_evidence() if evidence is None else evidence,
        "environment": environment(),
        "faults": (),
    }
    return Session(**{**fields, **changes})


def together(plan: AcceptanceProfile, *parts: Evidence) -> Judgement:
    """Judge sessions that were held an hour apart."""
    return judged_together(plan, [session(each, hour=at) for at, each in enumerate(parts)])


def outcome(one: dict[str, Any], *parts: Evidence) -> CriterionOutcome:
    return together(profile(one), *parts).outcomes[0]


def alone(plan: AcceptanceProfile, evidence: Evidence) -> Judgement:
    return evaluate(plan, Mode.STANDARD, evidence=evidence, environment=environment(), faults=())


def idle(packets: int, **changes: Any) -> Evidence:  # noqa: ANN401 - fields of the stream
    return Evidence(idle=(idle_stream(packets=packets, **changes),))


def runs(*rates_bps: int) -> Evidence:
    return Evidence(goodput=tuple(exact_run(DOWN, each) for each in rates_bps))


def held(share: float, *, at_s: int = 0) -> Evidence:
    """Return a window at the plan's 400 kbit/s upwards, of which the line carries a share."""
    lost_ppm = int((1.1035 - share) / 1.1035 * 1e6) if share < 1 else 0
    one = window(
        int(400_000 * share), fixed_bps=400_000, lost_ppm=lost_ppm, started_us=at_s * US_PER_S
    )
    return Evidence(capacity=(one,))


class TestOneSession:
    @pytest.mark.parametrize("plan", [home(), *newest()], ids=lambda plan: f"{plan.id}")
    def test_is_judged_as_it_is_alone(self, plan: AcceptanceProfile) -> None:
        evidence = good_evidence()
        assert together(plan, evidence) == alone(plan, evidence)

    def test_of_nothing_at_all_is_judged_as_it_is_alone(self) -> None:
        assert together(home(), Evidence()) == alone(home(), Evidence())


class TestPackets:
    def test_that_prove_nothing_alone_prove_it_together(self) -> None:
        half = idle(PACKETS // 2 + 1)
        assert alone(profile(LOSS), half).verdict is Verdict.INCONCLUSIVE
        found = outcome(LOSS, half, half)
        assert (found.outcome, found.value, found.samples) == (PASS, 0, PACKETS + 1)

    def test_are_read_in_the_order_of_the_sessions(self) -> None:
        bad, good = idle(1_000, lost_up=range(0, 1_000, 10)), idle(PACKETS)
        assert outcome(LOSS, bad, good).outcome is FAIL
        assert outcome(LOSS, good, bad).outcome is PASS
        assert outcome(LOSS, good, bad).decision.after_stop >= 1_000  # type: ignore[union-attr] # it has one

    def test_lost_downwards_are_counted_among_those_that_got_up(self) -> None:
        part = idle(1_000, lost_up=range(10), lost_down=[500, 600])
        found = outcome({**LOSS, "metric": "loss_ppm_down"}, part, part)
        assert (found.samples, found.value) == (1_980, 2_021)

    def test_of_a_session_that_does_not_know_their_way_are_left_out(self) -> None:
        unknown = idle(1_000, lost_somewhere=[3])
        assert outcome(LOSS, unknown, idle(PACKETS)).samples == PACKETS
        assert outcome(LOSS, unknown, unknown).because is Because.NOT_MEASURED

    def test_of_a_stream_that_was_cut_off_are_left_out(self) -> None:
        cut = replace(idle(500), tasks=(task("idle", Ended.INTERRUPTED),))
        assert outcome(criterion(), cut, idle(1_000)).samples == 1_000
        budget = replace(cut, tasks=(task("idle", Ended.BUDGET),))
        assert outcome(criterion(), cut, budget).because is Because.BUDGET

    def test_the_percentile_told_is_of_all_packets_that_were_answered(self) -> None:
        found = outcome(criterion(), idle(100, rtt_us=10_000), idle(900, rtt_us=30_000))
        assert (found.value, found.samples) == (30_000, 1_000)
        dead = idle(10, lost_up=range(10))
        assert outcome(criterion(), dead).value is None
        assert outcome(criterion(), dead, dead).value is None

    def test_a_variation_counts_from_the_least_of_its_own_session(self) -> None:
        pdv = criterion(metric="idle_pdv_us_p95", limit=5_000)
        found = outcome(pdv, idle(1_000, rtt_us=10_000), idle(1_000, rtt_us=90_000))
        assert (found.outcome, found.value) == (PASS, 0)

    def test_a_burst_does_not_reach_from_one_session_into_the_next(self) -> None:
        test, lost = share_test_of(0.01), [98, 99, 100, 101]
        one = read(test, lost, 200, Looks(every=200))
        two = read(test, lost, 200, Looks(every=200, joints=(100,)))
        assert (one.burst_ppm, two.burst_ppm) == (3_920_000, 1_960_000)

    def test_are_looked_at_where_a_session_ended(self) -> None:
        test = share_test_of(0.01)
        assert read(test, (), 367, Looks(every=50)).samples == 367
        assert read(test, (), 1_000, Looks(every=50, joints=(367,))).samples == 367
        assert read(test, (), 1_000, Looks(every=50, n_max=300, joints=(367,))).samples == 300

    def test_are_looked_at_where_the_first_session_ended_whatever_follows(self) -> None:
        """It ends just before the look at 3,300 packets, with just enough of them."""
        found = outcome(LOSS, idle(3_295), idle(1_000, lost_up=range(0, 1_000, 2)))
        assert found.outcome is PASS
        assert found.decision.after_stop == 1_000  # type: ignore[union-attr] # it has one

    def test_of_the_other_family_are_not_mixed_in(self) -> None:
        one = idle(1_000, rtt_us=20_000)
        other = idle_stream(packets=300, rtt_us=90_000, period_us=50_000, family=6)
        both = replace(one, idle=(*one.idle, other))
        for each in (criterion(), LOSS):
            assert outcome(each, both, both) == outcome(each, one, one)

    @given(
        st.lists(
            st.tuples(st.integers(1, 900), st.sets(st.integers(0, 899), max_size=60)),
            min_size=1,
            max_size=4,
        )
    )
    def test_what_the_first_session_decided_stays_decided(
        self, parts: list[tuple[int, set[int]]]
    ) -> None:
        loss = {**LOSS, "limit": 50_000, "n_min": 60}
        sessions = [idle(size, lost_up=[at for at in lost if at < size]) for size, lost in parts]
        first = alone(profile(loss), sessions[0]).outcomes[0]
        pooled = outcome(loss, *sessions)
        if first.outcome is not OPEN:
            assert pooled.outcome is first.outcome
            assert pooled.decision.share == first.decision.share  # type: ignore[union-attr] # both have one


class TestRuns:
    def test_go_on_where_the_session_before_stopped(self) -> None:
        some = runs(1_380_000, 1_480_000, 1_440_000)
        assert alone(profile(RUN), some).verdict is Verdict.INCONCLUSIVE
        more = runs(1_440_000, 1_450_000, 1_440_000, 1_445_000, 1_440_000)
        found = outcome(RUN, some, more, runs(*[1] * 8))
        assert found.decision is not None
        assert found.decision.runs is not None
        assert found.decision.runs.runs <= 8, "no more than the test reads"
        assert found.decision.after_stop == found.samples - found.decision.runs.runs

    def test_a_fail_is_not_made_up_for_by_good_ones(self) -> None:
        assert outcome(RUN, runs(*[1_000_000] * 3), runs(*[1_900_000] * 8)).outcome is FAIL


class TestOwnLimits:
    """A rate that our own side held down says nothing of the line, also where sessions add up."""

    PLAN = profile(RUN)

    def slow(self, count: int, **sender: int) -> Evidence:
        made = goodput_run(DOWN, rate_bps=1_000_000, flows=1, duration_us=10 * US_PER_S)
        one = replace(made, senders=tuple(replace(each, **sender) for each in made.senders))
        return Evidence(goodput=(one,) * count)

    def test_make_what_they_failed_together_invalid(self) -> None:
        held_back = self.slow(2, receive_window_limited_us=10 * US_PER_S)
        assert alone(self.PLAN, held_back).verdict is Verdict.INCONCLUSIVE
        found = together(self.PLAN, held_back, held_back)
        assert (found.verdict, found.faults) == (Verdict.INVALID, (Fault.CPU_LIMITED,))

    def test_after_the_line_has_failed_excuse_nothing(self) -> None:
        held_back = self.slow(2, receive_window_limited_us=10 * US_PER_S)
        assert together(self.PLAN, self.slow(3), held_back).verdict is Verdict.FAIL


class TestWindows:
    @pytest.mark.parametrize(
        ("shares", "expected", "because"),
        [
            pytest.param((1.2,), PASS, Because.MET, id="carried"),
            pytest.param((1.2, 1.2), PASS, Because.MET, id="carried in both"),
            pytest.param((0.98, 1.2), OPEN, Because.TOO_FEW_SAMPLES, id="carried in one of two"),
            pytest.param((0.98, 1.2, 1.2), PASS, Because.MET, id="in two of three"),
            pytest.param((0.5, 1.2), OPEN, Because.MIXED_ATTEMPTS, id="short, then carried"),
            pytest.param((0.5, 0.5), OPEN, Because.TOO_FEW_SAMPLES, id="short once in each of two"),
        ],
    )
    def test_count_all_together(
        self, shares: tuple[float, ...], expected: Outcome, because: Because
    ) -> None:
        found = outcome(WINDOW, *(held(each) for each in shares))
        assert (found.outcome, found.because) == (expected, because)

    def test_that_were_short_twice_in_most_sessions_fail(self) -> None:
        twice = Evidence(capacity=held(0.5).capacity + held(0.5, at_s=20).capacity)
        assert outcome(WINDOW, twice, twice).outcome is FAIL
        assert outcome(WINDOW, Evidence(), twice).outcome is FAIL, "one of one that held any"


class TestAttempts:
    def test_count_all_together(self) -> None:
        good, bad = Evidence(attempts=tries()), Evidence(attempts=tries((False,) * 3))
        assert outcome(REACH, good, good).samples == 12
        assert outcome(REACH, bad, good).because is Because.MIXED_ATTEMPTS

    def test_two_rounds_without_an_answer_may_be_of_two_sessions(self) -> None:
        dead = Evidence(attempts=tries((False,) * 3, (False,) * 3))
        assert outcome(REACH, dead).outcome is OPEN
        assert outcome(REACH, dead, dead).outcome is FAIL


class TestBlocks:
    def test_keep_the_runs_they_were_beside(self) -> None:
        load = goodput_run(UP, duration_us=9 * US_PER_S)
        part = Evidence(goodput=(load,), working=(working_stream(UP, packets=475, rtt_us=80_000),))
        one, two = outcome(BLOCK, part), outcome(BLOCK, part, part)
        assert one.samples > 0
        assert (two.samples, two.value) == (2 * one.samples, one.value)


class TestJoining:
    def test_moves_each_session_by_how_much_later_it_began(self) -> None:
        search = replace(held(1.2).capacity[0], held_us=(5, 9))
        part = Evidence(
            tasks=(task("idle"),),
            idle=(idle_stream(),),
            goodput=(goodput_run(run=3),),
            capacity=(search,),
            working=(
                working_stream(run=3),
                working_stream(run=9, run_epoch_offset_us=None),
            ),
        )
        whole = joined([(100, part), (160, part), (130, part)])
        assert [each.run for each in whole.goodput] == [3, 13, 23]
        assert [each.run for each in whole.working] == [3, 9, 13, 19, 23, 29]
        assert [each.held_us for each in whole.capacity] == [(5, 9), (65, 69), (35, 39)]
        assert [each.started_offset_us for each in whole.tasks] == [0, 60, 30]
        assert [each.started_offset_us - 4_000_000 for each in whole.idle] == [0, 60, 30]
        assert [each.run_epoch_offset_us for each in whole.working] == [
            40_000_000, None, 40_000_060, None, 40_000_030, None,
        ]  # fmt: skip

    def test_of_one_session_changes_nothing(self) -> None:
        assert joined([(7, good_evidence())]) == good_evidence()
        assert joined([]) == Evidence()
        assert metrics_of(joined([(7, good_evidence())])) == metrics_of(good_evidence())


class TestEpochs:
    def attempt(self, changed: str | None = None, **fields: Any) -> Attempt:  # noqa: ANN401
        return Attempt(**{"mode": Mode.STANDARD, "profile": "a", "changed": changed, **fields})

    def test_there_is_none_before_the_first_attempt(self) -> None:
        assert epochs_of([]) == ()
        assert epochs_of([self.attempt(mode=Mode.QUICK)]) == ()

    def test_without_a_change_all_attempts_are_of_one(self) -> None:
        tried = [self.attempt(), self.attempt(mode=Mode.QUICK), self.attempt()]
        assert epochs_of(tried) == (Epoch(number=1, changes=(), profile="a", attempts=(0, 2)),)

    def test_a_change_opens_another(self) -> None:
        tried = [self.attempt(), self.attempt("new cable"), self.attempt()]
        assert epochs_of(tried) == (
            Epoch(number=1, changes=(), profile="a", attempts=(0,)),
            Epoch(number=2, changes=("new cable",), profile="a", attempts=(1, 2)),
        )

    def test_changes_without_an_attempt_between_them_open_one(self) -> None:
        tried = [
            self.attempt(),
            self.attempt("new cable", mode=Mode.QUICK),
            self.attempt("antenna turned"),
        ]
        assert [each.changes for each in epochs_of(tried)] == [(), ("new cable", "antenna turned")]

    def test_a_change_that_nothing_followed_leaves_nothing_to_judge(self) -> None:
        last = epochs_of([self.attempt(), self.attempt("new cable", mode=Mode.QUICK)])[-1]
        assert last == Epoch(number=2, changes=("new cable",), profile=None, attempts=())

    def test_another_profile_is_another_test(self) -> None:
        assert [each.number for each in epochs_of([self.attempt(), self.attempt(profile="b")])] == [
            1,
            2,
        ]


class TestPool:
    def test_counts_every_attempt_and_judges_the_valid_ones(self) -> None:
        plan = home()
        spoiled = session(hour=1, faults=(Fault.CROSS_TRAFFIC,))
        found = pool(plan, [session(), spoiled, None], epochs=2)
        assert found == Pooled(
            epochs=2,
            attempts=3,
            valid=1,
            invalid=1,
            missing=1,
            false_pass_bound_ppm=100_000,
            judgement=alone(plan, good_evidence()),
        )

    def test_of_no_valid_attempt_judges_nothing(self) -> None:
        found = pool(home(), [session(faults=(Fault.CROSS_TRAFFIC,)), None])
        assert (found.valid, found.judgement) == (0, None)

    def test_only_the_last_of_three_passing_does_not_pass(self) -> None:
        slow = replace(good_evidence(), goodput=tuple(exact_run(DOWN, 900_000) for _ in range(3)))
        found = pool(home(), [session(slow), session(slow, hour=1), session(hour=2)])
        assert found.judgement is not None
        assert found.judgement.verdict is Verdict.FAIL
        assert alone(home(), good_evidence()).verdict is Verdict.PASS


def best_of(rng: Random, sessions: int, samples: int) -> tuple[bool, bool]:
    """Hold sessions on a line at its limit of 5 %; say whether the best passes, and the pool."""
    test = share_test_of(0.05)
    parts = [bursts(rng, samples, 0.05, 1) for _ in range(sessions)]
    best = any(read(test, each, samples, Looks(every=20)).outcome is PASS for each in parts)
    events = [at + index * samples for index, each in enumerate(parts) for at in each]
    joints = tuple(samples * index for index in range(1, sessions))
    pooled = read(test, events, samples * sessions, Looks(every=20, joints=joints))
    return best, pooled.outcome is PASS


def test_at_the_limit_pooled_attempts_keep_the_error_rate_and_the_best_of_three_does_not() -> None:
    rng, lines = Random(20_261_122), 1_000  # noqa: S311 - not a secret
    found = [best_of(rng, 3, 600) for _ in range(lines)]
    assert sum(pooled for _, pooled in found) <= 0.05 * lines
    assert sum(best for best, _ in found) > 0.07 * lines
