"""Which part of the line each sight is placed in: a table, with both sides of each threshold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from omega_acceptance.zone import Baseline, LineSeen, SectorView, Zone, ZoneFinding, locate
from omega_acceptance.zone.codes import Confidence, Point, Reason, Symptom
from omega_core.environment import Medium
from omega_core.evidence import Attempt, AttemptKind
from omega_core.metrics import Direction, LimitCause, MetricValue, measured
from omega_core.path import (
    FamilyPath,
    Gateway,
    Hop,
    HopAnswer,
    MtuEnd,
    NameOutcome,
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
from omega_core.verdict import Because, Fault, Judgement, Outcome, Verdict
from support.facts import idle_stream
from support.zone_facts import (
    BOX,
    CHAIN,
    CORE,
    NOT_ASKED,
    OPERATOR,
    REFERENCE,
    TEST_POINT,
    answers,
    criterion,
    echo,
    judged,
    line,
    mtu,
    path4,
    path_facts,
    server,
    short_rate,
    trace,
    without_path,
)

NO_HOST = Unobserved(not_observed=NotObserved.NO_FAMILY)
OWN, TOLD = NameServerSource.HOST, NameServerSource.INSTRUCTION
SILENT, FAILS = NameOutcome.TIMEOUT, NameOutcome.ANSWERED
DEAD = server(outcome=SILENT)
SIX = ("2001:db8:1::1", "2001:db8:2::1", "2001:db8:3::5")


def dead(path: FamilyPath | PathFacts | None = None, **changes: Any) -> LineSeen:  # noqa: ANN401
    """Return a line over which nobody has reached the test point; names are gone with it."""
    if isinstance(path, FamilyPath):
        path = path_facts(path, names=(DEAD,))
    return line(path=path, session=False, **changes)


def gateway(neighbour: Neighbour) -> Gateway:
    return Gateway(address=BOX, interface="eth0", neighbour=neighbour)


def says_unreachable(*rows: tuple[str, bool]) -> Trace:
    """Return a trace of hops, each of which says that it is reached, or that it goes no further."""
    hops = [
        Hop(
            ttl=number,
            address=address,
            rtt_us=answers(2),
            answer=HopAnswer.UNREACHABLE if at_end else HopAnswer.TIME_EXCEEDED,
        )
        for number, (address, at_end) in enumerate(rows, start=1)
    ]
    return replace(trace([]), hops=tuple(hops), ended=TraceEnd.UNREACHABLE)


def lost(count: int, *, ways: str = "both", packets: int = 150, rtt_us: int = 24_000) -> Any:  # noqa: ANN401 - a stream
    """Return a stream that lost so many packets, far from each other."""
    gone = [number * packets // count for number in range(count)] if count else []
    up = gone if ways == "up" else gone[::2] if ways == "both" else []
    down = [each for each in gone if each not in up]
    return idle_stream(packets=packets, rtt_us=rtt_us, lost_up=up, lost_down=down)


def lossy(first: int, *, echoes: int = 6, traced: int = 3) -> FamilyPath:
    """Return a path that loses a third of the packets from the stop of this number on."""
    places = [BOX, OPERATOR, TEST_POINT, REFERENCE]
    return path4(
        lost=dict.fromkeys(places[first:], echoes),
        traces=(
            trace(
                [
                    (address, answers(2, lost=traced if number >= first else 0))
                    for number, address in enumerate(CHAIN)
                ]
            ),
        ),
    )


def large(*rows: tuple[str, bool], octets: int = 1_401) -> Trace:
    """Return a trace of large packets: each hop, and whether they reach it."""
    return trace(
        [(address, answers(2 if reached else None, of=3)) for address, reached in rows],
        ip_octets=octets,
    )


def holed(*traces: Trace, **changes: Any) -> LineSeen:  # noqa: ANN401
    """Return a line on which packets beyond 1,400 octets vanish."""
    return line(
        path=path4(
            mtu=mtu(MtuEnd.BLACK_HOLE, passed=1_400), traces=(*path4().traces, *traces), **changes
        )
    )


def loaded(growth_ms: dict[str, int], **gone: int) -> FamilyPath:
    """Return a path with echoes under load down, slower by so much."""
    quiet = path4()
    beside = tuple(
        echo(
            each,
            answers(base + growth_ms.get(each, 0), of=20, lost=gone.get(name, 0)),
            under_load=Direction.DOWN,
        )
        for name, each, base in (
            ("box", BOX, 1),
            ("operator", OPERATOR, 20),
            ("end", TEST_POINT, 24),
        )
        if each in growth_ms or not growth_ms or growth_ms.get("all")
    )
    return replace(quiet, echoes=(*quiet.echoes, *beside))


def told_by(address: str, *, of: str = TEST_POINT) -> FamilyPath:
    """Return a path on which the box answers echoes and somebody says "unreachable" to others."""
    path = path4(dead_from=2, traces=(trace([(None, answers(None))]),))
    return replace(
        path,
        echoes=tuple(
            replace(each, unreachable_by=address) if each.address == of else each
            for each in path.echoes
        ),
    )


def once(value: int | None = 900_000) -> Judgement:
    """Return the judgement of a line of 2 Mbit/s of which one window was seen."""
    row = criterion(
        "qualified_bps_down",
        Outcome.INCONCLUSIVE,
        value=value,
        limit=2_000_000,
        because=Because.TOO_FEW_SAMPLES,
    )
    return judged(row, verdict=Verdict.INCONCLUSIVE)


FIRST, SECOND = REFERENCE, "192.0.2.180"


def beyond(rtt_ms: dict[str, int | None], lost: dict[str, int] | None = None) -> FamilyPath:
    """Return a path with these references, and how many of 30 echoes each lost."""
    quiet, gone = path4(), lost or {}
    own = tuple(each for each in quiet.echoes if each.address != REFERENCE)
    rows = tuple(
        replace(
            echo(REFERENCE, answers(each_ms, of=30, lost=gone.get(address, 0))), address=address
        )
        for address, each_ms in rtt_ms.items()
    )
    return replace(quiet, echoes=(*own, *rows))


def slower(**rtt_ms: int) -> FamilyPath:
    names = {"box": BOX, "operator": OPERATOR, "core": CORE, "end": TEST_POINT, "far": REFERENCE}
    return path4(rtt_ms={names[each]: value for each, value in rtt_ms.items()})


def born(metric: str, value: int) -> Baseline:
    return Baseline(metrics={metric: measured(metric, value, samples=9, method="birth")})


def rate_metric(value: int, cause: LimitCause | None) -> dict[str, MetricValue]:
    name = "qualified_bps_down"
    return {name: replace(measured(name, value, samples=2, method="m"), limited_by=cause)}


def path6(*, reached: bool, source: str = "2001:db8:9::20") -> FamilyPath:
    rows = [(SIX[0], answers(1)), (SIX[1], answers(20))]
    rows += [(SIX[2], answers(24))] if reached else [("", answers(None))]
    hops = tuple(
        Hop(
            ttl=number,
            address=address or None,
            rtt_us=rtt_us,
            answer=HopAnswer.TIME_EXCEEDED if address else None,
        )
        for number, (address, rtt_us) in enumerate(rows, start=1)
    )
    main = replace(
        trace([]),
        family=6,
        address=SIX[2],
        hops=hops,
        ended=TraceEnd.REACHED if reached else TraceEnd.SILENT,
    )
    return FamilyPath(
        family=6,
        source=source,
        seen_source=NOT_ASKED,
        gateway=Gateway(address="fe80::1", interface="eth0", neighbour=Neighbour.ANSWERED),
        traces=(main,),
        mtu=NOT_ASKED,
    )


def tried6(*, answered: bool) -> Attempt:
    return Attempt(
        kind=AttemptKind.TCP, family=6, to_test_point=True, answered=answered, elapsed_us=9
    )


GOOD4 = Attempt(kind=AttemptKind.TCP, family=4, to_test_point=True, answered=True, elapsed_us=9)
AT_BOX = PortalCheck(
    answer=PortalAnswer.OTHER, status=302, location=f"http://{BOX}/login", reason=None
)
ELSEWHERE = replace(AT_BOX, location="http://login.example/")
NO_SPEAKER = path4(rtt_ms={OPERATOR: None, CORE: None})
SAYS_NOTHING = path4(
    dead_from=2,
    traces=(trace([(None, answers(None))]),),
    echoes=False,
)
CASES = [
    # nothing is wrong
    pytest.param(line(), Zone.NONE, None, id="a good line"),
    pytest.param(
        line(path=path4(rtt_ms={OPERATOR: None})), Zone.NONE, None, id="the first hop never speaks"
    ),
    pytest.param(
        line(path=path4(lost={OPERATOR: 12}, rtt_ms={OPERATOR: 200})),
        Zone.NONE,
        None,
        id="a hop that is slow and seldom to speak, clean beyond",
    ),
    pytest.param(
        line(path=path4(rtt_ms={BOX: 22})), Zone.NONE, None, id="a box that is slow to speak"
    ),
    pytest.param(
        line(path=path4(rtt_ms={REFERENCE: None})),
        Zone.NONE,
        None,
        id="a reference keeps silent while names come from beyond",
    ),
    pytest.param(
        line(
            path=path4(
                traces=(
                    *path4().traces,
                    trace([(BOX, answers(1)), ("100.64.9.9", answers(300))], ended=TraceEnd.BUDGET),
                )
            )
        ),
        Zone.NONE,
        None,
        id="another flow takes another way",
    ),
    pytest.param(without_path(line()), Zone.NONE, None, id="nobody looked at the path"),
    pytest.param(
        line(path=path_facts(names=(server(), server("10.0.0.9", SILENT)))),
        Zone.NONE,
        None,
        id="one name server of two",
    ),
    pytest.param(
        line(path=path_facts(names=(server(rcode=3),))), Zone.NONE, None, id="no such name"
    ),
    pytest.param(line(path=path4(mtu=mtu(MtuEnd.TOLD, passed=1_492))), Zone.NONE, None, id="PPPoE"),
    pytest.param(
        line(path=beyond({FIRST: 30, SECOND: 55})), Zone.NONE, None, id="two good references"
    ),
    pytest.param(
        line(path=beyond({FIRST: 30, SECOND: None})), Zone.NONE, None, id="one keeps silent"
    ),
    pytest.param(
        line(path=beyond({FIRST: 30, SECOND: 30}, lost={SECOND: 1})),
        Zone.NONE,
        None,
        id="one echo of one reference is lost",
    ),
    pytest.param(
        line(path=beyond({FIRST: 30, SECOND: 30}, lost={FIRST: 1, SECOND: 1})),
        Zone.NONE,
        None,
        id="one echo of each reference is lost",
    ),
    # past the test point
    pytest.param(
        line(path=beyond({FIRST: 30, SECOND: 30}, lost={FIRST: 6, SECOND: 5})),
        Zone.BEYOND,
        Symptom.LOSS,
        id="both references lose",
    ),
    pytest.param(
        line(path=beyond({FIRST: 30, SECOND: 30}, lost={SECOND: 8})),
        Zone.BEYOND,
        Symptom.LOSS,
        id="one reference of two loses",
    ),
    pytest.param(
        line(path=beyond({FIRST: 30, SECOND: 30}, lost={FIRST: 1, SECOND: 9})),
        Zone.BEYOND,
        Symptom.LOSS,
        id="one reference loses much and the other hardly",
    ),
    pytest.param(
        line(path=beyond({FIRST: 30, SECOND: 200})),
        Zone.BEYOND,
        Symptom.DELAY,
        id="one reference of two is slow",
    ),
    pytest.param(
        line(path=path4(rtt_ms={TEST_POINT: 200, REFERENCE: 30}), stream=lost(0, rtt_us=200_000)),
        Zone.CORE,
        Symptom.DELAY,
        id="the test point is slow and the reference beside it is not",
    ),
    # a rate that was short once
    pytest.param(
        line(judgement=once(), path=loaded({BOX: 0, OPERATOR: 110, TEST_POINT: 120})),
        Zone.ACCESS,
        Symptom.RATE,
        id="once short, and a queue before the operator's hop",
    ),
    pytest.param(
        line(judgement=once(), path=loaded({BOX: 0, OPERATOR: 0, TEST_POINT: 0})),
        Zone.UNKNOWN,
        Symptom.RATE,
        id="once short, and no queue anywhere",
    ),
    pytest.param(
        line(judgement=once(), path=loaded({BOX: 0, TEST_POINT: 120})),
        Zone.UNKNOWN,
        Symptom.RATE,
        id="once short, and a queue in one of two parts",
    ),
    pytest.param(line(judgement=once(1_900_000)), Zone.NONE, None, id="once hardly short"),
    pytest.param(line(judgement=once(None)), Zone.NONE, None, id="once, and no rate came of it"),
    pytest.param(
        line(judgement=once(), metrics=rate_metric(900_000, LimitCause.PROBE_HOST)),
        Zone.NONE,
        None,
        id="once short of what the device can",
    ),
    # a busy host
    pytest.param(
        line(path=lossy(2), stream=lost(40), validity=(Fault.CPU_LIMITED,)),
        Zone.CORE,
        Symptom.LOSS,
        id="a busy host does not lose what others lose",
    ),
    pytest.param(
        line(path=lossy(0), stream=lost(40), validity=(Fault.CPU_LIMITED,)),
        Zone.UNKNOWN,
        Symptom.SPOILED,
        id="a busy host may lose what all points lose",
    ),
    pytest.param(
        line(
            judgement=short_rate(),
            path=loaded({BOX: 0, OPERATOR: 110, TEST_POINT: 120}),
            validity=(Fault.CPU_LIMITED,),
        ),
        Zone.ACCESS,
        Symptom.RATE,
        id="a busy host makes no queue in the network",
    ),
    pytest.param(
        line(judgement=short_rate(), validity=(Fault.CPU_LIMITED,)),
        Zone.UNKNOWN,
        Symptom.SPOILED,
        id="a busy host may be what is short",
    ),
    # too little was seen
    pytest.param(
        line(stream=idle_stream(packets=5), path=path4(echoes=False)),
        Zone.UNKNOWN,
        Symptom.NOT_SEEN,
        id="a handful of packets",
    ),
    pytest.param(
        without_path(line(session=False)),
        Zone.UNKNOWN,
        Symptom.NOT_SEEN,
        id="neither path nor session",
    ),
    pytest.param(
        line(
            judgement=judged(
                criterion(
                    "goodput_bps_down",
                    Outcome.INCONCLUSIVE,
                    value=None,
                    limit=9,
                    because=Because.NOT_MEASURED,
                ),
                verdict=Verdict.INCONCLUSIVE,
            )
        ),
        Zone.UNKNOWN,
        Symptom.NOT_SEEN,
        id="a task that decides never came to its end",
    ),
    pytest.param(
        line(judgement=judged(verdict=Verdict.FAIL)),
        Zone.UNKNOWN,
        Symptom.FAILED,
        id="the plan is not kept, and nothing shows where",
    ),
    pytest.param(
        line(judgement=judged(verdict=Verdict.INVALID, faults=(Fault.TUNNEL,))),
        Zone.UNKNOWN,
        Symptom.SPOILED,
        id="through a tunnel all looks good",
    ),
    # nothing comes back
    pytest.param(
        dead(path_facts(path4(dead_from=1), carrier=False)),
        Zone.LAN,
        Symptom.LINK_DOWN,
        id="no carrier",
    ),
    pytest.param(
        dead(told_by(BOX)), Zone.ACCESS, Symptom.LINK_DOWN, id="the box tells an echo, no trace"
    ),
    pytest.param(
        dead(told_by("198.51.100.65")),
        Zone.CORE,
        Symptom.LINK_DOWN,
        id="an operator's hop tells an echo, no trace",
    ),
    pytest.param(
        dead(told_by(BOX, of=REFERENCE)),
        Zone.ACCESS,
        Symptom.LINK_DOWN,
        id="the box tells an echo to a reference",
    ),
    pytest.param(
        dead(path_facts(told_by("198.51.100.65", of=REFERENCE), names=())),
        Zone.CPE,
        Symptom.NOT_FORWARDING,
        id="what a hop says of a reference is not of the line",
    ),
    pytest.param(
        dead(told_by("192.168.7.1")),
        Zone.ACCESS,
        Symptom.LINK_DOWN,
        id="a second box tells an echo, no trace",
    ),
    pytest.param(
        dead(path_facts(replace(told_by("2001:db8:1::1"), family=6), names=())),
        Zone.CPE,
        Symptom.NOT_FORWARDING,
        id="in IPv6 it may be any address of the box",
    ),
    pytest.param(
        dead(path_facts(told_by("192.168.1.20"), names=())),
        Zone.CPE,
        Symptom.NOT_FORWARDING,
        id="the host tells itself, which says nothing",
    ),
    pytest.param(
        dead(path4(dead_from=1, gateway=NO_HOST)), Zone.LAN, Symptom.LINK_DOWN, id="no gateway"
    ),
    pytest.param(
        dead(path4(dead_from=1, gateway=gateway(Neighbour.SILENT))),
        Zone.LAN,
        Symptom.LINK_DOWN,
        id="the box does not answer its neighbours",
    ),
    pytest.param(
        dead(path4(dead_from=1, gateway=gateway(Neighbour.UNKNOWN))),
        Zone.LAN,
        Symptom.LINK_DOWN,
        id="the box answers nothing",
    ),
    pytest.param(
        dead(path4(dead_from=1)), Zone.UNKNOWN, Symptom.LINK_DOWN, id="the box answers ARP only"
    ),
    pytest.param(
        dead(
            path4(
                dead_from=1,
                gateway=gateway(Neighbour.SILENT),
                traces=(trace([], ended=TraceEnd.NOT_SENT),),
                echoes=False,
            )
        ),
        Zone.LAN,
        Symptom.LINK_DOWN,
        id="the host itself can't send",
    ),
    pytest.param(
        dead(path_facts(path4(dead_from=1, traces=(), echoes=False))),
        Zone.UNKNOWN,
        Symptom.NOT_SEEN,
        id="nothing was asked",
    ),
    pytest.param(
        dead(path4(dead_from=2)), Zone.ACCESS, Symptom.LINK_DOWN, id="nothing behind the box"
    ),
    pytest.param(
        dead(path4(dead_from=2, traces=(says_unreachable((BOX, False), (BOX, True)),))),
        Zone.ACCESS,
        Symptom.LINK_DOWN,
        id="the box says unreachable",
    ),
    pytest.param(
        dead(path_facts(path4(dead_from=2), names=(server(),))),
        Zone.CPE,
        Symptom.NOT_FORWARDING,
        id="the box resolves names and forwards nothing",
    ),
    pytest.param(
        dead(path4(dead_from=2, traces=(trace([(None, answers(None))]),))),
        Zone.ACCESS,
        Symptom.LINK_DOWN,
        id="the box answers questions, and resolves no name",
    ),
    pytest.param(
        dead(path_facts(path4(dead_from=2, traces=(trace([(None, answers(None))]),)), names=())),
        Zone.CPE,
        Symptom.NOT_FORWARDING,
        id="the box answers questions only",
    ),
    pytest.param(
        dead(
            path4(
                dead_from=2,
                source="100.64.3.20",
                gateway=Gateway(address=None, interface="ppp0", neighbour=Neighbour.NOT_NEEDED),
                traces=(trace([(None, answers(None))]),),
            )
        ),
        Zone.ACCESS,
        Symptom.LINK_DOWN,
        id="the host is the box, and nothing answers",
    ),
    pytest.param(
        dead(path4(dead_from=3)), Zone.CORE, Symptom.LINK_DOWN, id="nothing behind the first hop"
    ),
    pytest.param(
        dead(
            path4(
                dead_from=3,
                traces=(says_unreachable((BOX, False), (OPERATOR, False), (OPERATOR, True)),),
            )
        ),
        Zone.CORE,
        Symptom.LINK_DOWN,
        id="the first hop says unreachable",
    ),
    pytest.param(
        dead(path_facts(path4(rtt_ms={TEST_POINT: None}))),
        Zone.CORE,
        Symptom.TEST_POINT_SILENT,
        id="the test point alone",
    ),
    pytest.param(
        line(path=path_facts(path4(dead_from=5), names=(DEAD,))),
        Zone.BEYOND,
        Symptom.LINK_DOWN,
        id="nothing past the test point",
    ),
    # one family
    pytest.param(
        line(path=path_facts(path4(), path6(reached=True))), Zone.NONE, None, id="both families"
    ),
    pytest.param(
        line(
            path=path_facts(path4(), path6(reached=False)),
            attempts=(GOOD4, tried6(answered=False)),
        ),
        Zone.CORE,
        Symptom.LINK_DOWN,
        id="IPv6 breaks off in the core",
    ),
    pytest.param(
        line(path=path_facts(path4(), path6(reached=False))),
        Zone.NONE,
        None,
        id="IPv6 questions of this kind are not answered, nothing else was tried",
    ),
    pytest.param(
        line(
            path=path_facts(path4(), path6(reached=False, source="fd00::20")),
            attempts=(GOOD4, tried6(answered=False)),
        ),
        Zone.NONE,
        None,
        id="IPv6 within the home only",
    ),
    pytest.param(
        line(path=path_facts(path4(), replace(path6(reached=False), source=NO_HOST, traces=()))),
        Zone.NONE,
        None,
        id="the host has no IPv6",
    ),
    pytest.param(
        dead(path_facts(path4(dead_from=3), path6(reached=False), names=(DEAD,))),
        Zone.CORE,
        Symptom.LINK_DOWN,
        id="both families break off",
    ),
    pytest.param(
        dead(path_facts(path6(reached=False), names=(DEAD,))),
        Zone.CORE,
        Symptom.LINK_DOWN,
        id="a host with IPv6 alone",
    ),
    # loss
    pytest.param(line(stream=lost(2)), Zone.NONE, None, id="two of 150: a good line may"),
    pytest.param(
        line(stream=lost(4)), Zone.UNKNOWN, Symptom.LOSS, id="four of 150: too few to say"
    ),
    pytest.param(
        line(stream=lost(40), path=lossy(0)), Zone.LAN, Symptom.LOSS, id="lossy from the box on"
    ),
    pytest.param(
        line(stream=lost(40), path=lossy(1)), Zone.ACCESS, Symptom.LOSS, id="from the first hop on"
    ),
    pytest.param(
        line(stream=lost(40), path=lossy(2)), Zone.CORE, Symptom.LOSS, id="from the core on"
    ),
    pytest.param(line(path=lossy(3)), Zone.BEYOND, Symptom.LOSS, id="past the test point"),
    pytest.param(
        line(stream=lost(9), path=lossy(3)),
        Zone.UNKNOWN,
        Symptom.LOSS,
        id="more past the test point than before it, and the near part stays unknown",
    ),
    pytest.param(
        line(stream=lost(9)), Zone.UNKNOWN, Symptom.LOSS, id="a little, and the hops say nothing"
    ),
    pytest.param(
        line(stream=lost(9), sector=SectorView(good=5, bad=0), path=path4(echoes=False)),
        Zone.UNKNOWN,
        Symptom.LOSS,
        id="good neighbours do not clear the home",
    ),
    pytest.param(
        without_path(line(stream=lost(40))), Zone.UNKNOWN, Symptom.LOSS, id="loss and no path"
    ),
    pytest.param(
        line(stream=lost(40, ways="up"), path=lossy(1)),
        Zone.ACCESS,
        Symptom.LOSS,
        id="in one direction",
    ),
    pytest.param(
        line(stream=lost(148, ways="down"), path=lossy(1, echoes=19, traced=9)),
        Zone.ACCESS,
        Symptom.ONE_WAY,
        id="hardly anything comes back",
    ),
    pytest.param(
        line(
            stream=lost(40),
            path=lossy(1),
            judgement=judged(verdict=Verdict.INVALID, faults=(Fault.CROSS_TRAFFIC,)),
        ),
        Zone.UNKNOWN,
        Symptom.SPOILED,
        id="loss beside a download",
    ),
    pytest.param(
        replace(
            line(path=lossy(2, echoes=9)),
            evidence=replace(line(path=lossy(2, echoes=9)).evidence, idle=()),
        ),
        Zone.UNKNOWN,
        Symptom.NOT_SEEN,
        id="loss without a stream: twenty echoes are too few",
    ),
    # names
    pytest.param(
        line(path=path_facts(names=(server(outcome=NameOutcome.REFUSED),))),
        Zone.CPE,
        Symptom.NAMES,
        id="nobody listens at the box",
    ),
    pytest.param(
        line(path=path_facts(names=(DEAD, server("192.0.2.9", known_from=TOLD)))),
        Zone.CPE,
        Symptom.NAMES,
        id="the box is silent, a server past it serves",
    ),
    pytest.param(
        line(path=path_facts(names=(server(rcode=2), server("192.0.2.9", SILENT)))),
        Zone.BEYOND,
        Symptom.NAMES,
        id="the box fails, and so does a server past it",
    ),
    pytest.param(
        line(path=path_facts(names=(server("192.0.2.9", rcode=5),))),
        Zone.BEYOND,
        Symptom.NAMES,
        id="only servers past the box, which refuse",
    ),
    pytest.param(
        line(path=path_facts(names=(DEAD,))),
        Zone.UNKNOWN,
        Symptom.NAMES,
        id="the box is silent, nobody else was asked",
    ),
    pytest.param(
        line(path=path_facts(names=(server(outcome=NameOutcome.NOT_SENT),))),
        Zone.NONE,
        None,
        id="no question left",
    ),
    pytest.param(
        line(stream=lost(40), path=path_facts(lossy(1), names=(DEAD,))),
        Zone.ACCESS,
        Symptom.LOSS,
        id="silent names on a lossy line are the loss",
    ),
    pytest.param(
        line(
            stream=lost(9),
            path=path_facts(names=(server(outcome=NameOutcome.REFUSED),)),
        ),
        Zone.CPE,
        Symptom.NAMES,
        id="a refusal on a lossy line is one",
    ),
    # holes
    pytest.param(
        holed(large((BOX, True), (OPERATOR, False))),
        Zone.ACCESS,
        Symptom.MTU_HOLE,
        id="large packets reach the box",
    ),
    pytest.param(
        holed(large((BOX, False))), Zone.LAN, Symptom.MTU_HOLE, id="they do not reach the box"
    ),
    pytest.param(
        holed(large((BOX, False), (OPERATOR, True), (CORE, False))),
        Zone.CORE,
        Symptom.MTU_HOLE,
        id="they reach the first hop, the box keeps silent",
    ),
    pytest.param(
        holed(large(*((each, True) for each in CHAIN))),
        Zone.UNKNOWN,
        Symptom.MTU_HOLE,
        id="they arrive: the way back",
    ),
    pytest.param(holed(), Zone.UNKNOWN, Symptom.MTU_HOLE, id="nobody traced large packets"),
    pytest.param(
        line(
            path=path4(
                rtt_ms={OPERATOR: None},
                mtu=mtu(MtuEnd.BLACK_HOLE, passed=1_400),
                traces=(
                    *path4(rtt_ms={OPERATOR: None}).traces,
                    large((BOX, True), (OPERATOR, False)),
                ),
            )
        ),
        Zone.UNKNOWN,
        Symptom.MTU_HOLE,
        id="the hole is behind the box, and the first hop never speaks",
    ),
    pytest.param(
        line(path=path4(mtu=mtu(MtuEnd.UNANSWERED, passed=None))), Zone.NONE, None, id="no search"
    ),
    # delay
    pytest.param(
        line(path=slower(box=26, operator=45, core=47, end=49), stream=lost(0, rtt_us=49_000)),
        Zone.LAN,
        Symptom.DELAY,
        id="26 ms to the box",
    ),
    pytest.param(
        line(path=slower(box=25, operator=45, core=47, end=49), stream=lost(0, rtt_us=49_000)),
        Zone.NONE,
        None,
        id="25 ms to the box",
    ),
    pytest.param(
        line(path=slower(operator=102, core=104, end=106, far=110), stream=lost(0, rtt_us=106_000)),
        Zone.ACCESS,
        Symptom.DELAY,
        id="101 ms on the access link, nobody promised anything",
    ),
    pytest.param(
        line(path=slower(operator=101, core=103, end=105, far=110), stream=lost(0, rtt_us=105_000)),
        Zone.NONE,
        None,
        id="100 ms on the access link",
    ),
    pytest.param(
        line(
            path=slower(operator=600, core=602, end=604, far=610),
            stream=lost(0, rtt_us=604_000),
            judgement=judged(
                criterion("idle_rtt_us_p95", Outcome.PASS, value=1, limit=700_000, op="at_most")
            ),
        ),
        Zone.NONE,
        None,
        id="a satellite line whose plan says so",
    ),
    pytest.param(
        line(
            path=slower(operator=32, core=33, end=34, far=40),
            stream=lost(0, rtt_us=34_000),
            judgement=judged(
                criterion(
                    "idle_rtt_us_p95", Outcome.INCONCLUSIVE, value=1, limit=20_000, op="at_most"
                )
            ),
        ),
        Zone.ACCESS,
        Symptom.DELAY,
        id="a fibre line beyond its plan",
    ),
    pytest.param(
        line(
            path=slower(operator=62, core=64, end=66, far=70),
            stream=lost(0, rtt_us=66_000),
            baseline=born("idle_rtt_us_p50", 30_000),
        ),
        Zone.ACCESS,
        Symptom.DELAY,
        id="twice the round trip of its birth",
    ),
    pytest.param(
        line(
            path=slower(operator=60, core=62, end=64, far=70),
            stream=lost(0, rtt_us=64_000),
            baseline=born("idle_rtt_us_p50", 30_000),
        ),
        Zone.NONE,
        None,
        id="half as much again, and 30 ms, as at its birth",
    ),
    pytest.param(
        line(
            path=slower(core=66, end=68, far=70),
            stream=lost(0, rtt_us=68_000),
            baseline=born("loss_ppm_up", 0),
        ),
        Zone.CORE,
        Symptom.DELAY,
        id="48 ms in the core",
    ),
    pytest.param(line(path=slower(far=95)), Zone.BEYOND, Symptom.DELAY, id="71 ms past the end"),
    pytest.param(line(path=slower(far=94)), Zone.NONE, None, id="70 ms past the end"),
    pytest.param(
        line(
            path=path4(rtt_ms={OPERATOR: None, CORE: None, TEST_POINT: 250, REFERENCE: 260}),
            stream=lost(0, rtt_us=250_000),
        ),
        Zone.UNKNOWN,
        Symptom.DELAY,
        id="slow between the box and the test point",
    ),
    pytest.param(
        line(
            path=path4(rtt_ms={OPERATOR: None, CORE: None, TEST_POINT: 250, REFERENCE: 260}),
            stream=lost(0, rtt_us=250_000),
            sector=SectorView(good=3, bad=0),
        ),
        Zone.ACCESS,
        Symptom.DELAY,
        id="the same with three good neighbours",
    ),
    pytest.param(
        line(
            path=path4(rtt_ms={OPERATOR: None, CORE: None, TEST_POINT: 250, REFERENCE: 260}),
            stream=lost(0, rtt_us=250_000),
            sector=SectorView(good=2, bad=0),
        ),
        Zone.UNKNOWN,
        Symptom.DELAY,
        id="the same with two",
    ),
    # a portal
    pytest.param(
        line(path=path_facts(portal=AT_BOX)), Zone.CPE, Symptom.PORTAL, id="the box's own page"
    ),
    pytest.param(
        line(path=path_facts(portal=ELSEWHERE)), Zone.UNKNOWN, Symptom.PORTAL, id="a portal"
    ),
    pytest.param(
        line(path=path_facts(portal=NOT_ASKED)), Zone.NONE, None, id="nobody asked for a page"
    ),
    # rate
    pytest.param(
        line(judgement=short_rate()), Zone.ACCESS, Symptom.RATE, id="short, nothing seen of it"
    ),
    pytest.param(
        without_path(line(judgement=short_rate(Direction.UP))),
        Zone.ACCESS,
        Symptom.RATE,
        id="short upwards, nobody looked at the path",
    ),
    pytest.param(
        line(judgement=short_rate(), path=path_facts(medium=Medium.WIFI)),
        Zone.UNKNOWN,
        Symptom.RATE,
        id="short over Wi-Fi",
    ),
    pytest.param(
        line(judgement=short_rate(), path=path_facts(interface=NOT_ASKED)),
        Zone.ACCESS,
        Symptom.RATE,
        id="short, the interface unknown",
    ),
    pytest.param(
        line(
            judgement=short_rate(),
            path=loaded({BOX: 100, OPERATOR: 110, TEST_POINT: 120}),
        ),
        Zone.LAN,
        Symptom.RATE,
        id="the queue stands before the box",
    ),
    pytest.param(
        line(judgement=short_rate(), path=loaded({BOX: 0, OPERATOR: 110, TEST_POINT: 120})),
        Zone.ACCESS,
        Symptom.RATE,
        id="the queue stands on the access link",
    ),
    pytest.param(
        line(judgement=short_rate(), path=loaded({BOX: 0, OPERATOR: 10, TEST_POINT: 120})),
        Zone.CORE,
        Symptom.RATE,
        id="the queue stands in the core",
    ),
    pytest.param(
        line(judgement=short_rate(), path=loaded({BOX: 0, TEST_POINT: 120})),
        Zone.UNKNOWN,
        Symptom.RATE,
        id="the first hop was not asked under load",
    ),
    pytest.param(
        line(judgement=short_rate(), path=loaded({BOX: 0, OPERATOR: 0, TEST_POINT: 0}, end=9)),
        Zone.CORE,
        Symptom.RATE,
        id="no queue, but loss under load in the core",
    ),
    pytest.param(
        line(
            judgement=short_rate(),
            path=loaded({BOX: 0, OPERATOR: 0, TEST_POINT: 0}, box=1, end=4),
        ),
        Zone.ACCESS,
        Symptom.RATE,
        id="no queue, and the loss under load begins nowhere plain",
    ),
    pytest.param(
        line(judgement=short_rate(), path=loaded({BOX: 0, OPERATOR: 0, TEST_POINT: 0})),
        Zone.ACCESS,
        Symptom.RATE,
        id="neither queue nor loss under load",
    ),
    pytest.param(
        line(
            judgement=short_rate(),
            path=loaded({BOX: 0, OPERATOR: 9, TEST_POINT: 120}, operator=18),
        ),
        Zone.CORE,
        Symptom.RATE,
        id="two answers of the first hop under load say nothing of a queue",
    ),
    pytest.param(
        line(judgement=short_rate(), metrics=rate_metric(800_000, LimitCause.LAN)),
        Zone.LAN,
        Symptom.RATE,
        id="the host's own link is the limit",
    ),
    pytest.param(
        line(judgement=short_rate(), metrics=rate_metric(800_000, LimitCause.PROBE_HOST)),
        Zone.UNKNOWN,
        Symptom.FAILED,
        id="the host is the limit",
    ),
    pytest.param(
        line(metrics=rate_metric(699_999, None), baseline=born("qualified_bps_down", 1_000_000)),
        Zone.ACCESS,
        Symptom.RATE,
        id="less than seven tenths of its birth's rate",
    ),
    pytest.param(
        line(metrics=rate_metric(700_000, None), baseline=born("qualified_bps_down", 1_000_000)),
        Zone.NONE,
        None,
        id="seven tenths of its birth's rate",
    ),
    pytest.param(
        line(metrics=rate_metric(1, LimitCause.GRANT), baseline=born("qualified_bps_down", 9)),
        Zone.NONE,
        None,
        id="the grant is the limit",
    ),
    pytest.param(
        line(
            metrics=rate_metric(1, None),
            baseline=born("qualified_bps_down", 1_000_000),
            judgement=judged(
                criterion("qualified_bps_down", Outcome.PASS, value=9, limit=1),
                criterion("qualified_bps_up", Outcome.PASS, value=9, limit=1),
            ),
        ),
        Zone.NONE,
        None,
        id="less than at birth, and the plan is kept",
    ),
    pytest.param(
        line(judgement=short_rate(), stream=lost(40), path=lossy(1)),
        Zone.ACCESS,
        Symptom.LOSS,
        id="a lossy line is short of rate too",
    ),
]


@pytest.mark.parametrize(("seen", "zone", "symptom"), CASES)
def test_a_sight_has_its_place(seen: LineSeen, zone: Zone, symptom: Symptom | None) -> None:
    found = locate(seen)
    assert (found.zone, found.symptom) == (zone, symptom)
    assert (found.confidence is Confidence.OPEN) == (zone is Zone.UNKNOWN)
    assert (found.wrong_ppm_max is None) == (zone is Zone.UNKNOWN)
    assert found.suspect is None or zone is Zone.UNKNOWN
    assert len(found.advice) >= 1
    assert len(found.next_steps) >= 1


def known(*, speaks: bool) -> Baseline:
    rows = [(BOX, answers(1)), (OPERATOR if speaks else None, answers(20 if speaks else None))]
    return Baseline(metrics={}, path=path_facts(path4(traces=(trace(rows),))))


@pytest.mark.parametrize(
    ("baseline", "zone", "confidence"),
    [
        pytest.param(None, Zone.ACCESS, Confidence.LIKELY, id="nobody knows of the first hop"),
        pytest.param(Baseline(metrics={}), Zone.ACCESS, Confidence.LIKELY, id="none was kept"),
        pytest.param(known(speaks=True), Zone.ACCESS, Confidence.CERTAIN, id="it spoke at birth"),
        pytest.param(known(speaks=False), Zone.UNKNOWN, Confidence.OPEN, id="it was silent"),
        pytest.param(
            Baseline(metrics={}, path=path_facts(path6(reached=True))),
            Zone.ACCESS,
            Confidence.LIKELY,
            id="another family was looked at",
        ),
    ],
)
def test_what_the_first_hop_did_at_birth_settles_what_its_silence_means(
    baseline: Baseline | None, zone: Zone, confidence: Confidence
) -> None:
    found = locate(dead(path4(dead_from=2), baseline=baseline))
    assert (found.zone, found.confidence) == (zone, confidence)
    assert found.last_good is Point.GATEWAY


def test_udp_echoes_are_errors_of_icmp_and_accuse_less() -> None:
    def with_echoes(method: PathMethod) -> LineSeen:
        path = lossy(1)
        rows = tuple(
            replace(each, method=method) if each.role is PathRole.OPERATOR_HOP else each
            for each in path.echoes
        )
        return line(stream=lost(12), path=replace(path, echoes=rows))

    by_icmp, by_udp = (locate(with_echoes(each)) for each in (PathMethod.ICMP, PathMethod.UDP))
    assert _chance(by_icmp, Zone.ACCESS) > _chance(by_udp, Zone.ACCESS)


def _chance(found: ZoneFinding, part: Zone) -> int:
    return next(each.value or 0 for each in found.evidence if each.part is part)


def test_a_second_family_with_the_same_parts_is_weighed_too() -> None:
    four = lossy(1)
    six = replace(
        four,
        family=6,
        source="2001:db8:9::20",
        traces=tuple(replace(each, family=6) for each in four.traces),
    )
    alone = locate(line(stream=lost(9), path=four))
    both = locate(line(stream=lost(9), path=path_facts(four, six)))
    assert _chance(both, Zone.ACCESS) >= _chance(alone, Zone.ACCESS)
    assert both.reason is Reason.COUNTS
