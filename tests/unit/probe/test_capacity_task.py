"""Fixed rates among the tasks of a session: their order, their packets, when one is repeated."""

from __future__ import annotations

from dataclasses import replace

import pytest

from omega_core.evidence import CapacityRun
from omega_core.metrics import Direction
from omega_core.qualification import Allowance
from omega_core.units import NS_PER_S
from omega_probe.capacity_task import load_ip_octets, repeat_due_us
from omega_probe.plan import CapacityTask, GoodputTask, MeasurementPlan
from support.windows import window

T = 4_000_000
ASK = CapacityTask(direction=Direction.UP, duration_ns=2_500_000_000, fixed_bps=T)
REPEAT = replace(ASK, repeat=True)
SEARCH = CapacityTask(direction=Direction.UP, duration_ns=6 * NS_PER_S)
RUN = GoodputTask(direction=Direction.UP, duration_ns=5 * NS_PER_S)
SHORT = window(T * 9 // 10, fixed_bps=T, lost_ppm=160_000, started_us=20_000_000)
CARRIED = window(T * 11 // 10, fixed_bps=T, started_us=40_000_000)


def test_fixed_rates_first_then_tcp_then_searches_and_repeats() -> None:
    step = replace(ASK, fixed_bps=T // 2)
    plan = MeasurementPlan(goodput=(RUN, RUN), capacity=(SEARCH, REPEAT, step, ASK))
    assert plan.loads() == (step, ASK, SEARCH, RUN, RUN, REPEAT)
    assert ASK.name == REPEAT.name == "qualified_up"


@pytest.mark.parametrize(
    ("earlier", "due_us"),
    [
        pytest.param([SHORT], 30_000_000, id="ten seconds after a short one began"),
        pytest.param([CARRIED], None, id="not of one that was carried"),
        pytest.param([SHORT, CARRIED], None, id="the last one counts"),
        pytest.param([window(T, fixed_bps=T)], None, id="not of one that says nothing"),
        pytest.param([window(T, fixed_bps=T, span_us=500_000)], None, id="not of half a second"),
        pytest.param([], None, id="not of none"),
        pytest.param([replace(SHORT, direction=Direction.DOWN)], None, id="not of another way"),
        pytest.param([replace(SHORT, fixed_bps=T - 1)], None, id="not of another rate"),
        pytest.param([replace(SHORT, fixed_bps=None)], None, id="not of a search"),
    ],
)
def test_a_short_window_is_repeated(earlier: list[CapacityRun], due_us: int | None) -> None:
    assert repeat_due_us(REPEAT, earlier) == due_us


def test_whether_it_was_short_is_read_with_the_plans_allowances() -> None:
    unhurried = window(T, fixed_bps=T, queue_us=70_000)
    assert repeat_due_us(REPEAT, [unhurried]) is None
    held = replace(REPEAT, allowance=Allowance(queue_us=0, bucket_us=0))
    assert repeat_due_us(held, [SHORT]) == 30_000_000


@pytest.mark.parametrize(
    ("task", "known_bps", "mtu_bytes", "octets"),
    [
        pytest.param(SEARCH, 640_000, 1_500, 1_000, id="a search on a slow line: 80 a second"),
        pytest.param(SEARCH, None, 1_500, 1_500, id="a search that knows nothing"),
        pytest.param(ASK, 640_000, 1_500, 1_000, id="a rate without a plan"),
        pytest.param(
            replace(ASK, mtu_bytes=1_492), 1_000_000, 1_500, 1_492, id="a plan's rate: as sold"
        ),
        pytest.param(
            replace(ASK, mtu_bytes=1_500), 1_000_000, 1_400, 1_400, id="what this host can send"
        ),
        pytest.param(replace(ASK, mtu_bytes=9_000), 1_000_000, None, 1_500, id="never jumbo"),
        pytest.param(replace(ASK, mtu_bytes=1_399), 1_000_000, 1_500, 1_396, id="multiples of 4"),
    ],
)
def test_packets(
    task: CapacityTask, known_bps: int | None, mtu_bytes: int | None, octets: int
) -> None:
    assert load_ip_octets(task, known_bps=known_bps, mtu_bytes=mtu_bytes) == octets
