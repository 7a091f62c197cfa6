from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from omega_core import limits
from omega_core.evidence import FlowCounts, IdleStream, StreamReport
from support.facts import idle_stream

STREAM: TypeAdapter[IdleStream] = TypeAdapter(IdleStream)


@pytest.mark.parametrize(
    ("at_us", "octets", "reason"),
    [
        pytest.param((0, 1), (0,), "one time for each count", id="a time without a count"),
        pytest.param((1, 0), (0, 0), "backwards", id="time runs backwards"),
        pytest.param((0, 1), (1, 0), "backwards", id="the count runs backwards"),
    ],
)
def test_counters_that_no_receiver_writes(
    at_us: tuple[int, ...], octets: tuple[int, ...], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        FlowCounts(flow=0, at_us=at_us, octets=octets)


def test_a_counter_may_stand_still() -> None:
    assert FlowCounts(flow=0, at_us=(0, 0, 5), octets=(0, 7, 7)).octets[-1] == 7


@pytest.mark.parametrize("last", [limits.STREAM_PACKETS_MAX - 1, limits.STREAM_PACKETS_MAX])
def test_a_report_ends_where_the_longest_stream_does(last: int) -> None:
    def report() -> StreamReport:
        return StreamReport(received=((0, last),), replies=0, duplicates=0, reordered=0)

    if last < limits.STREAM_PACKETS_MAX:
        assert report().received == ((0, last),)
    else:
        with pytest.raises(ValueError, match="ascending ranges"):
            report()


@pytest.mark.parametrize("packets", [limits.STREAM_PACKETS_MAX, limits.STREAM_PACKETS_MAX + 1])
def test_longest_stream(packets: int) -> None:
    data = STREAM.dump_json(idle_stream(packets=packets, report=None))
    if packets <= limits.STREAM_PACKETS_MAX:
        assert len(STREAM.validate_json(data).rtt_us) == packets
    else:
        with pytest.raises(ValidationError, match="too_long"):
            STREAM.validate_json(data)
