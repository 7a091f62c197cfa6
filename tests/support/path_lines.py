"""Paths for the tests: facts made short, and a path without a network for the machines."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from random import Random
from typing import Any

from omega_core.environment import Interface, Medium
from omega_core.facts import Family
from omega_core.path import (
    Echoes,
    FamilyPath,
    Gateway,
    Hop,
    HopAnswer,
    MtuEnd,
    MtuSearch,
    MtuTold,
    NameOutcome,
    NameQuestion,
    NameServer,
    NameServerSource,
    Neighbour,
    NotObserved,
    PathFacts,
    PathMethod,
    PathRole,
    Trace,
    TraceEnd,
    Unobserved,
)
from omega_core.units import NS_PER_MS
from omega_probe.path_trace import PathTrace, ProbeAnswer

MISSING = Unobserved(not_observed=NotObserved.NOT_ASKED)
TARGET = "203.0.113.9"
TARGET_V6 = "2001:db8::9"


def hop(ttl: int, address: str | None, *, rtts: tuple[int | None, ...] = (900, None)) -> Hop:
    """Return a hop on the way; without an address a silent one."""
    if address is None:
        return Hop(ttl=ttl, address=None, rtt_us=(None,) * len(rtts), answer=None)
    answer = (
        HopAnswer.PORT_UNREACHABLE if address in {TARGET, TARGET_V6} else HopAnswer.TIME_EXCEEDED
    )
    return Hop(ttl=ttl, address=address, rtt_us=rtts, answer=answer)


def trace(*addresses: str | None, **changes: Any) -> Trace:  # noqa: ANN401 - any field of a trace
    """Return a trace that reached the target if its address is the last one."""
    reached = bool(addresses) and addresses[-1] in {TARGET, TARGET_V6}
    fields: dict[str, Any] = {
        "role": PathRole.TEST_POINT,
        "family": 4,
        "address": TARGET,
        "port": 33_434,
        "method": PathMethod.UDP,
        "ip_octets": 60,
        "flow_fixed": True,
        "started_offset_us": 0,
        "waiting_time_us": 300_000,
        "hops": tuple(hop(ttl, address) for ttl, address in enumerate(addresses, start=1)),
        "ended": TraceEnd.REACHED if reached else TraceEnd.SILENT,
    }
    return Trace(**{**fields, **changes})


def echoes(role: PathRole, *rtt_us: int | None) -> Echoes:
    """Return questions to an address and their round trips."""
    return Echoes(
        role=role,
        address=TARGET,
        method=PathMethod.ICMP,
        started_offset_us=0,
        rtt_us=rtt_us,
        waiting_time_us=300_000,
    )


def search(ended: MtuEnd, passed: int | None, failed: int | None, *told: MtuTold) -> MtuSearch:
    """Return what a search for the MTU found."""
    return MtuSearch(
        role=PathRole.TEST_POINT,
        address=TARGET,
        method=PathMethod.ICMP,
        interface_mtu_octets=1_500,
        largest_passed_octets=passed,
        smallest_failed_octets=failed,
        tries=(),
        told=told,
        ended=ended,
    )


def family_path(family: Family = 4, **changes: Any) -> FamilyPath:  # noqa: ANN401 - any field
    """Return a path behind a box of the customer's."""
    fields: dict[str, Any] = {
        "family": family,
        "source": "192.168.1.20" if family == 4 else "2001:db8:1::20",
        "seen_source": MISSING,
        "gateway": Gateway(address="192.168.1.1", interface="eth0", neighbour=Neighbour.ANSWERED),
        "mtu": MISSING,
    }
    return FamilyPath(**{**fields, **changes})


def path_facts(*families: FamilyPath, **changes: Any) -> PathFacts:  # noqa: ANN401 - any field
    """Return a diagnosis of a host on Ethernet."""
    fields: dict[str, Any] = {
        "started_offset_us": 0,
        "duration_us": 6_000_000,
        "packets_sent": 200,
        "interface": interface(Medium.ETHERNET),
        "carrier": True,
        "families": families,
        "names": (),
        "portal": MISSING,
    }
    return PathFacts(**{**fields, **changes})


