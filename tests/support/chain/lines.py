"""What the links of a chain do to packets: healthy ones, and those with a case's fault.

Pure. Only links that do anything are emulated; the others are plain veth pairs, which cost no
processor. An access line always is, and so is the link that the case's fault is on, from the start:
it can break while programs run. A healthy emulated link has a delay of at least a quarter of a
millisecond each way, so that the process that carries frames need not wake for each of them. The
fibre is a small one of 30 and 15 Mbit/s: one process of Python carries that both ways beside a
server and an agent on two processors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from lab.spec import DirectionSpec, LinkSpec, access_link
from omega_core.units import PPM
from support.chain.cases import (
    ACCESS,
    BACKHAUL,
    LAN,
    LINKS,
    PEERING,
    SITE,
    TRANSIT,
    Access,
    ChainCase,
    Fault,
    Kind,
    Manner,
    Ways,
)

_KBPS, _MBPS = 1_000, 1_000_000
_LEAST_US: Final = 500  # round trip
ACCESS_LINES: Final[Mapping[Access, LinkSpec]] = {
    Access.WIMAX: access_link(
        down_bps=2_048 * _KBPS,
        up_bps=524 * _KBPS,
        rtt_us=40_000,
        jitter_us=3_000,
        loss_ppm=1_000,
        buffer_ms=250,
    ),
    Access.ADSL: access_link(
        down_bps=8 * _MBPS, up_bps=1 * _MBPS, rtt_us=18_000, jitter_us=1_000, buffer_ms=120
    ),
    Access.FIBRE: access_link(down_bps=30 * _MBPS, up_bps=15 * _MBPS, rtt_us=4_000, buffer_ms=60),
}
_WIRELESS: Final = access_link(
    down_bps=None, up_bps=None, rtt_us=3_000, jitter_us=1_500, loss_ppm=500
)
_OTHERS_RTT_US: Final = {BACKHAUL: 4_000, SITE: 1_000, TRANSIT: 6_000, PEERING: 3_000}
BOTTLENECK_BUFFER_MS: Final = 150  # before a rate cut: what a small switch or a bad radio keeps


def emulated_links(case: ChainCase) -> dict[str, LinkSpec]:
    """Return the links that are emulated, as they are without the fault."""
    wanted = {ACCESS: ACCESS_LINES[case.access]}
    if case.wireless:
        wanted[LAN] = _WIRELESS
    fault = case.fault
    if fault is not None and fault.place in LINKS and not unplugs(fault):
        wanted.setdefault(fault.place, _plain(fault.place))
    if fault is not None and unplugs(fault):  # or pulling the cable would not be felt at its end
        wanted.pop(LAN, None)
    return {name: _seeded(wanted[name], case.seed, name) for name in LINKS if name in wanted}


def unplugs(fault: Fault) -> bool:
    """Say whether a fault is a pulled cable at home."""
    return fault.kind is Kind.DOWN and fault.manner is Manner.TOLD and fault.place == LAN


def with_fault(spec: LinkSpec, fault: Fault, access: Access) -> LinkSpec:
    """Return a link as the fault leaves it; one that dies is cut, and not described."""
    line = ACCESS_LINES[access]
    return LinkSpec(
        down=_hit(spec.down, fault, Ways.DOWN, line.down),
        up=_hit(spec.up, fault, Ways.UP, line.up),
        mtu_bytes=spec.mtu_bytes,
    )


def _hit(spec: DirectionSpec, fault: Fault, way: Ways, line: DirectionSpec) -> DirectionSpec:
    if fault.ways not in {way, Ways.BOTH}:
        return spec
    if fault.loss_ppm is not None:
        return replace(spec, loss_ppm=fault.loss_ppm)
    if fault.delay_us is not None:
        return replace(spec, delay_us=spec.delay_us + fault.delay_us // 2)
    if fault.mtu_octets is not None:
        return replace(spec, swallow_above_bytes=fault.mtu_octets)
    if fault.rate_ppm is not None and line.rate_bps is not None:
        rate_bps = line.rate_bps * fault.rate_ppm // PPM
        return replace(spec, rate_bps=rate_bps, buffer_ms=BOTTLENECK_BUFFER_MS)
    return spec


def _plain(place: str) -> LinkSpec:
    rtt_us = _OTHERS_RTT_US.get(place, _LEAST_US)
    return access_link(down_bps=None, up_bps=None, rtt_us=rtt_us)


def _seeded(spec: LinkSpec, seed: int, name: str) -> LinkSpec:
    """Return the link with draws of its own: no two lose the same packets."""
    own = 2 * (seed * len(LINKS) + LINKS.index(name))
    return LinkSpec(
        down=replace(spec.down, seed=own),
        up=replace(spec.up, seed=own + 1),
        mtu_bytes=spec.mtu_bytes,
    )
