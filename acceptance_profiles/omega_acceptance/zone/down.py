"""Nothing comes back: which is the last point that answers, and whose part follows. Pure.

    no carrier, no gateway's address            LAN       the host's own network says so
    gateway silent, and unknown to neighbours   LAN       the box does not answer
    gateway answers, and the box resolves names CPE       what it asks for itself gets through
    gateway says "unreachable"                  access    it knows that its line is down
    gateway says "time exceeded", and no more   access    it forwards, into nothing
    gateway answers, resolves no name           access    it does not get through itself
    gateway answers questions only              CPE       it does not even look at what it forwards
    an operator's hop answers                   core      nothing behind it does
    references answer                           core      and the test point alone is silent
    test point answers, references do not       beyond    where no name is resolved either

A hop that never answers looks like one behind a break. So a record that saw the hop before, the
line's birth certificate, makes what is likely certain, and one that never saw it leaves it open.
"""

from __future__ import annotations

from omega_acceptance.zone.codes import Confidence, FactCode, Point, Reason, Symptom, Zone
from omega_acceptance.zone.finding import Candidate, ZoneFact
from omega_acceptance.zone.given import LineSeen
from omega_acceptance.zone.names import box_resolves, hears_any_name, is_asked_in_vain
from omega_acceptance.zone.stops import Stop, Walk, gateway_neighbour
from omega_acceptance.zone.thresholds import PROBES_MIN
from omega_core.path import Gateway, HopAnswer, Neighbour, PathFacts, PathRole, TraceEnd
from omega_core.path_findings import first_operator_hop, is_of_homes, trace_to


def look_for_silence(seen: LineSeen, path: PathFacts, walk: Walk) -> Candidate | None:
    """Return where a family's path breaks off; None where the test point and what is past answer.

    None too where nothing was asked: then there is nothing to say.
    """
    if walk.test_point.answered:
        return _past_test_point(walk, path)
    if path.carrier is False:
        fact = ZoneFact(code=FactCode.NO_CARRIER, part=Zone.LAN)
        return _down(walk, Zone.LAN, Confidence.CERTAIN, Reason.HOST_SAYS, (fact,))
    if not isinstance(walk.path.gateway, Gateway):
        fact = ZoneFact(code=FactCode.NO_GATEWAY, part=Zone.LAN, family=walk.path.family)
        return _down(walk, Zone.LAN, Confidence.LIKELY, Reason.HOST_SAYS, (fact,))
    if not _was_asked(walk):
        return None
    behind = [each for each in walk.hops if each.answered]
    if behind:
        return _in_core(seen, walk, behind[-1])
    if walk.gateway is None:
        return _down(walk, Zone.ACCESS, Confidence.LIKELY, Reason.SILENT_BEYOND, ())
    return _near(seen, walk, walk.gateway, path)


def _was_asked(walk: Walk) -> bool:
    asked = sum(each.sent for each in walk.line)
    trace = trace_to(walk.path)
    return asked >= PROBES_MIN or (trace is not None and trace.ended is TraceEnd.NOT_SENT)


def _near(seen: LineSeen, walk: Walk, gateway: Stop, path: PathFacts) -> Candidate:
    """Say whether the silence begins before the box, in it or behind it."""
    answers = _answers(gateway, walk)
    if box_resolves(path, gateway.address):
        fact = ZoneFact(code=FactCode.BOX_RESOLVES, part=Zone.CPE, address=gateway.address)
        return _forwards_nothing(walk, Confidence.LIKELY, Reason.SERVER_SAYS, (answers, fact))
    if not gateway.answered:
        return _box_silent(walk, gateway, answers)
    said, told_by = _said_last(walk), _told_by(walk)
    if told_by is not None and told_by != gateway.address and not is_of_homes(told_by):
        fact = ZoneFact(code=FactCode.UNREACHABLE_SAID, address=told_by)
        return _down(
            walk,
            Zone.CORE,
            Confidence.LIKELY,
            Reason.HOP_SAYS,
            (answers, fact),
            good=Point.OPERATOR_HOP,
        )
    if said is HopAnswer.UNREACHABLE or told_by is not None:
        fact = ZoneFact(code=FactCode.UNREACHABLE_SAID, address=told_by or gateway.address)
        return _down(
            walk,
            Zone.ACCESS,
            Confidence.CERTAIN,
            Reason.HOP_SAYS,
            (answers, fact),
            good=Point.GATEWAY,
        )
    if said is None and is_asked_in_vain(path, gateway.address):
        return _down(
            walk,
            Zone.ACCESS,
            Confidence.PRESUMED,
            Reason.SILENT_BEYOND,
            (answers,),
            good=Point.GATEWAY,
        )
    if said is None:
        return _forwards_nothing(walk, Confidence.PRESUMED, Reason.SILENT_BEYOND, (answers,))
    before = _hop_at_birth(seen, walk)
    if before is False:
        return Candidate(
            zone=Zone.UNKNOWN,
            symptom=Symptom.LINK_DOWN,
            confidence=Confidence.OPEN,
            reason=Reason.NOT_OBSERVED,
            evidence=(answers,),
            last_good=Point.GATEWAY,
            suspect=Zone.ACCESS,
            family=walk.path.family,
        )
    sure = Confidence.CERTAIN if before else Confidence.LIKELY
    return _down(walk, Zone.ACCESS, sure, Reason.SILENT_BEYOND, (answers,), good=Point.GATEWAY)


