"""Who is where in a chain: nodes, interfaces, addresses, routes. Data, and what follows from it.

An interface is named after its link, but for the device's, which is `eth0`. The far end of a link
is the one away from the customer. Addresses are those set apart for documents, and always the same:
namespaces keep chains apart. The LAN has private IPv4 addresses behind the box's translation; the
box's own is public, or of 100.64.0.0/10 where the operator translates a second time.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv6Interface
from typing import Final

from lab.addresses import INTERFACE
from support.chain.cases import (
    ACCESS,
    BACKHAUL,
    BORDER,
    BOX,
    CORE,
    EDGE,
    FAR,
    LAN,
    PEERING,
    SECOND,
    SITE,
    TEST_POINT,
    TRANSIT,
    ChainCase,
)

DEVICE, OTHER = "device", "other"
NODES: Final = (DEVICE, BOX, EDGE, CORE, TEST_POINT, BORDER, FAR, OTHER)
ROUTERS: Final = (BOX, EDGE, CORE, BORDER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A link: its two nodes, and the addresses of its near and its far end."""

    name: str
    near: str
    far: str
    near_v4: str
    far_v4: str
    near_v6: str
    far_v6: str

    def interface(self, node: str) -> str:
        """Return what the link is called on one of its nodes."""
        return INTERFACE if node == DEVICE else self.name


SERVER_NAME: Final = "server.omega.test"
BOX_LAN_V4, BOX_LAN_V6 = "192.168.1.1", "fe80::1"
TEST_POINT_V4, TEST_POINT_V6 = "203.0.113.2", "2001:db8:4::2"
FAR_V4, FAR_V6 = "192.0.2.53", "2001:db8:6::53"
OTHER_V4, OTHER_V6 = "192.0.2.180", "2001:db8:7::180"
_ACCESS_V4: Final = ("198.51.100.66/30", "198.51.100.65/30")
_ACCESS_CGNAT_V4: Final = ("100.64.0.2/30", "100.64.0.1/30")
_LAN_V6, _ACCESS_V6 = "2001:db8:1::/64", "2001:db8:2::/64"


def segments(case: ChainCase) -> tuple[Segment, ...]:
    """Return the links of a chain, near to far."""
    near_v4, far_v4 = _ACCESS_CGNAT_V4 if case.cgnat else _ACCESS_V4
    rows = (
        (LAN, DEVICE, BOX, "192.168.1.20/24", f"{BOX_LAN_V4}/24", "1::20", "1::1"),
        (ACCESS, BOX, EDGE, near_v4, far_v4, "2::2", "2::1"),
        (BACKHAUL, EDGE, CORE, "198.51.100.1/30", "198.51.100.2/30", "3::1", "3::2"),
        (SITE, CORE, TEST_POINT, "203.0.113.1/30", f"{TEST_POINT_V4}/30", "4::1", "4::2"),
        (TRANSIT, CORE, BORDER, "198.51.100.129/30", "198.51.100.130/30", "5::1", "5::2"),
        (PEERING, BORDER, FAR, "192.0.2.1/26", f"{FAR_V4}/26", "6::1", "6::53"),
        (SECOND, BORDER, OTHER, "192.0.2.129/26", f"{OTHER_V4}/26", "7::1", "7::180"),
    )
    return tuple(
        Segment(
            name=name,
            near=near,
            far=far,
            near_v4=near_v4,
            far_v4=far_v4,
            near_v6=f"2001:db8:{near_v6}/64",
            far_v6=f"2001:db8:{far_v6}/64",
        )
        for name, near, far, near_v4, far_v4, near_v6, far_v6 in rows
    )


def address_lines(segment: Segment, node: str, case: ChainCase) -> list[str]:
    """Return what `ip` is told to give a node its end of a link; again is no harm."""
    interface = segment.interface(node)
    is_near = node == segment.near
    v4, v6 = (segment.near_v4, segment.near_v6) if is_near else (segment.far_v4, segment.far_v6)
    lines = [f"address replace {v4} dev {interface}"]
    if _has_v6(segment, case):
        lines.append(f"address replace {v6} dev {interface} nodad")
        if segment.name == LAN and not is_near:
            lines.append(f"address replace {BOX_LAN_V6}/64 dev {interface} nodad")
    if (
        segment.name != LAN
    ):  # as on any operator's link; at home a device asks, and may not be heard
        lines += _neighbour_lines(segment, node, interface, case)
    return lines


