"""A good line as a diagnosis sees it, and what a test wants different about it.

line()                                          nothing is wrong
line(path=path4(dead_from=2))                   nothing answers from the second hop on
line(stream=idle_stream(packets=150, lost_up=range(0, 60, 3)))
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from omega_acceptance.zone import LineSeen
from omega_core.environment import Interface, Medium
from omega_core.evidence import Attempt, AttemptKind, Evidence, IdleStream
from omega_core.metrics import METRICS, Direction, MetricValue, NoValue, undefined
from omega_core.path import (
    Echoes,
    FamilyPath,
    Gateway,
    Hop,
    HopAnswer,
    MtuEnd,
    MtuSearch,
    NameOutcome,
    NameQuestion,
    NameServer,
    NameServerSource,
    Neighbour,
    NotObserved,
    PathFacts,
    PathMethod,
    PathRole,
    PortalAnswer,
    PortalCheck,
    Trace,
    TraceEnd,
    Unobserved,
)
from omega_core.units import US_PER_MS
from omega_core.verdict import (
    Because,
    CriterionOutcome,
    Fault,
    Judgement,
    Mode,
    Outcome,
    ProfileRef,
    Verdict,
)
from support.facts import idle_stream

BOX, OPERATOR, CORE, TEST_POINT, REFERENCE = (
    "192.168.1.1", "100.64.3.1", "198.51.100.1", "203.0.113.5", "192.0.2.53",
)  # fmt: skip
CHAIN = (BOX, OPERATOR, CORE, TEST_POINT)
USUAL_MS = {BOX: 1, OPERATOR: 20, CORE: 22, TEST_POINT: 24, REFERENCE: 30}
ROLE = {
    BOX: PathRole.GATEWAY,
    OPERATOR: PathRole.OPERATOR_HOP,
    TEST_POINT: PathRole.TEST_POINT,
    REFERENCE: PathRole.REFERENCE,
}
NOT_ASKED = Unobserved(not_observed=NotObserved.NOT_ASKED)


def answers(rtt_ms: int | None, *, of: int = 10, lost: int = 0) -> tuple[int | None, ...]:
    """Return round trips that are all alike; `lost` of them spread over the row have none."""
    if rtt_ms is None:
        return (None,) * of
    gaps = {number * of // lost for number in range(lost)} if lost else set()
    return tuple(None if each in gaps else rtt_ms * US_PER_MS for each in range(of))


def trace(
    rows: Sequence[tuple[str | None, tuple[int | None, ...]]],
    *,
    ended: TraceEnd | None = None,
    **changes: Any,  # noqa: ANN401 - fields of the fact
) -> Trace:
    """Return a trace to the test point; a row of nothing but None is a silent hop."""
    hops = []
    for number, (address, rtt_us) in enumerate(rows, start=1):
        heard = any(each is not None for each in rtt_us)
        at_end = address == TEST_POINT
        said = HopAnswer.PORT_UNREACHABLE if at_end else HopAnswer.TIME_EXCEEDED
        hops.append(
            Hop(
                ttl=number,
                address=address if heard else None,
                rtt_us=rtt_us,
                answer=said if heard else None,
            )
        )
    reached = bool(hops) and hops[-1].address == TEST_POINT
    fields: dict[str, Any] = {
        "role": PathRole.TEST_POINT,
        "family": 4,
        "address": TEST_POINT,
        "port": 33_434,
        "method": PathMethod.UDP,
        "ip_octets": 60,
        "flow_fixed": True,
        "started_offset_us": 0,
        "waiting_time_us": 2_000_000,
        "hops": tuple(hops),
        "ended": ended or (TraceEnd.REACHED if reached else TraceEnd.SILENT),
        **changes,
    }
    return Trace(**fields)


def echo(address: str, rtt_us: tuple[int | None, ...], **changes: Any) -> Echoes:  # noqa: ANN401
    """Return questions to one point of the chain."""
    fields: dict[str, Any] = {
        "role": ROLE[address],
        "address": address,
        "method": PathMethod.ICMP,
        "started_offset_us": 0,
        "rtt_us": rtt_us,
        "waiting_time_us": 2_000_000,
        **changes,
    }
    return Echoes(**fields)


def mtu(ended: MtuEnd = MtuEnd.WHOLE, *, passed: int | None = 1_500) -> MtuSearch:
    """Return a search for the MTU."""
    failed = passed + 1 if ended is MtuEnd.BLACK_HOLE and passed is not None else None
    return MtuSearch(
        role=PathRole.TEST_POINT,
        address=TEST_POINT,
        method=PathMethod.ICMP,
        interface_mtu_octets=1_500,
        largest_passed_octets=passed,
        smallest_failed_octets=failed,
        tries=(),
        ended=ended,
    )


def path4(
    *,
    rtt_ms: Mapping[str, int | None] | None = None,
    lost: Mapping[str, int] | None = None,
    dead_from: int = 9,
    echoes: bool = True,
    **changes: Any,  # noqa: ANN401 - fields of the fact
) -> FamilyPath:
    """Return the IPv4 path: each point with its round trip, and how many of 20 echoes it lost.

    A round trip of None is a point that never answers. From hop `dead_from` on (1 is the box,
    5 the reference) nothing answers.
    """
    usual: dict[str, int | None] = {**USUAL_MS, **(rtt_ms or {})}
    places = (*CHAIN, REFERENCE)
    alive = {address: number < dead_from for number, address in enumerate(places, start=1)}
    heard = {address: usual[address] if alive[address] else None for address in places}
    rows = [(address, answers(heard[address])) for address in CHAIN]
    last = max((n for n, (address, _) in enumerate(rows) if heard[address] is not None), default=-1)
    asked = [each for each in ROLE if each != OPERATOR or heard[each] is not None]
    gone = lost or {}
    fields: dict[str, Any] = {
        "family": 4,
        "source": "192.168.1.20",
        "seen_source": NOT_ASKED,
        "gateway": Gateway(address=BOX, interface="eth0", neighbour=Neighbour.ANSWERED),
        "traces": (trace(rows[: last + 2]),),
        "echoes": tuple(
            echo(each, answers(heard[each], of=20, lost=gone.get(each, 0))) for each in asked
        )
        if echoes
        else (),
        "mtu": mtu(),
        **changes,
    }
    return FamilyPath(**fields)


def server(
    address: str = BOX,
    outcome: NameOutcome = NameOutcome.ANSWERED,
    *,
    rcode: int = 0,
    known_from: NameServerSource = NameServerSource.HOST,
) -> NameServer:
    """Return a name server that was asked one question."""
    answered = outcome is NameOutcome.ANSWERED
    question = NameQuestion(
        name="omega.example",
        record_type="A",
        outcome=outcome,
        sent=0 if outcome is NameOutcome.NOT_SENT else 1,
        rtt_us=20_000 if answered else None,
        rcode=rcode if answered else None,
    )
    return NameServer(address=address, family=4, known_from=known_from, questions=(question,))


def path_facts(
    *families: FamilyPath,
    names: Iterable[NameServer] | None = None,
    medium: Medium = Medium.ETHERNET,
    **changes: Any,  # noqa: ANN401 - fields of the fact
) -> PathFacts:
    """Return one path diagnosis, of a good line but for what is given."""
    fields: dict[str, Any] = {
        "started_offset_us": 0,
        "duration_us": 7_000_000,
        "packets_sent": 200,
        "interface": Interface(
            name="eth0", medium=medium, link_rate_bps=None, duplex=None, mtu_bytes=1_500
        ),
        "carrier": True,
        "families": families or (path4(),),
        "names": (server(),) if names is None else tuple(names),
        "portal": PortalCheck(answer=PortalAnswer.OMEGA, status=200, location=None, reason=None),
        **changes,
    }
    return PathFacts(**fields)


def criterion(
    metric: str,
    outcome: Outcome,
    *,
    value: int | None,
    limit: int,
    **changes: Any,  # noqa: ANN401
) -> CriterionOutcome:
    """Return one criterion that decides."""
    fields: dict[str, Any] = {
        "id": metric[:20],
        "metric": metric,
        "op": "at_least",
        "limit": limit,
        "unit": "bps" if "_bps_" in metric else "us" if "_us_" in metric else "ppm",
        "value": value,
        "samples": 2,
        "samples_needed": 1,
        "mandatory": True,
        "outcome": outcome,
        "because": Because.MET if outcome is Outcome.PASS else Because.NOT_MET,
        **changes,
    }
    return CriterionOutcome(**fields)


def judged(
    *outcomes: CriterionOutcome, verdict: Verdict = Verdict.PASS, faults: tuple[Fault, ...] = ()
) -> Judgement:
    """Return a quick judgement."""
    return Judgement(
        verdict=verdict,
        mode=Mode.QUICK,
        profile=ProfileRef(id="plan", version=2, digest="0" * 64),
        outcomes=outcomes,
        faults=faults,
    )


def short_rate(direction: Direction = Direction.DOWN, *, value: int = 800_000) -> Judgement:
    """Return the judgement of a line of 2 Mbit/s that carries less."""
    row = criterion(f"qualified_bps_{direction}", Outcome.FAIL, value=value, limit=2_000_000)
    return judged(row, verdict=Verdict.FAIL)


def line(
    *,
    path: PathFacts | FamilyPath | None = None,
    stream: IdleStream | None = None,
    session: bool = True,
    attempts: Iterable[Attempt] | None = None,
    metrics: Mapping[str, MetricValue] | None = None,
    **changes: Any,  # noqa: ANN401 - fields of LineSeen
) -> LineSeen:
    """Return a good line; without a session nobody has reached the test point."""
    facts = path_facts(path) if isinstance(path, FamilyPath) else path or path_facts()
    quiet = stream or idle_stream(packets=150, rtt_us=24_000)
    tried = tuple(
        Attempt(kind=AttemptKind.TCP, family=4, to_test_point=True, answered=session, elapsed_us=9)
        for _ in range(3)
    )
    evidence = Evidence(
        attempts=tried if attempts is None else tuple(attempts),
        idle=(quiet,) if session else (),
        path=facts,
    )
    none = {name: undefined(name, NoValue.NOT_MEASURED) for name in METRICS}
    return LineSeen(evidence=evidence, metrics={**none, **(metrics or {})}, **changes)


def without_path(seen: LineSeen) -> LineSeen:
    """Return the same line where nobody looked at the path."""
    return replace(seen, evidence=replace(seen.evidence, path=None))
