"""The host and the LAN as the probe found them: facts that decide whether a run is valid.

Rates and sizes are None where the host does not say; that is not zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from omega_core.facts import Count, Fact, Length, Name, Text


class Medium(StrEnum):
    """What the measuring host is attached by."""

    ETHERNET = "ethernet"
    WIFI = "wifi"
    PPP = "ppp"
    TUNNEL = "tunnel"
    LOOPBACK = "loopback"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface(Fact):
    """The interface by which the route to the test point leaves the host."""

    name: Name
    medium: Medium
    link_rate_bps: Count | None
    duplex: Name | None
    mtu_bytes: Count | None
    lower: Annotated[tuple[Name, ...], Length(0, 16)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InterfaceCounts(Fact):
    """Octets and packets that passed the interface, at one moment of the session.

    Link-layer octets without FCS, as the kernel counts them.
    """

    offset_us: Count
    rx_octets: Count
    tx_octets: Count
    rx_packets: Count
    tx_packets: Count
    rx_dropped: Count
    tx_errors: Count
    carrier_changes: Count | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficCheck(Fact):
    """What passed the interface in one phase, and how much of it was the probe's own.

    All are octets at the link layer. What is allowed is of the traffic that was *not* the probe's,
    each way by itself; None where the phase is only recorded and not judged.
    """

    phase: Name
    duration_us: Count
    rx_octets: Count
    tx_octets: Count
    own_rx_octets: Count
    own_tx_octets: Count
    allowed_rx_octets: Count | None
    allowed_tx_octets: Count | None
    exceeded: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuLoad(Fact):
    """How busy the host was over one phase, in ppm of all cores and of the busiest one.

    Of the phase the probe's own threads, all together, ran for `ran_ppm`, and for `waited_ppm` they
    were ready and had no processor; null where the kernel does not say. `throttled` is how often
    the group the probe runs in had used up its share.
    """

    phase: Name
    busy_ppm: Count
    busiest_core_ppm: Count
    steal_ppm: Count
    ran_ppm: Count | None = None
    waited_ppm: Count | None = None
    throttled: Count = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment(Fact):
    """The host, its way to the test point, and what both did before, during and after."""

    system: Text
    kernel: Text
    python: Name
    software: Name
    cpu_count: Count
    interface: Interface | None
    default_route: Text | None
    counts: Annotated[tuple[InterfaceCounts, ...], Length(0, 256)] = ()
    traffic: Annotated[tuple[TrafficCheck, ...], Length(0, 64)] = ()
    cpu: Annotated[tuple[CpuLoad, ...], Length(0, 64)] = ()
    notes: Annotated[tuple[Text, ...], Length(0, 32)] = ()
