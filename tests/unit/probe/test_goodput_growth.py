"""When a run adds flows, on simulated lines."""

from __future__ import annotations

import pytest

from omega_core.evidence import FlowCounts
from omega_core.limits import GOODPUT_FLOWS_MAX
from omega_core.units import US_PER_MS, US_PER_S
from omega_probe.congestion_wish import LONG_RTT_US
from omega_probe.goodput_growth import FLOWS_ORDINARY, Growth, flows_at_start
from support.counters import Shape, counted, ramped, steady

TICK_US = 100 * US_PER_MS
RUN_US = 5 * US_PER_S
MBPS = 1_000_000


def seen(shapes: list[Shape], until_us: int) -> tuple[FlowCounts, ...]:
    return counted(shapes, until_us=until_us)


def ask(growth: Growth, shapes: list[Shape], until_us: int = RUN_US) -> list[tuple[int, int]]:
    """Return (time, flows added) for each tick at which some were."""
    asked = (
        (now_us, growth.flows_to_add(seen(shapes, now_us), now_us)) for now_us in ticks(until_us)
    )
    return [(now_us, added) for now_us, added in asked if added]


def ticks(until_us: int) -> range:
    return range(TICK_US, until_us + 1, TICK_US)


def growth(*, base_rtt_us: int = 20_000, duration_us: int = RUN_US) -> Growth:
    return Growth(base_rtt_us=base_rtt_us, duration_us=duration_us)


@pytest.mark.parametrize(
    ("base_rtt_us", "flows"), [(0, 1), (LONG_RTT_US - 1, 1), (LONG_RTT_US, 4), (600_000, 4)]
)
def test_how_many_flows_a_run_starts_with(base_rtt_us: int, flows: int) -> None:
    assert flows_at_start(base_rtt_us) == flows


@pytest.mark.parametrize(
    ("carried_bps", "base_rtt_us", "flows"),
    [
        pytest.param(1 * MBPS, 20_000, 1, id="a slow line"),
        pytest.param(4 * MBPS, 20_000, 2, id="a faster one"),
        pytest.param(900 * MBPS, 4_000, 4, id="any other on a short path"),
        pytest.param(1 * MBPS, 600_000, 1, id="a slow satellite: one window fills it"),
        pytest.param(10 * MBPS, 600_000, 12, id="750 kB in flight, 58 kB a flow after two rounds"),
        pytest.param(50 * MBPS, 600_000, GOODPUT_FLOWS_MAX, id="more would help, but no more"),
    ],
)
def test_a_run_that_knows_the_capacity_starts_with_its_flows(
    carried_bps: int, base_rtt_us: int, flows: int
) -> None:
    assert flows_at_start(base_rtt_us, carried_bps) == flows


def test_no_more_flows_are_tried_once_the_line_is_full() -> None:
    shapes = [steady(25 * MBPS, end_us=RUN_US)] * FLOWS_ORDINARY
    full = Growth(base_rtt_us=20_000, duration_us=RUN_US, enough_bps=100 * MBPS)
    half_full = Growth(base_rtt_us=20_000, duration_us=RUN_US, enough_bps=200 * MBPS)
    assert ask(full, shapes) == []
    assert ask(half_full, shapes)[0][1] == 2


@pytest.mark.parametrize(
    ("rate_bps", "added"),
    [
        pytest.param(2_400_000, 0, id="a slow line keeps its one flow"),
        pytest.param(2_600_000, 1, id="a faster one has two"),
        pytest.param(5_900_000, 1, id="and not more"),
        pytest.param(6_100_000, 3, id="until it can feed four"),
        pytest.param(900 * MBPS, 3, id="a very fast one too, at first"),
    ],
)
def test_the_first_flows_come_as_soon_as_the_line_has_shown_its_rate(
    rate_bps: int, added: int
) -> None:
    asked = ask(growth(), [steady(rate_bps, end_us=RUN_US)], until_us=300_000)
    assert asked[:1] == ([(200_000, added)] if added else [])


@pytest.mark.parametrize(
    ("base_rtt_us", "by_us"),
    [
        pytest.param(20_000, 800_000, id="short round trips: just after it"),
        pytest.param(100_000, 600_000, id="long ones: before it is over"),
    ],
)
def test_slow_start_is_not_taken_for_a_release(base_rtt_us: int, by_us: int) -> None:
    line = [ramped(100 * MBPS, ramp_us=10 * max(base_rtt_us, 60_000), end_us=RUN_US)]
    (first, *_) = ask(growth(base_rtt_us=base_rtt_us), line)
    assert first[0] <= by_us


