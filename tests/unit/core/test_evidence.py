from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from omega_core import limits
from omega_core.evidence import Ended, Evidence, FlowCounts, IdleStream, StreamReport, TaskEnd
from support.facts import attempts, goodput_run, idle_stream

STREAM: TypeAdapter[IdleStream] = TypeAdapter(IdleStream)
EVIDENCE: TypeAdapter[Evidence] = TypeAdapter(Evidence)


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


def test_the_emptiest_evidence_is_still_evidence() -> None:
    run = replace(goodput_run(), flows=(), senders=(), segment_octets=0, ip_header_octets=0)
    empty = Evidence(idle=(idle_stream(packets=0),), goodput=(run,))
    assert EVIDENCE.validate_json(EVIDENCE.dump_json(empty)) == empty
    assert EVIDENCE.validate_json(b"{}") == Evidence()


TASK = TaskEnd(task="idle", ended=Ended.COMPLETED, started_offset_us=0, duration_us=0)
RUN = goodput_run(flows=1, duration_us=200_000, ramp_us=10_000)


@pytest.mark.parametrize(
    ("of_size", "size"),
    [
        pytest.param(lambda n: Evidence(tasks=(TASK,) * n), 64, id="tasks"),
        pytest.param(
            lambda n: Evidence(attempts=attempts()[:1] * n),
            limits.ATTEMPTS_OF_A_RECORD_MAX,
            id="attempts",
        ),
        pytest.param(
            lambda n: Evidence(idle=(idle_stream(packets=1),) * n),
            limits.SESSION_STREAMS_MAX,
            id="streams",
        ),
        pytest.param(lambda n: Evidence(goodput=(RUN,) * n), limits.GOODPUT_RUNS_MAX, id="runs"),
        pytest.param(
            lambda n: of_run(flows=RUN.flows * n), limits.GOODPUT_FLOWS_MAX, id="flows of a run"
        ),
        pytest.param(
            lambda n: of_run(senders=RUN.senders * n), limits.GOODPUT_FLOWS_MAX, id="senders"
        ),
        pytest.param(lambda n: of_run(segment_octets=n), 65_535, id="octets of a segment"),
        pytest.param(lambda n: of_run(ip_header_octets=n), 255, id="octets of its headers"),
    ],
)
def test_no_list_or_number_grows_without_end(of_size: Callable[[int], Evidence], size: int) -> None:
    assert EVIDENCE.validate_json(EVIDENCE.dump_json(of_size(size))) == of_size(size)
    with pytest.raises(ValidationError, match=r"too_long|less_than_equal"):
        EVIDENCE.validate_json(EVIDENCE.dump_json(of_size(size + 1)))


def of_run(**changes: Any) -> Evidence:  # noqa: ANN401 - fields of the fact
    return Evidence(goodput=(replace(RUN, **changes),))
