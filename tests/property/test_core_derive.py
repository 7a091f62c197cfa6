"""Metrics against a second way to compute them, and of counters that nobody would believe."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_core import limits
from omega_core.derive import metrics_of
from omega_core.evidence import Evidence, FlowCounts
from omega_core.facts import INTEGER_MAX
from omega_core.goodput import steady_rate
from omega_core.metrics import METRICS
from support.facts import goodput_run, idle_stream

FATES = st.lists(st.sampled_from(["answered", "up", "down"]) | st.integers(1, 10**7), max_size=60)


@given(FATES)
def test_loss_and_delay_packet_by_packet(fates: list[str | int]) -> None:
    delays = [fate if isinstance(fate, int) else 5_000 for fate in fates]
    up = [at for at, fate in enumerate(fates) if fate == "up"]
    down = [at for at, fate in enumerate(fates) if fate == "down"]
    stream = idle_stream(rtt_us=delays, lost_up=up, lost_down=down)
    metrics = metrics_of(Evidence(idle=(stream,)))
    reached = len(fates) - len(up)
    if fates:
        assert metrics["loss_ppm_up"].value == ceil(Fraction(len(up) * 10**6, len(fates)))
    if reached:
        assert metrics["loss_ppm_down"].value == ceil(Fraction(len(down) * 10**6, reached))
    answered = [
        delay for delay, fate in zip(delays, fates, strict=True) if fate not in {"up", "down"}
    ]
    if answered:
        assert metrics["idle_rtt_us_min"].value == min(answered)
        assert metrics["idle_pdv_us_p95"].value == _p95([each - min(answered) for each in answered])
        assert metrics["idle_rtt_us_p95"].value == _p95(answered)
    arrived = [None if at in {*up, *down} else delay for at, delay in enumerate(delays)]
    apart = [
        abs(after - before)
        for before, after in pairwise(arrived)
        if before is not None and after is not None
    ]
    if answered:
        mean = Fraction(sum(apart), len(apart)) // 1 if apart else None
        assert metrics["idle_ipdv_us_mean"].value == mean
        assert metrics["idle_ipdv_us_mean"].samples == len(apart)
    assert set(metrics) == set(METRICS)
    assert all((metric.value is None) != (metric.reason is None) for metric in metrics.values())


COUNTS = st.integers(0, INTEGER_MAX)
SERIES = st.lists(st.tuples(st.integers(0, limits.FLOW_CLOCK_US_MAX), COUNTS), max_size=12).map(
    lambda pairs: list(zip(*pairs, strict=True)) or [(), ()]
)


@given(
    st.lists(SERIES, max_size=3), COUNTS | st.integers(0, 100_000), COUNTS | st.integers(0, 10**7)
)
def test_any_counters_have_a_rate_or_none(
    series: list[list[tuple[int, ...]]], base_rtt_us: int, growth_ended_us: int
) -> None:
    flows = tuple(
        FlowCounts(flow=number, at_us=tuple(sorted(at_us)), octets=tuple(sorted(octets)))
        for number, (at_us, octets) in enumerate(series)
    )
    run = replace(
        goodput_run(), flows=flows, base_rtt_us=base_rtt_us, growth_ended_us=growth_ended_us
    )
    found = steady_rate(run)
    if found is not None:
        assert found.rate_bps >= 0
        assert found.start_us < found.end_us
        assert found.octets <= sum(flow.octets[-1] for flow in flows if flow.octets)
    assert metrics_of(Evidence(goodput=(run,)))["goodput_bps_down"].value == (
        None if found is None else found.rate_bps
    )


@given(st.lists(COUNTS, max_size=8))
def test_a_counter_is_refused_exactly_where_it_runs_backwards(octets: list[int]) -> None:
    at_us = tuple(range(len(octets)))
    backwards = any(octets[at] < octets[at - 1] for at in range(1, len(octets)))
    with pytest.raises(ValueError, match="backwards") if backwards else nullcontext():
        FlowCounts(flow=0, at_us=at_us, octets=tuple(octets))


def _p95(values: list[int]) -> int:
    return min(x for x in values if 100 * sum(each <= x for each in values) >= 95 * len(values))