def interface(medium: Medium) -> Interface:
    """Return an interface of a medium."""
    return Interface(name="eth0", medium=medium, link_rate_bps=None, duplex=None, mtu_bytes=1_500)


def name_server(
    address: str,
    outcome: NameOutcome,
    rcode: int | None = None,
    *,
    known_from: NameServerSource = NameServerSource.HOST,
) -> NameServer:
    """Return a server that was asked once."""
    question = NameQuestion(
        name="controller.example",
        record_type="A",
        outcome=outcome,
        sent=0 if outcome is NameOutcome.NOT_SENT else 1,
        rtt_us=900 if outcome is NameOutcome.ANSWERED else None,
        rcode=rcode,
    )
    return NameServer(address=address, family=4, known_from=known_from, questions=(question,))


@dataclass
class SimulatedHops:
    """A path of so many hops, the last of them the target, as a machine meets it.

    `silent` are TTLs that never answer; `burst` is how many answers a hop or the target gives
    before it needs a second for each further one; None is no limit. On a `flat` path the first link
    takes all of the time, as a satellite's does.
    """

    length: int
    rtt_ns: int = 20 * NS_PER_MS
    silent: frozenset[int] = frozenset()
    loss_ppm: int = 0
    burst: int | None = None
    flat: bool = False
    unreachable_at: int | None = None
    seed: int = 1
    sent: list[tuple[int, int, int]] = field(default_factory=list)
    """Number, TTL and time of every packet."""

    def run(self, machine: PathTrace, *, until_ns: int = 60_000 * NS_PER_MS) -> int:
        """Drive the machine to its end; return when that was."""
        random, now_ns, count = Random(self.seed), 0, 0  # noqa: S311 - a simulation
        waiting: list[tuple[int, int, ProbeAnswer]] = []
        tokens: dict[int, tuple[float, int]] = {}
        while not machine.is_over(now_ns) and now_ns < until_ns:
            while (probe := machine.probe_to_send(now_ns)) is not None:
                machine.departed(probe.number, now_ns)
                self.sent.append((probe.number, probe.ttl, now_ns))
                place = min(probe.ttl, self.length)
                lost = random.randrange(1_000_000) < self.loss_ppm
                if lost or place in self.silent or not self._may_answer(tokens, place, now_ns):
                    continue
                count += 1
                answer = self._answer(probe.number, place)
                delay_ns = self.rtt_ns * (self.length if self.flat else place) // self.length
                heapq.heappush(waiting, (now_ns + delay_ns, count, answer))
            wakeup_ns = machine.next_wakeup_ns()
            times = [waiting[0][0]] if waiting else []
            times += [] if wakeup_ns is None else [wakeup_ns]
            now_ns = max(now_ns, min(times, default=now_ns))
            while waiting and waiting[0][0] <= now_ns:
                machine.answered(heapq.heappop(waiting)[2], now_ns)
        return now_ns

    def _answer(self, number: int, place: int) -> ProbeAnswer:
        if place == self.unreachable_at:
            return ProbeAnswer(number, f"10.0.0.{place}", HopAnswer.UNREACHABLE, 3, 1)
        if place == self.length:
            return ProbeAnswer(number, TARGET, HopAnswer.PORT_UNREACHABLE, 3, 3)
        return ProbeAnswer(number, f"10.0.0.{place}", HopAnswer.TIME_EXCEEDED, 11, 0)

    def _may_answer(self, tokens: dict[int, tuple[float, int]], place: int, now_ns: int) -> bool:
        if self.burst is None:
            return True
        left, then_ns = tokens.get(place, (float(self.burst), now_ns))
        left = min(self.burst, left + (now_ns - then_ns) / (1_000 * NS_PER_MS))
        may = left >= 1
        tokens[place] = (left - may, now_ns)
        return may
