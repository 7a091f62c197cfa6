"""A hole for large packets: between which hops, and so in which part. Pure.

Packets of the size that vanishes are traced, and sent straight to the hops that are known. A hop
that answers them was reached by them; the next one that answers small packets lies past the hole.
Silence of a hop that never speaks says nothing, so the hole may then be one hop further. If even
the end answers the large packets of the trace, they vanish on the way back, where no trace can
look: unknown.
"""

from __future__ import annotations

from omega_acceptance.zone.codes import Confidence, FactCode, Point, Reason, Symptom, Zone
from omega_acceptance.zone.finding import Candidate, ZoneFact
from omega_acceptance.zone.stops import Stop, Walk
from omega_core.path import FamilyPath, MtuEnd, MtuSearch, Trace


def look_for_hole(walk: Walk) -> Candidate | None:
    """Return the part in which large packets vanish; None where they pass or somebody says so."""
    search = walk.path.mtu
    if not isinstance(search, MtuSearch) or search.ended is not MtuEnd.BLACK_HOLE:
        return None
    facts = _sizes(search, walk.path)
    traces = _large_traces(walk.path, search)
    reached = {hop.address for trace in traces for hop in trace.hops if hop.answered}
    if not traces:
        return _hole(walk, Zone.UNKNOWN, facts, None)
    stops = walk.heard
    passed = [number for number, stop in enumerate(stops) if stop.address in reached]
    behind = passed[-1] + 1 if passed else 0
    good = stops[behind - 1] if behind else None
    if behind == len(stops):
        return _hole(walk, Zone.UNKNOWN, facts, good)  # they arrive: what vanishes is the answer
    return _found(walk, stops[behind], good, facts)


def _found(walk: Walk, stop: Stop, good: Stop | None, facts: tuple[ZoneFact, ...]) -> Candidate:
    if good is not None:
        last = ZoneFact(
            code=FactCode.LAST_LARGE,
            point=good.point,
            address=good.address,
            family=walk.path.family,
        )
        facts = (*facts, last)
    if len(stop.parts) > 1:
        return _hole(walk, Zone.UNKNOWN, facts, good, suspect=stop.parts[0])
    return _hole(walk, stop.parts[0], facts, good)


def _hole(
    walk: Walk,
    zone: Zone,
    facts: tuple[ZoneFact, ...],
    good: Stop | None,
    *,
    suspect: Zone | None = None,
) -> Candidate:
    point = Point.DEVICE if good is None else good.point or Point.OPERATOR_HOP
    return Candidate(
        zone=zone,
        symptom=Symptom.MTU_HOLE,
        confidence=Confidence.OPEN if zone is Zone.UNKNOWN else Confidence.LIKELY,
        reason=Reason.NOT_OBSERVED if zone is Zone.UNKNOWN else Reason.SILENT_BEYOND,
        evidence=facts,
        last_good=point,
        suspect=suspect,
        family=walk.path.family,
    )


def _large_traces(path: FamilyPath, search: MtuSearch) -> list[Trace]:
    octets = search.smallest_failed_octets
    return [each for each in path.traces if each.ip_octets == octets]


def _sizes(search: MtuSearch, path: FamilyPath) -> tuple[ZoneFact, ...]:
    sizes = (
        (FactCode.MTU_PASSED, search.largest_passed_octets),
        (FactCode.MTU_FAILED, search.smallest_failed_octets),
    )
    return tuple(
        ZoneFact(code=code, value=octets, unit="octets", family=path.family)
        for code, octets in sizes
        if octets is not None
    )
