"""The path diagnosis over real hops: the kernel's routers, its error queues, its raw sockets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from lab.links import LINKS
from lab.pytest_support import pytest_runtest_setup
from lab.routers import HOPS_V4, HOPS_V6, SERVER_V4, SERVER_V6, NameServerPeer, RouterChain
from lab.topology import Lab
from lab.unprivileged import without_capabilities
from omega_core.clock import SystemClock
from omega_core.path import (
    FamilyPath,
    HopAnswer,
    MtuEnd,
    MtuSearch,
    NameOutcome,
    Neighbour,
    NotObserved,
    PathFacts,
    PathMethod,
    PathRole,
    Trace,
    TraceEnd,
    Unobserved,
)
from omega_core.path_findings import Finding, FindingCode, findings, first_operator_hop, trace_to
from omega_core.units import US_PER_S
from omega_probe.path_diagnosis import PathTargets, diagnose_path

__all__ = ["pytest_runtest_setup"]
pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(60)]

FACTS = TypeAdapter(PathFacts)
TARGETS = PathTargets(
    test_point=(SERVER_V4, SERVER_V6), tcp_port=7_000, name="controller.example", seen=(SERVER_V4,)
)


@pytest.fixture
def chain() -> Iterator[RouterChain]:
    with RouterChain() as made:
        yield made


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A host's files: its name server is at the far end of the chain."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "resolv.conf").write_text(f"nameserver {SERVER_V4}\n")
    tmp_path.chmod(0o755)
    return tmp_path


def look(chain: RouterChain, root: Path, targets: PathTargets = TARGETS) -> PathFacts:
    """Diagnose from the device, in this process; what comes out is what a record can carry."""
    with chain.device.entered():
        facts = diagnose_path(targets, clock=SystemClock(), root=root)
    assert FACTS.validate_json(FACTS.dump_json(facts)) == facts
    assert facts.duration_us <= 8.5 * US_PER_S
    return facts


def look_without_privilege(chain: RouterChain, root: Path) -> PathFacts:
    """Diagnose from the device in threads that have given up every capability."""
    return without_capabilities(
        chain.device, lambda: diagnose_path(TARGETS, clock=SystemClock(), root=root)
    )


def family(facts: PathFacts, number: int) -> FamilyPath:
    return next(path for path in facts.families if path.family == number)


def addresses(trace: Trace | None) -> tuple[str | None, ...]:
    assert trace is not None
    return tuple(hop.address for hop in trace.hops)


def codes(facts: PathFacts) -> set[FindingCode]:
    return {found.code for found in findings(facts)}


def search_of(path: FamilyPath) -> MtuSearch:
    assert isinstance(path.mtu, MtuSearch)
    return path.mtu


def test_a_healthy_path_is_seen_hop_by_hop_in_both_families(chain: RouterChain, root: Path) -> None:
    with NameServerPeer(chain.server, SERVER_V4):
        facts = look(chain, root)
    assert addresses(trace_to(family(facts, 4))) == HOPS_V4
    assert addresses(trace_to(family(facts, 6))) == HOPS_V6
    for path in facts.families:
        assert {trace.method for trace in path.traces} == {PathMethod.UDP, PathMethod.RAW_TCP}
        assert {trace.ended for trace in path.traces} == {TraceEnd.REACHED}
        assert all(row.answered == row.sent for row in path.echoes)
        assert search_of(path).ended is MtuEnd.WHOLE
        assert not isinstance(path.gateway, Unobserved)
        assert path.gateway.neighbour is Neighbour.ANSWERED
    assert facts.carrier is True
    assert [each.outcome for each in facts.names[0].questions] == [NameOutcome.ANSWERED] * 2
    assert facts.names[0].questions[0].addresses == (SERVER_V4,)
    assert codes(facts) == {FindingCode.NAT, FindingCode.CGNAT}, "as the addresses of the chain say"
    assert facts.packets_sent < 400


def test_the_same_hops_are_seen_without_any_privilege(chain: RouterChain, root: Path) -> None:
    with NameServerPeer(chain.server, SERVER_V4):
        facts = look_without_privilege(chain, root)
    for number, hops in ((4, HOPS_V4), (6, HOPS_V6)):
        path = family(facts, number)
        assert addresses(trace_to(path)) == hops
        assert {trace.method for trace in path.traces} == {PathMethod.UDP}
        assert path.mtu == Unobserved(not_observed=NotObserved.NO_PRIVILEGE, detail="icmp")
        assert {row.method for row in path.echoes} == {PathMethod.UDP}
        assert all(row.answered >= row.sent - 1 for row in path.echoes), (
            "kernels limit such answers"
        )
        assert Unobserved(not_observed=NotObserved.NO_PRIVILEGE, detail="tcp") in path.not_observed


def test_an_icmp_socket_serves_where_the_host_allows_it(chain: RouterChain, root: Path) -> None:
    chain.device.sysctl("net.ipv4.ping_group_range", "0 2147483647")
    chain.swallow_larger_than(2, 1_386)
    facts = look_without_privilege(chain, root)
    for path in facts.families:
        assert {row.method for row in path.echoes} == {PathMethod.ICMP}
        assert all(row.answered == row.sent for row in path.echoes)
        search = search_of(path)
        assert (search.method, search.ended) == (PathMethod.ICMP, MtuEnd.BLACK_HOLE)
        assert search.largest_passed_octets == 1_390, "the far end lets an Ethernet tag pass"


def test_a_black_hole_is_found_with_its_size_and_its_place(chain: RouterChain, root: Path) -> None:
    chain.swallow_larger_than(2, 1_400)
    facts = look(chain, root)
    for number in (4, 6):
        search = search_of(family(facts, number))
        assert search.ended is MtuEnd.BLACK_HOLE
        assert search.smallest_failed_octets == 1_405, "the far end lets an Ethernet tag pass"
    holes = [found for found in findings(facts) if found.code is FindingCode.MTU_BLACK_HOLE]
    expected = (("passed", "1404"), ("last_ttl", "2"), ("silent_ttl", "3"))
    assert [hole.values for hole in holes] == [expected, expected]


def test_a_size_that_a_router_tells_is_no_black_hole(chain: RouterChain, root: Path) -> None:
    chain.carry_at_most(2, 1_380)
    for _ in range(2):  # the kernel remembers what it was told, and the search must not care
        facts = look(chain, root)
        search = search_of(family(facts, 4))
        assert (search.ended, search.largest_passed_octets) == (MtuEnd.TOLD, 1_380)
        assert HOPS_V4[1] in {told.address for told in search.told}
        assert FindingCode.MTU_BLACK_HOLE not in codes(facts)


def test_a_silent_hop_hides_nothing_behind_it(chain: RouterChain, root: Path) -> None:
    chain.silence(2)
    path = family(look(chain, root), 4)
    assert addresses(trace_to(path)) == (HOPS_V4[0], None, HOPS_V4[2], SERVER_V4)
    test_point = next(row for row in path.echoes if row.role is PathRole.TEST_POINT)
    assert test_point.answered == test_point.sent
    hop = first_operator_hop(path)
    assert hop is not None
    assert hop.address == HOPS_V4[2], "the first that shows itself"


def test_a_cut_is_seen_behind_the_last_hop_that_answers(chain: RouterChain, root: Path) -> None:
    chain.cut(2)
    facts = look(chain, root)
    for number in (4, 6):
        trace = trace_to(family(facts, number))
        assert trace is not None
        assert trace.ended is TraceEnd.SILENT
        assert [hop.answered > 0 for hop in trace.hops] == [True, True, False]
        assert search_of(family(facts, number)).ended is MtuEnd.UNANSWERED
    assert {each.outcome for each in facts.names[0].questions} == {NameOutcome.TIMEOUT}
    assert FindingCode.DNS_DEAD in codes(facts)


def test_a_box_that_has_gone_is_no_answer_of_arp(chain: RouterChain, root: Path) -> None:
    chain.nodes[1].sysctl("net.ipv4.conf.all.arp_ignore", "8")
    facts = look(chain, root)
    path = family(facts, 4)
    assert not isinstance(path.gateway, Unobserved)
    assert path.gateway.neighbour is Neighbour.SILENT
    assert FindingCode.GATEWAY_SILENT in codes(facts)
    trace = trace_to(path)
    assert trace is not None
    assert trace.ended is not TraceEnd.REACHED
    assert first_operator_hop(path) is None
    assert addresses(trace_to(family(facts, 6))) == HOPS_V6
    assert FindingCode.FAMILY_DEAD in codes(facts)


def test_a_dead_name_server_is_told_from_a_failing_one(chain: RouterChain, root: Path) -> None:
    with NameServerPeer(chain.server, SERVER_V4, dead=True):
        assert FindingCode.DNS_DEAD in codes(look(chain, root))
    with NameServerPeer(chain.server, SERVER_V4, rcode=2):
        facts = look(chain, root)
    assert FindingCode.DNS_FAILING in codes(facts)
    assert {each.rcode for each in facts.names[0].questions} == {2}


def test_a_name_server_that_is_not_there_refuses_at_once(chain: RouterChain, root: Path) -> None:
    facts = look(chain, root, PathTargets(name="controller.example"))
    assert {each.outcome for each in facts.names[0].questions} == {NameOutcome.REFUSED}
    assert FindingCode.DNS_DEAD in codes(facts)
    assert facts.duration_us < 7 * US_PER_S
    assert all(isinstance(path.mtu, Unobserved) for path in facts.families)


def test_a_family_that_the_host_lacks_is_a_reason_and_no_fault(root: Path) -> None:
    with RouterChain(families=(6,)) as chain:
        facts = look(chain, root)
    path = family(facts, 4)
    assert path.gateway == Unobserved(not_observed=NotObserved.NO_ROUTE)
    assert path.source == Unobserved(not_observed=NotObserved.NO_ROUTE)
    assert not path.traces
    assert addresses(trace_to(family(facts, 6))) == HOPS_V6
    assert FindingCode.FAMILY_DEAD not in codes(facts)


def test_a_syn_trace_ends_with_the_targets_own_answer(chain: RouterChain, root: Path) -> None:
    path = family(look(chain, root), 4)
    syn = next(trace for trace in path.traces if trace.method is PathMethod.RAW_TCP)
    assert syn.hops[-1].answer is HopAnswer.TCP
    assert syn.port == 7_000


@pytest.mark.parametrize(("name", "median_us"), [("wimax", 83_500), ("wimax-radio", 126_500)])
def test_a_wimax_line_is_looked_at_in_time_and_hardly_loaded(
    name: str, median_us: int, root: Path
) -> None:
    with Lab(LINKS[name]) as lab, lab.customer.entered():
        targets = PathTargets(test_point=(lab.server.v4, lab.server.v6), tcp_port=7_000)
        facts = diagnose_path(targets, clock=SystemClock(), root=root)
    assert facts.duration_us < 8 * US_PER_S
    for path in facts.families:
        assert search_of(path).ended is MtuEnd.WHOLE, "nor does a lossy line look like a hole"
        rtts = [rtt for row in path.echoes for rtt in row.rtt_us if rtt is not None]
        assert len(rtts) >= 36
        assert min(rtts) >= 80_000, "none is shorter than the line is long"
        assert sorted(rtts)[len(rtts) // 2] <= median_us, (
            "its own packets queue for a millisecond at most"
        )


def test_ipv4_and_ipv6_of_one_box_are_told_apart_when_one_is_dead(
    chain: RouterChain, root: Path
) -> None:
    chain.nodes[2].sysctl("net.ipv6.conf.all.forwarding", "0")
    facts = look(chain, root)
    assert [found for found in findings(facts) if found.code is FindingCode.FAMILY_DEAD] == [
        Finding(FindingCode.FAMILY_DEAD, 6)
    ]
