"""What a record claims of lost packets and of counters stays countable."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from omega_core import limits
from omega_core.evidence import FlowCounts, IdleStream, SequenceRange
from omega_core.facts import INTEGER_MAX

FLOW: TypeAdapter[FlowCounts] = TypeAdapter(FlowCounts)


def stream_of_four(
    lost_up: tuple[SequenceRange, ...],
    lost_down: tuple[SequenceRange, ...],
    rtt_us: tuple[int | None, ...] = (None,) * 4,
) -> IdleStream:
    return IdleStream(
        family=4,
        ip_octets=72,
        period_us=20_000,
        waiting_time_us=3_000_000,
        authenticated=False,
        started_offset_us=0,
        rtt_us=rtt_us,
        lost_up=lost_up,
        lost_down=lost_down,
        replies_received=0,
        duplicates_down=0,
        reordered_down=0,
        late_sends=0,
        host_drops=0,
        timestamps="user",
        report=None,
    )


@pytest.mark.parametrize(
    "ranges",
    [
        pytest.param(((0, 0), (2, 3)), id="first and last packet"),
        pytest.param(((0, 0), (1, 3)), id="neighbours"),
        pytest.param((), id="none"),
    ],
)
def test_ranges_within_the_stream_are_kept(ranges: tuple[SequenceRange, ...]) -> None:
    assert stream_of_four(ranges, ()).lost_up == ranges


@pytest.mark.parametrize(
    "ranges",
    [
        pytest.param(((0, 4),), id="one past the last packet"),
        pytest.param(((0, INTEGER_MAX),), id="a count that would never end"),
        pytest.param(((2, 1),), id="last before first"),
        pytest.param(((0, 1), (1, 2)), id="one packet twice"),
        pytest.param(((2, 3), (0, 1)), id="out of order"),
    ],
)
def test_ranges_that_cannot_be_are_refused_each_way(ranges: tuple[SequenceRange, ...]) -> None:
    for lost_up, lost_down in ((ranges, ()), ((), ranges)):
        with pytest.raises(ValueError, match="ascending ranges within the stream"):
            stream_of_four(lost_up, lost_down)


@pytest.mark.parametrize(
    ("lost_up", "lost_down"),
    [
        pytest.param(((0, 2),), ((1, 3),), id="some of them"),
        pytest.param(((1, 1),), ((0, 3),), id="one among the others"),
        pytest.param(((3, 3),), ((0, 1), (3, 3)), id="the last one"),
    ],
)
def test_a_packet_is_lost_one_way_only(
    lost_up: tuple[SequenceRange, ...], lost_down: tuple[SequenceRange, ...]
) -> None:
    for up, down in ((lost_up, lost_down), (lost_down, lost_up)):
        with pytest.raises(ValueError, match="ascending ranges within the stream"):
            stream_of_four(up, down)


@pytest.mark.parametrize("came_back", [0, 1, 2])
def test_a_packet_that_came_back_was_not_lost(came_back: int) -> None:
    rtt_us = tuple(20_000 if at == came_back else None for at in range(4))
    some: list[tuple[tuple[SequenceRange, ...], tuple[SequenceRange, ...]]] = [
        (((0, 2),), ()), ((), ((0, 2),)), (((0, 0), (2, 2)), ((1, 1),)),
    ]  # fmt: skip
    for up, down in some:
        with pytest.raises(ValueError, match="a packet that came back was not lost"):
            stream_of_four(up, down, rtt_us)
    assert stream_of_four(((3, 3),), (), rtt_us).rtt_us == rtt_us


def test_a_counter_keeps_to_the_clock_of_a_run() -> None:
    last = limits.FLOW_CLOCK_US_MAX
    assert FLOW.validate_json(f'{{"flow":0,"at_us":[0,{last}],"octets":[0,1]}}').at_us[1] == last
    with pytest.raises(ValidationError, match="less_than_equal"):
        FLOW.validate_json(f'{{"flow":0,"at_us":[0,{last + 1}],"octets":[0,1]}}')
