"""What facts of a path show: each finding, and what comes close to it."""

from __future__ import annotations

import pytest

from omega_core.environment import Medium
from omega_core.metrics import Direction
from omega_core.path import (
    FamilyPath,
    Gateway,
    Hop,
    HopAnswer,
    MtuEnd,
    MtuTold,
    NameOutcome,
    NameServerSource,
    Neighbour,
    PathFacts,
    PathMethod,
    PathRole,
    PortalAnswer,
    PortalCheck,
    TraceEnd,
)
from omega_core.path_findings import (
    Finding,
    FindingCode,
    customer_hops,
    findings,
    first_operator_hop,
    is_private,
    is_shared_by_carriers,
    large_packets_end,
    trace_to,
)
from support.path_lines import (
    MISSING,
    TARGET,
    TARGET_V6,
    echoes,
    family_path,
    interface,
    name_server,
    path_facts,
    search,
    trace,
)

BOX, OPERATOR, CORE = "192.168.1.1", "198.51.100.1", "198.51.100.9"
GOOD = trace(BOX, OPERATOR, CORE, TARGET)
GATEWAY = Gateway(address=BOX, interface="eth0", neighbour=Neighbour.SILENT)


def codes(facts: PathFacts) -> list[FindingCode]:
    return [found.code for found in findings(facts)]


def portal(answer: PortalAnswer, status: int | None = None, to: str | None = None) -> PortalCheck:
    return PortalCheck(answer=answer, status=status, location=to, reason=None)


HEALTHY = path_facts(
    family_path(traces=(GOOD,), mtu=search(MtuEnd.WHOLE, 1_500, None)),
    family_path(
        6,
        gateway=Gateway(address="fe80::1", interface="eth0", neighbour=Neighbour.ANSWERED),
        traces=(trace("2001:db8:1::1", "2001:db8::1", TARGET_V6, family=6, address=TARGET_V6),),
    ),
    names=(name_server("192.0.2.53", NameOutcome.ANSWERED, 0),),
    portal=portal(PortalAnswer.OMEGA, 200),
)


