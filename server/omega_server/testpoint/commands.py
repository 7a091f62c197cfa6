"""What a session wants done: plain values, carried out by the host in their order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from omega_core.evidence import FlowCounts, SenderCounts, StreamReport
from omega_core.load import LoadCounts
from omega_core.metrics import Direction
from omega_core.wire.load import LoadKeys
from omega_core.wire.testpoint import FromTestPoint


@dataclass(frozen=True, slots=True)
class Say:
    """Send a message on the control connection."""

    message: FromTestPoint


@dataclass(frozen=True, slots=True)
class HangUp:
    """Close the control connection once everything said has been sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reflect:
    """Answer packets of a stream. `octets_max` is of replies, at the IP layer."""

    ssid: int
    addresses: frozenset[str]
    key: bytes | None
    octets_max: int


@dataclass(frozen=True, slots=True)
class StopReflecting:
    """Answer no more packets of a stream, and report."""

    ssid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRun:
    """Be ready to move octets for a run.

    `octets_max` is of IP octets in its direction; where this end sends they come free evenly over
    `duration_ns`. The congestion controls are the probe's wishes (see `OpenRun`).
    """

    run: int
    direction: Direction
    octets_max: int
    duration_ns: int
    congestion_control: str | None
    congestion_control_fast: str | None
    pace_bps: int | None


@dataclass(frozen=True, slots=True)
class StopRun:
    """Stop a run's flows, and report."""

    run: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StartLoad:
    """Open a socket for a UDP load, and have it served; `load_opened` is told its port."""

    run: int
    direction: Direction
    octets_max: int
    duration_ns: int
    ip_octets: int
    addresses: frozenset[str]
    keys: LoadKeys


@dataclass(frozen=True, slots=True)
class StopLoad:
    """Stop a load, and report."""

    run: int


Command: TypeAlias = (
    Say | HangUp | Reflect | StopReflecting | StartRun | StopRun | StartLoad | StopLoad
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReflectedReport:
    """What the reflector says of a stream it has closed; octets at the IP layer."""

    ssid: int
    report: StreamReport
    octets_received: int
    octets_sent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """What a worker says of a run it has closed; octets at the IP layer."""

    flows: tuple[FlowCounts, ...]
    senders: tuple[SenderCounts, ...]
    congestion_control: str | None
    octets_received: int
    octets_sent: int
    held_back: bool = False


NOTHING_MOVED = RunReport(
    flows=(), senders=(), congestion_control=None, octets_received=0, octets_sent=0
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadReport:
    """What a worker says of a load it has closed; octets at the IP layer, of all its datagrams."""

    counts: LoadCounts
    octets_received: int
    octets_sent: int


NOTHING_LOADED = LoadReport(counts=LoadCounts(), octets_received=0, octets_sent=0)
