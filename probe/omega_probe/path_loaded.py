"""The path while the session loads the line: the point behind which the queue builds.

    looking = LoadedLook(targets, clock=..., emit=emit)
    run_session(..., emit=looking.emit)       its events say when a direction is loaded
    path = looking.beside(path, started_ns)   what was seen, among the facts of the quiet path

Theory of operation. A part that is short of rate has a queue before it, and every packet that
passes it waits in that queue. So while one direction is loaded the round trip grows to each point
behind the short part and to none before it. Nothing loads the line but the session; so beside the
first load of each direction this asks the gateway and the test point, and traces the way between
them. It begins a little later than the load, for a queue takes time to build, sends while the load
lasts, and waits for what is still on the way.

It costs 45 packets of 60 octets a second, 22 kbit/s, a quarter of what counts as traffic of
somebody else. One family is looked at: a queue does not ask for it. A trace has few rounds, since
routers limit how often they answer and the quiet look comes after it.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, TypeAlias

from omega_core.clock import Clock
from omega_core.facts import Family
from omega_core.metrics import Direction
from omega_core.path import Echoes, Gateway, PathFacts, PathRole, Trace, Unobserved
from omega_core.units import NS_PER_MS, NS_PER_S, NS_PER_US
from omega_probe.events import Emitter, Event, PhaseEnded, PhaseStarted
from omega_probe.path_attachment import gateway_towards
from omega_probe.path_flow import PathBudget, Spending, run_flow
from omega_probe.path_means import Means, scoped
from omega_probe.path_plan import (
    TARGET_TTL,
    FamilyTargets,
    PathTargets,
    targets_of,
)
from omega_probe.path_sockets import PROBE_IP_OCTETS, ProbeChannel
from omega_probe.path_trace import PathTrace, Rounds
from omega_probe.route import route_to
from omega_probe.waiting import StoppedError, Waiter

_LOADS: Final = ("qualified_", "capacity_", "goodput_")
_QUEUE_BUILDS_NS: Final = 300 * NS_PER_MS
_ECHO_ROUNDS: Final = Rounds(
    ttl_first=TARGET_TTL, ttl_last=TARGET_TTL, count=30, apart_ns=100 * NS_PER_MS
)
_TRACE_ROUNDS: Final = Rounds(
    count=5, apart_ns=200 * NS_PER_MS
)  # a short rate is plain in a second
_BUDGET: Final = PathBudget(total_ns=6 * NS_PER_S, packets=150)
_FAMILIES: Final[tuple[Family, Family]] = (4, 6)
_TOKEN_OCTETS: Final = 4


@dataclass(frozen=True, slots=True)
class _Way:
    """Whom to ask in the family that is looked at."""

    targets: FamilyTargets
    test_point: str
    source: str
    gateway: Gateway


class _WhileLoaded(Spending):
    """A budget that has nothing left once the load is over."""

    def __init__(self, started_ns: int) -> None:
        super().__init__(_BUDGET, started_ns)
        self.over = threading.Event()

    def take(self) -> bool:
        """Count one packet that is about to be sent; False if there is none left."""
        return not self.over.is_set() and super().take()


_Part: TypeAlias = Callable[[_WhileLoaded], Trace | Echoes | None]


class LoadedLook:
    """Looks at the path beside a session's loads; see the module."""

    def __init__(self, targets: PathTargets, *, clock: Clock, emit: Emitter) -> None:
        self._clock = clock
        self._emit = emit
        self._waiter = Waiter(clock)
        self._way = next(
            (way for family in _FAMILIES if (way := _way_to(targets_of(targets, family)))), None
        )
        self._under_way: dict[str, _WhileLoaded] = {}
        self._looked_at: set[Direction] = set()
        self._threads: list[threading.Thread] = []
        self._found: list[tuple[int, Trace | Echoes]] = []

    def emit(self, event: Event) -> None:
        """Pass an event on; begin or end with the load that it tells of."""
        match event:
            case PhaseStarted(task=task) if task.startswith(_LOADS):
                self._begin(task, Direction(task.rpartition("_")[2]))
            case PhaseEnded(end=end) if end.task in self._under_way:
                self._under_way.pop(end.task).over.set()
        self._emit(event)

    def beside(self, path: PathFacts, started_ns: int) -> PathFacts:
        """Return the facts with what was seen under load; `started_ns` is the session's zero."""
        for spending in self._under_way.values():
            spending.over.set()
        for thread in self._threads:
            thread.join()
        if self._way is None:
            return path
        found = [
            replace(part, started_offset_us=max(0, at_ns - started_ns) // NS_PER_US)
            for at_ns, part in self._found
        ]
        families = tuple(
            replace(
                each,
                traces=(*each.traces, *(part for part in found if isinstance(part, Trace))),
                echoes=(*each.echoes, *(part for part in found if isinstance(part, Echoes))),
            )
            if each.family == self._way.targets.family
            else each
            for each in path.families
        )
        return replace(path, families=families)

    def _begin(self, task: str, direction: Direction) -> None:
        if self._way is None or direction in self._looked_at:
            return
        self._looked_at.add(direction)
        spending = _WhileLoaded(self._clock.monotonic_ns())
        self._under_way[task] = spending
        way = self._way
        means = Means(way.targets.family, way.source, secrets.token_bytes(_TOKEN_OCTETS))
        parts: list[_Part] = [partial(self._trace, means, way)]
        asked = [(PathRole.TEST_POINT, way.test_point)]
        if way.gateway.address is not None:
            address = scoped(way.gateway.address, way.gateway.interface)
            asked.append((PathRole.GATEWAY, address))
        parts += [partial(self._echoes, means, *each) for each in asked]
        for part in parts:
            thread = threading.Thread(
                target=self._look, args=(part, spending, direction), daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def _look(
        self,
        part: _Part,
        spending: _WhileLoaded,
        direction: Direction,
    ) -> None:
        if spending.over.wait(_QUEUE_BUILDS_NS / NS_PER_S):
            return
        began_ns = self._clock.monotonic_ns()
        try:
            found = part(spending)
        except (OSError, StoppedError):
            return
        if found is not None:
            self._found.append((began_ns, replace(found, under_load=direction)))

    def _trace(self, means: Means, way: _Way, spending: _WhileLoaded) -> Trace:
        channel = means.udp(way.test_point, way.targets.udp_port)
        trace = PathTrace(_TRACE_ROUNDS)
        refusal = self._run(trace, channel, spending)
        return Trace(
            role=PathRole.TEST_POINT,
            family=way.targets.family,
            address=way.test_point,
            port=channel.port,
            method=channel.method,
            ip_octets=PROBE_IP_OCTETS,
            flow_fixed=channel.flow_fixed,
            started_offset_us=0,
            waiting_time_us=trace.waiting_time_ns // NS_PER_US,
            hops=trace.hops(),
            ended=trace.ended,
            unattributed=trace.unattributed,
            detail=refusal,
        )

    def _echoes(
        self, means: Means, role: PathRole, address: str, spending: _WhileLoaded
    ) -> Echoes | None:
        channel = means.icmp(address)
        if isinstance(channel, Unobserved):
            return None  # the trace asks the same points, by what every user may send
        trace = PathTrace(_ECHO_ROUNDS)
        refusal = self._run(trace, channel, spending)
        return Echoes(
            role=role,
            address=address.partition("%")[0],
            method=channel.method,
            started_offset_us=0,
            rtt_us=trace.round_trips_us(),
            waiting_time_us=trace.waiting_time_ns // NS_PER_US,
            detail=refusal,
        )

    def _run(self, trace: PathTrace, channel: ProbeChannel, spending: _WhileLoaded) -> str:
        try:
            return run_flow(
                trace, channel, ip_octets=PROBE_IP_OCTETS, waiter=self._waiter, spending=spending
            )
        finally:
            channel.close()


def _way_to(targets: FamilyTargets) -> _Way | None:
    """Return whom to ask in a family; None where it has no way to the test point."""
    target = targets.test_point
    route = None if target is None else route_to(target, targets.family)
    if target is None or route is None or route.source is None:
        return None
    gateway = gateway_towards(target, targets.family)
    if isinstance(gateway, Unobserved):
        return None
    return _Way(targets, target, route.source, gateway)
