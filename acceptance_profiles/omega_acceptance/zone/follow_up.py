"""What follows from a finding: how critical it is, what the customer can do, who goes on. Pure.

Nobody is sent on one look: dispatch and escalation ask for the same finding once more first.
"""

from __future__ import annotations

from typing import Final

from omega_acceptance.zone import thresholds as t
from omega_acceptance.zone.codes import Advice, Criticality, NextStep, Scope, Symptom, Zone
from omega_acceptance.zone.finding import Candidate
from omega_acceptance.zone.given import LineSeen
from omega_core.environment import Medium
from omega_core.metrics import Direction
from omega_core.path import Unobserved
from omega_core.units import PPM
from omega_core.verdict import Fault, Verdict

_BLOCKING: Final = {Symptom.LINK_DOWN, Symptom.NOT_FORWARDING, Symptom.ONE_WAY, Symptom.NAMES}
_ADVICE_OF_FAULT: Final = {
    Fault.MEDIUM_NOT_ALLOWED: Advice.USE_CABLE,
    Fault.NIC_RATE_BELOW_PLAN: Advice.USE_CABLE,
    Fault.TUNNEL: Advice.CLOSE_TUNNEL,
    Fault.CROSS_TRAFFIC: Advice.STOP_TRAFFIC,
    Fault.CPU_LIMITED: Advice.OTHER_DEVICE,
    Fault.HOST_DROPS: Advice.OTHER_DEVICE,
}


def criticality_of(seen: LineSeen, found: Candidate) -> Criticality:
    """Return how much the customer misses."""
    if found.zone is Zone.NONE:
        return Criticality.NO_FAULT
    if found.symptom is Symptom.TEST_POINT_SILENT or found.symptom in {
        Symptom.SPOILED,
        Symptom.NOT_SEEN,
    }:
        return Criticality.MINOR
    if found.symptom in _BLOCKING:
        return Criticality.DEGRADED if _other_family_works(seen, found) else Criticality.BLOCKING
    if found.symptom is Symptom.RATE and _below_least(seen, found):
        return Criticality.BLOCKING
    kept = seen.judgement is not None and seen.judgement.verdict is Verdict.PASS
    return Criticality.MINOR if kept else Criticality.DEGRADED


def _other_family_works(seen: LineSeen, found: Candidate) -> bool:
    return found.family is not None and any(
        each.answered and each.to_test_point and each.family not in {None, found.family}
        for each in seen.evidence.attempts
    )


def _below_least(seen: LineSeen, found: Candidate) -> bool:
    """Say whether a rate is below the contract's least, or next to nothing."""
    for fact in found.evidence:
        if fact.unit != "bps" or fact.value is None or fact.limit is None:
            continue
        direction = fact.direction or Direction.DOWN
        if fact.value < seen.least_bps.get(direction, 0):
            return True
        if fact.value * PPM < fact.limit * t.BLOCKING_SHARE_PPM:
            return True
    return False


def advice_for(seen: LineSeen, found: Candidate) -> tuple[Advice, ...]:
    """Return what the customer can do, the simplest first; at least one thing."""
    given = [_ADVICE_OF_FAULT[each] for each in sorted(seen.spoiled_by) if each in _ADVICE_OF_FAULT]
    given += _advice_of_zone(seen, found)
    return tuple(dict.fromkeys(given))


def _advice_of_zone(seen: LineSeen, found: Candidate) -> list[Advice]:
    if found.symptom is Symptom.PORTAL:
        return [Advice.SIGN_IN]
    if found.zone is Zone.LAN:
        if _is_wifi(seen):
            return [Advice.MOVE_CLOSER, Advice.USE_CABLE, Advice.RESTART_DEVICE]
        return [Advice.CHECK_CABLES, Advice.RESTART_DEVICE, Advice.TELL_LAMPS]
    if found.zone is Zone.CPE:
        return [Advice.RESTART_BOX, Advice.TELL_LAMPS]
    if found.zone in {Zone.ACCESS, Zone.CORE, Zone.BEYOND}:
        return [Advice.NOTHING_AT_HOME]
    if found.zone is Zone.NONE:
        wifi = [Advice.USE_CABLE] if _is_wifi(seen) else []
        return [Advice.LINE_IS_GOOD, *wifi]
    return [Advice.LEAVE_PROBE]


def _is_wifi(seen: LineSeen) -> bool:
    path = seen.evidence.path
    if path is None or isinstance(path.interface, Unobserved):
        return False
    return path.interface.medium is Medium.WIFI


def needs_retest(seen: LineSeen, found: Candidate) -> bool:
    """Say whether one more run is to confirm the finding before anybody acts on it."""
    return found.zone is not Zone.NONE and seen.earlier is not found.zone


def next_steps(seen: LineSeen, found: Candidate, scope: Scope | None) -> tuple[NextStep, ...]:
    """Return what is to be done, in this order."""
    again = (NextStep.TEST_AGAIN,) if needs_retest(seen, found) else ()
    return (*again, *_steps(seen, found, scope))


def _steps(seen: LineSeen, found: Candidate, scope: Scope | None) -> tuple[NextStep, ...]:
    if found.symptom is Symptom.TEST_POINT_SILENT:
        return (NextStep.MEND_TEST_POINT,)
    if found.zone is Zone.NONE:
        return (NextStep.FOLLOW_UP,) if seen.outages else (NextStep.OFFER_CLOSING,)
    if found.symptom in {Symptom.SPOILED, Symptom.PORTAL}:
        return (NextStep.SELF_HELP,)
    if found.zone is Zone.LAN:
        return (NextStep.SELF_HELP, NextStep.DISPATCH)
    if found.zone is Zone.CPE:
        return (NextStep.SELF_HELP, NextStep.SWAP_BOX)
    if found.zone in {Zone.ACCESS, Zone.CORE} and scope is Scope.SECTOR:
        return (NextStep.JOIN_SECTOR, NextStep.ESCALATE_L3)
    if found.zone is Zone.ACCESS:
        return (NextStep.DISPATCH,)
    if found.zone is Zone.CORE:
        return (NextStep.ESCALATE_L3,)
    return (NextStep.INFORM,) if found.zone is Zone.BEYOND else (NextStep.FOLLOW_UP,)
