"""The points of a family's path, near to far, each with what was heard of it. Pure.

    stop            where from                                         the stretch that ends there
    gateway         first hop, echoes to the gateway                   LAN
    operator hop    first hop behind the customer's boxes              access
    hops of core    those that follow, up to the test point            core
    test point      end of the trace, echoes, delay stream, attempts   core
    references      echoes and the ends of their traces                beyond

Where hops on the way are silent the stretch that ends at the next stop covers more than one part,
and `parts` names them all. On a host that is the box itself there is no LAN, and no gateway.

What a stop answers by itself is a *series*: packets in order of sending, each a round trip or None.
A router that says so many times a second that a packet's time ran out, and then no more, has
forwarded every packet; how a series may mislead is its `Heard`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from omega_acceptance.zone.codes import Point, Zone
from omega_acceptance.zone.thresholds import ANSWERS_MIN, QUICK_PERCENT, SMALL_OCTETS_MAX
from omega_core.evidence import Evidence
from omega_core.metrics import Direction
from omega_core.path import (
    Echoes,
    FamilyPath,
    Gateway,
    HopAnswer,
    Neighbour,
    PathMethod,
    PathRole,
    Trace,
    TraceEnd,
)
from omega_core.path_findings import customer_hops, trace_to
from omega_core.samples import nearest_rank_percentile


class Heard(StrEnum):
    """By which packets a stop was heard, and so how far their lack means loss."""

    STREAM = "stream"  # an application that answers every packet
    ECHO = "echo"  # seldom limited
    ICMP_ERROR = "icmp_error"  # limited by most kernels


@dataclass(frozen=True, slots=True)
class Series:
    """Packets in the order of sending, each with its round trip or None."""

    heard: Heard
    rtt_us: tuple[int | None, ...]

    @property
    def sent(self) -> int:
        """How many packets were sent."""
        return len(self.rtt_us)

    @property
    def lost(self) -> int:
        """How many came to nothing."""
        return self.rtt_us.count(None)

    @property
    def quick_us(self) -> int | None:
        """What the quickest tenth of the answers took at most; None of too few."""
        answered = [each for each in self.rtt_us if each is not None]
        if len(answered) < ANSWERS_MIN:
            return None
        return nearest_rank_percentile(answered, QUICK_PERCENT)

    @property
    def usual_us(self) -> int | None:
        """What half of the answers took at most; None of too few."""
        answered = [each for each in self.rtt_us if each is not None]
        return nearest_rank_percentile(answered, 50) if len(answered) >= ANSWERS_MIN else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """One point of the path; `point` is None of a hop between two named ones.

    `attempts` are connections and questions that were answered there, and are in no series.
    """

    point: Point | None
    parts: tuple[Zone, ...]
    address: str | None
    series: tuple[Series, ...]
    attempts: int = 0

    @property
    def answered(self) -> int:
        """How many packets were answered there."""
        return self.attempts + sum(each.sent - each.lost for each in self.series)

    @property
    def sent(self) -> int:
        """How many packets were sent there."""
        return self.attempts + sum(each.sent for each in self.series)

    @property
    def speaking(self) -> tuple[Series, ...]:
        """Its series but for those by which it never answers, while it does by others."""
        return tuple(each for each in self.series if each.lost < each.sent)

    @property
    def quick_us(self) -> int | None:
        """The same of the quickest of its series; None where none has enough answers."""
        quick = [each_us for each in self.series if (each_us := each.quick_us) is not None]
        return min(quick, default=None)

    @property
    def usual_us(self) -> int | None:
        """The same of half of the answers: the least that any of its series says."""
        usual = [each_us for each in self.series if (each_us := each.usual_us) is not None]
        return min(usual, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """A family's stops, near to far: references are apart, each a branch of its own."""

    path: FamilyPath
    gateway: Stop | None
    hops: tuple[Stop, ...]
    test_point: Stop
    references: tuple[Stop, ...]

    @property
    def line(self) -> tuple[Stop, ...]:
        """All stops up to the test point."""
        near = () if self.gateway is None else (self.gateway,)
        return (*near, *self.hops, self.test_point)

    @property
    def heard(self) -> tuple[Stop, ...]:
        """Those of them that answered, each with the parts of the silent ones before it."""
        found: list[Stop] = []
        passed: tuple[Zone, ...] = ()
        for stop in self.line:
            parts = (*passed, *(each for each in stop.parts if each not in passed))
            passed = () if stop.answered else parts
            if stop.answered:
                found.append(replace(stop, parts=parts))
        return tuple(found)


def walk_of(path: FamilyPath, evidence: Evidence, *, loaded: Direction | None = None) -> Walk:
    """Return the stops of a family, on the quiet line or while one direction was loaded."""
    traces = [each for each in path.traces if _is_small(each) and each.under_load is loaded]
    echoes = [each for each in path.echoes if each.under_load is loaded]
    main = trace_to(path)
    inside = customer_hops(path)
    hops = () if main is None else tuple(_hops_of(path, main, inside, traces, echoes))
    parts: tuple[Zone, ...] = (Zone.CORE,) if hops else (Zone.ACCESS, Zone.CORE)
    return Walk(
        path=path,
        gateway=_gateway(path, traces, echoes) if inside else None,
        hops=hops,
        test_point=_test_point(path, evidence, traces, echoes, parts, quiet=loaded is None),
        references=tuple(_references(traces, echoes)),
    )


