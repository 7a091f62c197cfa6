"""The path of a line, hop by hop, as the probe found it: what a fault's zone is judged from.

Theory of operation. These are facts and nothing is concluded here: `omega_core.path_findings` reads
NAT, tunnels, portals and dead name servers out of them, the judge of the zone reads the rest. IPv4
and IPv6 stand apart, since one may be broken while the other works.

    PathFacts
      interface, carrier      how the host is attached
      families                one FamilyPath each
        gateway               address, and what ARP or neighbour discovery knows of it
        traces                TTL by TTL to the test point, to references beyond it, and with
                              large packets towards where those vanish
        echoes                questions straight to the gateway, to a hop, to the ends
        mtu                   the search for the largest packet that passes
      names                   each name server, and what it said
      portal                  who answered the Controller's HTTP

Something that was not observed is an `Unobserved` with its reason, never an empty value; a probe
that drew no answer is None among its round trips. Round trips are host time, of UDP or ICMP.

What a hop does with a packet that ends there says little about what it forwards: routers answer
such packets slowly, seldom or not at all (a Linux router answers six and then one a second). So
loss at a hop counts only if it is there at the hops behind it too; `echoes` to the ends and the
delay stream of the same record tell of the packets that were forwarded.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, TypeAlias

from omega_core import limits
from omega_core.environment import Interface
from omega_core.facts import AddressText, Between, Count, Fact, Family, Length, Name, Signed, Text
from omega_core.metrics import Direction

Ttl: TypeAlias = Annotated[int, Between(1, limits.PATH_TTL_MAX)]
IpOctets: TypeAlias = Annotated[int, Between(20, 65_535)]
_Port: TypeAlias = Annotated[int, Between(1, 65_535)]
_Octet: TypeAlias = Annotated[int, Between(0, 255)]
_RoundTrips: TypeAlias = Annotated[
    tuple[Count | None, ...], Length(0, limits.PATH_PROBES_OF_A_HOP_MAX)
]
_Addresses: TypeAlias = Annotated[
    tuple[AddressText, ...], Length(0, limits.PATH_ADDRESSES_OF_A_HOP_MAX)
]


class NotObserved(StrEnum):
    """Why something was not observed."""

    NO_PRIVILEGE = "no_privilege"  # the host lets this user send no such packet
    NO_SUPPORT = "no_support"  # this host or its software can't tell
    NO_TARGET = "no_target"  # nobody gave an address to ask
    NO_FAMILY = "no_family"  # the host has no address of the family
    NO_ROUTE = "no_route"  # the host would not know where to send it
    NOT_SENT = "not_sent"  # the host's own network refused the packets
    BUDGET = "budget"  # time or packets were used up
    INTERRUPTED = "interrupted"
    NOT_ASKED = "not_asked"  # left out on purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class Unobserved(Fact):
    """In place of a fact: why there is none."""

    not_observed: NotObserved
    detail: Text = ""


class PathRole(StrEnum):
    """What an address is on the path."""

    GATEWAY = "gateway"
    OPERATOR_HOP = "operator_hop"  # the first hop that is the operator's, as far as can be told
    TEST_POINT = "test_point"
    CONTROLLER = "controller"
    NAME_SERVER = "name_server"
    REFERENCE = "reference"  # beyond the test point


class PathMethod(StrEnum):
    """With which packets, and by which means of the host."""

    UDP = "udp"  # a socket's error queue; needs no privilege
    ICMP = "icmp"  # an ICMP socket that the host allows this user
    RAW_ICMP = "raw_icmp"  # CAP_NET_RAW
    RAW_TCP = "raw_tcp"  # CAP_NET_RAW: SYN to a port that answers


class HopAnswer(StrEnum):
    """What a hop answered with."""

    TIME_EXCEEDED = "time_exceeded"
    UNREACHABLE = "unreachable"  # a network or host is, or somebody forbids it; see the code
    PORT_UNREACHABLE = "port_unreachable"  # from the target itself: it is reached
    TOO_BIG = "too_big"
    ECHO_REPLY = "echo_reply"
    TCP = "tcp"  # SYN-ACK or RST


class TraceEnd(StrEnum):
    """Why no further TTL was tried."""

    REACHED = "reached"
    UNREACHABLE = "unreachable"  # a hop said that it goes no further
    SILENT = "silent"  # nothing answered behind the last hop that did
    BUDGET = "budget"
    INTERRUPTED = "interrupted"
    NOT_SENT = "not_sent"  # the host's own network refused the packets: no route, link down


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop(Fact):
    """What came back from one TTL.

    `rtt_us` has one entry for each packet sent, in the order of sending, None where no answer came
    within the waiting time. `address` is whose answers came first, `others` who else answered at
    this TTL: a changed route, or load shared by packet. `answer`, `icmp_type` and `icmp_code` are
    of the last answer; all are None for a hop that never answered.
    """

    ttl: Ttl
    address: AddressText | None
    others: _Addresses = ()
    rtt_us: _RoundTrips
    answer: HopAnswer | None
    icmp_type: _Octet | None = None
    icmp_code: _Octet | None = None

    def __post_init__(self) -> None:
        answered = any(rtt is not None for rtt in self.rtt_us)
        if answered != (self.address is not None) or answered != (self.answer is not None):
            raise ValueError("a hop has an address and an answer if and only if it answered")

    @property
    def sent(self) -> int:
        """How many packets were sent with this TTL."""
        return len(self.rtt_us)

    @property
    def answered(self) -> int:
        """How many of them were answered."""
        return len(self.rtt_us) - self.rtt_us.count(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace(Fact):
    """One flow towards one target, TTL by TTL, in rounds.

    Hops ascend without a gap up to the target's, if it was reached. `flow_fixed` says that all that
    routers share load by was the same in every packet: addresses, ports, protocol and, for ICMP,
    the checksum. `unattributed` counts answers that quoted too little of the packet to say which
    it was. `under_load` is the direction that was loaded meanwhile, None on a quiet line.
    """

    role: PathRole
    family: Family
    address: AddressText
    port: _Port | None
    method: PathMethod
    ip_octets: IpOctets
    flow_fixed: bool
    started_offset_us: Count
    waiting_time_us: Count
    hops: Annotated[tuple[Hop, ...], Length(0, limits.PATH_TTL_MAX)]
    ended: TraceEnd
    unattributed: Count = 0
    under_load: Direction | None = None
    detail: Text = ""

    def __post_init__(self) -> None:
        if [hop.ttl for hop in self.hops] != [*range(1, len(self.hops) + 1)]:
            raise ValueError("hops are told from the first on, without a gap")


@dataclass(frozen=True, slots=True, kw_only=True)
class Echoes(Fact):
    """Questions straight to one address, each with its round trip or None, in order of sending.

    `unreachable_by` is whoever said that a question goes no further; None where nobody did.
    """

    role: PathRole
    address: AddressText
    method: PathMethod
    started_offset_us: Count
    rtt_us: _RoundTrips
    waiting_time_us: Count
    under_load: Direction | None = None
    detail: Text = ""
    unreachable_by: AddressText | None = None

    @property
    def sent(self) -> int:
        """How many packets were sent."""
        return len(self.rtt_us)

    @property
    def answered(self) -> int:
        """How many of them were answered."""
        return len(self.rtt_us) - self.rtt_us.count(None)


class MtuEnd(StrEnum):
    """What the search for the path's MTU came to."""

    WHOLE = "whole"  # packets of the interface's own MTU pass
    TOLD = "told"  # a router said what passes, and that passes
    BLACK_HOLE = "black_hole"  # larger packets vanish without a word, smaller ones are answered
    UNANSWERED = "unanswered"  # not even the smallest was answered: nothing can be said
    BUDGET = "budget"


