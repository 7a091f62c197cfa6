"""Delay: which part adds more to the round trip than it should. Pure.

The delay to a stop is that of its quickest tenth, for what a hop takes to speak varies and what a
slow part adds does not. No packet gets past a stop sooner than to it: a stop that is slower than
those behind it is slow to speak, and its stretch is joined to the next. References are not behind
the test point in this sense: the way to them may leave the one to it before its end. What a stretch
adds is the difference to the stop before. A part is at fault if it adds more than

    LAN, core, beyond    what such a part takes (`PART_US_MAX`)
    access               the birth certificate's round trip and half as much again, or what the
                         plan allows the whole line; without both, `PART_US_MAX`

and the nearest such part is named. Of several references the slowest counts: they are chosen near,
and what is slow towards one of them is past the test point.
"""

from __future__ import annotations

from omega_acceptance.zone import thresholds as t
from omega_acceptance.zone.codes import Confidence, FactCode, Point, Reason, Symptom, Zone
from omega_acceptance.zone.finding import Candidate, ZoneFact
from omega_acceptance.zone.given import LineSeen
from omega_acceptance.zone.stops import Walk
from omega_core.verdict import Outcome

_BEFORE = {
    Zone.LAN: Point.DEVICE,
    Zone.ACCESS: Point.GATEWAY,
    Zone.CORE: Point.OPERATOR_HOP,
    Zone.BEYOND: Point.TEST_POINT,
}


def look_for_delay(seen: LineSeen, walk: Walk) -> Candidate | None:
    """Return the nearest part that is too slow; None where none is, or the whole is unknown."""
    parts = _parts(walk)
    if walk.test_point.quick_us is None:
        return None
    allowed_us = _allowed_us(seen)
    facts = tuple(_fact(zones, added_us, walk) for zones, added_us in parts)
    for zones, added_us in parts:
        if added_us > _limit_us(zones, allowed_us):
            return _slow(walk, zones, facts)
    return None


def _parts(walk: Walk) -> list[tuple[tuple[Zone, ...], int]]:
    """Return each stretch between stops that have a delay, with what it adds; alike ones joined."""
    timed = [(stop.parts, stop.quick_us) for stop in walk.heard]
    found: dict[tuple[Zone, ...], int] = {}
    before_us = 0
    passed: tuple[Zone, ...] = ()
    for number, (own, quick_us) in enumerate(timed):
        parts = (*passed, *(each for each in own if each not in passed))
        behind_us = [each for _, each in timed[number + 1 :] if each is not None]
        if quick_us is None or quick_us > min(behind_us, default=quick_us) + t.SPEAKS_SLOWLY_US:
            passed = parts
            continue
        found[parts] = found.get(parts, 0) + max(quick_us - before_us, 0)
        before_us, passed = max(quick_us, before_us), ()
    references = [each.quick_us for each in walk.references if each.quick_us is not None]
    if references:
        found[(Zone.BEYOND,)] = max(max(references) - before_us, 0)
    return [*found.items()]


def _allowed_us(seen: LineSeen) -> int | None:
    """Return what the whole round trip may take; None where neither birth nor plan says."""
    if seen.baseline is not None:
        born_us = seen.baseline.value("idle_rtt_us_p50")
        if born_us is not None:
            return born_us + max(t.GROWN_US_MIN, born_us // t.GROWN_SHARE)
    criteria = [*seen.criteria("idle_rtt_us_")]
    if any(each.outcome is Outcome.PASS for each in criteria):
        return max(each.limit for each in criteria)
    return min((each.limit for each in criteria), default=None)


def _limit_us(zones: tuple[Zone, ...], access_us: int | None) -> int:
    """Return how much a stretch may add; one over several parts may take what each may."""
    own = sum(t.PART_US_MAX[zone] for zone in zones if zone is not Zone.ACCESS)
    if Zone.ACCESS not in zones:
        return own
    return own + (t.PART_US_MAX[Zone.ACCESS] if access_us is None else access_us)


def _slow(walk: Walk, zones: tuple[Zone, ...], facts: tuple[ZoneFact, ...]) -> Candidate:
    single = len(zones) == 1
    return Candidate(
        zone=zones[0] if single else Zone.UNKNOWN,
        symptom=Symptom.DELAY,
        confidence=Confidence.LIKELY if single else Confidence.OPEN,
        reason=Reason.GROWTH if single else Reason.NOT_OBSERVED,
        evidence=facts,
        last_good=_BEFORE[zones[0]],
        suspect=None if single else Zone.ACCESS,
        family=walk.path.family,
    )


def _fact(zones: tuple[Zone, ...], added_us: int, walk: Walk) -> ZoneFact:
    return ZoneFact(
        code=FactCode.DELAY_PART,
        value=added_us,
        unit="us",
        part=zones[0] if len(zones) == 1 else Zone.UNKNOWN,
        family=walk.path.family,
        limit=None if Zone.ACCESS in zones else _limit_us(zones, None),
    )