def test_a_healthy_path_shows_nothing() -> None:
    assert findings(HEALTHY) == ()


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param(path_facts(family_path(), carrier=False), FindingCode.NO_CARRIER, id="cable"),
        pytest.param(
            path_facts(family_path(), interface=interface(Medium.TUNNEL)),
            FindingCode.TUNNEL,
            id="a tunnel is the interface",
        ),
        pytest.param(
            path_facts(family_path(gateway=MISSING), family_path(6, gateway=MISSING)),
            FindingCode.NO_GATEWAY,
            id="no gateway in any family",
        ),
        pytest.param(
            path_facts(family_path(gateway=GATEWAY)), FindingCode.GATEWAY_SILENT, id="no ARP"
        ),
        pytest.param(
            path_facts(family_path(seen_source="203.0.113.77")), FindingCode.NAT, id="translated"
        ),
        pytest.param(
            path_facts(family_path(traces=(trace(BOX, "192.168.0.1", OPERATOR, TARGET),))),
            FindingCode.DOUBLE_NAT,
            id="a second box at home",
        ),
        pytest.param(
            path_facts(family_path(traces=(trace(BOX, "100.64.0.1", CORE, TARGET),))),
            FindingCode.CGNAT,
            id="a hop shared by carriers",
        ),
        pytest.param(
            path_facts(family_path(source="100.127.255.254")),
            FindingCode.CGNAT,
            id="the host's own address is shared by carriers",
        ),
        pytest.param(
            path_facts(family_path(), portal=portal(PortalAnswer.OTHER, 302, "http://login.lan/")),
            FindingCode.CAPTIVE_PORTAL,
            id="a login page",
        ),
        pytest.param(
            path_facts(family_path(), portal=portal(PortalAnswer.OTHER)),
            FindingCode.CAPTIVE_PORTAL,
            id="somebody else, who says little",
        ),
        pytest.param(
            path_facts(family_path(), names=(name_server("192.0.2.53", NameOutcome.TIMEOUT),)),
            FindingCode.DNS_DEAD,
            id="no name server answers",
        ),
        pytest.param(
            path_facts(family_path(), names=(name_server("192.0.2.53", NameOutcome.ANSWERED, 2),)),
            FindingCode.DNS_FAILING,
            id="it says that it failed",
        ),
        pytest.param(
            path_facts(family_path(), names=(name_server("192.0.2.53", NameOutcome.ANSWERED, 5),)),
            FindingCode.DNS_FAILING,
            id="it refuses",
        ),
        pytest.param(
            path_facts(
                family_path(),
                names=(
                    name_server("192.0.2.53", NameOutcome.ANSWERED, 0),
                    name_server("192.0.2.54", NameOutcome.MALFORMED),
                ),
            ),
            FindingCode.DNS_DEGRADED,
            id="one of two",
        ),
        pytest.param(
            path_facts(family_path(mtu=search(MtuEnd.BLACK_HOLE, 1_400, 1_401))),
            FindingCode.MTU_BLACK_HOLE,
            id="large packets vanish",
        ),
        pytest.param(
            path_facts(family_path(mtu=search(MtuEnd.TOLD, 1_400, 1_401))),
            FindingCode.MTU_REDUCED,
            id="the host itself knew the size",
        ),
        pytest.param(
            path_facts(
                family_path(traces=(GOOD,)),
                family_path(6, traces=(trace(None, family=6, address=TARGET_V6),)),
            ),
            FindingCode.FAMILY_DEAD,
            id="IPv6 leads nowhere",
        ),
    ],
)
def test_each_finding_by_itself(facts: PathFacts, expected: FindingCode) -> None:
    assert codes(facts) == [expected]


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param(path_facts(family_path(), carrier=None), id="a carrier nobody can tell"),
        pytest.param(path_facts(family_path(), interface=MISSING), id="no interface known"),
        pytest.param(path_facts(), id="no family looked at"),
        pytest.param(
            path_facts(family_path(gateway=MISSING), family_path(6)), id="a gateway in one family"
        ),
        pytest.param(path_facts(family_path(seen_source="192.168.1.20")), id="the same address"),
        pytest.param(
            path_facts(
                family_path(6, source="2001:db8:1::20", seen_source="2001:0db8:0001:0::0020")
            ),
            id="the same address, written otherwise",
        ),
        pytest.param(
            path_facts(family_path(source=MISSING, seen_source="203.0.113.77")),
            id="an own address nobody knows",
        ),
        pytest.param(
            path_facts(family_path(traces=(trace(BOX, "10.20.0.1", OPERATOR, TARGET),))),
            id="an operator that numbers its routers from 10.0.0.0/8",
        ),
        pytest.param(
            path_facts(family_path(), portal=portal(PortalAnswer.NONE)), id="nobody answers HTTP"
        ),
        pytest.param(
            path_facts(
                family_path(),
                names=(
                    name_server(
                        "192.0.2.53",
                        NameOutcome.TIMEOUT,
                        known_from=NameServerSource.INSTRUCTION,
                    ),
                ),
            ),
            id="a dead server that is not the host's",
        ),
        pytest.param(
            path_facts(family_path(), names=(name_server("192.0.2.53", NameOutcome.NOT_SENT),)),
            id="a server that could not be asked",
        ),
        pytest.param(
            path_facts(family_path(), names=(name_server("192.0.2.53", NameOutcome.ANSWERED, 3),)),
            id="a name that does not exist",
        ),
        pytest.param(
            path_facts(family_path(mtu=search(MtuEnd.UNANSWERED, None, 576))), id="no size answered"
        ),
        pytest.param(
            path_facts(family_path(traces=(trace(None),)), family_path(6)),
            id="a silent family beside one that was not asked",
        ),
        pytest.param(
            path_facts(
                family_path(traces=(GOOD,)),
                family_path(
                    6,
                    traces=(trace(None, family=6, address=TARGET_V6),),
                    echoes=(echoes(PathRole.TEST_POINT, None, 900),),
                ),
            ),
            id="a family whose echoes are answered",
        ),
    ],
)
def test_what_comes_close_is_no_finding(facts: PathFacts) -> None:
    assert codes(facts) == []


