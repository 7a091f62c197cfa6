"""What the facts of a path show by themselves: translation, tunnels, portals, dead name servers.

Theory of operation. Each finding is one pure function over `PathFacts`; none says where a fault
lies or whose it is, which is the judge's task. A finding names the family it is about, and the
values it was made from, so that a reader can check it.

Where the customer's network ends can't be told from addresses alone. The rule here, with what it
costs: the first hop is the customer's box, unless the host's own IPv4 address is already public or
of the space shared by carriers (100.64.0.0/10, RFC 6598), for then the host is the box. A second
hop in 192.168.0.0/16 is taken for another box of the customer: homes use that block, operators
hardly ever number routers from it, while 10.0.0.0/8 and 172.16.0.0/12 are common on both sides and
count as the operator's. An operator that does number its first router from 192.168.0.0/16 is seen
one hop late.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Final

from omega_core.environment import Medium
from omega_core.facts import Family
from omega_core.path import (
    FamilyPath,
    Gateway,
    Hop,
    MtuEnd,
    MtuSearch,
    NameOutcome,
    NameServerSource,
    Neighbour,
    PathFacts,
    PathMethod,
    PathRole,
    PortalAnswer,
    PortalCheck,
    Trace,
    TraceEnd,
    Unobserved,
)

SHARED_BY_CARRIERS: Final = IPv4Network("100.64.0.0/10")
OF_HOMES: Final = IPv4Network("192.168.0.0/16")
PRIVATE_V4: Final = (IPv4Network("10.0.0.0/8"), IPv4Network("172.16.0.0/12"), OF_HOMES)
PRIVATE_V6: Final = IPv6Network("fc00::/7")
SMALL_OCTETS: Final = 576  # no link is too small for it, so its fate tells nothing of sizes
SERVER_FAILURE, REFUSED = 2, 5  # RFC 1035 section 4.1.1: the server is there and does not serve
_PREFERRED: Final = (PathMethod.UDP, PathMethod.RAW_TCP, PathMethod.ICMP, PathMethod.RAW_ICMP)


class FindingCode(StrEnum):
    """What was recognised."""

    NO_CARRIER = "no_carrier"
    NO_GATEWAY = "no_gateway"
    GATEWAY_SILENT = "gateway_silent"
    TUNNEL = "tunnel"
    NAT = "nat"
    DOUBLE_NAT = "double_nat"
    CGNAT = "cgnat"
    CAPTIVE_PORTAL = "captive_portal"
    MTU_REDUCED = "mtu_reduced"
    MTU_BLACK_HOLE = "mtu_black_hole"
    DNS_DEAD = "dns_dead"  # none of the host's servers answers
    DNS_FAILING = "dns_failing"  # they answer, that they failed or won't
    DNS_DEGRADED = "dns_degraded"  # one is dead or failing, another answers
    FAMILY_DEAD = "family_dead"  # nothing comes back in this family, the other one works


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing recognised; `values` are the facts it rests on, by name, as text."""

    code: FindingCode
    family: Family | None = None
    values: tuple[tuple[str, str], ...] = ()


def findings(facts: PathFacts) -> tuple[Finding, ...]:
    """Return all that the facts show, nearest to the customer first."""
    return (
        *_attachment(facts),
        *(found for path in facts.families for found in _of_family(path)),
        *_dead_families(facts),
        *_portal(facts),
        *_names(facts),
    )


def trace_to(path: FamilyPath, role: PathRole = PathRole.TEST_POINT) -> Trace | None:
    """Return the quiet trace with small packets to a role that says the most, None without one."""
    return min(
        (
            trace
            for trace in path.traces
            if trace.role is role and trace.under_load is None and trace.ip_octets <= SMALL_OCTETS
        ),
        key=lambda trace: (trace.ended is not TraceEnd.REACHED, _PREFERRED.index(trace.method)),
        default=None,
    )


def customer_hops(path: FamilyPath) -> int:
    """Return how many of the first hops are the customer's own boxes, by the rule above."""
    trace = trace_to(path)
    if path.family == 4 and isinstance(path.source, str) and not is_private(path.source):
        return 0
    if trace is None:
        return 1
    inside = 1
    for hop in trace.hops[1:]:
        if hop.address is None or hop.address in {trace.address, path.source}:
            break
        if not is_of_homes(hop.address):
            break
        inside = hop.ttl
    return inside


def first_operator_hop(path: FamilyPath) -> Hop | None:
    """Return the first hop behind the customer's boxes that answered; None if none did.

    The target itself may be it. A hop at which the host itself said "unreachable" is none.
    """
    trace = trace_to(path)
    if trace is None:
        return None
    inside = customer_hops(path)
    return next(
        (
            hop
            for hop in trace.hops
            if hop.ttl > inside and hop.address is not None and hop.address != path.source
        ),
        None,
    )


def is_private(address: str) -> bool:
    """Whether an address is of those that anybody may use at home."""
    parsed = ip_address(address)
    if parsed.version == 6:
        return parsed in PRIVATE_V6 or parsed.is_link_local
    return any(parsed in network for network in PRIVATE_V4) or parsed.is_link_local


def is_of_homes(address: str) -> bool:
    """Whether an address is of those that homes use and operators hardly do."""
    parsed = ip_address(address)
    return parsed.version == 4 and parsed in OF_HOMES


