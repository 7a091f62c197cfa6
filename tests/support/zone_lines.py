"""Lines with one fault, drawn from a seed, and what a diagnosis would hear of them.

    device --LAN-- box --access-- operator hop --core-- hop --core-- test point --beyond-- reference

Nothing here knows the rule that is tested. Every packet is drawn by itself: each stretch loses and
delays it, each way; routers say that a packet's time ran out as Linux does, six times and then once
a second, some more slowly than they forward, some never. As many packets are sent as the path
diagnosis sends (`path_plan`): rounds of each TTL, echoes to each point, short traces beside them, a
stream of 150 packets at 50 a second; two short windows of load each way, with a trace and echoes
beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal

from omega_acceptance.zone import Baseline, LineSeen, SectorView, Zone
from omega_core.environment import Interface, Medium
from omega_core.evidence import Attempt, AttemptKind, Evidence
from omega_core.metrics import METRICS, Direction, MetricValue, NoValue, measured, undefined
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
from omega_core.units import NS_PER_US
from omega_core.verdict import (
    Because,
    CriterionOutcome,
    Judgement,
    Mode,
    Outcome,
    ProfileRef,
    Verdict,
)
from omega_probe.path_plan import ECHO_ROUNDS, TRACE_ROUNDS
from support.facts import idle_stream

Kind = Literal["none", "loss", "delay", "rate", "names", "mtu", "down", "one_way", "wedged"]
BOX, OPERATOR, HOP, TEST_POINT, REFERENCES = range(5)
STRETCH_OF = {Zone.LAN: 0, Zone.ACCESS: 1, Zone.CORE: 2, Zone.BEYOND: 4}
"""Which stretch of the chain a zone's fault is put on; core has a second one, 3."""
PLACES: tuple[tuple[Kind, Zone], ...] = (
    *(("loss", zone) for zone in (Zone.LAN, Zone.ACCESS, Zone.CORE, Zone.BEYOND)),
    *(("delay", zone) for zone in (Zone.LAN, Zone.ACCESS, Zone.CORE, Zone.BEYOND)),
    *(("rate", zone) for zone in (Zone.LAN, Zone.ACCESS, Zone.CORE)),
    *(("mtu", zone) for zone in (Zone.LAN, Zone.ACCESS, Zone.CORE)),
    *(("down", zone) for zone in (Zone.LAN, Zone.ACCESS, Zone.CORE, Zone.BEYOND)),
    *(("one_way", zone) for zone in (Zone.LAN, Zone.ACCESS, Zone.CORE)),
    ("names", Zone.CPE),
    ("names", Zone.BEYOND),
    ("wedged", Zone.CPE),
)
HEALTHY_SHARE = 0.25
ROUNDS, ROUND_US = TRACE_ROUNDS.count, TRACE_ROUNDS.apart_ns // NS_PER_US
ECHOES, PACKETS = ECHO_ROUNDS.count, 150
ADDRESSES = {
    4: ("192.168.1.1", "100.64.3.1", "198.51.100.1", "203.0.113.5", "192.0.2.53"),
    6: ("fe80::1", "2001:db8:1::1", "2001:db8:2::1", "2001:db8:3::5", "2001:db8:4::53"),
}
SECOND_REFERENCE = {4: "192.0.2.80", 6: "2001:db8:4::80"}


@dataclass(frozen=True, slots=True)
class Access:
    """A kind of line: its round trip, how much that varies, what its plan promises."""

    name: str
    rtt_us: int
    varies_us: int
    loss: float
    rate_bps: int
    rtt_limit_us: int
    queue_us: int


ACCESSES = (
    Access("wimax", 40_000, 6_000, 0.001, 2_000_000, 200_000, 250_000),
    Access("adsl", 18_000, 1_500, 0.0002, 8_000_000, 80_000, 120_000),
    Access("fibre", 4_000, 300, 0.0, 100_000_000, 20_000, 60_000),
)


@dataclass(slots=True)
class Stretch:
    """One link of the chain: what it does to a packet of either way."""

    delay_us: int
    varies_us: int
    loss_up: float = 0.0
    loss_down: float = 0.0
    mtu: int = 1_500