def test_findings_carry_what_they_rest_on() -> None:
    hole = family_path(
        traces=(GOOD, trace(BOX, OPERATOR, None, ip_octets=1_401, method=PathMethod.ICMP)),
        mtu=search(MtuEnd.BLACK_HOLE, 1_400, 1_401),
        seen_source="203.0.113.77",
    )
    facts = path_facts(hole, portal=portal(PortalAnswer.OTHER, 302, "http://login.lan/"))
    assert findings(facts) == (
        Finding(FindingCode.NAT, 4, (("own", "192.168.1.20"), ("seen", "203.0.113.77"))),
        Finding(
            FindingCode.MTU_BLACK_HOLE,
            4,
            (("passed", "1400"), ("last_ttl", "2"), ("silent_ttl", "3")),
        ),
        Finding(
            FindingCode.CAPTIVE_PORTAL,
            values=(("status", "302"), ("location", "http://login.lan/")),
        ),
    )


def test_who_told_a_size_is_a_router_and_not_the_host() -> None:
    told = (
        MtuTold(address=None, mtu_octets=None),
        MtuTold(address="192.168.1.20", mtu_octets=1_400),
        MtuTold(address=OPERATOR, mtu_octets=1_400),
    )
    facts = path_facts(family_path(mtu=search(MtuEnd.TOLD, 1_400, 1_401, *told)))
    assert findings(facts)[0].values == (("passed", "1400"), ("told_by", OPERATOR))


@pytest.mark.parametrize(
    ("path", "boxes", "operator"),
    [
        pytest.param(family_path(traces=(GOOD,)), 1, OPERATOR, id="a box, then the operator"),
        pytest.param(family_path(), 1, None, id="nothing was traced"),
        pytest.param(
            family_path(traces=(trace(BOX, None, CORE, TARGET),)), 1, CORE, id="a silent hop"
        ),
        pytest.param(
            family_path(traces=(trace(BOX, "192.168.0.1", "192.168.9.1", OPERATOR, TARGET),)),
            3,
            OPERATOR,
            id="three boxes at home",
        ),
        pytest.param(
            family_path(source="203.0.113.5", traces=(trace(OPERATOR, TARGET),)),
            0,
            OPERATOR,
            id="the host is the box, with a public address",
        ),
        pytest.param(
            family_path(source="100.64.3.4", traces=(trace("100.64.0.1", TARGET),)),
            0,
            "100.64.0.1",
            id="the host is the box, behind the carrier's translator",
        ),
        pytest.param(family_path(traces=(trace(BOX, TARGET),)), 1, TARGET, id="the target is next"),
        pytest.param(
            family_path(traces=(trace(BOX, "192.168.0.1", address="192.168.0.1"),)),
            1,
            "192.168.0.1",
            id="a target at home is no box",
        ),
        pytest.param(
            family_path(traces=(trace("192.168.1.20", "192.168.1.20"),)),
            1,
            None,
            id="the host itself says unreachable",
        ),
        pytest.param(
            family_path(
                6,
                traces=(trace("2001:db8:1::1", "fd00::1", TARGET_V6, family=6, address=TARGET_V6),),
            ),
            1,
            "fd00::1",
            id="IPv6 has one box",
        ),
    ],
)
def test_where_the_operators_network_begins(
    path: FamilyPath, boxes: int, operator: str | None
) -> None:
    assert customer_hops(path) == boxes
    hop = first_operator_hop(path)
    assert (None if hop is None else hop.address) == operator