def is_shared_by_carriers(address: str) -> bool:
    """Whether an address is between customers and a carrier's translator (RFC 6598)."""
    parsed = ip_address(address)
    return parsed.version == 4 and parsed in SHARED_BY_CARRIERS


def large_packets_end(path: FamilyPath) -> tuple[int, int] | None:
    """Return the last TTL that answered packets of the size that vanishes, and the next one.

    None where there is no black hole, or no trace with large packets says where it begins.
    """
    search = path.mtu
    if not isinstance(search, MtuSearch) or search.ended is not MtuEnd.BLACK_HOLE:
        return None
    for trace in path.traces:
        if trace.ip_octets == search.smallest_failed_octets:
            last = max((hop.ttl for hop in trace.hops if hop.answered), default=0)
            return last, last + 1
    return None


def _attachment(facts: PathFacts) -> Iterator[Finding]:
    if facts.carrier is False:
        yield Finding(FindingCode.NO_CARRIER)
    if not isinstance(facts.interface, Unobserved) and facts.interface.medium is Medium.TUNNEL:
        yield Finding(FindingCode.TUNNEL, values=(("interface", facts.interface.name),))
    if facts.families and not any(isinstance(each.gateway, Gateway) for each in facts.families):
        yield Finding(FindingCode.NO_GATEWAY)


def _of_family(path: FamilyPath) -> Iterator[Finding]:
    gateway = path.gateway
    if isinstance(gateway, Gateway) and gateway.neighbour is Neighbour.SILENT:
        values = (("gateway", gateway.address or ""), ("interface", gateway.interface))
        yield Finding(FindingCode.GATEWAY_SILENT, path.family, values)
    yield from _translation(path)
    search = path.mtu
    if isinstance(search, MtuSearch):
        yield from _mtu(path, search)


def _translation(path: FamilyPath) -> Iterator[Finding]:
    source, seen = path.source, path.seen_source
    if isinstance(source, str) and isinstance(seen, str) and ip_address(source) != ip_address(seen):
        yield Finding(FindingCode.NAT, path.family, (("own", source), ("seen", seen)))
    boxes = customer_hops(path)
    if boxes > 1:
        yield Finding(FindingCode.DOUBLE_NAT, path.family, (("boxes", str(boxes)),))
    trace = trace_to(path)
    hops = () if trace is None else trace.hops
    on_the_way = [hop.address for hop in hops if hop.address is not None]
    for address in [*([source] if isinstance(source, str) else ()), *on_the_way]:
        if is_shared_by_carriers(address):
            yield Finding(FindingCode.CGNAT, path.family, (("address", address),))
            return


def _mtu(path: FamilyPath, search: MtuSearch) -> Iterator[Finding]:
    values = [("passed", str(search.largest_passed_octets))]
    if search.ended is MtuEnd.BLACK_HOLE:
        place = large_packets_end(path)
        if place is not None:
            values += [("last_ttl", str(place[0])), ("silent_ttl", str(place[1]))]
        yield Finding(FindingCode.MTU_BLACK_HOLE, path.family, tuple(values))
    elif search.ended is MtuEnd.TOLD:
        who = [each.address for each in search.told if each.address not in {None, path.source}]
        values += [("told_by", str(who[0]))] if who else []
        yield Finding(FindingCode.MTU_REDUCED, path.family, tuple(values))


def _dead_families(facts: PathFacts) -> Iterator[Finding]:
    """A family that sends and hears nothing from beyond the box, while the other one arrives."""
    arrives = {path.family: _reaches(path) for path in facts.families}
    for family, reached in arrives.items():
        if reached is False and any(arrives.values()):
            yield Finding(FindingCode.FAMILY_DEAD, family)


def _reaches(path: FamilyPath) -> bool | None:
    """Whether the test point was heard in this family; None where it was not asked."""
    trace = trace_to(path)
    echoes = [row for row in path.echoes if row.role is PathRole.TEST_POINT]
    if trace is None and not echoes:
        return None
    reached = trace is not None and trace.ended is TraceEnd.REACHED
    return reached or any(row.answered for row in echoes)


def _portal(facts: PathFacts) -> Iterator[Finding]:
    portal = facts.portal
    if isinstance(portal, PortalCheck) and portal.answer is PortalAnswer.OTHER:
        values = [("status", str(portal.status))] if portal.status is not None else []
        values += [("location", portal.location)] if portal.location is not None else []
        yield Finding(FindingCode.CAPTIVE_PORTAL, values=tuple(values))


def _names(facts: PathFacts) -> Iterator[Finding]:
    """The host's own servers decide; those that an instruction names are for comparison."""
    serves: dict[str, bool] = {}
    heard: dict[str, bool] = {}
    for server in facts.names:
        asked = [each for each in server.questions if each.sent]
        if server.known_from is NameServerSource.HOST and asked:
            answered = [each for each in asked if each.outcome is NameOutcome.ANSWERED]
            heard[server.address] = bool(answered)
            serves[server.address] = any(
                each.rcode not in {SERVER_FAILURE, REFUSED} for each in answered
            )
    failing = tuple(("server", address) for address, good in serves.items() if not good)
    if not failing:
        return
    if not any(heard.values()):
        yield Finding(FindingCode.DNS_DEAD, values=failing)
    elif not any(serves.values()):
        yield Finding(FindingCode.DNS_FAILING, values=failing)
    else:
        yield Finding(FindingCode.DNS_DEGRADED, values=failing)