def mac(segment: Segment, node: str, number: int) -> str:
    """Return the Ethernet address of a node's end of the link with this number."""
    return f"02:00:5e:10:{number:02x}:{1 if node == segment.near else 2:02x}"


def _neighbour_lines(segment: Segment, node: str, interface: str, case: ChainCase) -> list[str]:
    number = [each.name for each in segments(case)].index(segment.name)
    is_near = node == segment.near
    peer = segment.far if is_near else segment.near
    v4, v6 = (segment.far_v4, segment.far_v6) if is_near else (segment.near_v4, segment.near_v6)
    known: list[IPv4Interface | IPv6Interface] = [IPv4Interface(v4)]
    if _has_v6(segment, case):
        known.append(IPv6Interface(v6))
    return [
        f"neighbour replace {each.ip} lladdr {mac(segment, peer, number)} dev {interface}"
        " nud permanent"
        for each in known
    ]


def _has_v6(segment: Segment, case: ChainCase) -> bool:
    return case.ipv6 or segment.name not in {LAN, ACCESS}


def route_lines(node: str, case: ChainCase) -> list[str]:
    """Return what `ip` is told of a node's routes; again is no harm."""
    by_name = {each.name: each for each in segments(case)}
    upstream = {BOX: ACCESS, EDGE: BACKHAUL, CORE: TRANSIT}
    downstream = {TEST_POINT: SITE, BORDER: TRANSIT, FAR: PEERING, OTHER: SECOND}
    lines: list[str] = []
    if node == DEVICE:
        lines.append(f"route replace default via {BOX_LAN_V4} dev {INTERFACE}")
        if case.ipv6:
            lines.append(f"route replace ::/0 via {BOX_LAN_V6} dev {INTERFACE}")
    if node in upstream:
        segment = by_name[upstream[node]]
        lines.append(f"route replace default via {_bare(segment.far_v4)} dev {segment.name}")
        if _has_v6(segment, case):
            lines.append(f"route replace ::/0 via {_bare(segment.far_v6)} dev {segment.name}")
    if node in downstream:
        segment = by_name[downstream[node]]
        lines.append(f"route replace default via {_bare(segment.near_v4)} dev {segment.name}")
        lines.append(f"route replace ::/0 via {_bare(segment.near_v6)} dev {segment.name}")
    return lines + _customer_routes(node, by_name, case)


def _customer_routes(node: str, by_name: dict[str, Segment], case: ChainCase) -> list[str]:
    """Return the operator's routes back to the customer."""
    lines: list[str] = []
    if node == EDGE and case.ipv6:
        segment = by_name[ACCESS]
        lines.append(f"route replace {_LAN_V6} via {_bare(segment.near_v6)} dev {ACCESS}")
    if node == CORE:
        segment = by_name[BACKHAUL]
        via_v4, via_v6 = _bare(segment.near_v4), _bare(segment.near_v6)
        if not case.cgnat:
            lines.append(f"route replace 198.51.100.64/30 via {via_v4} dev {BACKHAUL}")
        if case.ipv6:
            lines += [
                f"route replace {prefix} via {via_v6} dev {BACKHAUL}"
                for prefix in (_LAN_V6, _ACCESS_V6)
            ]
    return lines


def hosts_file(case: ChainCase) -> str:
    """Return /etc/hosts: the loopback, and the server, so that a dead name server hides no line."""
    addresses = (TEST_POINT_V4, TEST_POINT_V6) if case.ipv6 else (TEST_POINT_V4,)
    lines = [
        "127.0.0.1 localhost",
        "::1 localhost",
        *(f"{each} {SERVER_NAME}" for each in addresses),
    ]
    return "\n".join(lines) + "\n"


def resolv_conf(case: ChainCase, node: str) -> str:
    """Return /etc/resolv.conf of a node: the box's forwarder at home, the resolver elsewhere."""
    at_home = node == DEVICE and not case.own_resolver
    return f"nameserver {BOX_LAN_V4 if at_home else FAR_V4}\noptions timeout:2 attempts:2\n"


def _bare(address: str) -> str:
    return address.partition("/")[0]
