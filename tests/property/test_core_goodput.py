from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import given
from hypothesis import strategies as st

from omega_core.evidence import GoodputRun
from omega_core.goodput import octets_at, octets_over, steady_rate
from omega_core.units import PPM, US_PER_S
from support.counters import counted, ramped
from support.facts import goodput_run

TOLERANCE_PPM = 10_000


@dataclass(frozen=True)
class Line:
    """A line, and the flows and the receiver on it."""

    rate_bps: int
    flows: int
    seconds: int
    ramp_us: int
    late_us: int
    base_rtt_us: int
    seed: int

    def run(self) -> GoodputRun:
        end_us = self.seconds * US_PER_S
        shape = ramped(self.rate_bps // self.flows, ramp_us=self.ramp_us, end_us=end_us)
        series = counted(
            [shape] * self.flows, until_us=end_us + 100_000, late_us=self.late_us, seed=self.seed
        )
        return replace(goodput_run(), flows=series, base_rtt_us=self.base_rtt_us)


LINES = st.builds(
    Line,
    rate_bps=st.integers(1_000_000, 1_000_000_000),
    flows=st.integers(1, 16),
    seconds=st.integers(3, 10),
    ramp_us=st.integers(10_000, 1_000_000),
    late_us=st.integers(0, 50_000),
    base_rtt_us=st.integers(200, 100_000),
    seed=st.integers(0, 2**32),
)


@given(LINES)
def test_any_line_is_measured_to_one_percent(line: Line) -> None:
    found = steady_rate(line.run())
    assert found is not None
    assert abs(found.rate_bps - line.rate_bps) * PPM // line.rate_bps <= TOLERANCE_PPM
    assert 0 <= found.start_us < found.end_us <= line.seconds * US_PER_S


@given(st.integers(0, 6 * US_PER_S), st.integers(0, 6 * US_PER_S))
def test_octets_never_shrink_with_time(first_us: int, second_us: int) -> None:
    flows = goodput_run(late_us=40_000).flows
    early_us, late_us = sorted((first_us, second_us))
    assert octets_at(flows, early_us) <= octets_at(flows, late_us)
    assert octets_at(flows, 10 * US_PER_S) == sum(flow.octets[-1] for flow in flows)


@given(LINES, st.lists(st.integers(0, 12 * US_PER_S), max_size=200).map(sorted))
def test_one_walk_counts_what_single_looks_count(line: Line, grid_us: list[int]) -> None:
    flows = line.run().flows
    assert octets_over(flows, grid_us) == [octets_at(flows, at_us) for at_us in grid_us]
