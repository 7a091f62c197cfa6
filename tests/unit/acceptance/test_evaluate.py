"""From criteria to the verdict on a line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_acceptance.evaluate import cases, combine, evaluate
from omega_acceptance.schema import AcceptanceProfile
from omega_core.derive import derive, metrics_of
from omega_core.evidence import Ended, Evidence, Family
from omega_core.metrics import Direction
from omega_core.verdict import Because, Fault, Mode, Outcome, Verdict
from support.facts import (
    attempts,
    dead_line_evidence,
    environment,
    idle_stream,
    working_stream,
)
from support.profiles import (
    LOSS,
    PACKETS,
    carried,
    changed,
    exact_run,
    good_evidence,
    home,
    newest,
    profile,
    task,
    tries,
)
from support.windows import window

PASS, FAIL, OPEN = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE


def verdict_on(
    evidence: Evidence,
    *faults: Fault,
    mode: Mode = Mode.STANDARD,
    plan: AcceptanceProfile | None = None,
) -> Verdict:
    return evaluate(
        plan or home(), mode, evidence=evidence, environment=environment(), faults=faults
    ).verdict


def goodput(down: int, up: int = 480_000, *, count: int = 3) -> tuple[Any, ...]:
    return (exact_run(Direction.DOWN, down), exact_run(Direction.UP, up)) * count


@pytest.mark.parametrize(
    ("outcomes", "faults", "expected"),
    [
        pytest.param([PASS, PASS], (), Verdict.PASS, id="all pass"),
        pytest.param([PASS, FAIL], (), Verdict.FAIL, id="one fails"),
        pytest.param([FAIL, OPEN], (), Verdict.FAIL, id="failure outweighs gap"),
        pytest.param([PASS, OPEN], (), Verdict.INCONCLUSIVE, id="one is open"),
        pytest.param([], (), Verdict.INCONCLUSIVE, id="nothing is mandatory"),
        pytest.param([PASS], (Fault.TUNNEL,), Verdict.INVALID, id="spoiled though all pass"),
        pytest.param([FAIL], (Fault.TUNNEL,), Verdict.INVALID, id="spoiled though one fails"),
        pytest.param([], (Fault.TUNNEL,), Verdict.INVALID, id="spoiled and empty"),
    ],
)
def test_combination(
    outcomes: Sequence[Outcome], faults: tuple[Fault, ...], expected: Verdict
) -> None:
    assert combine(outcomes, faults) is expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, Verdict.PASS, id="a line that keeps its plan"),
        pytest.param(
            # 60 % of 800 and 128 kbit/s, as payload
            {"goodput": goodput(462_171, 73_947)},
            Verdict.FAIL,
            id="60 % of the plan's minimum",
        ),
        pytest.param({"goodput": goodput(1_900_000, 290_000)}, Verdict.FAIL, id="short upwards"),
        pytest.param(
            {"goodput": goodput(1_900_000, 346_629)}, Verdict.INCONCLUSIVE, id="just not short"
        ),
        pytest.param(
            {"goodput": goodput(1_900_000, count=2)}, Verdict.INCONCLUSIVE, id="a run too few"
        ),
        pytest.param(
            {"idle": (idle_stream(packets=3_250, rtt_us=60_000),)},
            Verdict.INCONCLUSIVE,
            id="packets too few for the loss",
        ),
        pytest.param(
            {"idle": (idle_stream(packets=PACKETS, rtt_us=200_001),)}, Verdict.FAIL, id="1 us late"
        ),
        pytest.param(
            {"idle": (idle_stream(packets=PACKETS, lost_down=range(0, PACKETS, 10)),)},
            Verdict.FAIL,
            id="a packet in ten lost down",
        ),
        pytest.param(
            {"idle": (idle_stream(packets=PACKETS, lost_down=range(0, PACKETS, 100)),)},
            Verdict.INCONCLUSIVE,
            id="a packet in a hundred lost down",
        ),
        pytest.param({"idle": ()}, Verdict.INCONCLUSIVE, id="no delay stream"),
        pytest.param(
            {"attempts": tries((False,) * 6, (False,) * 6), "idle": (), "goodput": ()},
            Verdict.FAIL,
            id="down in two rounds",
        ),
        pytest.param(
            {"tasks": (task("idle", Ended.LINK_LOST),)}, Verdict.INCONCLUSIVE, id="link cut"
        ),
    ],
)
def test_standard_session_of_the_home_plan(changes: dict[str, Any], expected: Verdict) -> None:
    assert verdict_on(good_evidence(**changes)) is expected


def test_a_dead_line_without_a_grant_is_told_and_not_judged() -> None:
    judgement = evaluate(
        home(), Mode.STANDARD, evidence=dead_line_evidence(), environment=environment(), faults=()
    )
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert {each.because for each in judgement.outcomes} == {
        Because.NOT_MEASURED,
        Because.NOT_PROVABLE_IN_MODE,
    }


@pytest.mark.parametrize(
    ("runs", "expected", "because"),
    [
        pytest.param(1, Verdict.INCONCLUSIVE, Because.TOO_FEW_SAMPLES, id="its one run"),
        pytest.param(3, Verdict.PASS, Because.MET, id="three of them"),
    ],
)
def test_quick_claims_no_more_than_it_saw(runs: int, expected: Verdict, because: Because) -> None:
    evidence = Evidence(attempts=tries(), goodput=goodput(1_900_000, count=runs))
    judgement = evaluate(
        home(), Mode.QUICK, evidence=evidence, environment=environment(), faults=()
    )
    assert judgement.verdict is expected
    found = {each.id: each for each in judgement.outcomes if each.mandatory}
    assert found.keys() == {"reach", "tcp-dn", "tcp-up"}
    assert found["tcp-dn"].because is because


@pytest.mark.parametrize("mode", [Mode.MEASURE, Mode.CAMPAIGN])
def test_a_mode_in_which_nothing_is_mandatory_decides_nothing(mode: Mode) -> None:
    judgement = evaluate(
        home(), mode, evidence=good_evidence(), environment=environment(), faults=()
    )
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert not any(each.mandatory for each in judgement.outcomes)


def test_advisory_criteria_never_decide() -> None:
    advisory = [each | {"mandatory_in": []} for each in home().content()["criteria"]]
    mandatory = home().content()["criteria"][0]
    plan = profile(*advisory[1:], mandatory)
    bad = good_evidence(goodput=goodput(1_000, 1_000))
    judgement = evaluate(plan, Mode.STANDARD, evidence=bad, environment=environment(), faults=())
    assert Outcome.FAIL in {each.outcome for each in judgement.outcomes}
    assert judgement.verdict is Verdict.PASS


def test_a_spoiled_run_is_invalid_and_still_shown_criterion_by_criterion() -> None:
    faults = (Fault.TUNNEL, Fault.CROSS_TRAFFIC)
    valid = evaluate(
        home(), Mode.STANDARD, evidence=good_evidence(), environment=environment(), faults=()
    )
    spoiled = evaluate(
        home(), Mode.STANDARD, evidence=good_evidence(), environment=environment(), faults=faults
    )
    assert (spoiled.verdict, spoiled.faults) == (Verdict.INVALID, faults)
    assert spoiled.outcomes == valid.outcomes
    assert len(spoiled.outcomes) == len(home().criteria)


def test_a_fault_the_plan_forgives_spoils_nothing() -> None:
    allowing = changed(home(), ("preconditions", "tunnel"), "allow")
    judgement = evaluate(
        allowing,
        Mode.STANDARD,
        evidence=good_evidence(),
        environment=environment(),
        faults=(Fault.TUNNEL,),
    )
    assert (judgement.verdict, judgement.faults) == (Verdict.PASS, ())
    assert verdict_on(good_evidence(), Fault.TUNNEL, Fault.CPU_LIMITED, plan=allowing) is (
        Verdict.INVALID
    )


def test_the_judgement_names_the_profile_it_was_made_by() -> None:
    judgement = evaluate(
        home(), Mode.STANDARD, evidence=good_evidence(), environment=environment(), faults=()
    )
    assert judgement.profile == home().ref
    assert [each.id for each in judgement.outcomes] == [each.id for each in home().criteria]


@pytest.mark.parametrize("plan", newest(), ids=lambda plan: plan.id)
def test_every_shipped_plan_can_be_passed_and_failed(plan: AcceptanceProfile) -> None:
    through = {way: plan.contracted.rates(way).provisioned_bps for way in Direction}

    def on_a_line_of(share: float) -> Verdict:
        runs = tuple(exact_run(way, int(share * rate)) for way, rate in through.items()) * 3
        stream = idle_stream(packets=PACKETS, rtt_us=5_000)
        capacity = carried(plan, share)
        facts = good_evidence(goodput=runs, idle=(stream,), capacity=capacity)
        return verdict_on(facts, plan=plan)

    assert on_a_line_of(0.93 if plan.encapsulation is None else 0.9) is Verdict.PASS
    assert on_a_line_of(0.3) is Verdict.FAIL


@given(st.lists(st.sampled_from(Outcome)), st.sets(st.sampled_from(Fault), min_size=1))
def test_a_spoiled_run_is_invalid_whatever_was_found(
    outcomes: list[Outcome], faults: set[Fault]
) -> None:
    assert combine(outcomes, tuple(faults)) is Verdict.INVALID


def test_a_criterion_of_one_family_sees_nothing_of_the_other() -> None:
    both: tuple[Family, ...] = (4, 6)
    whole = Evidence(
        attempts=attempts(rounds=1, families=both),
        idle=tuple(idle_stream(packets=50, family=each) for each in both),
        goodput=tuple(exact_run(Direction.DOWN, 2_000_000, family=each) for each in both),
        capacity=tuple(window(2_000_000, fixed_bps=2_000_000, family=each) for each in both),
        working=tuple(working_stream(family=each) for each in both),
    )
    plan = profile(*({**LOSS, "id": f"v{each}", "family": each} for each in both))
    for case in cases(plan, plan.criteria, Mode.STANDARD, whole, derive(whole)):
        seen = case.evidence
        kinds = (seen.attempts, seen.idle, seen.goodput, seen.capacity, seen.working)
        assert [{each.family for each in kind} for kind in kinds] == [{case.criterion.family}] * 5
        assert [each.run.family for each in case.runs] == [case.criterion.family]
        assert case.metrics == metrics_of(seen)
