"""The metrics of UDP load: which run counts, and what is said where none does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from omega_core.capacity import IdleLoss
from omega_core.capacity_metrics import capacity_metrics, qualification_metrics
from omega_core.evidence import CapacityRun, Ended
from omega_core.metrics import Direction, NoValue
from omega_core.qualification import offered_bps
from omega_core.units import US_PER_MS, US_PER_S

IP_OCTETS = 1_000
TICK_US = 50 * US_PER_MS


def run_at(
    rate_bps: int,
    *,
    seconds: int = 2,
    lost_each: int = 0,
    queue_us: int = 0,
    number: int = 1,
    fixed_bps: int | None = None,
    direction: Direction = Direction.DOWN,
) -> CapacityRun:
    """Return a run received evenly at a rate; of each so many packets one is lost.

    `queue_us` is by how much the delay grows in a second.
    """
    ticks = range(seconds * US_PER_S // TICK_US + 1)
    told = offered_bps(fixed_bps, IdleLoss(loss_ppm=0, packets=250)) if fixed_bps else rate_bps
    packets = [rate_bps * tick * TICK_US // (8 * IP_OCTETS * US_PER_S) for tick in ticks]
    return CapacityRun(
        run=number,
        family=4,
        direction=direction,
        started_offset_us=0,
        base_rtt_us=20_000,
        ip_octets=IP_OCTETS,
        idle_loss_ppm=0,
        idle_packets=250,
        fixed_bps=fixed_bps,
        at_us=tuple(tick * TICK_US for tick in ticks),
        octets=tuple(each * IP_OCTETS for each in packets),
        packets=tuple(packets),
        highest=tuple(each + (each // lost_each if lost_each else 0) for each in packets),
        delay_us_max=tuple(tick * TICK_US * queue_us // US_PER_S for tick in ticks),
        offered=((1, told, 0),),
        reordered=0,
        duplicates=0,
        host_drops=0,
        ended=Ended.DECIDED,
    )


def test_the_search_that_has_shown_most_counts() -> None:
    runs = [run_at(20_000_000), run_at(21_000_000, number=2), run_at(19_000_000, number=3)]
    found = capacity_metrics(runs)
    assert found.keys() == {"capacity_bps_down"}
    assert found["capacity_bps_down"].value == pytest.approx(21_000_000, rel=0.001)
    assert found["capacity_bps_down"].samples == pytest.approx(2 * 21_000_000 / 8_000, rel=0.01)
    assert "sustained" in found["capacity_bps_down"].method


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        pytest.param(run_at(20_000_000, lost_each=20), NoValue.LOSSY_AT_ANY_RATE, id="5 % lost"),
        pytest.param(
            replace(run_at(20_000_000, seconds=1), sub_interval_us=2 * US_PER_S),
            NoValue.TOO_FEW_SAMPLES,
            id="no sub-interval was filled",
        ),
    ],
)
def test_a_search_that_showed_nothing_says_why(run: CapacityRun, reason: NoValue) -> None:
    assert capacity_metrics([run])["capacity_bps_down"].reason is reason


def test_a_run_that_was_cut_off_and_a_fixed_rate_are_no_search() -> None:
    cut = replace(run_at(20_000_000), ended=Ended.LINK_LOST)
    fixed = run_at(20_400_000, fixed_bps=20_000_000)
    assert capacity_metrics([cut, fixed]) == {}
    assert qualification_metrics([cut, run_at(20_000_000)]) == {}


@pytest.mark.parametrize(
    ("received_bps", "queue_us", "value", "word"),
    [
        pytest.param(22_000_000, 0, 20_952_381, "carried", id="carried: 22 Mbit/s x 2.0 / 2.1"),
        pytest.param(18_000_000, 190_000, 18_000_000, "short", id="the rest waits in a queue"),
        pytest.param(20_000_000, 70_000, None, "unclear", id="just the rate"),
        pytest.param(18_000_000, 0, None, "not sent", id="the host did not send the rest"),
    ],
)
def test_a_fixed_rate(received_bps: int, queue_us: int, value: int | None, word: str) -> None:
    run = run_at(received_bps, queue_us=queue_us, fixed_bps=20_000_000)
    found = qualification_metrics([run])["qualified_bps_down"]
    assert word in found.method
    if value is None:
        assert found.reason is NoValue.TOO_FEW_SAMPLES
    else:
        assert found.value == pytest.approx(value, rel=0.001)
        assert found.samples == 1


def test_of_several_fixed_rates_the_last_answer_counts() -> None:
    short = run_at(18_000_000, queue_us=190_000, fixed_bps=20_000_000)
    carried = run_at(22_000_000, fixed_bps=20_000_000, number=2)
    unclear = run_at(20_000_000, fixed_bps=20_000_000, number=3)
    for runs, value in (
        ([short, carried, unclear], 20_952_381),
        ([carried, short], 18_000_000),
        ([unclear, carried], 20_952_381),
    ):
        found = qualification_metrics(runs)["qualified_bps_down"]
        assert found.value == pytest.approx(value, rel=0.001)
