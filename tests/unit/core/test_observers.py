from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from omega_core import limits
from omega_core.control import Observation, RunCounts, StreamCounts, TestPointLoad
from omega_core.evidence import (
    Ended,
    Evidence,
    FlowCounts,
    GoodputRun,
    IdleStream,
    SenderCounts,
    StreamReport,
)
from omega_core.metrics import Direction
from omega_core.observers import APART_PPM_MAX, CUT_OCTETS, CUT_US, disagreements
from omega_core.units import PPM

_REPORT = StreamReport(received=((0, 1), (3, 4)), replies=4, duplicates=0, reordered=0)
_STREAM = IdleStream(
    family=4,
    ip_octets=72,
    period_us=20_000,
    waiting_time_us=3_000_000,
    authenticated=False,
    started_offset_us=0,
    rtt_us=(900, 910, None, None, 905),
    lost_up=((2, 2),),
    lost_down=((3, 3),),
    replies_received=3,
    duplicates_down=0,
    reordered_down=0,
    late_sends=0,
    host_drops=0,
    timestamps="kernel",
    report=_REPORT,
)


def flow(number: int, octets: int) -> FlowCounts:
    """Return a flow that read nothing for a quarter of its second, and then all of it."""
    return FlowCounts(flow=number, at_us=(0, 250_000, 1_000_000), octets=(0, 0, octets))


def sender(number: int, *, acked: int, sent: int | None = None) -> SenderCounts:
    return SenderCounts(
        flow=number,
        sent_octets=acked if sent is None else sent,
        retransmitted_octets=0,
        acked_octets=acked,
        rtt_us_min=900,
        segments_out=10,
        busy_us=1_000_000,
        receive_window_limited_us=0,
        send_buffer_limited_us=0,
    )


def run(number: int, direction: Direction, read: int, *, acked: int) -> GoodputRun:
    return GoodputRun(
        run=number,
        family=4,
        direction=direction,
        started_offset_us=0,
        base_rtt_us=900,
        growth_ended_us=0,
        congestion_control="cubic",
        segment_octets=1448,
        ip_header_octets=52,
        flows=(flow(0, read),),
        senders=(sender(0, acked=acked),),
        failed_flows=0,
        ended=Ended.COMPLETED,
    )


def evidence(**changes: Any) -> Evidence:  # noqa: ANN401 - fields of a fact
    down = run(0, Direction.DOWN, 1_000_000, acked=1_000_500)
    up = run(1, Direction.UP, 2_000_000, acked=1_999_000)
    return replace(Evidence(idle=(_STREAM,), goodput=(down, up)), **changes)


def observation(of: Evidence) -> Observation:
    """What an honest test point signs of this evidence."""
    up = Direction.UP
    return Observation(
        session_id="s",
        grant_digest="0" * 64,
        test_point="tp",
        started_unix_us=0,
        ended_unix_us=1,
        streams=tuple(
            StreamCounts(stream=number, ssid=number + 1, report=stream.report)
            for number, stream in enumerate(of.idle)
            if stream.report
        ),
        runs=tuple(
            RunCounts(
                run=each.run,
                direction=each.direction,
                flows=each.flows if each.direction is up else (),
                senders=() if each.direction is up else each.senders,
            )
            for each in of.goodput
        ),
        octets_received=0,
        octets_sent=0,
        load=TestPointLoad(cpu_busy_ppm_max=0, sessions_max=1),
    )


_HONEST = evidence()
_SEEN = observation(_HONEST)


def _stream(**changes: Any) -> Evidence:  # noqa: ANN401 - fields of a fact
    return evidence(idle=(replace(_STREAM, **changes),))


def _down(**changes: Any) -> Evidence:  # noqa: ANN401 - fields of a fact
    return evidence(goodput=(replace(_HONEST.goodput[0], **changes), _HONEST.goodput[1]))


def _up(**changes: Any) -> Evidence:  # noqa: ANN401 - fields of a fact
    return evidence(goodput=(_HONEST.goodput[0], replace(_HONEST.goodput[1], **changes)))


@pytest.mark.parametrize(
    "claimed",
    [
        pytest.param(_HONEST, id="what both counted"),
        pytest.param(_stream(report=None), id="the report never reached the agent"),
        pytest.param(_stream(replies_received=4), id="as many replies as were sent"),
        pytest.param(_down(flows=(flow(0, 1_000_500),)), id="everything acknowledged was read"),
        pytest.param(
            _down(flows=(flow(0, 1_000_500), flow(1, 0))), id="a flow that joined and read nothing"
        ),
    ],
)
def test_honest_observers_agree(claimed: Evidence) -> None:
    assert disagreements(claimed, _SEEN) == ()


