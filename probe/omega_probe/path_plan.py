"""What a path diagnosis is to look at, and which packets this host lets the probe send.

The number of packets follows from the means. ICMP echo is answered without a limit by hosts and
routers, so where it may be sent every target is asked thirty times. Without it all that is left is
UDP to a closed port, which a Linux host answers six times at once and then once a second, to one
asker, for all its packets: so there are fewer, a second apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from omega_core import limits
from omega_core.facts import Family
from omega_core.units import NS_PER_MS, NS_PER_S
from omega_probe.dns_wire import question_bytes
from omega_probe.path_trace import Rounds
from omega_probe.plan import ControlTarget

UDP_PORT: Final = 33_434  # nobody listens there: the first port of the old tool, known to firewalls
TARGET_TTL: Final = 64
_APART_NS: Final = NS_PER_S

TRACE_ROUNDS: Final = Rounds()
TRACE_ROUNDS_UDP_ONLY: Final = Rounds(count=6, apart_ns=_APART_NS)
SHORT_TRACE_ROUNDS: Final = Rounds(count=2, apart_ns=_APART_NS)
LARGE_TRACE_ROUNDS: Final = Rounds(count=3, apart_ns=400 * NS_PER_MS, spacing_ns=12 * NS_PER_MS)
ECHO_ROUNDS: Final = Rounds(
    ttl_first=TARGET_TTL, ttl_last=TARGET_TTL, count=30, apart_ns=170 * NS_PER_MS
)
ECHO_ROUNDS_UDP_ONLY: Final = Rounds(
    ttl_first=TARGET_TTL, ttl_last=TARGET_TTL, count=5, apart_ns=_APART_NS
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PathTargets:
    """Where to look; whatever is left out is told as not observed.

    `test_point` and `references` are addresses, of either family. `seen` are the host's addresses
    as the server saw them. `name` is what name servers are asked for, `name_servers` are asked
    beside the host's own. `tcp_port` is a port of the test point that answers TCP.
    """

    test_point: tuple[str, ...] = ()
    tcp_port: int | None = None
    udp_port: int = UDP_PORT
    references: tuple[str, ...] = ()
    seen: tuple[str, ...] = ()
    name: str | None = None
    name_servers: tuple[str, ...] = ()
    control: ControlTarget | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for more than a diagnosis looks at, or a name that DNS can't carry."""
        if len(self.references) > limits.PATH_REFERENCES_MAX:
            raise ValueError(f"at most {limits.PATH_REFERENCES_MAX} references")
        if len(self.name_servers) > limits.NAME_SERVERS_MAX:
            raise ValueError(f"at most {limits.NAME_SERVERS_MAX} name servers")
        if self.name is not None:
            question_bytes(0, self.name, "A")


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyTargets:
    """The part of the targets that is of one family."""

    family: Family
    test_point: str | None
    references: tuple[str, ...]
    seen: str | None
    tcp_port: int | None
    udp_port: int


def targets_of(targets: PathTargets, family: Family) -> FamilyTargets:
    """Return what of the targets is of one family: an address with a colon is IPv6."""

    def own(addresses: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(each for each in addresses if (":" in each) == (family == 6))

    return FamilyTargets(
        family=family,
        test_point=next(iter(own(targets.test_point)), None),
        references=own(targets.references),
        seen=next(iter(own(targets.seen)), None),
        tcp_port=targets.tcp_port,
        udp_port=targets.udp_port,
    )
