"""Names: whether any server of the host's resolves one, and whose fault it is if none does. Pure.

A server serves if it answered a question with anything but "server failure" or "refused": that a
name does not exist is an answer. Of servers none of which serves:

    the box refuses the question                         CPE     nobody listens there any more
    the box fails, a server asked past it serves         CPE     the box asks wrongly, or not at all
    the box fails, and so does every server past it      beyond  where the servers stand
    only servers past the box are configured             beyond
    the box fails, and nobody else was asked             unknown

A box that gives names and forwards no packet is told by `down`.
"""

from __future__ import annotations

from ipaddress import ip_address

from omega_acceptance.zone.codes import Confidence, FactCode, Point, Reason, Symptom, Zone
from omega_acceptance.zone.finding import Candidate, ZoneFact
from omega_acceptance.zone.stops import Walk
from omega_core.path import NameOutcome, NameServer, NameServerSource, PathFacts
from omega_core.path_findings import REFUSED, SERVER_FAILURE, is_private

_FAILURES = {SERVER_FAILURE, REFUSED}


def serves(server: NameServer) -> bool:
    """Say whether a server answered anything as it should."""
    return any(
        each.outcome is NameOutcome.ANSWERED and each.rcode not in _FAILURES
        for each in server.questions
    )


def was_asked(server: NameServer) -> bool:
    """Say whether a question left for this server."""
    return any(each.sent and each.outcome is not NameOutcome.NOT_SENT for each in server.questions)


def box_resolves(path: PathFacts, gateway: str | None) -> bool:
    """Say whether the box answers names; what it asks for itself gets through then."""
    return any(serves(each) for each in path.names if each.address == gateway)


def is_asked_in_vain(path: PathFacts, gateway: str | None) -> bool:
    """Say whether the box was asked for names and serves none: it does not reach its servers."""
    return any(
        was_asked(each) and not serves(each) for each in path.names if each.address == gateway
    )


def hears_any_name(path: PathFacts) -> bool:
    """Say whether any name server answered as it should."""
    return any(serves(each) for each in path.names)


def look_for_names(path: PathFacts, walk: Walk, *, lossy: bool) -> Candidate | None:
    """Return why no name is resolved; None where one is, or where nobody was asked.

    Silence on a lossy line is the loss: then only a server's own word counts.
    """
    asked = [each for each in path.names if was_asked(each)]
    own = [each for each in asked if each.known_from is NameServerSource.HOST]
    if not own or any(serves(each) for each in own):
        return None
    if lossy and all(_is_silent(each) for each in own):
        return None
    gateway = None if walk.gateway is None else walk.gateway.address
    boxes = [each for each in own if each.address == gateway or _is_inside(each.address)]
    others = [each for each in asked if each not in boxes]
    facts = tuple(_fact(each) for each in asked)
    if boxes and any(_is_refused(each) for each in boxes):
        return _names(Zone.CPE, Confidence.CERTAIN, facts, good=Point.GATEWAY)
    if boxes and any(serves(each) for each in others):
        return _names(Zone.CPE, Confidence.LIKELY, facts, good=Point.GATEWAY)
    if others:
        return _names(Zone.BEYOND, Confidence.LIKELY, facts, good=Point.TEST_POINT)
    return Candidate(
        zone=Zone.UNKNOWN,
        symptom=Symptom.NAMES,
        confidence=Confidence.OPEN,
        reason=Reason.NOT_OBSERVED,
        evidence=facts,
        last_good=Point.TEST_POINT,
        suspect=Zone.CPE,
    )


def _is_inside(address: str) -> bool:
    return is_private(address) or ip_address(address).is_loopback


def _is_refused(server: NameServer) -> bool:
    return any(each.outcome is NameOutcome.REFUSED for each in server.questions)


def _is_silent(server: NameServer) -> bool:
    return all(each.outcome is NameOutcome.TIMEOUT for each in server.questions)


def _names(
    zone: Zone, confidence: Confidence, facts: tuple[ZoneFact, ...], *, good: Point
) -> Candidate:
    return Candidate(
        zone=zone,
        symptom=Symptom.NAMES,
        confidence=confidence,
        reason=Reason.SERVER_SAYS,
        evidence=facts,
        last_good=good,
    )


def _fact(server: NameServer) -> ZoneFact:
    good = serves(server)
    return ZoneFact(
        code=FactCode.SERVER_GOOD if good else FactCode.SERVER_DEAD,
        value=sum(each.outcome is NameOutcome.ANSWERED for each in server.questions),
        unit="packets",
        samples=sum(each.sent for each in server.questions),
        address=server.address,
        family=server.family,
    )