@dataclass(slots=True)
class Router:
    """How one node speaks for itself."""

    says_expired: bool = True
    answers_echo: bool = True
    slow_us: int = 0
    tokens: float = 6.0
    refilled_us: int = 0

    def may_say(self, at_us: int) -> bool:
        """Take a token, as the Linux kernel does: six, and one a second."""
        self.tokens = min(6.0, self.tokens + (at_us - self.refilled_us) / 1_000_000)
        self.refilled_us = at_us
        if not self.says_expired or self.tokens < 1:
            return False
        self.tokens -= 1
        return True


@dataclass(slots=True)
class Line:
    """A drawn line: its truth, its links and nodes."""

    seed: int
    zone: Zone
    kind: Kind
    size: str
    access: Access
    stretches: list[Stretch]
    routers: list[Router]
    random: Random
    rate_bps: int
    medium: Medium = Medium.ETHERNET
    forwards: bool = True
    box_names: bool = True
    far_names: bool = True
    has_v6: bool = False
    own_resolver: bool = False
    second_reference: bool = False
    load_seen: bool = True
    notes: list[str] = field(default_factory=list)


def draw_line(seed: int, *, load_seen: bool = True) -> Line:
    """Return the line of a seed: healthy, or with one fault of a drawn kind, place and size."""
    random = Random(seed)  # noqa: S311 - a drawn case, nothing secret
    kind: Kind = "none"
    zone = Zone.NONE
    if random.random() >= HEALTHY_SHARE:
        kind, zone = random.choice(PLACES)
    access = random.choice(ACCESSES)
    wifi = random.random() < 0.2
    lan = Stretch(2_500, 1_500, 0.0005, 0.0005) if wifi else Stretch(300, 100)
    own = Stretch(access.rtt_us // 2, access.varies_us, access.loss, access.loss)
    core = [Stretch(random.randint(300, 6_000), 200), Stretch(random.randint(200, 3_000), 200)]
    beyond = Stretch(random.randint(500, 12_000), 500)
    line = Line(
        seed=seed,
        zone=zone,
        kind=kind,
        size="",
        access=access,
        stretches=[lan, own, *core, beyond],
        routers=_routers(random),
        random=random,
        rate_bps=access.rate_bps,
        medium=Medium.WIFI if wifi else Medium.ETHERNET,
        has_v6=random.random() < 0.4,
        own_resolver=random.random() < 0.3,
        second_reference=random.random() < 0.5,
        load_seen=load_seen,
    )
    _break(line, random)
    return line


def _routers(random: Random) -> list[Router]:
    silent = {BOX: 0.0, OPERATOR: 0.05, HOP: 0.15, TEST_POINT: 0.1, REFERENCES: 0.3}
    no_echo = {BOX: 0.02, OPERATOR: 0.15, HOP: 0.15, TEST_POINT: 0.05, REFERENCES: 0.0}
    return [
        Router(
            says_expired=random.random() >= silent[node],
            answers_echo=random.random() >= no_echo[node],
            slow_us=random.randint(5_000, 80_000) if random.random() < 0.1 else 0,
        )
        for node in range(5)
    ]


def _break(line: Line, random: Random) -> None:
    number = STRETCH_OF.get(line.zone, 0)
    if line.zone is Zone.CORE:
        number += random.randint(0, 1)
    stretch = line.stretches[number]
    if line.kind == "loss":
        share = random.uniform(0.03, 0.3)
        ways = random.choice(("up", "down", "both"))
        line.size = f"{share:.3f} {ways}"
        stretch.loss_up += share if ways != "down" else 0.0
        stretch.loss_down += share if ways != "up" else 0.0
    elif line.kind == "delay":
        added_us = random.randint(80_000, 500_000)
        line.size = f"{added_us} us"
        stretch.delay_us += added_us // 2
    elif line.kind == "rate":
        share = random.uniform(0.1, 0.6)
        line.size = f"{share:.2f}"
        line.rate_bps = int(line.access.rate_bps * share)
    elif line.kind == "mtu":
        stretch.mtu = random.randint(1_280, 1_400)
        line.size = f"{stretch.mtu} octets"
    elif line.kind in {"down", "one_way"}:
        ways = random.choice(("up", "down")) if line.kind == "one_way" else "both"
        line.size = ways
        stretch.loss_up = 1.0 if ways != "down" else stretch.loss_up
        stretch.loss_down = 1.0 if ways != "up" else stretch.loss_down
    elif line.kind == "names":
        line.size = random.choice(("down", "fails", "silent"))
        line.box_names, line.far_names = line.zone is not Zone.CPE, line.zone is Zone.CPE
        if line.zone is Zone.CPE:
            line.own_resolver = False
    elif line.kind == "wedged":
        line.forwards = False
        line.size = random.choice(("no forwarding", "dropped after the time to live"))


class Hearing:
    """What is heard of a line in one family: each question is asked when it is called."""

    def __init__(self, line: Line, family: Literal[4, 6]) -> None:
        self._line, self._random, self._family = line, line.random, family
        for router in line.routers:  # limited for each asker and family, for all traces together:
            router.tokens = 6.0 - line.random.randint(0, 4)  # the short ones to references, too
            router.refilled_us = 0

    def path(self) -> FamilyPath:
        """Return the family's path facts."""
        line, own = self._line, ADDRESSES[self._family]
        roles = [(OPERATOR, PathRole.OPERATOR_HOP), (TEST_POINT, PathRole.TEST_POINT)]
        main, loaded = self._trace(), []
        if self._family == 4:
            roles.insert(0, (BOX, PathRole.GATEWAY))
        heard = {hop.address for hop in main.hops}
        echoes = [
            self._echoes(node, role, own[node])
            for node, role in roles
            if role is not PathRole.OPERATOR_HOP or own[node] in heard
        ]
        references = [own[REFERENCES]]
        if line.second_reference:
            references.append(SECOND_REFERENCE[self._family])
        echoes += [self._echoes(REFERENCES, PathRole.REFERENCE, each) for each in references]
        if line.load_seen:
            for direction in Direction:
                loaded.append(self._trace(under_load=direction))
                echoes += [
                    self._echoes(node, role, own[node], under_load=direction)
                    for node, role in roles
                    if role is not PathRole.OPERATOR_HOP or own[node] in heard
                ]
        search = self._mtu()
        large = [self._large_trace(search)] if search.ended is MtuEnd.BLACK_HOLE else []
        dead_lan = max(line.stretches[0].loss_up, line.stretches[0].loss_down) >= 1
        return FamilyPath(
            family=self._family,
            source="192.168.1.20" if self._family == 4 else "2001:db8:9::20",
            seen_source=Unobserved(not_observed=NotObserved.NOT_ASKED),
            gateway=Gateway(
                address=own[BOX],
                interface="eth0",
                neighbour=Neighbour.SILENT if dead_lan else Neighbour.ANSWERED,
            ),
            traces=(main, *loaded, *large),
            echoes=tuple(echoes),
            mtu=search,
        )

    def _there_and_back(self, node: int, *, octets: int = 60, back: int = 60) -> int | None:
        """Return a round trip to a node; None if any stretch loses the packet or its answer."""
        total_us = 0
        for number in range(node + 1):
            stretch = self._line.stretches[number]
            if number == 1 and not self._line.forwards:
                return None
            if octets > stretch.mtu or back > stretch.mtu:
                return None
            if self._random.random() < stretch.loss_up:
                return None
            if self._random.random() < stretch.loss_down:
                return None
            total_us += 2 * stretch.delay_us
            total_us += int(self._random.expovariate(1.0) * stretch.varies_us)
        return total_us

    def _expires_at(self, node: int, at_us: int, octets: int = 60) -> int | None:
        line, router = self._line, self._line.routers[node]
        if node == BOX and not line.forwards and line.size == "no forwarding":
            return None
        trip_us = self._there_and_back(node, octets=octets)
        if trip_us is None or not router.may_say(at_us):
            return None
        return trip_us + self._slowly(router)

    def _slowly(self, router: Router) -> int:
        return int(self._random.random() * router.slow_us)

    def _trace(self, *, under_load: Direction | None = None) -> Trace:
        rows: list[list[int | None]] = [[] for _ in range(TEST_POINT + 1)]
        begun_us = 0 if under_load is None else 20_000_000 if under_load == "down" else 40_000_000
        for number in range(ROUNDS):
            for node in range(TEST_POINT + 1):
                trip_us = self._expires_at(node, begun_us + number * ROUND_US)
                if trip_us is not None and under_load is not None:
                    trip_us += int(self._queue_us(node) * self._random.uniform(0.6, 1.0))
                rows[node].append(trip_us)
        return self._told(rows, octets=60, under_load=under_load)

    def _large_trace(self, search: MtuSearch) -> Trace:
        assert search.smallest_failed_octets is not None
        octets = search.smallest_failed_octets
        rows: list[list[int | None]] = [
            [self._expires_at(node, 60_000_000 + number * 400_000, octets) for number in range(3)]
            for node in range(TEST_POINT + 1)
        ]
        return self._told(rows, octets=octets)

    def _told(
        self,
        rows: Sequence[Sequence[int | None]],
        *,
        octets: int,
        under_load: Direction | None = None,
    ) -> Trace:
        own = ADDRESSES[self._family]
        heard = [any(each is not None for each in row) for row in rows]
        last = max((node for node, any_answer in enumerate(heard) if any_answer), default=-1)
        reached = last == TEST_POINT
        hops = tuple(
            Hop(
                ttl=node + 1,
                address=own[node] if heard[node] else None,
                rtt_us=tuple(rows[node]),
                answer=self._kind(node) if heard[node] else None,
            )
            for node in range(min(last + 2, TEST_POINT + 1))
        )
        return Trace(
            role=PathRole.TEST_POINT,
            family=self._family,
            address=own[TEST_POINT],
            port=33_434,
            method=PathMethod.UDP,
            ip_octets=octets,
            flow_fixed=True,
            started_offset_us=0,
            waiting_time_us=2_000_000,
            hops=hops,
            ended=TraceEnd.REACHED if reached else TraceEnd.SILENT,
            under_load=under_load,
        )

    @staticmethod
    def _kind(node: int) -> HopAnswer:
        return HopAnswer.PORT_UNREACHABLE if node == TEST_POINT else HopAnswer.TIME_EXCEEDED

    def _echoes(
        self, node: int, role: PathRole, address: str, *, under_load: Direction | None = None
    ) -> Echoes:
        line, router = self._line, self._line.routers[node]
        queued_us = self._queue_us(node) if under_load is not None else 0
        rtt_us: list[int | None] = []
        for _ in range(ECHOES):
            trip_us = self._there_and_back(node) if router.answers_echo else None
            if trip_us is not None:
                trip_us += self._slowly(router)
                trip_us += int(queued_us * line.random.uniform(0.6, 1.0))
            rtt_us.append(trip_us)
        return Echoes(
            role=role,
            address=address,
            method=PathMethod.ICMP,
            started_offset_us=0,
            rtt_us=tuple(rtt_us),
            waiting_time_us=2_000_000,
            under_load=under_load,
        )

    def _queue_us(self, node: int) -> int:
        """Return the queue that a load keeps before the short part, to every node behind it."""
        line = self._line
        short = STRETCH_OF[line.zone] if line.kind == "rate" else STRETCH_OF[Zone.ACCESS]
        return line.access.queue_us if node >= short else 0

    def _mtu(self) -> MtuSearch:
        line = self._line
        least = min(stretch.mtu for stretch in line.stretches[: TEST_POINT + 1])
        passes = [self._there_and_back(TEST_POINT) is not None for _ in range(3)]
        heard = any(passes) and line.routers[TEST_POINT].answers_echo
        ended = MtuEnd.WHOLE if least == 1_500 else MtuEnd.BLACK_HOLE
        hole = heard and ended is MtuEnd.BLACK_HOLE
        return MtuSearch(
            role=PathRole.TEST_POINT,
            address=ADDRESSES[self._family][TEST_POINT],
            method=PathMethod.ICMP,
            interface_mtu_octets=1_500,
            largest_passed_octets=least if heard else None,
            smallest_failed_octets=least + 1 if hole else None,
            tries=(),
            ended=ended if heard else MtuEnd.UNANSWERED,
        )

    def stream(self) -> Any:  # noqa: ANN401 - IdleStream
        """Return the delay stream, direction by direction; None where no session could be had."""
        line = self._line
        up: list[int] = []
        down: list[int] = []
        rtt_us = []
        for number in range(PACKETS):
            lost_up = lost_down = False
            total_us = 0
            for stretch in line.stretches[: TEST_POINT + 1]:
                lost_up = lost_up or self._random.random() < stretch.loss_up
                lost_down = lost_down or self._random.random() < stretch.loss_down
                total_us += 2 * stretch.delay_us
                total_us += int(self._random.expovariate(1.0) * stretch.varies_us)
            if lost_up:
                up.append(number)
            elif lost_down:
                down.append(number)
            rtt_us.append(total_us)
        return idle_stream(packets=PACKETS, rtt_us=rtt_us, lost_up=up, lost_down=down)

    def reaches(self) -> bool:
        """Say whether one round trip to the test point comes back."""
        return self._there_and_back(TEST_POINT) is not None


def seen_of(line: Line) -> LineSeen:
    """Return all that a diagnosis of a line hands to the rule."""
    random = line.random
    four = Hearing(line, 4)
    paths = [four.path()]
    if line.has_v6:
        paths.append(Hearing(line, 6).path())
    attempts = [
        Attempt(
            kind=kind,
            family=4,
            to_test_point=True,
            answered=any(four.reaches() for _ in range(2)),
            elapsed_us=50_000,
        )
        for _ in range(3)
        for kind in (AttemptKind.TCP, AttemptKind.UDP)
    ]
    session = all(any(four.reaches() for _ in range(4)) for _ in range(3))
    facts = PathFacts(
        started_offset_us=0,
        duration_us=7_500_000,
        packets_sent=300,
        interface=Interface(
            name="eth0", medium=line.medium, link_rate_bps=None, duplex=None, mtu_bytes=1_500
        ),
        carrier=True,
        families=tuple(paths),
        names=tuple(_names(line, four)),
        portal=PortalCheck(answer=PortalAnswer.OMEGA, status=200, location=None, reason=None),
    )
    evidence = Evidence(
        attempts=tuple(attempts), idle=(four.stream(),) if session else (), path=facts
    )
    metrics: dict[str, MetricValue] = {
        name: undefined(name, NoValue.NOT_MEASURED) for name in METRICS
    }
    baseline = None
    if random.random() < 0.6:
        usual_us = 2 * sum(each.delay_us for each in draw_twin(line).stretches[: TEST_POINT + 1])
        baseline = Baseline(
            metrics={
                **metrics,
                "idle_rtt_us_p50": measured(
                    "idle_rtt_us_p50", usual_us, samples=1_500, method="birth"
                ),
            }
        )
    return LineSeen(
        evidence=evidence,
        metrics=metrics,
        judgement=_judged(line, session=session),
        baseline=baseline,
        sector=_sector(line, random) if random.random() < 0.3 else None,
    )


def draw_twin(line: Line) -> Line:
    """Return the same line without the delay that its fault adds."""
    if line.kind != "delay":
        return line
    twin = draw_line(line.seed)
    added_us = int(line.size.split()[0]) // 2
    slowest = max(twin.stretches, key=lambda each: each.delay_us - 20_000)
    for stretch in twin.stretches:
        if stretch.delay_us >= added_us and (stretch is slowest or added_us > 30_000):
            stretch.delay_us -= added_us
            break
    return twin


def _sector(line: Line, random: Random) -> SectorView:
    lines = random.randint(4, 20)
    bad = random.randint(0, lines // 10)
    if line.zone is Zone.CORE and line.kind != "mtu":
        bad = lines - bad
    return SectorView(good=lines - bad, bad=bad)


def _names(line: Line, hearing: Hearing) -> list[NameServer]:
    def asked(address: str, node: int, source: NameServerSource, *, works: bool) -> NameServer:
        return NameServer(
            address=address,
            family=4,
            known_from=source,
            questions=tuple(_question(line, hearing, node, works=works) for _ in range(2)),
        )

    far = asked("192.0.2.53", REFERENCES, NameServerSource.INSTRUCTION, works=line.far_names)
    if line.own_resolver:
        own = asked("192.0.2.54", REFERENCES, NameServerSource.HOST, works=line.far_names)
    else:
        own = asked(
            "192.168.1.1",
            BOX,
            NameServerSource.HOST,
            works=line.box_names and line.far_names and _box_gets_through(line),
        )
    return [own, far]


def _box_gets_through(line: Line) -> bool:
    return not any(max(stretch.loss_up, stretch.loss_down) >= 1 for stretch in line.stretches[1:])


def _question(line: Line, hearing: Hearing, node: int, *, works: bool) -> NameQuestion:
    trip_us = next(
        (each for _ in range(2) if (each := hearing._there_and_back(node)) is not None), None
    )
    outcome, rcode = NameOutcome.ANSWERED, 0
    broken_here = not works and line.kind == "names"
    if trip_us is None or (not works and (line.size == "silent" or not broken_here)):
        outcome = NameOutcome.TIMEOUT
    elif not works and line.size == "fails":
        rcode = 2
    elif not works:
        refused = node == BOX and line.zone is Zone.CPE
        outcome = NameOutcome.REFUSED if refused else NameOutcome.TIMEOUT
    answered = outcome is NameOutcome.ANSWERED
    return NameQuestion(
        name="omega.example",
        record_type="A",
        outcome=outcome,
        sent=1 if answered else 2,
        rtt_us=trip_us if answered else None,
        rcode=rcode if answered else None,
    )


def _judged(line: Line, *, session: bool) -> Judgement:
    rows = []
    for direction in Direction:
        rate_bps = int(line.rate_bps * line.random.uniform(0.98, 1.02))
        if line.kind in {"rate", "mtu"} or not session:
            met = False
        else:
            rate_bps, met = int(line.access.rate_bps * 1.01), True
        rows.append(
            _rate(line, direction, rate_bps if session and line.kind != "mtu" else None, met=met)
        )
    rows.append(
        CriterionOutcome(
            id="rtt",
            metric="idle_rtt_us_p95",
            op="at_most",
            limit=line.access.rtt_limit_us,
            unit="us",
            value=None,
            samples=PACKETS,
            samples_needed=950,
            mandatory=False,
            outcome=Outcome.INCONCLUSIVE,
            because=Because.TOO_FEW_SAMPLES,
        )
    )
    failed = any(each.outcome is Outcome.FAIL for each in rows)
    verdict = Verdict.FAIL if failed else Verdict.PASS
    if not session or line.kind == "mtu":
        verdict = Verdict.INCONCLUSIVE
    return Judgement(
        verdict=verdict,
        mode=Mode.QUICK,
        profile=ProfileRef(id="plan", version=2, digest="0" * 64),
        outcomes=tuple(rows),
    )


def _rate(line: Line, direction: Direction, rate_bps: int | None, *, met: bool) -> CriterionOutcome:
    short = rate_bps is not None and not met
    return CriterionOutcome(
        id=f"rate-{direction}",
        metric=f"qualified_bps_{direction}",
        op="at_least",
        limit=line.access.rate_bps,
        unit="bps",
        value=rate_bps,
        samples=2,
        samples_needed=1,
        mandatory=True,
        outcome=Outcome.PASS if met else Outcome.FAIL if short else Outcome.INCONCLUSIVE,
        because=Because.MET if met else Because.NOT_MET if short else Because.NOT_MEASURED,
    )