def test_the_trace_that_says_the_most_is_taken() -> None:
    silent, syn = trace(BOX), trace(BOX, OPERATOR, TARGET, method=PathMethod.RAW_TCP, ip_octets=40)
    large = trace(BOX, OPERATOR, TARGET, ip_octets=1_500)
    loaded = trace(BOX, OPERATOR, TARGET, under_load=Direction.UP)
    reference = trace(BOX, role=PathRole.REFERENCE)
    path = family_path(traces=(large, loaded, reference, silent, syn))
    assert trace_to(path) == syn, "one that reached the target"
    assert trace_to(family_path(traces=(syn, GOOD))) == GOOD, "UDP, as the delay stream"
    assert trace_to(family_path(traces=(large, loaded))) is None
    assert trace_to(path, PathRole.REFERENCE) == reference


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param(family_path(), None, id="no search"),
        pytest.param(family_path(mtu=search(MtuEnd.WHOLE, 1_500, None)), None, id="no hole"),
        pytest.param(
            family_path(traces=(GOOD,), mtu=search(MtuEnd.BLACK_HOLE, 1_400, 1_401)),
            None,
            id="nobody looked where it is",
        ),
        pytest.param(
            family_path(
                traces=(trace(None, ip_octets=1_401),), mtu=search(MtuEnd.BLACK_HOLE, 1_400, 1_401)
            ),
            (0, 1),
            id="before the first hop",
        ),
    ],
)
def test_where_large_packets_end(path: FamilyPath, expected: tuple[int, int] | None) -> None:
    assert large_packets_end(path) == expected


@pytest.mark.parametrize(
    ("address", "private", "shared"),
    [
        ("10.255.255.255", True, False),
        ("11.0.0.0", False, False),
        ("172.16.0.0", True, False),
        ("172.32.0.0", False, False),
        ("192.168.255.255", True, False),
        ("169.254.7.7", True, False),
        ("100.63.255.255", False, False),
        ("100.64.0.0", False, True),
        ("100.127.255.255", False, True),
        ("100.128.0.0", False, False),
        ("fd12::1", True, False),
        ("fe80::1", True, False),
        ("2001:db8::1", False, False),
    ],
)
def test_kinds_of_addresses(address: str, private: bool, shared: bool) -> None:  # noqa: FBT001 - a table
    assert is_private(address) is private
    assert is_shared_by_carriers(address) is shared


def test_a_hop_counts_what_was_sent_and_answered() -> None:
    seen = Hop(ttl=1, address=BOX, rtt_us=(1, None, 3), answer=HopAnswer.TIME_EXCEEDED)
    assert (seen.sent, seen.answered) == (3, 2)
    row = echoes(PathRole.GATEWAY, 5, None)
    assert (row.sent, row.answered) == (2, 1)


@pytest.mark.parametrize(
    ("address", "answer", "rtt_us"),
    [
        pytest.param(BOX, HopAnswer.TIME_EXCEEDED, (None,), id="an address without an answer"),
        pytest.param(None, HopAnswer.TIME_EXCEEDED, (1,), id="an answer from nowhere"),
        pytest.param(BOX, None, (1,), id="an answer of no kind"),
    ],
)
def test_a_hop_that_contradicts_itself_is_refused(
    address: str | None, answer: HopAnswer | None, rtt_us: tuple[int | None, ...]
) -> None:
    with pytest.raises(ValueError, match="if and only if it answered"):
        Hop(ttl=1, address=address, rtt_us=rtt_us, answer=answer)


def test_hops_are_told_without_a_gap() -> None:
    with pytest.raises(ValueError, match="without a gap"):
        trace(BOX, OPERATOR, hops=GOOD.hops[1:])


def test_a_family_is_told_once() -> None:
    with pytest.raises(ValueError, match="told once"):
        path_facts(family_path(), family_path())


def test_a_trace_that_did_not_end_well_is_still_read() -> None:
    path = family_path(traces=(trace(BOX, ended=TraceEnd.INTERRUPTED),))
    assert trace_to(path) is not None
    assert first_operator_hop(path) is None
