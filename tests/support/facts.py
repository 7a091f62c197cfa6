"""Valid facts to start from: evidence and environment, each with what a test wants changed.

    idle_stream(lost_up=[3, 4])
    goodput_run(Direction.DOWN, rate_bps=94_000_000)

The same call gives the same facts; `dataclasses.replace` changes them further.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields as fields_of
from typing import Any

from omega_core.environment import (
    CpuLoad,
    Environment,
    Interface,
    InterfaceCounts,
    Medium,
    TrafficCheck,
)
from omega_core.evidence import (
    Attempt,
    AttemptKind,
    Ended,
    Evidence,
    FlowCounts,
    GoodputRun,
    IdleStream,
    SenderCounts,
    SequenceRange,
    StreamReport,
    TaskEnd,
    WorkingStream,
)
from omega_core.metrics import Direction
from omega_core.units import US_PER_S
from support.counters import counted, ramped


def ranges(numbers: Iterable[int]) -> tuple[SequenceRange, ...]:
    """Return sequence numbers as the unbroken runs they form."""
    found: list[SequenceRange] = []
    for number in sorted(set(numbers)):
        if found and number == found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return tuple(found)


def idle_stream(
    *,
    packets: int = 1_500,
    rtt_us: int | Sequence[int] = 20_000,
    lost_up: Iterable[int] = (),
    lost_down: Iterable[int] = (),
    lost_somewhere: Iterable[int] = (),
    **changes: Any,  # noqa: ANN401 - fields of the fact
) -> IdleStream:
    """Return a delay stream; `rtt_us` is one round trip for all packets, or one for each.

    Packets of `lost_somewhere` are lost without anybody knowing which way, and then the report of
    the reflector is missing.
    """
    up, down, somewhere = set(lost_up), set(lost_down), set(lost_somewhere)
    each_us = [rtt_us] * packets if isinstance(rtt_us, int) else list(rtt_us)
    lost = up | down | somewhere
    fields: dict[str, Any] = {
        "family": 4,
        "ip_octets": 72,
        "period_us": 20_000,
        "waiting_time_us": 3_000_000,
        "authenticated": False,
        "started_offset_us": 4_000_000,
        "rtt_us": tuple(None if at in lost else rtt for at, rtt in enumerate(each_us)),
        "lost_up": ranges(up),
        "lost_down": ranges(down),
        "replies_received": len(each_us) - len(lost),
        "duplicates_down": 0,
        "reordered_down": 0,
        "late_sends": 0,
        "host_drops": 0,
        "timestamps": "kernel",
        "report": None,
        **changes,
    }
    if not somewhere and "report" not in changes:
        reached = [number for number in range(len(each_us)) if number not in up]
        fields["report"] = StreamReport(
            received=ranges(reached), replies=len(reached), duplicates=0, reordered=0
        )
    return IdleStream(**fields)


def working_stream(
    direction: Direction = Direction.DOWN,
    *,
    run: int = 0,
    packets: int = 350,
    rtt_us: int | Sequence[int] = 80_000,
    run_epoch_offset_us: int | None = 40 * US_PER_S,
    ended: Ended = Ended.COMPLETED,
    **changes: Any,  # noqa: ANN401 - fields of the fact
) -> WorkingStream:
    """Return a stream beside a run of `goodput_run`, from half a second before its first flow."""
    stream = idle_stream(
        packets=packets, rtt_us=rtt_us, **{"started_offset_us": 39_500_000, **changes}
    )
    return WorkingStream(
        **{each.name: getattr(stream, each.name) for each in fields_of(stream)},
        run=run,
        direction=direction,
        run_epoch_offset_us=run_epoch_offset_us,
        spacings=((0, stream.period_us),),
        ended=ended,
    )


def goodput_run(
    direction: Direction = Direction.DOWN,
    *,
    rate_bps: int = 290_000_000,
    duration_us: int = 5 * US_PER_S,
    flows: int = 4,
    ramp_us: int = 600_000,
    late_us: int = 0,
    retransmitted_ppm: int = 0,
    **changes: Any,  # noqa: ANN401 - fields of the fact
) -> GoodputRun:
    """Return a run whose flows share `rate_bps` evenly once their ramp is over."""
    shapes = [ramped(rate_bps // flows, ramp_us=ramp_us, end_us=duration_us)] * flows
    fields: dict[str, Any] = {
        "run": 0,
        "family": 4,
        "direction": direction,
        "started_offset_us": 40 * US_PER_S,
        "base_rtt_us": 20_000,
        "growth_ended_us": 0,
        "congestion_control": "cubic",
        "segment_octets": 1_448,
        "ip_header_octets": 52,
        "flows": counted(shapes, until_us=duration_us, late_us=late_us),
        "failed_flows": 0,
        "ended": Ended.COMPLETED,
        **changes,
    }
    fields.setdefault(
        "senders",
        tuple(sender_of(flow, retransmitted_ppm=retransmitted_ppm) for flow in fields["flows"]),
    )
    return GoodputRun(**fields)


def sender_of(flow: FlowCounts, *, retransmitted_ppm: int = 0) -> SenderCounts:
    """Return what the kernel of the sending end says of a flow that was read to its end."""
    read = flow.octets[-1]
    again = read * retransmitted_ppm // 1_000_000
    return SenderCounts(
        flow=flow.flow,
        sent_octets=read + again,
        retransmitted_octets=again,
        acked_octets=read,
        rtt_us_min=20_000,
        segments_out=(read + again) // 1_448 + 1,
        busy_us=flow.at_us[-1],
        receive_window_limited_us=0,
        send_buffer_limited_us=0,
    )


def attempts(*, rounds: int = 3, families: Sequence[int] = (4,)) -> tuple[Attempt, ...]:
    """Return connectivity attempts that all succeeded."""
    controller = Attempt(
        kind=AttemptKind.HTTP, family=4, to_test_point=False, answered=True, elapsed_us=31_000
    )
    to_test_point = tuple(
        Attempt(kind=kind, family=family, to_test_point=True, answered=True, elapsed_us=20_400)  # type: ignore[arg-type] # 4 or 6
        for _ in range(rounds)
        for family in families
        for kind in (AttemptKind.TCP, AttemptKind.UDP)
    )
    return (controller, *to_test_point)


def evidence(**changes: Any) -> Evidence:  # noqa: ANN401 - fields of the fact
    """Return what one standard acceptance leaves, on a good line of 300 down and 100 up."""
    fields: dict[str, Any] = {
        "tasks": tuple(
            TaskEnd(
                task=task,
                ended=Ended.COMPLETED,
                started_offset_us=start_s * US_PER_S,
                duration_us=seconds * US_PER_S,
            )
            for task, start_s, seconds in (
                ("connectivity", 0, 1),
                ("precheck", 1, 2),
                ("idle", 4, 33),
                ("goodput_down", 40, 6),
                ("goodput_up", 50, 6),
            )
        ),
        "attempts": attempts(),
        "idle": (idle_stream(),),
        "goodput": (
            goodput_run(Direction.DOWN, rate_bps=289_600_000),
            goodput_run(Direction.UP, rate_bps=96_500_000, run=1, started_offset_us=50 * US_PER_S),
        ),
    }
    return Evidence(**{**fields, **changes})


def dead_line_evidence() -> Evidence:
    """Return what is known of a line on which nothing answers."""
    failed = Attempt(
        kind=AttemptKind.TCP,
        family=4,
        to_test_point=False,
        answered=False,
        elapsed_us=3_000_000,
        reason="no answer within 3 s",
    )
    return Evidence(
        tasks=tuple(
            TaskEnd(task=task, ended=Ended.NO_GRANT, started_offset_us=0, duration_us=0)
            for task in ("idle", "goodput_down", "goodput_up")
        ),
        attempts=(failed,) * 3,
    )


def interface_counts(**changes: Any) -> InterfaceCounts:  # noqa: ANN401 - fields of the fact
    """Return a reading of an interface that has carried nothing and tells no carrier changes."""
    counters = ("rx_octets", "tx_octets", "rx_packets", "tx_packets", "rx_dropped", "tx_errors")
    zeros = dict.fromkeys(counters, 0)
    return InterfaceCounts(**{"offset_us": 0, "carrier_changes": None, **zeros, **changes})


def environment(**changes: Any) -> Environment:  # noqa: ANN401 - fields of the fact
    """Return a host on Ethernet with nothing else going on."""
    fields: dict[str, Any] = {
        "system": "Linux",
        "kernel": "6.1.0",
        "python": "3.11.7",
        "software": "omega 0.1.0",
        "cpu_count": 4,
        "interface": Interface(
            name="eth0",
            medium=Medium.ETHERNET,
            link_rate_bps=1_000_000_000,
            duplex="full",
            mtu_bytes=1_500,
        ),
        "default_route": "192.0.2.1 dev eth0",
        "counts": tuple(
            interface_counts(
                offset_us=offset_s * US_PER_S,
                rx_octets=300_000_000 + offset_s,
                tx_octets=100_000_000 + offset_s,
                rx_packets=250_000,
                tx_packets=130_000,
                carrier_changes=1,
            )
            for offset_s in (0, 150)
        ),
        "traffic": (
            TrafficCheck(
                phase="precheck",
                duration_us=2 * US_PER_S,
                rx_octets=900,
                tx_octets=800,
                own_rx_octets=500,
                own_tx_octets=500,
                allowed_rx_octets=750_000,
                allowed_tx_octets=250_000,
                exceeded=False,
            ),
        ),
        "cpu": (CpuLoad(phase="idle", busy_ppm=20_000, busiest_core_ppm=50_000, steal_ppm=0),),
    }
    return Environment(**{**fields, **changes})
