"""The steady rate of runs whose true rate is known, to 1 %."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from omega_core.evidence import Ended, FlowCounts, GoodputRun
from omega_core.goodput import (
    SteadyRate,
    octets_at,
    probe_span_us,
    same_octets,
    steady_rate,
)
from omega_core.metrics import Direction
from omega_core.units import PPM, US_PER_S
from support.counters import Shape, counted, ramped, steady
from support.facts import goodput_run

VECTORS = Path(__file__).parents[2] / "vectors" / "goodput"
RUN: TypeAdapter[GoodputRun] = TypeAdapter(GoodputRun)
TOLERANCE_PPM = 10_000
RATE = 96_000_000
TICK_US = 100_000


def rate_of(
    shapes: list[Shape], *, until_us: int, growth_ended_us: int = 0, base_rtt_us: int = 20_000
) -> SteadyRate:
    run = goodput_run(
        flows=len(shapes),
        growth_ended_us=growth_ended_us,
        base_rtt_us=base_rtt_us,
    )
    found = steady_rate(replace(run, flows=counted(shapes, until_us=until_us)))
    assert found is not None
    return found


def run_of(*flows: FlowCounts, base_rtt_us: int = 20_000) -> GoodputRun:
    return replace(goodput_run(), flows=flows, base_rtt_us=base_rtt_us)


@pytest.mark.parametrize("case", sorted(VECTORS.glob("*/")), ids=lambda case: case.name)
def test_vector(case: Path) -> None:
    run = RUN.validate_json((case / "run.json").read_bytes())
    expected = json.loads((case / "expected.json").read_bytes())
    found = steady_rate(run)
    assert found is not None
    assert found.ramp_finished is expected["ramp_finished"]
    off_ppm = abs(found.rate_bps - expected["rate_bps"]) * PPM // expected["rate_bps"]
    assert off_ppm <= TOLERANCE_PPM


@pytest.mark.parametrize(
    ("changes", "start_s"),
    [
        pytest.param({}, 6, id="nothing is known of the line: ten round trips"),
        pytest.param({"carried_bps": 100_000_000}, 3, id="the bound was reached: from then on"),
        pytest.param({"carried_bps": 110_000_000}, 6, id="it was not reached"),
        pytest.param({"segment_octets": 0, "carried_bps": 100_000_000}, 6, id="no bound known"),
        pytest.param({"ended": Ended.COMPLETED, "carried_bps": 100_000_000}, 6, id="not decided"),
        pytest.param({"growth_ended_us": 4_000_000, "carried_bps": 100_000_000}, 4, id="it grew"),
    ],
)
def test_a_run_that_reached_what_the_line_carries_has_no_ramp_left(
    changes: dict[str, Any], start_s: int
) -> None:
    """Behind a satellite, where ten round trips are six seconds."""
    shape = ramped(96_533_333, ramp_us=3_000_000, end_us=16_000_000)
    decided = replace(
        goodput_run(base_rtt_us=600_000, flows=1, ended=Ended.DECIDED),
        flows=counted([shape], until_us=16_000_000),
    )
    found = steady_rate(replace(decided, **changes))
    assert found is not None
    assert found.ramp_finished
    assert abs(found.start_us - start_s * US_PER_S) <= 100_000
    assert abs(found.rate_bps - 96_533_333) * 500 <= 96_533_333


@pytest.mark.parametrize("seconds", [2, 3, 5, 10])
@pytest.mark.parametrize("tail_us", [0, 1, 30_000, 99_999])
def test_the_tick_that_saw_the_silence_is_not_inside(seconds: int, tail_us: int) -> None:
    end_us = seconds * US_PER_S + tail_us
    shapes = [ramped(RATE // 4, ramp_us=400_000, end_us=end_us)] * 4
    found = rate_of(shapes, until_us=end_us + 300_000)
    assert abs(found.rate_bps - RATE) * PPM // RATE < 100
    assert found.end_us < end_us


@pytest.mark.parametrize(
    ("growth_ended_us", "base_rtt_us", "start_us"),
    [
        pytest.param(0, 0, 0, id="a flat line from the first octet"),
        pytest.param(0, 30_000, 300_000, id="not before ten round trips"),
        pytest.param(700_000, 30_000, 700_000, id="not before the last flow was added"),
    ],
)
def test_where_the_window_begins(growth_ended_us: int, base_rtt_us: int, start_us: int) -> None:
    found = rate_of(
        [steady(RATE, end_us=10 * US_PER_S)],
        until_us=10 * US_PER_S,
        growth_ended_us=growth_ended_us,
        base_rtt_us=base_rtt_us,
    )
    assert (found.start_us, found.ramp_finished) == (start_us, True)
    assert found.end_us == 9_900_000 - base_rtt_us


@pytest.mark.parametrize(
    ("step_bps", "finished_at_once"),
    [
        pytest.param(RATE * 104 // 100, True, id="4 % more in the second span is the same"),
        pytest.param(RATE * 106 // 100, False, id="6 % more is still the ramp"),
    ],
)
def test_two_spans_within_5_percent_end_the_ramp(step_bps: int, *, finished_at_once: bool) -> None:
    # With no round trip to speak of a probe span is 200 ms, and the rate steps between two spans.
    end_us = 10 * US_PER_S
    line = Shape(((0, RATE), (200_000, RATE), (200_000, step_bps), (end_us, step_bps)))
    found = rate_of([line], until_us=end_us, base_rtt_us=0)
    assert (found.start_us == 0) is finished_at_once
    assert found.ramp_finished


@pytest.mark.parametrize(
    ("until_us", "finished"),
    [
        pytest.param(500_000, True, id="two spans of 200 ms just fit before the last tick"),
        pytest.param(400_000, False, id="a tick less and they don't"),
    ],
)
def test_shortest_run_that_can_show_the_end_of_its_ramp(until_us: int, *, finished: bool) -> None:
    found = rate_of([steady(RATE, end_us=until_us)], until_us=until_us, base_rtt_us=0)
    assert found.ramp_finished is finished
    assert abs(found.rate_bps - RATE) <= 64


def test_the_end_of_the_ramp_is_looked_for_every_quarter_of_a_span() -> None:
    line = Shape(((0, RATE // 2), (230_000, RATE // 2), (230_000, RATE), (10 * US_PER_S, RATE)))
    assert rate_of([line], until_us=10 * US_PER_S, base_rtt_us=0).start_us == 250_000


@pytest.mark.parametrize(("growth_ended_us", "finished"), [(4_950_000, True), (4_950_001, False)])
def test_the_window_never_begins_after_half_of_the_run(
    growth_ended_us: int, *, finished: bool
) -> None:
    line = [steady(RATE, end_us=10 * US_PER_S)]
    found = rate_of(line, until_us=10 * US_PER_S, growth_ended_us=growth_ended_us, base_rtt_us=0)
    assert (found.start_us, found.ramp_finished) == (4_950_000, finished)


def test_a_ramp_that_never_ends_is_said_so() -> None:
    found = rate_of(
        [ramped(RATE, ramp_us=10 * US_PER_S, end_us=10 * US_PER_S + 1)], until_us=10 * US_PER_S + 1
    )
    assert not found.ramp_finished
    assert found.end_us // 2 <= found.start_us <= found.end_us * 3 // 4, "half of the rest at most"


def test_a_line_that_stands_still_at_first_is_still_ramping() -> None:
    late = Shape(((0, 0), (2 * US_PER_S, 0), (2 * US_PER_S, RATE), (10 * US_PER_S, RATE)))
    found = rate_of([late], until_us=10 * US_PER_S)
    assert found.start_us >= 2 * US_PER_S - 20_000
    assert abs(found.rate_bps - RATE) * PPM // RATE <= TOLERANCE_PPM


def test_whole_run_and_octets_are_told_beside_the_rate() -> None:
    found = rate_of([ramped(RATE, ramp_us=800_000, end_us=5 * US_PER_S)], until_us=5 * US_PER_S)
    span_us = found.end_us - found.start_us
    assert found.rate_bps == found.octets * 8 * US_PER_S // span_us
    assert found.whole_run_bps < found.rate_bps * 9 // 10


def test_the_whole_run_begins_with_its_first_flow() -> None:
    line = steady(RATE, start_us=US_PER_S, end_us=3 * US_PER_S)
    found = rate_of([line], until_us=3 * US_PER_S, base_rtt_us=0)
    assert abs(found.whole_run_bps - RATE) <= 64


def test_flows_with_different_windows_are_summed_over_one() -> None:
    # Twice 48 Mbit/s, but never at the same time: the sum of their own rates would be 96.
    half = RATE // 2
    first = Shape(((0, half), (5 * US_PER_S, half), (5 * US_PER_S, 0), (10 * US_PER_S, 0)))
    second = steady(half, start_us=5 * US_PER_S, end_us=10 * US_PER_S)
    found = rate_of([first, second], until_us=10 * US_PER_S)
    assert abs(found.rate_bps - half) * PPM // half <= TOLERANCE_PPM


@pytest.mark.parametrize(
    "flows",
    [
        pytest.param((), id="no flow"),
        pytest.param((FlowCounts(flow=0, at_us=(0,), octets=(0,)),), id="a join and no more"),
        pytest.param((FlowCounts(flow=0, at_us=(), octets=()),), id="not even that"),
        pytest.param((FlowCounts(flow=0, at_us=(7, 7), octets=(0, 5)),), id="no time passed"),
        pytest.param((FlowCounts(flow=0, at_us=(0, 9), octets=(0, 0)),), id="nothing arrived"),
        pytest.param((FlowCounts(flow=0, at_us=(0, 1), octets=(0, 5)),), id="one microsecond"),
    ],
)
def test_what_cannot_be_divided_has_no_rate(flows: tuple[FlowCounts, ...]) -> None:
    assert steady_rate(run_of(*flows)) is None


def test_a_flow_that_never_ticked_does_not_hide_the_others() -> None:
    silent = FlowCounts(flow=9, at_us=(0,), octets=(0,))
    (carrying,) = counted([steady(RATE, end_us=5 * US_PER_S)], until_us=5 * US_PER_S)
    found = steady_rate(run_of(carrying, silent))
    assert found is not None
    assert abs(found.rate_bps - RATE) <= 8


def test_a_round_trip_longer_than_the_run_leaves_the_second_quarter_of_it() -> None:
    line = steady(RATE, start_us=US_PER_S, end_us=3 * US_PER_S)
    found = rate_of([line], until_us=3 * US_PER_S, base_rtt_us=3 * US_PER_S)
    assert (found.start_us, found.end_us) == (1_475_000, 1_950_000)
    assert not found.ramp_finished
    assert abs(found.rate_bps - RATE) <= 64


@pytest.mark.parametrize(
    ("ends_us", "end_us"),
    [
        pytest.param(5_100_000, 5_000_000, id="a flow that ends past the half ends the window"),
        pytest.param(5_000_000, 9_900_000, id="one that ends before it does not"),
    ],
)
def test_a_flow_that_falls_silent(ends_us: int, end_us: int) -> None:
    # Its last certain moment is a tick before its end; half of the run is at 4.95 s.
    long, short = steady(RATE, end_us=10 * US_PER_S), steady(RATE, end_us=ends_us)
    found = rate_of([long, short], until_us=10 * US_PER_S, base_rtt_us=0)
    assert found.end_us == end_us


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        pytest.param(100_000, 104_999, True, id="less than 5 % more"),
        pytest.param(100_000, 105_000, False, id="5 % more"),
        pytest.param(100_000, 95_001, True, id="less than 5 % less"),
        pytest.param(100_000, 95_000, False, id="5 % less"),
        pytest.param(1, 1, True, id="a single octet each"),
        pytest.param(0, 0, False, id="a line that stands still is not steady"),
        pytest.param(0, 1, False, id="one that begins to move is not"),
        pytest.param(1, 0, False, id="nor one that stops"),
    ],
)
def test_same_octets(before: int, after: int, *, same: bool) -> None:
    assert same_octets(before, after) is same


@pytest.mark.parametrize(
    ("base_rtt_us", "span_us"),
    [(0, 200_000), (49_999, 200_000), (50_000, 200_000), (50_001, 200_004), (600_000, 2_400_000)],
)
def test_a_probe_span_is_four_round_trips_or_200_ms(base_rtt_us: int, span_us: int) -> None:
    assert probe_span_us(base_rtt_us) == span_us


@pytest.mark.parametrize(
    ("at_us", "expected"),
    [
        pytest.param(99, 0, id="before the flow joined"),
        pytest.param(100, 0, id="as it joins"),
        pytest.param(150, 500, id="between two ticks, on the line"),
        pytest.param(199, 990, id="just before a tick"),
        pytest.param(200, 1_000, id="at a tick"),
        pytest.param(250, 1_000, id="in a stall"),
        pytest.param(300, 1_000, id="at the end of the stall"),
        pytest.param(301, 1_001, id="after it"),
        pytest.param(400, 1_100, id="at the last tick"),
        pytest.param(9_999, 1_100, id="long after"),
    ],
)
def test_octets_between_ticks_lie_on_the_line(at_us: int, expected: int) -> None:
    flow = FlowCounts(flow=0, at_us=(100, 200, 300, 400), octets=(0, 1_000, 1_000, 1_100))
    assert octets_at([flow], at_us) == expected
    assert octets_at([flow, replace(flow, flow=1)], at_us) == 2 * expected


def test_direction_does_not_matter_here() -> None:
    down = goodput_run(Direction.DOWN, rate_bps=RATE)
    assert steady_rate(down) == steady_rate(replace(down, direction=Direction.UP))


def test_what_waited_behind_a_gap_is_not_counted_as_carried_in_the_window() -> None:
    """A line of 20 Mbit/s; at 0.9 s the reader waits 0.6 s behind a loss, then gets it at once."""
    waits_us, until_us = (900_000, 1_500_000), 5 * US_PER_S
    rate_bps = 20_000_000
    at_us = range(0, until_us + 1, TICK_US)
    octets = [
        rate_bps * (waits_us[0] if waits_us[0] < each < waits_us[1] else each) // 8_000_000
        for each in at_us
    ]
    waiting = FlowCounts(flow=0, at_us=tuple(at_us), octets=tuple(octets))
    grown = replace(run_of(waiting, base_rtt_us=25_000), growth_ended_us=1_000_000)
    found = steady_rate(grown)
    assert found is not None
    assert abs(found.rate_bps - rate_bps) <= rate_bps // 1_000


def test_a_stall_that_is_not_made_up_for_counts() -> None:
    """The line itself stands still for half a second in mid-run: a tenth of what is measured."""
    stall_us, until_us, rate_bps = (2_500_000, 3_000_000), 5 * US_PER_S, 20_000_000
    at_us = range(0, until_us + 1, TICK_US)
    carried_us = [
        each - min(max(each - stall_us[0], 0), stall_us[1] - stall_us[0]) for each in at_us
    ]
    octets = tuple(rate_bps * each // 8_000_000 for each in carried_us)
    found = steady_rate(run_of(FlowCounts(flow=0, at_us=tuple(at_us), octets=octets)))
    assert found is not None
    span_us = found.end_us - found.start_us
    assert abs(found.rate_bps - rate_bps * (span_us - 500_000) // span_us) <= rate_bps // 1_000
    assert span_us > 4 * US_PER_S, "neither edge fled from it"


@pytest.mark.parametrize("late_us", [0, 20_000, 40_000])
def test_an_end_inside_a_wait_moves_to_before_it(late_us: int) -> None:
    """Wherever the end lies between two steps of the grid on which edges are looked for."""
    waits_us, goes_on_us = 1_600_000 + late_us, 1_750_000 + late_us
    until_us = goes_on_us + 50_000
    shape = Shape(
        (
            (0, RATE),
            (waits_us, RATE),
            (waits_us + 1, 0),
            (goes_on_us, 0),
            (goes_on_us + 1, 4 * RATE),
            (until_us, 4 * RATE),
        )
    )
    found = rate_of([shape], until_us=until_us, base_rtt_us=60_000)
    assert found.end_us <= waits_us
    assert abs(found.rate_bps - RATE) * 100 <= RATE


def test_what_the_ramp_let_wait_is_no_full_span() -> None:
    """A reader gets at once what waited behind a loss in slow start: fast, and not the line yet."""
    shape = Shape(
        (
            (0, 10_000_000), (300_000, 10_000_000), (300_001, 120_000_000), (500_000, 120_000_000),
            (500_001, 20_000_000), (2_000_000, RATE), (6_000_000, RATE),
        )
    )  # fmt: skip
    run = replace(
        goodput_run(base_rtt_us=100_000, flows=1, ended=Ended.DECIDED),
        flows=counted([shape], until_us=6_000_000),
        carried_bps=RATE * 1_500 // 1_448,
    )
    found = steady_rate(run)
    assert found is not None
    assert found.start_us >= 1_700_000
    assert abs(found.rate_bps - RATE) * 200 <= RATE
