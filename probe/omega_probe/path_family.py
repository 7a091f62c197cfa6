"""The path in one family: every part of it at the same time, each in a thread of its own.

    test point     trace in UDP; echoes; a SYN trace where raw sockets are allowed
    gateway        echoes, from the start
    operator hop   echoes, as soon as the trace has shown which it is
    references     a short trace and echoes
    MTU            search to the test point; where large packets vanish, a trace with such packets

Parts that this host can't do leave their reason among what was not observed.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from functools import partial
from typing import Final, TypeAlias

from omega_core.environment import Interface
from omega_core.facts import Family
from omega_core.path import (
    Echoes,
    FamilyPath,
    Gateway,
    MtuEnd,
    NotObserved,
    PathRole,
    Trace,
    Unobserved,
)
from omega_core.path import MtuSearch as MtuFacts
from omega_core.path_findings import first_operator_hop
from omega_core.units import NS_PER_US
from omega_probe.mtu_search import MtuSearch
from omega_probe.path_attachment import gateway_towards, neighbour_of
from omega_probe.path_flow import Spending, run_flow, run_mtu_search
from omega_probe.path_means import Means, scoped
from omega_probe.path_plan import (
    ECHO_ROUNDS,
    ECHO_ROUNDS_UDP_ONLY,
    LARGE_TRACE_ROUNDS,
    SHORT_TRACE_ROUNDS,
    TRACE_ROUNDS,
    TRACE_ROUNDS_UDP_ONLY,
    FamilyTargets,
)
from omega_probe.path_sockets import PROBE_IP_OCTETS, ProbeChannel
from omega_probe.path_trace import PathTrace, Rounds
from omega_probe.route import route_to
from omega_probe.waiting import Waiter, side_by_side

MTU_WITHOUT_INTERFACE: Final = 1_500
SYN_IP_OCTETS: Final[dict[Family, int]] = {4: 40, 6: 60}  # without options
LARGE_HOPS_MAX: Final = 6  # asked straight with large packets: holes are near the edge
Part: TypeAlias = Trace | Echoes | MtuFacts | Unobserved
Task: TypeAlias = Callable[[], list[Part]]
_NO_TARGET: Final = Unobserved(not_observed=NotObserved.NO_TARGET)
_NO_ROUTE: Final = Unobserved(not_observed=NotObserved.NO_ROUTE)


def _alone(part: Callable[[ProbeChannel], Part]) -> Callable[[ProbeChannel], list[Part]]:
    return lambda channel: [part(channel)]


class FamilyDiagnosis:
    """Looks at one family, and gathers what each part found."""

    def __init__(
        self,
        targets: FamilyTargets,
        *,
        interface: Interface | None,
        token: bytes,
        started_ns: int,
        waiter: Waiter,
        spending: Spending,
    ) -> None:
        self._targets = targets
        self._family: Family = targets.family
        self._interface = interface
        self._started_ns = started_ns
        self._waiter = waiter
        self._spending = spending
        target = targets.test_point
        route = None if target is None else route_to(target, self._family)
        self._source = None if route is None else route.source
        self._gateway = gateway_towards(target, self._family)
        self._means = Means(self._family, self._source or "", token)
        self._operator_hop: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._path_length: int | None = None
        self._known_hops: list[tuple[int, str]] = []

    def run(self) -> FamilyPath:
        """Return the path in this family."""
        parts: list[Part] = []
        if not isinstance(self._gateway, Unobserved):
            tasks = [*self._tasks_of_gateway(self._gateway), *self._tasks_of_test_point()]
            tasks += [task for each in self._targets.references for task in self._tasks_of(each)]
            parts = [part for found in side_by_side(tasks) for part in found]
        return self._path(parts)

    def _tasks_of_gateway(self, gateway: Gateway) -> list[Task]:
        if gateway.address is None:
            return []
        address = scoped(gateway.address, gateway.interface)
        return [self._with(self._asking(address), partial(self._echo, PathRole.GATEWAY, address))]

    def _tasks_of_test_point(self) -> list[Task]:
        target, means = self._targets.test_point, self._means
        if target is None or self._source is None:
            return []
        tasks = [
            self._with(means.udp(target, self._targets.udp_port), self._main_trace),
            self._with(self._asking(target), partial(self._echo, PathRole.TEST_POINT, target)),
            self._operator_echo,
        ]
        if self._targets.tcp_port is not None:
            tcp = means.tcp(target, self._targets.tcp_port)
            tasks.append(self._with(tcp, partial(self._tcp_trace, target)))
        search = means.icmp(target)
        if not isinstance(search, Unobserved):
            tasks.append(self._with(search, partial(self._mtu, target)))
        return tasks

    def _tasks_of(self, reference: str) -> list[Task]:
        if route_to(reference, self._family) is None:
            return []
        role = PathRole.REFERENCE
        trace = partial(self._trace, role, reference, None, SHORT_TRACE_ROUNDS)
        return [
            self._with(self._asking(reference), lambda channel: [trace(channel)]),
            self._with(self._asking(reference), partial(self._echo, role, reference)),
        ]

    def _asking(self, address: str) -> ProbeChannel:
        """Return the channel for asking an address straight: ICMP where it is allowed."""
        channel = self._means.icmp(address)
        if isinstance(channel, Unobserved):
            return self._means.udp(address, self._targets.udp_port)
        return channel

    def _with(
        self, channel: ProbeChannel | Unobserved, part: Callable[[ProbeChannel], list[Part]]
    ) -> Task:
        if isinstance(channel, Unobserved):
            missing: list[Part] = [channel]
            return lambda: missing

        def use() -> list[Part]:
            try:
                return part(channel)
            finally:
                channel.close()

        return use

    def _main_trace(self, channel: ProbeChannel) -> list[Part]:
        target = self._targets.test_point or ""
        rounds = TRACE_ROUNDS if self._means.has_icmp else TRACE_ROUNDS_UDP_ONLY
        trace = PathTrace(rounds)
        offset_us = self._offset_us()
        told = False

        def fact(refusal: str = "") -> Trace:
            return self._trace_fact(
                trace, channel, PathRole.TEST_POINT, target, offset_us, refusal=refusal
            )

        def round_over() -> None:
            nonlocal told
            so_far = fact()
            self._path_length = len(so_far.hops)
            self._known_hops = [
                (each.ttl, each.address)
                for each in so_far.hops[:LARGE_HOPS_MAX]
                if each.address not in {None, target}
            ]
            hop = None if told else first_operator_hop(self._path([so_far]))
            if hop is not None:
                told = True
                self._operator_hop.put(hop.address)

        try:
            refusal = run_flow(
                trace,
                channel,
                ip_octets=PROBE_IP_OCTETS,
                waiter=self._waiter,
                spending=self._spending,
                round_over=round_over,
            )
        finally:
            self._operator_hop.put(None)
        return [fact(refusal)]

    def _tcp_trace(self, target: str, channel: ProbeChannel) -> list[Part]:
        port = self._targets.tcp_port
        role, rounds = PathRole.TEST_POINT, SHORT_TRACE_ROUNDS
        octets = SYN_IP_OCTETS[self._family]
        return [self._trace(role, target, port, rounds, channel, octets=octets)]

    def _operator_echo(self) -> list[Part]:
        """Ask the operator's first hop, once the trace has shown which it is."""
        address = self._operator_hop.get()
        if address is None or address == self._targets.test_point:
            return []
        ask = partial(self._echo, PathRole.OPERATOR_HOP, address)
        return self._with(self._asking(address), ask)()

    def _echo(self, role: PathRole, address: str, channel: ProbeChannel) -> list[Part]:
        rounds = ECHO_ROUNDS if self._means.has_icmp else ECHO_ROUNDS_UDP_ONLY
        trace, offset_us = PathTrace(rounds), self._offset_us()
        refusal = self._run(trace, channel, PROBE_IP_OCTETS)
        return [
            Echoes(
                role=role,
                address=address.partition("%")[0],
                method=channel.method,
                started_offset_us=offset_us,
                rtt_us=trace.round_trips_us(),
                waiting_time_us=trace.waiting_time_ns // NS_PER_US,
                detail=refusal,
                unreachable_by=trace.unreachable_by,
            )
        ]

    def _mtu(self, target: str, channel: ProbeChannel) -> list[Part]:
        known = None if self._interface is None else self._interface.mtu_bytes
        search = MtuSearch(self._family, known or MTU_WITHOUT_INTERFACE)
        run_mtu_search(search, channel, waiter=self._waiter, spending=self._spending)
        found: list[Part] = [
            MtuFacts(
                role=PathRole.TEST_POINT,
                address=target,
                method=channel.method,
                interface_mtu_octets=search.start_octets,
                largest_passed_octets=search.largest_passed,
                smallest_failed_octets=search.smallest_failed,
                tries=search.tries(),
                told=search.who_told(),
                ended=search.ended,
            )
        ]
        octets = search.smallest_failed
        if search.ended is MtuEnd.BLACK_HOLE and octets is not None:
            found += self._large_trace(target, octets)
        return found

    def _large_trace(self, target: str, octets: int) -> list[Part]:
        """Send packets of the size that vanishes TTL by TTL, no further than the path is known.

        And straight to each hop on the way: routers answer echoes of any size as often as they are
        asked, but tell seldom that a time ran out, and have told it for the other traces.
        """
        towards = [(PathRole.TEST_POINT, target, self._path_length)]
        for ttl, address in self._known_hops:
            role = PathRole.GATEWAY if ttl == 1 else PathRole.OPERATOR_HOP
            towards.append((role, address, ttl))
        tasks = []
        for role, address, last in towards:
            rounds = LARGE_TRACE_ROUNDS.up_to(last)
            large = partial(self._trace, role, address, None, rounds, octets=octets)
            tasks.append(self._with(self._means.icmp(address), _alone(large)))
        return [part for found in side_by_side(tasks) for part in found]

    def _trace(
        self,
        role: PathRole,
        address: str,
        port: int | None,
        rounds: Rounds,
        channel: ProbeChannel,
        *,
        octets: int = PROBE_IP_OCTETS,
    ) -> Trace:
        trace, offset_us = PathTrace(rounds), self._offset_us()
        refusal = self._run(trace, channel, octets)
        return self._trace_fact(
            trace, channel, role, address, offset_us, port=port, octets=octets, refusal=refusal
        )

    def _run(self, trace: PathTrace, channel: ProbeChannel, octets: int) -> str:
        return run_flow(
            trace, channel, ip_octets=octets, waiter=self._waiter, spending=self._spending
        )

    def _trace_fact(
        self,
        trace: PathTrace,
        channel: ProbeChannel,
        role: PathRole,
        address: str,
        offset_us: int,
        *,
        port: int | None = None,
        octets: int = PROBE_IP_OCTETS,
        refusal: str = "",
    ) -> Trace:
        return Trace(
            role=role,
            family=self._family,
            address=address,
            port=channel.port if port is None else port,
            method=channel.method,
            ip_octets=octets,
            flow_fixed=channel.flow_fixed,
            started_offset_us=offset_us,
            waiting_time_us=trace.waiting_time_ns // NS_PER_US,
            hops=trace.hops(),
            ended=trace.ended,
            unattributed=trace.unattributed,
            detail=refusal,
        )

    def _path(self, parts: list[Part]) -> FamilyPath:
        gateway = self._gateway
        if isinstance(gateway, Gateway):
            neighbour = neighbour_of(gateway, self._family)
            gateway = Gateway(
                address=gateway.address, interface=gateway.interface, neighbour=neighbour
            )
        missing = NotObserved.NO_TARGET if self._targets.test_point is None else None
        return FamilyPath(
            family=self._family,
            source=self._source or (_NO_ROUTE if missing is None else _NO_TARGET),
            seen_source=self._targets.seen or _NO_TARGET,
            gateway=gateway,
            traces=tuple(part for part in parts if isinstance(part, Trace)),
            echoes=tuple(part for part in parts if isinstance(part, Echoes)),
            mtu=next((part for part in parts if isinstance(part, MtuFacts)), self._no_mtu()),
            not_observed=tuple(part for part in parts if isinstance(part, Unobserved)),
        )

    def _no_mtu(self) -> Unobserved:
        if self._targets.test_point is None:
            return _NO_TARGET
        if self._source is None or isinstance(self._gateway, Unobserved):
            return _NO_ROUTE
        return self._means.why_no_icmp or _NO_TARGET

    def _offset_us(self) -> int:
        return (self._waiter.clock.monotonic_ns() - self._started_ns) // NS_PER_US
