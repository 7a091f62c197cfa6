"""What a session holds, and what it is given: plain values that only `session` changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum, auto

from omega_core.control import Observation, RunCounts, StreamCounts
from omega_core.evidence import StreamReport
from omega_core.metrics import Direction
from omega_server.testpoint.commands import NOTHING_MOVED, RunReport


class Phase(Enum):
    """How far a stream or run has come."""

    OPEN = auto()
    CLOSING = auto()
    CLOSED = auto()


@dataclass(slots=True)
class Stream:
    """A delay stream; `asked_for` once the probe wants its report."""

    ssid: int
    octets_max: int
    phase: Phase = Phase.OPEN
    asked_for: bool = False
    report: StreamReport | None = None


@dataclass(slots=True)
class Run:
    """A TCP run; `until_ns` is when it is stopped from this side, set by its first flow."""

    direction: Direction
    octets_max: int
    duration_ns: int
    phase: Phase = Phase.OPEN
    asked_for: bool = False
    joined: set[int] = field(default_factory=set)
    until_ns: int | None = None
    report: RunReport = NOTHING_MOVED


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a session needs from its test point, so that it needs no sockets and no randomness."""

    test_point: str
    udp_port: int
    new_ssid: Callable[[], int]
    congestion_control: Callable[[str | None], str]
    """What a socket of this host uses when it is asked for one, or for none."""
    seal: Callable[[Observation], str]


def stream_counts(streams: Iterable[tuple[int, Stream]]) -> tuple[StreamCounts, ...]:
    """Return what the observation says of the streams that were reported."""
    return tuple(
        StreamCounts(stream=number, ssid=stream.ssid, report=stream.report)
        for number, stream in sorted(streams, key=lambda each: each[0])
        if stream.report is not None
    )


def run_counts(runs: Iterable[tuple[int, Run]]) -> tuple[RunCounts, ...]:
    """Return what the observation says of the runs."""
    return tuple(
        RunCounts(
            run=number, direction=run.direction, flows=run.report.flows, senders=run.report.senders
        )
        for number, run in sorted(runs, key=lambda each: each[0])
    )
