"""Whose traffic was on the interface: what it counted against what the probe knows of its own.

Cross-traffic is what the interface counted less what the probe knows of its own: IP octets of each
packet sent and received, acknowledgements and retransmissions included, and the link header that
the counter adds to each. Virtual interfaces and cards that join segments count the headers of a
joined packet once; then fewer packets were counted than the probe knows of, and only as many
headers are subtracted. Selective acknowledgements make headers longer than the probe can know; that
explains some octets, but only where no packets were counted that are not the probe's. Each way is
weighed by itself, for a line has two rates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from omega_core.environment import InterfaceCounts, TrafficCheck
from omega_core.units import BITS_PER_OCTET, PPM, US_PER_S

QUIET_SHARE_PPM: Final = 10_000  # of the plan, while nothing is measured: it would take that much
LOAD_SHARE_PPM: Final = 20_000  # of the measured rate: what headers and joined segments leave open
OPTION_OCTETS_MAX: Final = 28  # three blocks of a selective acknowledgement beside timestamps
SAME_PACKETS_PPM: Final = 10_000  # two readings of counters are not taken at one moment
SAME_PACKETS: Final = 10
FLOOR_BPS: Final = 100_000  # name queries, clocks and neighbours on any network


class Counted(NamedTuple):
    """What an interface counted in one direction."""

    octets: int
    packets: int


@dataclass(frozen=True, slots=True)
class Carried:
    """Traffic of the probe itself in one direction; headers are those of IP and transport."""

    payload_octets: int = 0
    header_octets: int = 0
    packets: int = 0

    def __add__(self, other: Carried) -> Carried:
        return Carried(
            self.payload_octets + other.payload_octets,
            self.header_octets + other.header_octets,
            self.packets + other.packets,
        )

    def __sub__(self, earlier: Carried) -> Carried:
        return Carried(
            self.payload_octets - earlier.payload_octets,
            self.header_octets - earlier.header_octets,
            self.packets - earlier.packets,
        )

    @property
    def ip_octets(self) -> int:
        """Octets at the IP layer."""
        return self.payload_octets + self.header_octets

    def at_interface(self, counted: Counted, *, link_header_octets: int) -> int:
        """Return how many of the octets that an interface counted are this traffic's."""
        headers = self.header_octets + self.packets * link_header_octets
        if counted.packets < self.packets:
            headers = headers * counted.packets // self.packets
        own = self.payload_octets + headers
        others = abs(counted.packets - self.packets)
        if others > self.packets * SAME_PACKETS_PPM // PPM + SAME_PACKETS:
            return own
        return max(own, min(counted.octets, own + self.packets * OPTION_OCTETS_MAX))


@dataclass(frozen=True, slots=True)
class OwnTraffic:
    """Traffic of the probe itself, received and sent."""

    rx: Carried = Carried()
    tx: Carried = Carried()

    def __add__(self, other: OwnTraffic) -> OwnTraffic:
        return OwnTraffic(self.rx + other.rx, self.tx + other.tx)

    def __sub__(self, earlier: OwnTraffic) -> OwnTraffic:
        return OwnTraffic(self.rx - earlier.rx, self.tx - earlier.tx)


class Allowance(NamedTuple):
    """How much traffic may be somebody else's, in bit/s each way."""

    rx_bps: int
    tx_bps: int


class Span(NamedTuple):
    """One phase as the interface saw it: its counters at both ends, and the probe's own share."""

    phase: str
    before: InterfaceCounts
    after: InterfaceCounts
    own: OwnTraffic

    @property
    def duration_us(self) -> int:
        """How long the phase took."""
        return self.after.offset_us - self.before.offset_us


def quiet_allowance(expected_bps_down: int | None, expected_bps_up: int | None) -> Allowance:
    """Return what may pass while nothing loads the line: a share of what it was sold to carry."""
    return Allowance(
        rx_bps=max(FLOOR_BPS, (expected_bps_down or 0) * QUIET_SHARE_PPM // PPM),
        tx_bps=max(FLOOR_BPS, (expected_bps_up or 0) * QUIET_SHARE_PPM // PPM),
    )


def load_allowance(measured_bps: int) -> Allowance:
    """Return what may pass beside a load: a share of the measured rate, either way.

    Acknowledgements are an estimate on lossy lines and grow with the rate of the other way, so
    both ways get the same.
    """
    allowed_bps = max(FLOOR_BPS, measured_bps * LOAD_SHARE_PPM // PPM)
    return Allowance(rx_bps=allowed_bps, tx_bps=allowed_bps)


def traffic_check(
    span: Span, *, link_header_octets: int, allowance: Allowance | None
) -> TrafficCheck:
    """Return how much of a phase's traffic was the probe's own, and whether the rest is too much.

    Without an allowance the phase is recorded and not judged.
    """
    before, after = span.before, span.after
    rx = Counted(
        _moved(before.rx_octets, after.rx_octets), _moved(before.rx_packets, after.rx_packets)
    )
    tx = Counted(
        _moved(before.tx_octets, after.tx_octets), _moved(before.tx_packets, after.tx_packets)
    )
    own_rx = span.own.rx.at_interface(rx, link_header_octets=link_header_octets)
    own_tx = span.own.tx.at_interface(tx, link_header_octets=link_header_octets)
    allowed_rx = _octets(allowance.rx_bps, span.duration_us) if allowance else None
    allowed_tx = _octets(allowance.tx_bps, span.duration_us) if allowance else None
    return TrafficCheck(
        phase=span.phase,
        duration_us=max(0, span.duration_us),
        rx_octets=rx.octets,
        tx_octets=tx.octets,
        own_rx_octets=max(0, own_rx),
        own_tx_octets=max(0, own_tx),
        allowed_rx_octets=allowed_rx,
        allowed_tx_octets=allowed_tx,
        exceeded=_exceeds(rx.octets - own_rx, allowed_rx)
        or _exceeds(tx.octets - own_tx, allowed_tx),
    )


def _exceeds(octets: int, allowed_octets: int | None) -> bool:
    return allowed_octets is not None and octets > allowed_octets


def _moved(before: int, after: int) -> int:
    """Return how far a counter moved; one that was reset by its driver has not moved."""
    return max(0, after - before)


def _octets(rate_bps: int, duration_us: int) -> int:
    return rate_bps * max(0, duration_us) // (BITS_PER_OCTET * US_PER_S)