@dataclass(frozen=True, slots=True, kw_only=True)
class MtuTry(Fact):
    """Packets of one size, fragmenting forbidden: how many were sent, and answered by the end."""

    ip_octets: IpOctets
    sent: Count
    answered: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class MtuTold(Fact):
    """Who said that a packet is too big, and what it can carry; None where it did not say.

    `address` is null when the host itself knew it, from an answer before or of its interface.
    """

    address: AddressText | None
    mtu_octets: Count | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MtuSearch(Fact):
    """The largest IP packet that passes unfragmented to the target and is answered.

    A trace of this family with the size `smallest_failed_octets` shows at which hop a black hole
    begins. An answer of ICMP is as large as its question, so a hole on either way is found.
    """

    role: PathRole
    address: AddressText
    method: PathMethod
    interface_mtu_octets: Count
    largest_passed_octets: Count | None
    smallest_failed_octets: Count | None
    tries: Annotated[tuple[MtuTry, ...], Length(0, limits.MTU_TRIES_MAX)]
    told: Annotated[tuple[MtuTold, ...], Length(0, limits.MTU_TRIES_MAX)] = ()
    ended: MtuEnd


class Neighbour(StrEnum):
    """What ARP or neighbour discovery knows of the gateway."""

    ANSWERED = "answered"  # its link address is known
    SILENT = "silent"  # asked for, and did not answer
    UNKNOWN = "unknown"  # there is no entry, or the host does not say
    NOT_NEEDED = "not_needed"  # a point-to-point link has none


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway(Fact):
    """The default gateway; `address` is null on a point-to-point link, which needs none."""

    address: AddressText | None
    interface: Name
    neighbour: Neighbour


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyPath(Fact):
    """The path in one family. `source` is the host's own address towards the test point.

    `seen_source` is the host's address as the server saw it: another one means translation.
    """

    family: Family
    source: AddressText | Unobserved
    seen_source: AddressText | Unobserved
    gateway: Gateway | Unobserved
    traces: Annotated[tuple[Trace, ...], Length(0, limits.PATH_TRACES_MAX)] = ()
    echoes: Annotated[tuple[Echoes, ...], Length(0, limits.PATH_ECHO_ROWS_MAX)] = ()
    mtu: MtuSearch | Unobserved
    not_observed: Annotated[tuple[Unobserved, ...], Length(0, limits.PATH_TRACES_MAX)] = ()