def _is_small(trace: Trace) -> bool:
    return trace.ip_octets <= SMALL_OCTETS_MAX


def _gateway(path: FamilyPath, traces: list[Trace], echoes: list[Echoes]) -> Stop:
    known = path.gateway.address if isinstance(path.gateway, Gateway) else None
    first = [trace.hops[0] for trace in traces if trace.hops]
    own = isinstance(path.source, str)
    series = [
        Series(Heard.ICMP_ERROR, hop.rtt_us)
        for hop in first
        if not (own and hop.address == path.source)
    ]
    series += [_echo(row) for row in echoes if row.role is PathRole.GATEWAY]
    seen = next((hop.address for hop in first if hop.address is not None), None)
    return Stop(point=Point.GATEWAY, parts=(Zone.LAN,), address=known or seen, series=tuple(series))


def _hops_of(
    path: FamilyPath, main: Trace, inside: int, traces: list[Trace], echoes: list[Echoes]
) -> Iterator[Stop]:
    """Yield the operator's hops before the test point that answered.

    A hop that says "unreachable" answers at the places of those behind it, too: it is told once.
    """
    silent_before = False
    first = True
    told = {path.source, *(hop.address for hop in main.hops[:inside])}
    for hop in main.hops[inside:]:
        if hop.address == main.address:
            return
        if hop.address is None:
            silent_before = True
            continue
        if hop.address in told:
            continue
        told.add(hop.address)
        parts: tuple[Zone, ...] = (Zone.ACCESS,) if first else (Zone.CORE,)
        if first and silent_before:
            parts = (Zone.ACCESS, Zone.CORE)
        yield Stop(
            point=Point.OPERATOR_HOP if first else None,
            parts=parts,
            address=hop.address,
            series=tuple(_series_at(hop.address, hop.ttl, traces, echoes)),
        )
        first = False


def _series_at(
    address: str, ttl: int, traces: list[Trace], echoes: list[Echoes]
) -> Iterator[Series]:
    for trace in traces:
        if len(trace.hops) >= ttl and trace.hops[ttl - 1].address == address:
            hop = trace.hops[ttl - 1]
            yield Series(_heard_by(hop.answer), hop.rtt_us)
    yield from (_echo(row) for row in echoes if row.address == address)


def _test_point(
    path: FamilyPath,
    evidence: Evidence,
    traces: list[Trace],
    echoes: list[Echoes],
    parts: tuple[Zone, ...],
    *,
    quiet: bool,
) -> Stop:
    series = []
    answered = 0
    if quiet:
        streams = [each for each in evidence.idle if each.family == path.family and each.rtt_us]
        series += [Series(Heard.STREAM, each.rtt_us) for each in streams]
        answered = sum(
            each.to_test_point and each.answered and each.family == path.family
            for each in evidence.attempts
        )
    ends = [each for each in traces if each.role is PathRole.TEST_POINT]
    rows = [each for each in echoes if each.role is PathRole.TEST_POINT]
    series += [*_at_the_end(ends), *(_echo(row) for row in rows)]
    return Stop(
        point=Point.TEST_POINT,
        parts=parts,
        address=next(
            (each.address for each in path.traces if each.role is PathRole.TEST_POINT), None
        ),
        series=tuple(series),
        attempts=answered,
    )


def _references(traces: list[Trace], echoes: list[Echoes]) -> Iterator[Stop]:
    """Yield each reference that was asked; one that has never been heard has no round trip."""
    asked = [each for each in traces if each.role is PathRole.REFERENCE]
    rows = [each for each in echoes if each.role is PathRole.REFERENCE]
    addresses = [*(each.address for each in asked), *(each.address for each in rows)]
    for address in dict.fromkeys(addresses):
        series = _at_the_end([each for each in asked if each.address == address])
        series += [_echo(row) for row in rows if row.address == address]
        yield Stop(
            point=Point.REFERENCE, parts=(Zone.BEYOND,), address=address, series=tuple(series)
        )


def _at_the_end(traces: list[Trace]) -> list[Series]:
    """Return what the targets of traces answered; a trace that never came there says nothing."""
    return [
        Series(_heard_by(trace.hops[-1].answer), trace.hops[-1].rtt_us)
        for trace in traces
        if trace.ended is TraceEnd.REACHED and trace.hops
    ]


def _echo(row: Echoes) -> Series:
    by_error = row.method is PathMethod.UDP  # a closed port is told of by an error of ICMP
    return Series(Heard.ICMP_ERROR if by_error else Heard.ECHO, row.rtt_us)


def _heard_by(answer: HopAnswer | None) -> Heard:
    return Heard.ECHO if answer in {HopAnswer.ECHO_REPLY, HopAnswer.TCP} else Heard.ICMP_ERROR


def gateway_neighbour(path: FamilyPath) -> Neighbour | None:
    """Return what the host knows of its gateway's link address; None without a gateway."""
    return path.gateway.neighbour if isinstance(path.gateway, Gateway) else None
