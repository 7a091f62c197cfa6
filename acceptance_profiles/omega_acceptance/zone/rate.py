"""A rate that falls short, and what of it shows where. Pure.

No hop tells a rate. What tells is the queue: while a direction is loaded the round trip grows to
every stop behind the short part and to none before it. So of the stops that were asked under load

    the first to which the round trip grows     ends the short part
    none grows, packets are lost under load     the part in which that loss begins (a policer)
    not asked under load, on a wire             access, presumed: that is where lines are short
    not asked under load, over Wi-Fi            unknown, the Wi-Fi suspected

A rate that fell short once, and too seldom for a verdict, is placed only where a queue shows it,
and presumed; without one it is left open. A rate that falls short with a line that loses or delays
packets is what that does to it, and is not looked at here. What our own side limited (host, test
point, the grant) fails no line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from omega_acceptance.zone import thresholds as t
from omega_acceptance.zone.codes import Confidence, FactCode, Point, Reason, Symptom, Zone
from omega_acceptance.zone.finding import Candidate, ZoneFact
from omega_acceptance.zone.given import LineSeen
from omega_acceptance.zone.loss import begins, sure_of
from omega_acceptance.zone.stops import Stop, walk_of
from omega_core.environment import Medium
from omega_core.metrics import Direction, LimitCause
from omega_core.path import FamilyPath, Unobserved
from omega_core.units import PPM
from omega_core.verdict import Because

_RATES = ("qualified_bps_", "goodput_bps_", "capacity_bps_")
_OURS = {LimitCause.PROBE_HOST, LimitCause.TEST_POINT, LimitCause.GRANT}
_BEFORE = {Zone.LAN: Point.DEVICE, Zone.ACCESS: Point.GATEWAY, Zone.CORE: Point.OPERATOR_HOP}


def look_for_rate(seen: LineSeen) -> Candidate | None:
    """Return the part that is short of the promised rate; None where the rate is kept."""
    for direction in Direction:
        shortages = tuple(_shortages(seen, direction))
        if shortages:
            return _located(seen, direction, shortages)
    for direction in Direction:
        once = tuple(_short_once(seen, direction))
        if once:
            return _seen_once(seen, direction, once)
    return None


def _shortages(seen: LineSeen, direction: Direction) -> Iterator[ZoneFact]:
    """Yield the rates of a direction that miss the plan or, where it is silent, the birth's."""
    judged = [each for each in seen.criteria(*_RATES) if each.metric.endswith(direction)]
    for each in seen.failed(*_RATES):
        if each in judged and not _is_ours(seen, each.metric):
            yield _short(each.metric, each.value, each.limit, each.samples, direction)
    if judged or seen.baseline is None:
        return
    for name in (f"{rate}{direction}" for rate in _RATES):
        found, born = seen.metrics.get(name), seen.baseline.value(name)
        if found is None or found.value is None or born is None or _is_ours(seen, name):
            continue
        if found.value * PPM < born * t.FALLEN_SHARE_PPM:
            yield _short(name, found.value, born, found.samples, direction)


def _short_once(seen: LineSeen, direction: Direction) -> Iterator[ZoneFact]:
    """Yield the rates of a direction that were plainly short, but too seldom to fail the plan."""
    for each in seen.criteria(*_RATES):
        if not each.metric.endswith(direction) or _is_ours(seen, each.metric):
            continue
        if each.because is not Because.TOO_FEW_SAMPLES or each.value is None:
            continue
        if each.value * PPM < each.limit * t.ONCE_SHORT_PPM:
            yield _short(each.metric, each.value, each.limit, each.samples, direction)


def _seen_once(seen: LineSeen, direction: Direction, once: tuple[ZoneFact, ...]) -> Candidate:
    for path in seen.families:
        found = _queued(seen, path, direction, once)
        if found is not None and found.zone is not Zone.UNKNOWN:
            return replace(found, confidence=Confidence.PRESUMED)
    return _open(Zone.ACCESS, once, direction)


def _is_ours(seen: LineSeen, metric: str) -> bool:
    found = seen.metrics.get(metric)
    return found is not None and found.limited_by in _OURS


def _short(
    metric: str, value: int | None, limit: int, samples: int, direction: Direction
) -> ZoneFact:
    return ZoneFact(
        code=FactCode.RATE_SHORT,
        value=value,
        unit="bps",
        samples=samples,
        limit=max(limit, 0),
        direction=direction,
        about=metric,
    )