class NameOutcome(StrEnum):
    """What asking a name server came to."""

    ANSWERED = "answered"  # an answer with a code; NXDOMAIN is one
    TIMEOUT = "timeout"
    REFUSED = "refused"  # nobody listens there, or somebody forbids it
    MALFORMED = "malformed"  # something came that is no answer to the question
    NOT_SENT = "not_sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class NameQuestion(Fact):
    """One question to one server, repeated once if unanswered; `rcode` is as in RFC 1035 s4.1.1."""

    name: Annotated[str, Length(1, 253)]
    record_type: Name
    outcome: NameOutcome
    sent: Count
    rtt_us: Count | None
    rcode: _Octet | None
    addresses: _Addresses = ()
    answers: Count = 0


class NameServerSource(StrEnum):
    """How the probe knows of a name server."""

    HOST = "host"  # the host's own configuration
    INSTRUCTION = "instruction"  # a reference that whoever asked for the diagnosis gave


@dataclass(frozen=True, slots=True, kw_only=True)
class NameServer(Fact):
    """One name server, and what it said."""

    address: AddressText
    family: Family
    known_from: NameServerSource
    questions: Annotated[tuple[NameQuestion, ...], Length(0, limits.NAME_QUESTIONS_MAX)]


class PortalAnswer(StrEnum):
    """Who answered HTTP in the Controller's place."""

    OMEGA = "omega"  # the answer is one that only a Controller gives
    OTHER = "other"  # a page, a redirect or a status of somebody else
    NONE = "none"  # no HTTP answer


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalCheck(Fact):
    """One plain HTTP question to the Controller; `location` is where a redirect pointed."""

    answer: PortalAnswer
    status: Count | None
    location: Text | None
    reason: Text | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PathFacts(Fact):
    """One path diagnosis. `carrier` is null where the host does not say."""

    started_offset_us: Count
    duration_us: Count
    packets_sent: Count
    interface: Interface | Unobserved
    carrier: bool | None
    signal_dbm: Signed | None = None
    families: Annotated[tuple[FamilyPath, ...], Length(0, 2)]
    names: Annotated[tuple[NameServer, ...], Length(0, 2 * limits.NAME_SERVERS_MAX)]
    portal: PortalCheck | Unobserved

    def __post_init__(self) -> None:
        if len({path.family for path in self.families}) != len(self.families):
            raise ValueError("each family is told once")
