"""What is worth knowing about a path and is no fault: translation, tunnels, Wi-Fi. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from omega_acceptance.zone.codes import Condition
from omega_acceptance.zone.given import LineSeen
from omega_acceptance.zone.stops import Heard, Walk, walk_of
from omega_core.environment import Medium
from omega_core.path import PathFacts, Unobserved
from omega_core.path_findings import FindingCode, findings
from omega_core.verdict import Fault

_OF_FINDING: Final = {
    FindingCode.CGNAT: Condition.CGNAT,
    FindingCode.DOUBLE_NAT: Condition.DOUBLE_NAT,
    FindingCode.TUNNEL: Condition.TUNNEL,
    FindingCode.CAPTIVE_PORTAL: Condition.PORTAL,
    FindingCode.DNS_DEGRADED: Condition.SOME_NAMES_DEAD,
}


def conditions_of(seen: LineSeen) -> tuple[Condition, ...]:
    """Return every condition once, in the order of `Condition`."""
    found = {*_of_run(seen)}
    if seen.evidence.path is not None:
        found |= {*_of_path(seen, seen.evidence.path)}
    return tuple(each for each in Condition if each in found)


def _of_run(seen: LineSeen) -> Iterator[Condition]:
    if Fault.TUNNEL in seen.spoiled_by:
        yield Condition.TUNNEL
    if seen.outages:
        yield Condition.OUTAGES_LATELY


def _of_path(seen: LineSeen, path: PathFacts) -> Iterator[Condition]:
    yield from (_OF_FINDING[each.code] for each in findings(path) if each.code in _OF_FINDING)
    if not isinstance(path.interface, Unobserved) and path.interface.medium is Medium.WIFI:
        yield Condition.WIFI
    by_family = {each.family: each for each in path.families}
    if 4 in by_family and (6 not in by_family or isinstance(by_family[6].source, Unobserved)):
        yield Condition.NO_IPV6
    if any(_limits_answers(walk_of(each, seen.evidence)) for each in path.families):
        yield Condition.HOP_LIMITS_ANSWERS


def _limits_answers(walk: Walk) -> bool:
    """Say whether a hop left packets unanswered while everything past it was answered."""
    stream = [each for each in walk.test_point.series if each.heard is not Heard.ICMP_ERROR]
    if not stream or any(each.lost for each in stream):
        return False
    near = [each for each in walk.line if each is not walk.test_point]
    return any(series.lost for stop in near for series in stop.series)
