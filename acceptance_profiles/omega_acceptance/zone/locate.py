"""The walk from near to far: one record in, one finding out. Pure.

    1  nothing comes back          `down`, in the families the host has
    2  loss                        `loss`
    3  no names                    `names`; silence on a lossy line is the loss
    4  a hole for large packets    `mtu`; not on a line that loses small ones
    5  delay                       `delay`
    6  a portal
    7  rate                        `rate`, on a line without 2, 4 and 5

The first fault that is placed is the finding, else the first that is not. What the run itself may
have caused (other traffic, a busy host, a tunnel) is told as spoiled and placed nowhere. Without a
fault the zone is *none* only if the test point was heard well enough to say so.

All that is compared was seen in one run, which takes a minute; that is why nothing of another
record is mixed in but the birth certificate, which says what the line could do once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from omega_acceptance.zone.codes import Confidence, FactCode, Point, Reason, Scope, Symptom, Zone
from omega_acceptance.zone.conditions import conditions_of
from omega_acceptance.zone.delay import look_for_delay
from omega_acceptance.zone.down import look_for_silence
from omega_acceptance.zone.finding import WRONG_PPM_MAX, Candidate, ZoneFact, ZoneFinding
from omega_acceptance.zone.follow_up import advice_for, criticality_of, needs_retest, next_steps
from omega_acceptance.zone.given import LineSeen, SectorView
from omega_acceptance.zone.loss import look_for_loss
from omega_acceptance.zone.mtu import look_for_hole
from omega_acceptance.zone.names import look_for_names
from omega_acceptance.zone.rate import look_for_rate
from omega_acceptance.zone.stops import Walk, walk_of
from omega_acceptance.zone.thresholds import (
    LOSS_PACKETS_MIN,
    SECTOR_BAD_MIN,
    SECTOR_BAD_SHARE_PPM,
    SECTOR_CLEAR_SHARE_PPM,
    SECTOR_GOOD_MIN,
)
from omega_core.limits import ZONE_FACTS_MAX
from omega_core.path import PathFacts, PortalAnswer, PortalCheck
from omega_core.path_findings import is_private
from omega_core.units import PPM
from omega_core.verdict import Because, Fault, Verdict

_OWN_TRAFFIC = {Fault.CROSS_TRAFFIC, Fault.TUNNEL}
_OWN_HOST = {Fault.CPU_LIMITED, Fault.HOST_DROPS}
_EXCUSES = {
    Symptom.LOSS: {*_OWN_TRAFFIC, *_OWN_HOST, Fault.OBSERVERS_DISAGREE, Fault.PATH_CHANGED},
    Symptom.DELAY: {*_OWN_TRAFFIC, Fault.CPU_LIMITED},
    Symptom.RATE: {
        *_OWN_TRAFFIC,
        *_OWN_HOST,
        Fault.NIC_RATE_BELOW_PLAN,
        Fault.TEST_POINT_SATURATED,
        Fault.FLOW_FAILED,
        Fault.OBSERVERS_DISAGREE,
    },
    Symptom.MTU_HOLE: {Fault.TUNNEL},
    Symptom.NAMES: {Fault.TUNNEL},
}
"""What of a spoiled run may itself be the cause of what it shows."""


def locate(seen: LineSeen) -> ZoneFinding:
    """Return the zone of the fault that a record shows, with its evidence and what to do next."""
    walks = [walk_of(each, seen.evidence) for each in seen.families]
    found = _first(seen, walks)
    if found is None:
        found = _nothing_found(seen, walks)
    found = _by_neighbours(seen, found)
    return _finding(seen, found)


def _first(seen: LineSeen, walks: Sequence[Walk]) -> Candidate | None:
    """Return the first fault that is placed, else the first one at all."""
    every = [_excused(seen, each) for each in _faults(seen, walks)]
    placed = (each for each in every if each.zone is not Zone.UNKNOWN)
    return next(placed, next(iter(every), None))


def _faults(seen: LineSeen, walks: Sequence[Walk]) -> Iterator[Candidate]:
    silent = _silence(seen, walks)
    if silent is not None and silent.last_good is not Point.TEST_POINT:
        yield silent
        return
    loss = look_for_loss(seen, walks)
    if loss is not None:
        yield loss
    path = seen.evidence.path
    names = None
    if path is not None and any(each.test_point.answered for each in walks):
        names = look_for_names(path, walks[0], lossy=loss is not None)
    if silent is not None:
        yield silent  # nothing past the test point answers, names neither
    if names is not None:
        yield names
    holes = [] if loss is not None else [each for walk in walks if (each := look_for_hole(walk))]
    yield from holes
    slow = [each for walk in walks if (each := look_for_delay(seen, walk))]
    yield from slow
    portal = _portal(path, walks)
    if portal is not None:
        yield portal
    if loss is None and not holes and not slow:
        rate = look_for_rate(seen)
        if rate is not None:
            yield rate


def _silence(seen: LineSeen, walks: Sequence[Walk]) -> Candidate | None:
    """Return where both families break off, or the one that the host uses.

    A family that the host has only within its home, or not at all, is none it could miss.
    """
    used = [each for each in walks if _is_used(each)]
    path = seen.evidence.path
    found = [] if path is None else [look_for_silence(seen, path, each) for each in used or walks]
    broken = [each for each in found if each is not None]
    if not broken:
        return None
    nearest = min(broken, key=lambda each: _ORDER.index(each.zone))
    if len(broken) == len(found):
        return replace(nearest, family=None) if len(found) > 1 else nearest
    return nearest


_ORDER = (*(Zone.LAN, Zone.CPE, Zone.ACCESS, Zone.CORE, Zone.BEYOND), Zone.UNKNOWN, Zone.NONE)


def _is_used(walk: Walk) -> bool:
    source = walk.path.source
    if not isinstance(source, str):
        return walk.path.family == 4
    return walk.path.family == 4 or not is_private(source)


def _portal(path: PathFacts | None, walks: Sequence[Walk]) -> Candidate | None:
    if path is None or not isinstance(path.portal, PortalCheck):
        return None
    if path.portal.answer is not PortalAnswer.OTHER:
        return None
    gateways = [each.gateway.address for each in walks if each.gateway is not None]
    place = path.portal.location or ""
    at_box = any(address is not None and f"//{address}" in place for address in gateways)
    return Candidate(
        zone=Zone.CPE if at_box else Zone.UNKNOWN,
        symptom=Symptom.PORTAL,
        confidence=Confidence.LIKELY if at_box else Confidence.OPEN,
        reason=Reason.HOP_SAYS if at_box else Reason.NOT_OBSERVED,
        evidence=(),
    )


def _excused(seen: LineSeen, found: Candidate) -> Candidate:
    """Return the fault, or a spoiled run where something of ours may have caused it."""
    causes = seen.spoiled_by & _EXCUSES.get(found.symptom, frozenset())
    if _is_past_the_host(found):
        causes -= _OWN_HOST
    if not causes:
        return found
    why = tuple(ZoneFact(code=FactCode.SPOILED_BY, about=each) for each in sorted(causes))
    return replace(
        found,
        zone=Zone.UNKNOWN,
        symptom=Symptom.SPOILED,
        confidence=Confidence.OPEN,
        reason=Reason.RUN_SPOILED,
        suspect=None,
        evidence=(*why, *found.evidence),
    )


def _is_past_the_host(found: Candidate) -> bool:
    """Say whether a busy host could not have made a fault appear where it was found.

    It loses or delays packets to every point alike, also to those before the fault; and a rate that
    it is itself too slow for leaves no queue in the network.
    """
    if found.symptom is Symptom.RATE:
        return found.reason is Reason.QUEUE
    return found.zone in _PAST_THE_HOST


_PAST_THE_HOST = {Zone.ACCESS, Zone.CORE, Zone.BEYOND}


def _nothing_found(seen: LineSeen, walks: Sequence[Walk]) -> Candidate:
    """Return that there is no fault, if enough was seen to say so."""
    heard = _test_point_packets(seen, walks)
    verdict = None if seen.judgement is None else seen.judgement.verdict
    fact = ZoneFact(
        code=FactCode.ANSWERS,
        value=heard[0],
        unit="packets",
        samples=heard[1],
        point=Point.TEST_POINT,
    )
    if verdict is Verdict.FAIL:
        return _open(Symptom.FAILED, Reason.NOT_OBSERVED, (fact,))
    if verdict is Verdict.INVALID and seen.spoiled_by & _OWN_TRAFFIC:
        why = (ZoneFact(code=FactCode.SPOILED_BY, about=each) for each in sorted(seen.spoiled_by))
        return _open(Symptom.SPOILED, Reason.RUN_SPOILED, (*why, fact))
    if heard[0] < LOSS_PACKETS_MIN or _was_cut_short(seen):
        return _open(Symptom.NOT_SEEN, Reason.NOT_OBSERVED, (fact,))
    return Candidate(
        zone=Zone.NONE,
        symptom=Symptom.NOT_SEEN,
        confidence=Confidence.LIKELY,
        reason=Reason.ALL_GOOD,
        evidence=(fact,),
        last_good=_farthest(walks),
    )


def _was_cut_short(seen: LineSeen) -> bool:
    """Say whether a mandatory criterion has nothing to be judged by."""
    outcomes = () if seen.judgement is None else seen.judgement.outcomes
    return any(each.mandatory and each.because is Because.NOT_MEASURED for each in outcomes)


def _open(symptom: Symptom, reason: Reason, facts: tuple[ZoneFact, ...]) -> Candidate:
    return Candidate(
        zone=Zone.UNKNOWN,
        symptom=symptom,
        confidence=Confidence.OPEN,
        reason=reason,
        evidence=facts,
    )


def _test_point_packets(seen: LineSeen, walks: Sequence[Walk]) -> tuple[int, int]:
    """Return how many packets the test point answered, of how many."""
    if walks:
        stops = [each.test_point for each in walks]
        return sum(each.answered for each in stops), sum(each.sent for each in stops)
    streams = [each.rtt_us for each in seen.evidence.idle]
    sent = sum(len(each) for each in streams)
    return sent - sum(each.count(None) for each in streams), sent


def _farthest(walks: Sequence[Walk]) -> Point:
    beyond = any(stop.answered for walk in walks for stop in walk.references)
    return Point.REFERENCE if beyond else Point.TEST_POINT


def _by_neighbours(seen: LineSeen, found: Candidate) -> Candidate:
    """Return a fault between access and core in access, if the neighbours' core is good."""
    if found.suspect is not Zone.ACCESS or found.symptom not in _SHARED:
        return found
    if found.last_good is not Point.GATEWAY or not _clears(seen.sector):
        return found
    return replace(
        found,
        zone=Zone.ACCESS,
        confidence=Confidence.PRESUMED,
        reason=Reason.NEIGHBOURS,
        suspect=None,
    )