def test_what_a_repaired_loss_releases_is_not_the_rate() -> None:
    """A second of a 1 Mbit/s line, read all at once, after nothing for as long."""
    release = Shape(
        (
            (0, MBPS),
            (500_000, MBPS),
            (500_000, 0),
            (1_500_000, 0),
            (1_500_000, 10 * MBPS),
            (1_600_000, 10 * MBPS),
            (1_600_000, MBPS),
            (RUN_US, MBPS),
        )
    )
    assert ask(growth(), [release]) == []


def four(rate_bps: int) -> list[Shape]:
    return [steady(rate_bps // FLOWS_ORDINARY, end_us=RUN_US)] * FLOWS_ORDINARY


def test_one_addition_is_tried_once_the_sum_is_steady() -> None:
    asked = ask(growth(), four(100 * MBPS), until_us=700_000)
    assert asked == [(400_000, 2)]


def test_an_addition_that_gains_nothing_is_the_last() -> None:
    tried = growth()
    assert ask(tried, four(100 * MBPS), until_us=400_000) == [(400_000, 2)]
    six = [steady(100 * MBPS // 6, end_us=RUN_US)] * 6
    assert ask(tried, six) == []
    assert tried.over


@pytest.mark.parametrize(
    ("gain_percent", "more"),
    [
        pytest.param(4, False, id="4 % is no gain"),
        pytest.param(7, True, id="7 % is"),
    ],
)
def test_flows_are_added_as_long_as_they_gain(gain_percent: int, *, more: bool) -> None:
    tried = growth()
    assert ask(tried, four(100 * MBPS), until_us=400_000) == [(400_000, 2)]
    rate_bps = MBPS * (100 + gain_percent)
    six = [steady(rate_bps // 6, end_us=RUN_US)] * 6
    now_us = 1_200_000
    assert (tried.flows_to_add(seen(six, now_us), now_us) == 2) is more


def test_nothing_is_compared_while_the_rate_climbs() -> None:
    climbing = [ramped(25 * MBPS, ramp_us=4 * US_PER_S, end_us=RUN_US)] * FLOWS_ORDINARY
    assert ask(growth(), climbing) == []


@pytest.mark.parametrize(
    ("at_us", "tried"),
    [
        pytest.param(1_200_000, True, id="within a quarter of the run"),
        pytest.param(1_300_000, False, id="later it is not worth the disturbance"),
    ],
)
def test_no_first_trial_late_in_the_run(at_us: int, *, tried: bool) -> None:
    assert bool(growth().flows_to_add(seen(four(100 * MBPS), at_us), at_us)) is tried


@pytest.mark.parametrize(
    ("flows", "at_us", "added"),
    [
        pytest.param(1, 1_200_000, 3, id="the first ones within a quarter of the run"),
        pytest.param(1, 1_300_000, 0, id="and not later"),
    ],
)
def test_when_the_first_flows_may_come(flows: int, at_us: int, added: int) -> None:
    asked = growth()
    line = [steady(100 * MBPS // flows, end_us=RUN_US)] * flows
    assert asked.flows_to_add(seen(line, at_us), at_us) == added
    assert asked.over is (added == 0)


@pytest.mark.parametrize(
    ("at_us", "added"),
    [
        pytest.param(1_900_000, 2, id="two fifths of the run are not over"),
        pytest.param(2_000_000, 0, id="now they are"),
    ],
)
def test_until_when_flows_are_added_while_they_gain(at_us: int, added: int) -> None:
    gaining = growth()
    assert gaining.flows_to_add(seen(four(50 * MBPS), 400_000), 400_000) == 2
    six = [steady(100 * MBPS // 6, end_us=RUN_US)] * 6
    assert gaining.flows_to_add(seen(six, at_us), at_us) == added


def test_never_more_than_there_may_be() -> None:
    long = growth(duration_us=60 * US_PER_S)
    flows = FLOWS_ORDINARY
    for now_us in range(2 * US_PER_S, 24 * US_PER_S, US_PER_S):
        shapes = [Shape(((0, 10 * MBPS * flows), (60 * US_PER_S, 10 * MBPS * flows)))] * flows
        flows += long.flows_to_add(seen(shapes, now_us), now_us)
    assert flows == GOODPUT_FLOWS_MAX


def test_a_line_too_slow_for_six_keeps_four() -> None:
    assert ask(growth(), four(8_900_000)) == []


def test_without_a_flow_there_is_nothing_to_say() -> None:
    assert growth().flows_to_add((), 500_000) == 0
