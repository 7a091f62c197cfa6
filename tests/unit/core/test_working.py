"""Working latency: which packets count, and what is made of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_core.derive import metrics_of
from omega_core.evidence import CapacityRun, Ended, Evidence, GoodputRun, WorkingStream
from omega_core.goodput import steady_rate, steady_runs
from omega_core.limits import WORKING_PACKETS_MIN
from omega_core.metrics import Direction, MetricValue, NoValue
from omega_core.units import US_PER_S
from omega_core.working import (
    blocks_under_load,
    responsiveness_rpm,
    sent_in_window,
    sent_while_held,
)
from support.facts import goodput_run, working_stream
from support.windows import window

PERIOD_US = 20_000
NAMES = ("working_rtt_us_p50", "working_rtt_us_p95", "responsiveness_rpm", "buffer_delay_ppm")


def found(
    *streams: WorkingStream, runs: tuple[GoodputRun, ...] | None = None, way: str = "down"
) -> list[MetricValue]:
    evidence = Evidence(goodput=(goodput_run(),) if runs is None else runs, working=streams)
    metrics = metrics_of(evidence)
    return [metrics[f"{name}_{way}"] for name in NAMES]


def values(metrics: list[MetricValue]) -> list[int | None]:
    return [each.value for each in metrics]


def with_packets_inside(count: int) -> tuple[WorkingStream, GoodputRun]:
    """Return a stream of which so many packets were sent inside the window, all answered."""
    run = goodput_run()
    window = steady_rate(run)
    assert window is not None
    first_us = window.start_us + 40 * US_PER_S
    return working_stream(packets=count, started_offset_us=first_us), run


def test_a_constant_delay_gives_itself_and_what_follows_from_it() -> None:
    # 60 s / 80 ms = 750 a minute; 80 ms over a baseline of 20 ms is three times it more.
    assert values(found(working_stream(rtt_us=80_000))) == [80_000, 80_000, 750, 3_000_000]


def test_only_packets_sent_inside_the_steady_window_count() -> None:
    run = goodput_run()
    window = steady_rate(run)
    assert window is not None
    sent_us = [number * PERIOD_US - 500_000 for number in range(350)]
    inside = [window.start_us <= each <= window.end_us for each in sent_us]
    assert 0 < sum(inside) < 350
    stream = working_stream(rtt_us=[90_000 if each else 1_000 for each in inside])
    p50, p95, _, _ = found(stream)
    assert (p50.value, p95.value) == (90_000, 90_000)
    assert p50.samples == sum(inside)


def test_packets_that_follow_closer_later_were_sent_when_they_say() -> None:
    stream = replace(working_stream(packets=6), spacings=((0, 60_000), (2, 10_000)))
    first_us = stream.started_offset_us
    assert [each - first_us for each in stream.sent_us()] == [
        0, 60_000, 120_000, 130_000, 140_000, 150_000,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("shift_us", "counted"),
    [
        pytest.param(0, True, id="sent at the edge"),
        pytest.param(-1, False, id="a microsecond before it"),
    ],
)
def test_the_edge_of_the_window(shift_us: int, *, counted: bool) -> None:
    stream, run = with_packets_inside(1)
    window = steady_rate(run)
    assert window is not None
    moved = replace(stream, started_offset_us=stream.started_offset_us + shift_us)
    assert [*sent_in_window(moved, run, window)] == ([80_000] if counted else [])


def test_percentiles_are_of_the_packets_answered() -> None:
    lost = [*range(100, 150)]
    p50, *_ = found(working_stream(lost_down=lost))
    whole, *_ = found(working_stream())
    assert p50.value == 80_000
    assert p50.samples == whole.samples - len(lost)


@pytest.mark.parametrize(
    ("count", "reason"),
    [
        pytest.param(WORKING_PACKETS_MIN, None, id="the least"),
        pytest.param(WORKING_PACKETS_MIN - 1, NoValue.TOO_FEW_SAMPLES, id="one fewer"),
        pytest.param(0, NoValue.TOO_FEW_SAMPLES, id="none"),
    ],
)
def test_the_least_sample(count: int, reason: NoValue | None) -> None:
    stream, run = with_packets_inside(count)
    for metric in found(stream, runs=(run,)):
        assert metric.reason == reason
        assert metric.samples == count


@pytest.mark.parametrize(
    ("run_ended", "stream_ended", "reason"),
    [
        pytest.param(Ended.LINK_LOST, Ended.COMPLETED, NoValue.LINK_LOST, id="the run's link"),
        pytest.param(Ended.INTERRUPTED, Ended.INTERRUPTED, NoValue.INTERRUPTED, id="stopped"),
        pytest.param(Ended.COMPLETED, Ended.REFUSED, NoValue.REFUSED, id="the stream refused"),
        pytest.param(Ended.COMPLETED, Ended.BUDGET, NoValue.BUDGET, id="no octets for the stream"),
    ],
)
def test_why_there_is_no_value(run_ended: Ended, stream_ended: Ended, reason: NoValue) -> None:
    stream = working_stream(packets=0, ended=stream_ended)
    for metric in found(stream, runs=(goodput_run(ended=run_ended),)):
        assert (metric.value, metric.reason) == (None, reason)


def test_without_a_stream_nothing_is_said() -> None:
    assert {each.reason for each in found()} == {NoValue.NOT_MEASURED}
    up = found(working_stream(), way="up")
    assert {each.reason for each in up} == {NoValue.NOT_MEASURED}


def test_a_stream_whose_run_had_no_flow_counts_nothing() -> None:
    stream = working_stream(run_epoch_offset_us=None)
    assert {each.reason for each in found(stream)} == {NoValue.TOO_FEW_SAMPLES}


def test_runs_are_pooled_and_each_is_held_against_its_own_baseline() -> None:
    first, second = goodput_run(), goodput_run(run=1, base_rtt_us=60_000)
    streams = (working_stream(rtt_us=80_000), working_stream(run=1, rtt_us=120_000))
    p50, p95, _, buffer = found(*streams, runs=(first, second))
    assert (p50.value, p95.value) == (80_000, 120_000)
    each = [
        found(stream, runs=(run,)) for stream, run in zip(streams, (first, second), strict=True)
    ]
    assert p50.samples == sum(metrics[0].samples for metrics in each)
    # One alone is three times its baseline more, the other once: the pool lies between.
    assert (each[0][3].value, each[1][3].value) == (3_000_000, 1_000_000)
    assert 1_000_000 < (buffer.value or 0) < 3_000_000


def test_a_delay_below_the_baseline_is_no_negative_buffer() -> None:
    assert found(working_stream(rtt_us=19_000))[3].value == 0


def test_a_microsecond_above_the_baseline_is_not_nothing() -> None:
    stream, run = with_packets_inside(120)
    stream = replace(stream, rtt_us=(20_001,) * 120)
    assert found(stream, runs=(run,))[3].value == 50


def test_the_method_names_the_form_of_responsiveness() -> None:
    _, _, rpm, buffer = found(working_stream(timestamp_uncertainty_us=7))
    assert rpm.method.startswith("other probes: STAMP")
    assert "kernel timestamps within 7 us" in rpm.method
    assert buffer.method.endswith("over 20.000 ms")


def test_the_slowest_twentieth_does_not_count_in_responsiveness() -> None:
    assert responsiveness_rpm([60_000] * 95 + [3_000_000] * 5) == 1_000
    assert responsiveness_rpm([60_000] * 94 + [3_000_000] * 6) < 1_000


@pytest.mark.parametrize(
    ("rtt_us", "rpm"),
    [
        pytest.param([60_000_000], 1, id="a minute"),
        pytest.param([60_000_001], 0, id="a microsecond more"),
        pytest.param([0, 0], 60_000_000, id="nothing at all"),
    ],
)
def test_responsiveness_at_its_ends(rtt_us: list[int], rpm: int) -> None:
    assert responsiveness_rpm(rtt_us) == rpm


def test_responsiveness_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        responsiveness_rpm([])


@given(st.lists(st.integers(1, 3_000_000), min_size=1, max_size=200))
def test_responsiveness_lies_between_those_of_the_extremes(rtt_us: list[int]) -> None:
    rpm = responsiveness_rpm(rtt_us)
    assert 60 * US_PER_S // max(rtt_us) <= rpm <= 60 * US_PER_S // min(rtt_us)


def held_search(*, held_us: tuple[int, int] | None, filled: bool = True) -> CapacityRun:
    """Return a search of run 2, followed by a load that was held for so long."""
    run = window(20_000_000, fixed_bps=20_000_000, direction=Direction.DOWN)
    ended = Ended.DECIDED
    return replace(run, run=2, fixed_bps=None, held_us=held_us, filled=filled, ended=ended)


def beside_search(rtt_us: list[int], **changes: Any) -> WorkingStream:  # noqa: ANN401 - fields of the fact
    fields = {"run": 2, "run_epoch_offset_us": None, "started_offset_us": 0, **changes}
    return working_stream(packets=len(rtt_us), rtt_us=rtt_us, **fields)


RISING = [20_000] * 100 + [520_000] * 200 + [20_000] * 50
WHILE_FULL = (100 * PERIOD_US, 299 * PERIOD_US)


def test_packets_sent_while_the_load_was_held_count_and_no_others() -> None:
    search = held_search(held_us=WHILE_FULL)
    metrics = metrics_of(Evidence(capacity=(search,), working=(beside_search(RISING),)))
    p50, p95 = (metrics[f"working_rtt_us_{each}_down"] for each in ("p50", "p95"))
    assert (p50.value, p95.value, p95.samples) == (520_000, 520_000, 200)
    assert "while a UDP load held the buffer full down" in (p95.method or "")
    assert metrics["working_rtt_us_p95_up"].value is None


def test_a_buffer_that_was_not_seen_full_is_said_not_to_be() -> None:
    search = held_search(held_us=WHILE_FULL, filled=False)
    metrics = metrics_of(Evidence(capacity=(search,), working=(beside_search(RISING),)))
    assert "the buffer not seen full" in (metrics["working_rtt_us_p95_down"].method or "")


def test_where_a_load_was_held_tcp_does_not_count() -> None:
    search = held_search(held_us=WHILE_FULL)
    tcp = working_stream(rtt_us=80_000)
    evidence = Evidence(
        goodput=(goodput_run(),), capacity=(search,), working=(tcp, beside_search(RISING))
    )
    assert metrics_of(evidence)["working_rtt_us_p95_down"].value == 520_000


@pytest.mark.parametrize(
    "search",
    [
        pytest.param(held_search(held_us=None), id="nothing was held"),
        pytest.param(replace(held_search(held_us=WHILE_FULL), run=3), id="of another run"),
    ],
)
def test_a_stream_beside_a_search_that_held_nothing_has_no_packets(search: CapacityRun) -> None:
    assert [*sent_while_held(beside_search(RISING), search)] == []


def test_a_search_that_held_nothing_leaves_the_metric_without_a_value() -> None:
    evidence = Evidence(capacity=(held_search(held_us=None),), working=(beside_search(RISING),))
    found = metrics_of(evidence)["working_rtt_us_p95_down"]
    assert (found.value, found.reason, found.samples) == (None, NoValue.TOO_FEW_SAMPLES, 0)


def test_beside_a_run_without_a_rate_no_packet_counts() -> None:
    found_at = found(working_stream(), runs=(replace(goodput_run(), flows=()),))
    assert [(each.value, each.reason) for each in found_at] == [(None, NoValue.TOO_FEW_SAMPLES)] * 4


def test_of_a_path_without_length_nothing_is_a_part() -> None:
    *others, buffer = found(working_stream(), runs=(goodput_run(base_rtt_us=0),))
    assert None not in values(others)
    assert (buffer.value, buffer.reason) == (None, NoValue.TOO_FEW_SAMPLES)


# Seconds of load.


def seconds(
    *streams: WorkingStream,
    runs: tuple[GoodputRun, ...] = (),
    searches: tuple[CapacityRun, ...] = (),
    way: Direction = Direction.DOWN,
) -> list[tuple[int | None, ...]]:
    return [*blocks_under_load(way, streams, steady_runs(runs), searches)]


def test_a_run_has_a_block_for_each_whole_second_of_its_window() -> None:
    run = goodput_run()
    steady = steady_rate(run)
    assert steady is not None
    whole = (steady.end_us - steady.start_us) // US_PER_S
    blocks = seconds(working_stream(rtt_us=80_000), runs=(run,))
    assert len(blocks) == whole > 1
    assert {len(block) for block in blocks} == {US_PER_S // PERIOD_US}
    assert {each for block in blocks for each in block} == {80_000}


def test_a_block_holds_what_was_sent_in_its_second_and_the_lost_as_none() -> None:
    run = goodput_run()
    steady = steady_rate(run)
    assert steady is not None
    first_us = 40 * US_PER_S + steady.start_us
    fates = tuple(None if number == 7 else number for number in range(60))
    stream = replace(working_stream(packets=60, started_offset_us=first_us), rtt_us=fates)
    first, second = seconds(stream, runs=(run,))
    assert (first, second) == (fates[:50], fates[50:]), "later seconds have no packets"


def test_a_direction_with_a_held_load_is_told_by_that_alone() -> None:
    search = held_search(held_us=WHILE_FULL)
    streams = (beside_search(RISING), working_stream(run=0))
    both = seconds(*streams, runs=(goodput_run(),), searches=(search,), way=search.direction)
    assert both == seconds(streams[0], searches=(search,), way=search.direction) != []


def test_a_load_that_is_said_to_have_lasted_for_ever_takes_no_more_memory() -> None:
    search = held_search(held_us=(0, 2**53 - 1))
    blocks = seconds(beside_search(RISING), searches=(search,), way=search.direction)
    assert sum(map(len, blocks)) == len(RISING)


@pytest.mark.parametrize(
    ("stream", "run"),
    [
        pytest.param(working_stream(run=9), goodput_run(), id="of a run that is not there"),
        pytest.param(working_stream(Direction.UP), goodput_run(), id="of the other direction"),
        pytest.param(working_stream(), goodput_run(Direction.UP), id="beside another way"),
        pytest.param(working_stream(), goodput_run(ended=Ended.LINK_LOST), id="of a cut run"),
        pytest.param(
            working_stream(run_epoch_offset_us=None), goodput_run(), id="of no known beginning"
        ),
        pytest.param(
            working_stream(), replace(goodput_run(), flows=()), id="of a run without rate"
        ),
    ],
)
def test_a_stream_without_a_steady_load_has_no_blocks(
    stream: WorkingStream, run: GoodputRun
) -> None:
    assert seconds(stream, runs=(run,)) == []
