"""What must hold of a judgement whatever was measured."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_acceptance.catalogue import Catalogue
from omega_acceptance.evaluate import evaluate
from omega_acceptance.explain import LANGUAGES, explain
from omega_acceptance.judges.table import FIRST_RULES, RULES
from omega_acceptance.schema import AcceptanceProfile
from omega_acceptance.windows import allowance_of
from omega_core.capacity import IdleLoss
from omega_core.derive import derive
from omega_core.evidence import (
    Attempt,
    AttemptKind,
    Ended,
    Evidence,
    Family,
    FlowCounts,
    GoodputRun,
    IdleStream,
    TaskEnd,
)
from omega_core.metrics import Direction
from omega_core.qualification import offered_bps
from omega_core.verdict import Fault, Mode, Outcome, Verdict
from support.facts import environment, idle_stream, ranges
from support.profiles import (
    LOSS,
    RUN,
    WINDOW,
    criterion,
    exact_run,
    example,
    good_evidence,
    home,
    profile,
    tries,
)
from support.windows import window

PLANS = [*Catalogue.builtin().profiles, example("ftth-home-300"), example("adsl-home-8m")]
FAMILIES: st.SearchStrategy[Family] = st.sampled_from((4, 6))
WORST_FIRST = [Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS]


def outcome_on(plan: AcceptanceProfile, evidence: Evidence, *, rules: int = RULES) -> Outcome:
    return (
        evaluate(
            plan,
            Mode.STANDARD,
            evidence=evidence,
            environment=environment(),
            faults=(),
            rules=rules,
        )
        .outcomes[0]
        .outcome
    )


# Any evidence a record may carry.


@st.composite
def streams(draw: st.DrawFn) -> IdleStream:
    rtt_us = draw(st.lists(st.none() | st.integers(0, 2**53 - 1), max_size=30))
    missing = [at for at, each in enumerate(rtt_us) if each is None]
    lost = draw(st.sets(st.sampled_from(missing))) if missing else set()
    up = draw(st.sets(st.sampled_from(sorted(lost)))) if lost else set()
    stream = idle_stream(packets=0, family=draw(FAMILIES), reordered_down=draw(st.integers(0, 99)))
    return replace(
        stream,
        rtt_us=tuple(rtt_us),
        lost_up=ranges(up),
        lost_down=ranges(lost - up),
        report=draw(st.sampled_from([stream.report, None])),
    )


@st.composite
def counters(draw: st.DrawFn) -> FlowCounts:
    size = draw(st.integers(0, 5))
    numbers = st.lists(st.integers(0, 120_000_000), min_size=size, max_size=size).map(sorted)
    return FlowCounts(flow=0, at_us=tuple(draw(numbers)), octets=tuple(draw(numbers)))


@st.composite
def runs(draw: st.DrawFn) -> GoodputRun:
    return replace(
        exact_run(draw(st.sampled_from(Direction)), family=draw(FAMILIES)),
        flows=tuple(draw(st.lists(counters(), max_size=3))),
        ended=draw(st.sampled_from(Ended)),
        base_rtt_us=draw(st.integers(0, 3_000_000)),
        growth_ended_us=draw(st.integers(0, 200_000_000)),
    )


ATTEMPTS = st.builds(
    Attempt,
    kind=st.sampled_from(AttemptKind),
    family=st.none() | FAMILIES,
    to_test_point=st.booleans(),
    answered=st.booleans(),
    elapsed_us=st.integers(0, 2**53 - 1),
)
TASKS = st.builds(
    TaskEnd,
    task=st.sampled_from(["idle", "goodput_down", "goodput_up", "connectivity"]),
    ended=st.sampled_from(Ended),
    started_offset_us=st.just(0),
    duration_us=st.just(0),
)
WINDOWS = st.builds(
    window,
    st.integers(10_000, 3_000_000),
    fixed_bps=st.sampled_from([400_000, 1_600_000]),
    span_us=st.sampled_from([0, 100_000, 1_000_000, 2_500_000]),
    lost_ppm=st.integers(0, 900_000),
    queue_us=st.integers(0, 1_000_000),
    direction=st.sampled_from(Direction),
    family=FAMILIES,
    started_us=st.integers(0, 60_000_000),
    ended=st.sampled_from(Ended),
)
EVIDENCE = st.builds(
    Evidence,
    tasks=st.lists(TASKS, max_size=4).map(tuple),
    attempts=st.lists(ATTEMPTS, max_size=12).map(tuple),
    idle=st.lists(streams(), max_size=2).map(tuple),
    goodput=st.lists(runs(), max_size=5).map(tuple),
    capacity=st.lists(WINDOWS, max_size=4).map(tuple),
)


@given(
    st.sampled_from(PLANS),
    st.sampled_from(Mode),
    EVIDENCE,
    st.lists(st.sampled_from(Fault), unique=True),
)
def test_any_evidence_is_judged_and_can_be_told(
    plan: AcceptanceProfile, mode: Mode, evidence: Evidence, faults: list[Fault]
) -> None:
    judgement = evaluate(
        plan, mode, evidence=evidence, environment=environment(), faults=tuple(faults)
    )
    assert len(judgement.outcomes) == len(plan.criteria)
    assert judgement == evaluate(
        plan,
        mode,
        evidence=evidence,
        environment=environment(),
        faults=tuple(faults),
        derived=derive(evidence),
    )
    for outcome in judgement.outcomes:
        if outcome.samples < outcome.samples_needed:
            assert outcome.outcome is Outcome.INCONCLUSIVE
    for lang in LANGUAGES:
        assert len(explain(judgement, lang)) >= 2 + len(plan.criteria) + len(faults)


@given(
    st.sampled_from(PLANS), st.sampled_from(Mode), EVIDENCE,
    st.lists(st.sampled_from(Fault), unique=True), st.sampled_from(Fault),
)  # fmt: skip
def test_one_more_fault_is_never_a_pass(
    plan: AcceptanceProfile, mode: Mode, evidence: Evidence, faults: list[Fault], one_more: Fault
) -> None:
    judgement = evaluate(
        plan, mode, evidence=evidence, environment=environment(), faults=(*faults, one_more)
    )
    assert judgement.verdict is Verdict.INVALID


# A better line, by the rules that compare bare figures. Where the spread of runs counts, one run
# that is faster than the others can leave open what was decided; what holds of evidence is below.


PACKETS = 201
SHORTER = profile(
    *(
        each | {"n_min": 190} if each.get("n_min") == 950 else each
        for each in home().content()["criteria"]
    )
)
"""The home plan with a shorter delay stream, so that many lines can be tried."""


@dataclass(frozen=True)
class Line:
    """What a line does to a session of the home plan; every figure is better when smaller."""

    late_us: int
    late: int
    lost_up: int
    lost_down: int
    slow_bps: tuple[int, ...]
    attempts_lost: int

    def evidence(self) -> Evidence:
        up, down = self.lost_up, self.lost_up + self.lost_down
        rtt_us = [50_000] * (PACKETS - self.late) + [50_000 + self.late_us] * self.late
        stream = idle_stream(rtt_us=rtt_us, lost_up=range(up), lost_down=range(up, down))
        rates = (each for each in self.slow_bps)
        goodput = tuple(
            exact_run(way, 2_000_000 - next(rates)) for _ in range(3) for way in Direction
        )
        answered = (False,) * self.attempts_lost + (True,) * (6 - self.attempts_lost)
        return good_evidence(attempts=tries(answered, answered), idle=(stream,), goodput=goodput)


RATES = st.integers(0, 1_999_000)
LINES = st.builds(
    Line,
    late_us=st.integers(0, 300_000),
    late=st.integers(0, 20) | st.integers(0, PACKETS),
    lost_up=st.integers(0, 4) | st.integers(0, PACKETS // 2),
    lost_down=st.integers(0, 4) | st.integers(0, PACKETS // 2),
    slow_bps=st.tuples(*[st.integers(0, 700_000) | RATES] * 6),
    attempts_lost=st.integers(0, 1) | st.integers(0, 6),
)


def part_of(figure: int) -> st.SearchStrategy[int]:
    return st.integers(0, figure)


def better(line: Line) -> st.SearchStrategy[tuple[Line, Line]]:
    improved = st.builds(
        Line,
        late_us=part_of(line.late_us),
        late=part_of(line.late),
        lost_up=part_of(line.lost_up),
        lost_down=part_of(line.lost_down),
        slow_bps=st.tuples(*map(part_of, line.slow_bps)),
        attempts_lost=part_of(line.attempts_lost),
    )
    return st.tuples(st.just(line), improved)


@given(LINES.flatmap(better))
def test_a_better_line_never_gets_a_worse_verdict(lines: tuple[Line, Line]) -> None:
    worse, improved = (
        WORST_FIRST.index(
            evaluate(
                SHORTER,
                Mode.STANDARD,
                evidence=each.evidence(),
                environment=environment(),
                faults=(),
                rules=FIRST_RULES,
            ).verdict
        )
        for each in lines
    )
    assert worse <= improved


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(Line(0, 0, 0, 0, (0,) * 6, 0), Verdict.PASS, id="perfect"),
        pytest.param(Line(0, 0, 0, 0, (0,) * 6, 1), Verdict.INCONCLUSIVE, id="one attempt lost"),
        pytest.param(Line(0, 0, 3, 0, (0,) * 6, 0), Verdict.FAIL, id="three packets lost"),
    ],
)
def test_the_lines_that_are_tried_reach_every_verdict(line: Line, expected: Verdict) -> None:
    judgement = evaluate(
        SHORTER,
        Mode.STANDARD,
        evidence=line.evidence(),
        environment=environment(),
        faults=(),
        rules=FIRST_RULES,
    )
    assert judgement.verdict is expected


@given(
    st.sets(st.integers(0, 1_750)), st.sets(st.integers(0, 1_750)), st.sampled_from(["up", "down"])
)
def test_a_line_that_loses_fewer_packets_is_never_judged_worse(
    lost: set[int], spared: set[int], way: str
) -> None:
    """Every other packet may be lost, so that no burst is longer for it."""
    order = [Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.PASS]
    plan = profile({**LOSS, "metric": f"loss_ppm_{way}", "n_min": 100})
    worse, better = (
        idle_stream(packets=3_501, **{f"lost_{way}": [2 * each for each in gone]})
        for gone in (lost, lost - spared)
    )
    outcomes = [outcome_on(plan, Evidence(idle=(each,))) for each in (worse, better)]
    assert order.index(outcomes[0]) <= order.index(outcomes[1])


@given(st.lists(st.integers(400_000, 3_000_000), min_size=3, max_size=8), st.integers(10, 30))
def test_a_line_that_is_faster_in_every_run_alike_is_never_judged_worse(
    rates: list[int], tenths: int
) -> None:
    order = [Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.PASS]
    plan = profile(RUN)
    slower, faster = (
        tuple(exact_run(Direction.DOWN, rate * factor // 10) for rate in rates)
        for factor in (10, tenths)
    )
    outcomes = [outcome_on(plan, Evidence(goodput=each)) for each in (slower, faster)]
    assert order.index(outcomes[0]) <= order.index(outcomes[1])


def windows_of(share_ppm: int, queue_us: int) -> Evidence:
    """Return two windows at 1.6 Mbit/s on a line that carries a share of it; the rest is lost."""
    received_bps = 1_600_000 * share_ppm // 1_000_000
    allowance = allowance_of(home())
    offered = offered_bps(1_600_000, IdleLoss(loss_ppm=0, packets=1_000), allowance)
    lost_ppm = max((offered - received_bps) * 1_000_000 // offered, 0)
    return Evidence(
        capacity=tuple(
            window(
                received_bps,
                fixed_bps=1_600_000,
                lost_ppm=lost_ppm,
                queue_us=queue_us,
                allowance=allowance,
                direction=Direction.DOWN,
                started_us=started_us,
                ip_octets=200,
            )
            for started_us in (0, 10_000_000)
        )
    )


SOLD = profile({**WINDOW, "metric": "qualified_bps_down"})


@given(st.integers(300_000, 1_200_000), st.integers(0, 400_000), st.integers(0, 500_000))
def test_a_line_that_carries_more_of_what_was_sold_is_never_judged_worse(
    share_ppm: int, more_ppm: int, queue_us: int
) -> None:
    order = [Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.PASS]
    worse = outcome_on(SOLD, windows_of(share_ppm, queue_us))
    better = outcome_on(SOLD, windows_of(share_ppm + more_ppm, queue_us))
    assert order.index(worse) <= order.index(better)


@pytest.mark.parametrize(
    ("share_ppm", "expected"),
    [(900_000, Outcome.FAIL), (1_000_000, Outcome.INCONCLUSIVE), (1_110_000, Outcome.PASS)],
)
def test_the_windows_that_are_tried_reach_every_outcome(share_ppm: int, expected: Outcome) -> None:
    assert outcome_on(SOLD, windows_of(share_ppm, 0)) is expected


# One unit either side of each limit, by the rules that compare bare figures.


@given(st.integers(100, 600), st.integers(1, 3_000_000), st.data())
def test_one_packet_decides_a_percentile(packets: int, limit_us: int, data: st.DataObject) -> None:
    plan = profile(criterion(n_min=100, limit=limit_us))
    allowed = packets * 5 // 100
    for events, expected in ((allowed, Outcome.PASS), (allowed + 1, Outcome.FAIL)):
        lost = data.draw(st.integers(0, events))
        late = events - lost
        rtt_us = [limit_us + 1] * late + [limit_us] * (packets - late)
        stream = idle_stream(rtt_us=rtt_us, lost_up=range(packets - lost, packets))
        assert outcome_on(plan, Evidence(idle=(stream,)), rules=FIRST_RULES) is expected


@given(st.integers(100, 600), st.integers(0, 500_000))
def test_one_packet_decides_a_share(packets: int, limit_ppm: int) -> None:
    plan = profile({**LOSS, "n_min": 100, "limit": limit_ppm})
    allowed = packets * limit_ppm // 1_000_000
    for lost, expected in ((allowed, Outcome.PASS), (allowed + 1, Outcome.FAIL)):
        stream = idle_stream(packets=packets, lost_up=range(lost))
        assert outcome_on(plan, Evidence(idle=(stream,)), rules=FIRST_RULES) is expected


@given(st.integers(20_000, 2_048_000), st.integers(3, 8))
def test_one_bit_per_second_decides_the_mean_of_runs(limit_bps: int, count: int) -> None:
    plan = profile({**RUN, "limit": limit_bps}, rate_layer="tcp")
    enough = [exact_run(Direction.DOWN, limit_bps)] * count
    short = [*enough[1:], exact_run(Direction.DOWN, limit_bps - 1)]
    assert outcome_on(plan, Evidence(goodput=tuple(enough)), rules=FIRST_RULES) is Outcome.PASS
    assert outcome_on(plan, Evidence(goodput=tuple(short)), rules=FIRST_RULES) is Outcome.FAIL


@given(st.integers(3, 12), st.integers(0, 11))
def test_one_attempt_decides_reachability(count: int, failed: int) -> None:
    plan = profile(home().content()["criteria"][0])
    every = (True,) * count
    but_one = tuple(at != failed % count for at in range(count))
    assert outcome_on(plan, Evidence(attempts=tries(every, ()))) is Outcome.PASS
    assert outcome_on(plan, Evidence(attempts=tries(but_one, ()))) is Outcome.INCONCLUSIVE