_SHARED = {Symptom.LINK_DOWN, Symptom.LOSS, Symptom.DELAY, Symptom.ONE_WAY}
"""What all lines behind a core would show; of large packets and rates the neighbours don't tell."""


def _clears(sector: SectorView | None) -> bool:
    if sector is None or sector.good < SECTOR_GOOD_MIN:
        return False
    return sector.bad * PPM <= (sector.good + sector.bad) * SECTOR_CLEAR_SHARE_PPM


def scope_of(zone: Zone, sector: SectorView | None) -> Scope | None:
    """Return whether the line alone is hit; None where the neighbours do not say."""
    if sector is None or zone not in {Zone.ACCESS, Zone.CORE}:
        return None
    lines = sector.good + sector.bad
    if sector.bad >= SECTOR_BAD_MIN and sector.bad * PPM >= lines * SECTOR_BAD_SHARE_PPM:
        return Scope.SECTOR
    return Scope.LINE if _clears(sector) else None


def _finding(seen: LineSeen, found: Candidate) -> ZoneFinding:
    scope = scope_of(found.zone, seen.sector)
    confidence, reason = found.confidence, found.reason
    if found.zone is Zone.CORE and scope is Scope.LINE:
        confidence, reason = Confidence.PRESUMED, Reason.CONFLICT  # the core of good neighbours
    critical = criticality_of(seen, found)
    return ZoneFinding(
        zone=found.zone,
        symptom=None if found.zone is Zone.NONE else found.symptom,
        confidence=confidence,
        reason=reason,
        wrong_ppm_max=WRONG_PPM_MAX.get(confidence),
        last_good=found.last_good,
        suspect=found.suspect,
        scope=scope,
        family=found.family,
        direction=found.direction,
        criticality=critical,
        confirm_by_retest=needs_retest(seen, found),
        conditions=conditions_of(seen),
        evidence=(*found.evidence, *_beside(seen))[:ZONE_FACTS_MAX],
        advice=advice_for(seen, found),
        next_steps=next_steps(seen, found, scope),
    )


def _beside(seen: LineSeen) -> Iterator[ZoneFact]:
    """Yield what is known besides the record."""
    if seen.sector is not None:
        lines = seen.sector.good + seen.sector.bad
        yield ZoneFact(
            code=FactCode.SECTOR_ALIKE, value=seen.sector.bad, unit="lines", samples=lines
        )
    if seen.outages:
        longest_us = max(each.most_us for each in seen.outages)
        least_us = max(each.least_us for each in seen.outages)
        yield ZoneFact(
            code=FactCode.OUTAGES,
            value=longest_us,
            unit="us",
            low=least_us,
            high=longest_us,
            samples=len(seen.outages),
        )