def _box_silent(walk: Walk, gateway: Stop, answers: ZoneFact) -> Candidate:
    fact = ZoneFact(code=FactCode.GATEWAY_SILENT, part=Zone.LAN, address=gateway.address)
    if gateway_neighbour(walk.path) is Neighbour.ANSWERED:
        return Candidate(
            zone=Zone.UNKNOWN,
            symptom=Symptom.LINK_DOWN,
            confidence=Confidence.OPEN,
            reason=Reason.CONFLICT,
            evidence=(answers, fact),
            last_good=Point.DEVICE,
            suspect=Zone.CPE,
            family=walk.path.family,
        )
    sure = gateway_neighbour(walk.path) is Neighbour.SILENT
    return _down(
        walk,
        Zone.LAN,
        Confidence.CERTAIN if sure else Confidence.LIKELY,
        Reason.HOST_SAYS if sure else Reason.SILENT_BEYOND,
        (answers, fact),
    )


def _in_core(seen: LineSeen, walk: Walk, last: Stop) -> Candidate | None:
    answers = _answers(last, walk)
    if not _was_tried(seen, walk) and _is_heard_elsewhere(seen):
        return None  # it may only not answer questions of this kind
    heard = [each for each in walk.references if each.answered]
    if heard:
        facts = (answers, *(_answers(each, walk) for each in heard))
        return _down(
            walk,
            Zone.CORE,
            Confidence.LIKELY,
            Reason.SILENT_BEYOND,
            facts,
            good=Point.OPERATOR_HOP,
            symptom=Symptom.TEST_POINT_SILENT,
        )
    said = _said_last(walk) is HopAnswer.UNREACHABLE
    return _down(
        walk,
        Zone.CORE,
        Confidence.CERTAIN if said else Confidence.LIKELY,
        Reason.HOP_SAYS if said else Reason.SILENT_BEYOND,
        (answers,),
        good=Point.OPERATOR_HOP,
    )


def _was_tried(seen: LineSeen, walk: Walk) -> bool:
    """Say whether connections to the test point were tried in this family; all were in vain."""
    return any(
        each.to_test_point and each.family == walk.path.family for each in seen.evidence.attempts
    )


def _is_heard_elsewhere(seen: LineSeen) -> bool:
    return any(each.to_test_point and each.answered for each in seen.evidence.attempts)


def _past_test_point(walk: Walk, path: PathFacts) -> Candidate | None:
    asked = walk.path.traces or walk.path.echoes
    silent = [each for each in walk.references if not each.answered]
    if not asked or not silent or len(silent) < len(walk.references):
        return None
    if hears_any_name(path):
        return None  # names come from beyond: the references only keep silent
    return _down(
        walk,
        Zone.BEYOND,
        Confidence.LIKELY,
        Reason.SILENT_BEYOND,
        (_answers(walk.test_point, walk), *(_answers(each, walk) for each in silent)),
        good=Point.TEST_POINT,
    )


def _hop_at_birth(seen: LineSeen, walk: Walk) -> bool | None:
    """Say whether an operator's hop answered at birth; None where nobody looked then."""
    born = seen.baseline.path if seen.baseline is not None else None
    if born is None:
        return None
    for each in born.families:
        if each.family == walk.path.family and trace_to(each) is not None:
            return first_operator_hop(each) is not None
    return None


def _said_last(walk: Walk) -> HopAnswer | None:
    """Return what the last hop said of packets it was to forward; None where none said a word."""
    trace = trace_to(walk.path)
    said = [
        hop.answer
        for hop in (() if trace is None else trace.hops)
        if hop.address is not None and hop.address != walk.path.source
    ]
    return said[-1] if said else None


def _told_by(walk: Walk) -> str | None:
    """Return who said of questions to the test point that they go no further; not this host.

    A router limits how often it says so, and may have told the questions and not the trace. In IPv6
    a box has several addresses, and its own can't be told from the next router's.
    """
    if walk.path.family != 4:
        return None
    box = walk.gateway.address if walk.gateway is not None else None
    rows = [(each.role, each.unreachable_by) for each in walk.path.echoes]
    rows += [
        (each.role, each.hops[-1].address)
        for each in walk.path.traces
        if each.ended is TraceEnd.UNREACHABLE and each.hops
    ]
    if any(address == box is not None for role, address in rows if role is not PathRole.GATEWAY):
        return box  # whatever was asked for, it is the box that goes no further
    told = (address for role, address in rows if role is PathRole.TEST_POINT)
    return next((each for each in told if each is not None and each != walk.path.source), None)


def _forwards_nothing(
    walk: Walk, confidence: Confidence, reason: Reason, facts: tuple[ZoneFact, ...]
) -> Candidate:
    return _down(
        walk,
        Zone.CPE,
        confidence,
        reason,
        facts,
        good=Point.GATEWAY,
        symptom=Symptom.NOT_FORWARDING,
    )


def _down(
    walk: Walk,
    zone: Zone,
    confidence: Confidence,
    reason: Reason,
    facts: tuple[ZoneFact, ...],
    *,
    good: Point = Point.DEVICE,
    symptom: Symptom = Symptom.LINK_DOWN,
) -> Candidate:
    return Candidate(
        zone=zone,
        symptom=symptom,
        confidence=confidence,
        reason=reason,
        evidence=facts,
        last_good=good,
        family=walk.path.family,
    )


def _answers(stop: Stop, walk: Walk) -> ZoneFact:
    return ZoneFact(
        code=FactCode.ANSWERS,
        value=stop.answered,
        unit="packets",
        samples=stop.sent,
        point=stop.point,
        address=stop.address,
        family=walk.path.family,
    )
