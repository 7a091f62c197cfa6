"""Rate layers: what a bit per second of a contract is in another layer, exactly.

"100 Mbit/s" may mean the Ethernet line, the cells of an ATM line, IP, or what an application reads.
The commonest wrong verdict compares one with another. A full-sized packet takes a known number of
octets in each layer, so a rate is converted by the ratio of two whole numbers, without rounding:

    ethernet   | preamble 8 | header 14 (+ 4 VLAN) |           packet          | FCS 4 | gap 12 |
    atm        cells of 53 octets, 48 of them filled with PPPoE 8, Ethernet 14, LLC 10, AAL5 8 and
    ip                                              |          packet          |
    udp                                             | IP 20 or 40 | 8 | payload |
    tcp                                             | IP 20 or 40 | 20 + 12 | payload |

TCP is taken to carry timestamps (12 octets of options in each segment), as every system does today.
Every packet is taken to be of the plan's MTU, as in a bulk transfer.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from math import ceil

from omega_core.evidence import Family

ETHERNET_OCTETS = 8 + 14 + 4 + 12  # preamble, header, frame check, gap
VLAN_OCTETS = 4
ATM_CELL_OCTETS = 53
ATM_FILLED_OCTETS = 48
PPPOE_LLC_OCTETS = 8 + 14 + 10 + 8  # PPPoE and PPP, Ethernet, LLC and SNAP, AAL5 trailer
IP_HEADER_OCTETS: dict[Family, int] = {4: 20, 6: 40}
UDP_HEADER_OCTETS = 8
TCP_HEADER_OCTETS = 20
TCP_TIMESTAMPS_OCTETS = 12


class Layer(StrEnum):
    """Where the bits of a rate are counted."""

    ETHERNET = "ethernet"
    ATM = "atm"
    IP = "ip"
    UDP = "udp"
    TCP = "tcp"


class Encapsulation(StrEnum):
    """How a packet is wrapped where the layer below IP leaves a choice."""

    UNTAGGED = "untagged"
    ONE_VLAN = "one-vlan"
    PPPOE_LLC = "pppoe-llc"


ENCAPSULATIONS: dict[Layer, tuple[Encapsulation, ...]] = {
    Layer.ETHERNET: (Encapsulation.UNTAGGED, Encapsulation.ONE_VLAN),
    Layer.ATM: (Encapsulation.PPPOE_LLC,),
}
"""Which wrapping a layer needs to be told; the others need none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketForm:
    """A full-sized packet of one line: enough to know its octets in every layer."""

    mtu_bytes: int
    family: Family = 4
    encapsulation: Encapsulation | None = None
    timestamps: bool = True

    def octets(self, layer: Layer) -> int:
        """Return how many octets of `layer` one packet takes, or carries."""
        headers = IP_HEADER_OCTETS[self.family]
        if layer is Layer.ETHERNET:
            tag = VLAN_OCTETS if self.encapsulation is Encapsulation.ONE_VLAN else 0
            return self.mtu_bytes + ETHERNET_OCTETS + tag
        if layer is Layer.ATM:
            cells = -(-(self.mtu_bytes + PPPOE_LLC_OCTETS) // ATM_FILLED_OCTETS)
            return cells * ATM_CELL_OCTETS
        if layer is Layer.IP:
            return self.mtu_bytes
        if layer is Layer.UDP:
            return self.mtu_bytes - headers - UDP_HEADER_OCTETS
        options = TCP_TIMESTAMPS_OCTETS if self.timestamps else 0
        return self.mtu_bytes - headers - TCP_HEADER_OCTETS - options


def ratio(form: PacketForm, *, of: Layer, into: Layer) -> Fraction:
    """Return what one bit per second of layer `of` is in layer `into`."""
    return Fraction(form.octets(into), form.octets(of))


def least_bps(promise: Fraction, form: PacketForm, *, promised: Layer, measured: Layer) -> int:
    """Return the smallest whole rate in layer `measured` that keeps `promise`, both in bit/s.

    Rounding up makes it exact: a whole number is at least the promise when it is at least this.
    """
    return ceil(promise * ratio(form, of=promised, into=measured))