@pytest.mark.parametrize(
    ("claimed", "where"),
    [
        pytest.param(
            _stream(report=replace(_REPORT, reordered=1)), "stream 0", id="another report"
        ),
        pytest.param(
            evidence(idle=(_STREAM, _STREAM)), "stream 1", id="one report used for two streams"
        ),
        pytest.param(
            _stream(rtt_us=(900, 910, 7, None, 905), lost_up=()),
            "stream 0",
            id="an answer to a packet that never arrived",
        ),
        pytest.param(
            _stream(lost_up=((2, 3),), lost_down=()),
            "stream 0",
            id="loss moved to the other direction",
        ),
        pytest.param(_stream(replies_received=5), "stream 0", id="more replies than were sent"),
        pytest.param(_up(flows=(flow(0, 2_000_001),)), "run 1 up", id="one octet more upwards"),
        pytest.param(
            _down(senders=(sender(0, acked=1_000_501),)),
            "run 0 down",
            id="the sender's word changed",
        ),
        pytest.param(_down(direction=Direction.UP), "run 0 up", id="direction exchanged"),
        pytest.param(
            evidence(goodput=_HONEST.goodput[1:]), "run 0 down", id="a run left out by the agent"
        ),
        pytest.param(
            evidence(goodput=(*_HONEST.goodput, run(2, Direction.UP, 5, acked=5))),
            "run 2 up",
            id="a run the test point never saw",
        ),
        pytest.param(
            evidence(goodput=(*_HONEST.goodput, _HONEST.goodput[0])),
            "run 0 down",
            id="the same run twice",
        ),
        pytest.param(
            _down(flows=(flow(0, 1_000_000), flow(1, 1))), "run 0 down", id="a flow nobody sent"
        ),
        pytest.param(
            _down(flows=(flow(0, 1_000_000), flow(0, 1_000_000))), "run 0 down", id="a flow twice"
        ),
        pytest.param(_down(flows=()), "run 0 down", id="a flow nobody read"),
    ],
)
def test_finds_where_they_differ(claimed: Evidence, where: str) -> None:
    found = disagreements(claimed, _SEEN)
    assert [each.where for each in found] == [where]
    assert str(found[0]) == f"{where}: {found[0].what}"


_MUCH = 10 * CUT_OCTETS * PPM // APART_PPM_MAX
_SHARE = 10 * CUT_OCTETS  # 1,000 ppm of it
_CUT = _MUCH // 10  # what a run of one second carries in a tenth


@pytest.mark.parametrize(
    ("read", "acked", "sent", "agree"),
    [
        pytest.param(0, CUT_OCTETS, CUT_OCTETS, True, id="one segment unread"),
        pytest.param(0, CUT_OCTETS + 1, CUT_OCTETS + 1, False, id="one octet more unread"),
        pytest.param(_MUCH, _MUCH + _CUT, _MUCH + _CUT, True, id="unread for a tenth of a second"),
        pytest.param(
            _MUCH, _MUCH + _CUT + 1, _MUCH + _CUT + 1, False, id="unread for a little longer"
        ),
        pytest.param(5 * _MUCH, 0, 5 * _MUCH, True, id="sent and not yet acknowledged"),
        pytest.param(_MUCH, 0, _MUCH - _SHARE, True, id="1,000 ppm more than sent"),
        pytest.param(1_000, 0, 999, True, id="a thousandth more than sent"),
    ],
)
@pytest.mark.parametrize("direction", list(Direction))
def test_tolerance_is_what_can_be_on_its_way(
    direction: Direction, read: int, acked: int, sent: int, *, agree: bool
) -> None:
    each = replace(
        run(0, direction, read, acked=acked), senders=(sender(0, acked=acked, sent=sent),)
    )
    claimed = Evidence(goodput=(each,))
    assert (disagreements(claimed, observation(claimed)) == ()) is agree


@pytest.mark.parametrize(
    ("direction", "read", "sent", "agree"),
    [
        pytest.param(
            Direction.DOWN, _MUCH, _MUCH - _SHARE - 1, False, id="the agent over 1,000 ppm"
        ),
        pytest.param(Direction.DOWN, 999, 998, False, id="and on a slow line"),
        pytest.param(Direction.UP, 175_208, 173_921, True, id="a segment after the last look"),
        pytest.param(Direction.UP, _MUCH, _MUCH - _CUT, True, id="a tenth of a second of them"),
        pytest.param(Direction.UP, _MUCH, _MUCH - _CUT - 1, False, id="a little more"),
    ],
)
def test_who_sends_may_send_on_after_its_last_look_and_who_reads_may_claim_no_more(
    direction: Direction, read: int, sent: int, *, agree: bool
) -> None:
    each = replace(run(0, direction, read, acked=0), senders=(sender(0, acked=0, sent=sent),))
    claimed = Evidence(goodput=(each,))
    assert (disagreements(claimed, observation(claimed)) == ()) is agree


def test_opposite_errors_of_two_flows_do_not_cancel() -> None:
    much = 3 * CUT_OCTETS
    each = replace(
        run(0, Direction.DOWN, 0, acked=0),
        flows=(flow(0, much), flow(1, 0)),
        senders=(sender(0, acked=much, sent=much), sender(1, acked=much)),
    )
    claimed = Evidence(goodput=(each,))
    assert [found.where for found in disagreements(claimed, observation(claimed))] == ["run 0 down"]


