"""A rate below the plan that the line did not limit spoils the run and fails nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from omega_acceptance.evaluate import evaluate
from omega_acceptance.schema import AcceptanceProfile
from omega_core.environment import Interface, Medium
from omega_core.evidence import Evidence
from omega_core.metrics import Direction
from omega_core.units import US_PER_S
from omega_core.verdict import Fault, Judgement, Mode, Outcome, Verdict
from support.facts import environment, goodput_run
from support.profiles import good_evidence, home, profile

PLAN = home()
SPAN_US = 10 * US_PER_S
SLOW_BPS, FAST_BPS, UP_BPS = 1_000_000, 1_900_000, 480_000


def judged(
    down_bps: int,
    *,
    plan: AcceptanceProfile = PLAN,
    **sender: Any,  # noqa: ANN401 - fields of the fact
) -> Judgement:
    def run(direction: Direction, rate_bps: int) -> Any:  # noqa: ANN401 - a run
        made = goodput_run(direction, rate_bps=rate_bps, flows=1, duration_us=SPAN_US)
        if direction is Direction.UP:
            return made
        return replace(made, senders=tuple(replace(each, **sender) for each in made.senders))

    runs = (run(Direction.DOWN, down_bps), run(Direction.UP, UP_BPS)) * 3
    link = Interface(
        name="eth0",
        medium=Medium.ETHERNET,
        link_rate_bps=10**9,
        duplex="full",
        mtu_bytes=1_500,
    )
    evidence: Evidence = replace(good_evidence(), goodput=runs)
    around = environment(interface=link)
    return evaluate(plan, Mode.STANDARD, evidence=evidence, environment=around, faults=())


@pytest.mark.parametrize(
    ("sender", "faults"),
    [
        pytest.param({}, (), id="the line: its failure"),
        pytest.param(
            {"receive_window_limited_us": SPAN_US}, (Fault.CPU_LIMITED,), id="this host's reading"
        ),
        pytest.param(
            {"busy_us": SPAN_US // 2}, (Fault.TEST_POINT_SATURATED,), id="the test point's sending"
        ),
    ],
)
def test_what_kept_a_rate_below_its_promise(
    sender: dict[str, int], faults: tuple[Fault, ...]
) -> None:
    found = judged(SLOW_BPS, plan=PLAN, **sender)
    assert found.faults == faults
    assert found.verdict is (Verdict.INVALID if faults else Verdict.FAIL)
    assert Outcome.FAIL in {each.outcome for each in found.outcomes}


def test_a_rate_that_keeps_its_promise_keeps_it_in_spite_of_a_limit() -> None:
    assert judged(FAST_BPS, receive_window_limited_us=SPAN_US).verdict is Verdict.PASS


def test_an_advisory_criterion_spoils_nothing() -> None:
    criteria = [
        each | ({"mandatory_in": []} if each["metric"] == "goodput_bps_down" else {})
        for each in PLAN.content()["criteria"]
    ]
    found = judged(SLOW_BPS, plan=profile(*criteria), receive_window_limited_us=SPAN_US)
    assert Outcome.FAIL in {each.outcome for each in found.outcomes}
    assert (found.faults, found.verdict) == ((), Verdict.PASS)