def _located(seen: LineSeen, direction: Direction, shortages: tuple[ZoneFact, ...]) -> Candidate:
    if any(_by_the_lan(seen, each.about or "") for each in shortages):
        return _short_in(Zone.LAN, Confidence.LIKELY, Reason.HOST_SAYS, shortages, direction)
    for path in seen.families:
        found = _queued(seen, path, direction, shortages)
        if found is not None:
            return found
    if _over_wifi(seen):
        return _open(Zone.LAN, shortages, direction)
    return _short_in(Zone.ACCESS, Confidence.PRESUMED, Reason.USUAL, shortages, direction)


def _by_the_lan(seen: LineSeen, metric: str) -> bool:
    found = seen.metrics.get(metric)
    return found is not None and found.limited_by is LimitCause.LAN


def _over_wifi(seen: LineSeen) -> bool:
    path = seen.evidence.path
    if path is None or isinstance(path.interface, Unobserved):
        return False
    return path.interface.medium is Medium.WIFI


def _queued(
    seen: LineSeen, path: FamilyPath, direction: Direction, shortages: tuple[ZoneFact, ...]
) -> Candidate | None:
    """Return the part that the queue, or the loss under load, gives away; None if neither does."""
    quiet = {each.address: each for each in walk_of(path, seen.evidence).heard}
    loaded = walk_of(path, seen.evidence, loaded=direction)
    grown = [(stop, _growth_us(quiet.get(stop.address), stop)) for stop in loaded.heard]
    known = [(stop, growth) for stop, growth in grown if growth is not None]
    most_us = max((growth for _, growth in known), default=0)
    facts = tuple(_grows(stop, growth, path, direction) for stop, growth in known)
    if most_us < t.QUEUE_US_MIN:
        return _policed(seen, loaded.path, direction, (*shortages, *facts)) if known else None
    first = next(stop for stop, growth in known if growth * t.QUEUE_SHARE > most_us)
    if len(first.parts) > 1:
        return _open(first.parts[0], (*shortages, *facts), direction)
    zone = first.parts[0]
    return _short_in(zone, Confidence.LIKELY, Reason.QUEUE, (*shortages, *facts), direction)


def _growth_us(quiet: Stop | None, loaded: Stop) -> int | None:
    """Return by how much a stop's usual answer under load is later than a quick one without.

    The quickest under load may have come before there was a queue.
    """
    before_us = None if quiet is None else quiet.quick_us
    usual_us = loaded.usual_us
    return None if before_us is None or usual_us is None else max(usual_us - before_us, 0)


def _policed(
    seen: LineSeen, path: FamilyPath, direction: Direction, facts: tuple[ZoneFact, ...]
) -> Candidate | None:
    """Return where loss under load begins; None unless that is plain."""
    loaded = walk_of(path, seen.evidence, loaded=direction)
    lost = sum(series.lost for series in loaded.test_point.series)
    sent = sum(series.sent for series in loaded.test_point.series)
    if lost * PPM <= sent * t.POLICED_PPM_MIN:
        return None
    part, chance = max(begins([loaded]).items(), key=lambda each: each[1])
    if chance < t.BEGINS_PRESUMED:
        return None
    return _short_in(part, sure_of(chance), Reason.COUNTS, facts, direction)


def _grows(stop: Stop, growth_us: int, path: FamilyPath, direction: Direction) -> ZoneFact:
    return ZoneFact(
        code=FactCode.QUEUE_GROWS,
        value=growth_us,
        unit="us",
        samples=stop.answered,
        point=stop.point,
        address=stop.address,
        family=path.family,
        direction=direction,
    )


def _open(suspect: Zone, facts: tuple[ZoneFact, ...], direction: Direction) -> Candidate:
    return Candidate(
        zone=Zone.UNKNOWN,
        symptom=Symptom.RATE,
        confidence=Confidence.OPEN,
        reason=Reason.NOT_OBSERVED,
        evidence=facts,
        last_good=_BEFORE[suspect],
        suspect=suspect,
        direction=direction,
    )


def _short_in(
    zone: Zone,
    confidence: Confidence,
    reason: Reason,
    facts: tuple[ZoneFact, ...],
    direction: Direction,
) -> Candidate:
    return Candidate(
        zone=zone,
        symptom=Symptom.RATE,
        confidence=confidence,
        reason=reason,
        evidence=facts,
        last_good=_BEFORE[zone],
        direction=direction,
    )