@pytest.mark.parametrize(
    ("flows", "where"),
    [
        pytest.param([(999, 0, 998), (0, 0, 100)], ["run 0 down"], id="an octet more than sent"),
        pytest.param([(0, CUT_OCTETS, CUT_OCTETS), (10, 0, 10)], [], id="as much unread as may be"),
        pytest.param(
            [(0, CUT_OCTETS + 1, CUT_OCTETS + 1), (10, 0, 10)], ["run 0 down"], id="an octet more"
        ),
    ],
)
def test_a_flow_on_which_nothing_is_wrong_makes_another_no_better_and_no_worse(
    flows: list[tuple[int, int, int]], where: list[str]
) -> None:
    """Each flow is what was read of it, acknowledged and sent."""
    each = replace(
        run(0, Direction.DOWN, 0, acked=0),
        flows=tuple(flow(number, read) for number, (read, _, _) in enumerate(flows)),
        senders=tuple(
            sender(number, acked=acked, sent=sent) for number, (_, acked, sent) in enumerate(flows)
        ),
    )
    claimed = Evidence(goodput=(each,))
    assert [found.where for found in disagreements(claimed, observation(claimed))] == where


@pytest.mark.parametrize(
    ("read", "acked", "sent", "what"),
    [
        (1_999, 0, 1_997, "2 octets more were read than sent, 1 may be"),
        (
            3_000_001,
            3_300_002,
            3_300_002,
            "300001 octets fewer were read than acknowledged, 300000 may be",
        ),
    ],
)
def test_what_may_be_is_told_in_whole_octets(read: int, acked: int, sent: int, what: str) -> None:
    each = replace(
        run(0, Direction.DOWN, read, acked=0), senders=(sender(0, acked=acked, sent=sent),)
    )
    claimed = Evidence(goodput=(each,))
    assert [found.what for found in disagreements(claimed, observation(claimed))] == [what]


def test_the_tolerances_are_those_of_the_documents() -> None:
    assert (APART_PPM_MAX, CUT_US, CUT_OCTETS) == (1_000, 100_000, 65_536)


def test_a_stream_that_is_in_order_hides_none_that_is_not() -> None:
    tampered = replace(_STREAM, lost_up=((2, 3),), lost_down=())
    silent = replace(_STREAM, report=None)
    for streams, where in (
        ((silent, tampered), ["stream 1"]),
        ((tampered, tampered), ["stream 0", "stream 1"]),
        ((_STREAM, tampered), ["stream 1"]),
    ):
        claimed = evidence(idle=streams)
        found = disagreements(claimed, observation(claimed))
        assert [each.where for each in found] == where
    unsigned = tuple(
        replace(_STREAM, report=replace(_REPORT, reordered=number)) for number in (1, 2)
    )
    found = disagreements(evidence(idle=unsigned), _SEEN)
    assert [each.where for each in found] == ["stream 0", "stream 1"]


def test_a_stream_of_which_nothing_was_lost() -> None:
    clean = replace(
        _STREAM,
        rtt_us=(900,) * 5,
        lost_up=(),
        lost_down=(),
        replies_received=5,
        report=StreamReport(received=((0, 4),), replies=5, duplicates=0, reordered=0),
    )
    claimed = evidence(idle=(clean,))
    assert disagreements(claimed, observation(claimed)) == ()


def test_a_range_that_claims_the_moon_costs_no_time() -> None:
    report = replace(_REPORT, received=((0, limits.STREAM_PACKETS_MAX - 1),))
    claimed = _stream(report=report, lost_up=())
    assert disagreements(claimed, observation(claimed)) == ()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda _: {"streams": ()}, id="test point saw no stream"),
        pytest.param(lambda seen: {"runs": seen.runs[:1]}, id="test point saw one run fewer"),
    ],
)
def test_missing_at_the_test_point_is_found(
    change: Callable[[Observation], dict[str, Any]],
) -> None:
    seen = _SEEN.model_copy(update=change(_SEEN))
    assert len(disagreements(_HONEST, seen)) == 1


def test_a_stream_that_only_tried_connectivity_may_be_unknown_to_the_evidence() -> None:
    extra = StreamCounts(stream=7, ssid=8, report=replace(_REPORT, replies=1))
    seen = _SEEN.model_copy(update={"streams": (*_SEEN.streams, extra)})
    assert disagreements(_HONEST, seen) == ()


def test_a_run_that_carried_nothing_may_be_unknown_to_either_end() -> None:
    empty = run(5, Direction.UP, 0, acked=0)
    assert disagreements(evidence(goodput=(*_HONEST.goodput, empty)), _SEEN) == ()
    both = observation(evidence(goodput=(*_HONEST.goodput, empty)))
    assert disagreements(_HONEST, both) == ()
