"""What follows from a finding: criticality, advice, next steps, scope, conditions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from omega_acceptance.decision.availability import Outage
from omega_acceptance.zone import LineSeen, SectorView, Zone, locate
from omega_acceptance.zone.codes import (
    Advice,
    Condition,
    Confidence,
    Criticality,
    FactCode,
    NextStep,
    Scope,
)
from omega_core.environment import Medium
from omega_core.evidence import Attempt, AttemptKind
from omega_core.metrics import Direction
from omega_core.path import NameOutcome, NotObserved, PortalAnswer, PortalCheck, Unobserved
from omega_core.verdict import Fault, Outcome, Verdict
from support.zone_facts import (
    CHAIN,
    NOT_ASKED,
    OPERATOR,
    REFERENCE,
    TEST_POINT,
    answers,
    criterion,
    judged,
    line,
    path4,
    path_facts,
    server,
    short_rate,
    trace,
)

DEAD = server(outcome=NameOutcome.TIMEOUT)
CUT = line(path=path_facts(path4(dead_from=2), names=(DEAD,)), session=False)
CUT_IN_CORE = line(path=path_facts(path4(dead_from=3), names=(DEAD,)), session=False)
NO_BOX = line(
    path=path_facts(
        path4(dead_from=1, gateway=Unobserved(not_observed=NotObserved.NO_ROUTE)), names=()
    ),
    session=False,
)
SLOW = line(path=path4(rtt_ms={OPERATOR: 120, CHAIN[2]: 121, TEST_POINT: 122, REFERENCE: 130}))
SLOW = replace(SLOW, evidence=replace(SLOW.evidence, idle=()))
BOX_DOWN = line(path=path_facts(names=(server(outcome=NameOutcome.REFUSED),)))
SIX = Attempt(kind=AttemptKind.TCP, family=6, to_test_point=True, answered=True, elapsed_us=9)
KEPT = judged(criterion("goodput_bps_down", Outcome.PASS, value=9, limit=1))
PORTAL = PortalCheck(answer=PortalAnswer.OTHER, status=302, location=None, reason=None)


def rate(value: int) -> LineSeen:
    return line(judgement=short_rate(value=value), least_bps={Direction.DOWN: 500_000})


@pytest.mark.parametrize(
    ("seen", "criticality"),
    [
        pytest.param(line(), Criticality.NO_FAULT, id="a good line"),
        pytest.param(CUT, Criticality.BLOCKING, id="a line that is cut"),
        pytest.param(
            replace(CUT, evidence=replace(CUT.evidence, attempts=(SIX,))),
            Criticality.DEGRADED,
            id="cut in one family, and the other one works",
        ),
        pytest.param(BOX_DOWN, Criticality.BLOCKING, id="no names"),
        pytest.param(SLOW, Criticality.DEGRADED, id="slow, and nobody has judged"),
        pytest.param(replace(SLOW, judgement=KEPT), Criticality.MINOR, id="slow, the plan is kept"),
        pytest.param(rate(500_000), Criticality.DEGRADED, id="the contract's least"),
        pytest.param(rate(499_999), Criticality.BLOCKING, id="below the contract's least"),
        pytest.param(
            line(judgement=short_rate(value=200_000)), Criticality.DEGRADED, id="a tenth of it"
        ),
        pytest.param(
            line(judgement=short_rate(value=199_999)), Criticality.BLOCKING, id="below a tenth"
        ),
        pytest.param(
            line(judgement=judged(criterion("goodput_bps_up", Outcome.FAIL, value=None, limit=9))),
            Criticality.MINOR,
            id="a rate without a value",
        ),
        pytest.param(
            line(path=path4(rtt_ms={TEST_POINT: None}), session=False),
            Criticality.MINOR,
            id="the test point alone",
        ),
        pytest.param(
            line(judgement=judged(verdict=Verdict.INVALID, faults=(Fault.CROSS_TRAFFIC,))),
            Criticality.MINOR,
            id="a spoiled run",
        ),
    ],
)
def test_how_much_the_customer_misses(seen: LineSeen, criticality: Criticality) -> None:
    assert locate(seen).criticality is criticality


@pytest.mark.parametrize(
    ("seen", "advice", "steps"),
    [
        pytest.param(line(), [Advice.LINE_IS_GOOD], [NextStep.OFFER_CLOSING], id="a good line"),
        pytest.param(
            line(path=path_facts(medium=Medium.WIFI)),
            [Advice.LINE_IS_GOOD, Advice.USE_CABLE],
            [NextStep.OFFER_CLOSING],
            id="a good line over Wi-Fi",
        ),
        pytest.param(
            line(outages=(Outage(1_000_000, 3_000_000),)),
            [Advice.LINE_IS_GOOD],
            [NextStep.FOLLOW_UP],
            id="a good line with outages lately",
        ),
        pytest.param(
            NO_BOX,
            [Advice.CHECK_CABLES, Advice.RESTART_DEVICE, Advice.TELL_LAMPS],
            [NextStep.TEST_AGAIN, NextStep.SELF_HELP, NextStep.DISPATCH],
            id="at home, on a wire",
        ),
        pytest.param(
            line(
                path=path_facts(
                    path4(dead_from=1, gateway=Unobserved(not_observed=NotObserved.NO_ROUTE)),
                    names=(),
                    medium=Medium.WIFI,
                ),
                session=False,
            ),
            [Advice.MOVE_CLOSER, Advice.USE_CABLE, Advice.RESTART_DEVICE],
            [NextStep.TEST_AGAIN, NextStep.SELF_HELP, NextStep.DISPATCH],
            id="at home, over Wi-Fi",
        ),
        pytest.param(
            BOX_DOWN,
            [Advice.RESTART_BOX, Advice.TELL_LAMPS],
            [NextStep.TEST_AGAIN, NextStep.SELF_HELP, NextStep.SWAP_BOX],
            id="at the box",
        ),
        pytest.param(
            CUT,
            [Advice.NOTHING_AT_HOME],
            [NextStep.TEST_AGAIN, NextStep.DISPATCH],
            id="on the access link",
        ),
        pytest.param(
            replace(CUT, earlier=Zone.ACCESS),
            [Advice.NOTHING_AT_HOME],
            [NextStep.DISPATCH],
            id="on the access link, for the second time",
        ),
        pytest.param(
            replace(CUT, earlier=Zone.CORE),
            [Advice.NOTHING_AT_HOME],
            [NextStep.TEST_AGAIN, NextStep.DISPATCH],
            id="on the access link, and elsewhere before",
        ),
        pytest.param(
            replace(CUT, sector=SectorView(good=1, bad=5)),
            [Advice.NOTHING_AT_HOME],
            [NextStep.TEST_AGAIN, NextStep.JOIN_SECTOR, NextStep.ESCALATE_L3],
            id="with the whole sector",
        ),
        pytest.param(
            CUT_IN_CORE,
            [Advice.NOTHING_AT_HOME],
            [NextStep.TEST_AGAIN, NextStep.ESCALATE_L3],
            id="in the core",
        ),
        pytest.param(
            line(path=path_facts(path4(dead_from=5), names=(DEAD,))),
            [Advice.NOTHING_AT_HOME],
            [NextStep.TEST_AGAIN, NextStep.INFORM],
            id="past the test point",
        ),
        pytest.param(
            line(path=path4(rtt_ms={TEST_POINT: None}), session=False),
            [Advice.NOTHING_AT_HOME],
            [NextStep.TEST_AGAIN, NextStep.MEND_TEST_POINT],
            id="the test point alone",
        ),
        pytest.param(
            line(path=path_facts(portal=PORTAL)),
            [Advice.SIGN_IN],
            [NextStep.TEST_AGAIN, NextStep.SELF_HELP],
            id="a portal",
        ),
        pytest.param(
            line(judgement=judged(verdict=Verdict.FAIL)),
            [Advice.LEAVE_PROBE],
            [NextStep.TEST_AGAIN, NextStep.FOLLOW_UP],
            id="nobody knows where",
        ),
        pytest.param(
            line(
                judgement=judged(
                    verdict=Verdict.INVALID,
                    faults=(Fault.CROSS_TRAFFIC, Fault.TUNNEL, Fault.CLOCK_STEP),
                )
            ),
            [Advice.STOP_TRAFFIC, Advice.CLOSE_TUNNEL, Advice.LEAVE_PROBE],
            [NextStep.TEST_AGAIN, NextStep.SELF_HELP],
            id="a spoiled run",
        ),
    ],
)
def test_who_can_do_what(seen: LineSeen, advice: list[Advice], steps: list[NextStep]) -> None:
    found = locate(seen)
    assert [*found.advice] == advice
    assert [*found.next_steps] == steps
    assert found.confirm_by_retest is (NextStep.TEST_AGAIN in steps)


def test_advice_at_home_without_a_path_is_for_a_wire() -> None:
    seen = line(judgement=short_rate())
    assert Advice.MOVE_CLOSER not in locate(replace(seen, earlier=Zone.ACCESS)).advice


@pytest.mark.parametrize(
    ("sector", "scope"),
    [
        pytest.param(None, None, id="nobody looked"),
        pytest.param(SectorView(good=0, bad=1), None, id="one line alike"),
        pytest.param(SectorView(good=2, bad=2), Scope.SECTOR, id="two of four"),
        pytest.param(SectorView(good=3, bad=2), None, id="two of five"),
        pytest.param(SectorView(good=2, bad=0), None, id="two good lines"),
        pytest.param(SectorView(good=3, bad=0), Scope.LINE, id="three good lines"),
        pytest.param(SectorView(good=4, bad=1), Scope.LINE, id="one of five"),
    ],
)
def test_the_neighbours_tell_the_line_from_the_sector(
    sector: SectorView | None, scope: Scope | None
) -> None:
    found = locate(replace(CUT, sector=sector))
    assert (found.zone, found.scope) == (Zone.ACCESS, scope)
    alike = [each for each in found.evidence if each.code is FactCode.SECTOR_ALIKE]
    assert [each.value for each in alike] == ([] if sector is None else [sector.bad])


def test_the_core_of_good_neighbours_is_only_presumed_at_fault() -> None:
    assert locate(CUT_IN_CORE).confidence is Confidence.LIKELY
    found = locate(replace(CUT_IN_CORE, sector=SectorView(good=9, bad=0)))
    assert (found.zone, found.confidence) == (Zone.CORE, Confidence.PRESUMED)
    assert found.wrong_ppm_max == 250_000


def test_the_neighbours_say_nothing_of_a_home() -> None:
    assert locate(replace(BOX_DOWN, sector=SectorView(good=9, bad=0))).scope is None


SIX_GOOD = replace(path4(), family=6, source="2001:db8:9::20", traces=(), echoes=(), mtu=NOT_ASKED)


@pytest.mark.parametrize(
    ("seen", "conditions"),
    [
        pytest.param(line(), {Condition.CGNAT, Condition.NO_IPV6}, id="behind a shared address"),
        pytest.param(line(path=path_facts(path4(), SIX_GOOD)), {Condition.CGNAT}, id="with IPv6"),
        pytest.param(
            line(
                path=path_facts(
                    path4(),
                    replace(SIX_GOOD, source=NOT_ASKED, gateway=NOT_ASKED),
                )
            ),
            {Condition.CGNAT, Condition.NO_IPV6},
            id="IPv6 was looked for",
        ),
        pytest.param(
            line(path=path_facts(SIX_GOOD, medium=Medium.WIFI)), {Condition.WIFI}, id="over Wi-Fi"
        ),
        pytest.param(
            line(path=path_facts(interface=Unobserved(not_observed=NotObserved.NO_SUPPORT))),
            {Condition.CGNAT, Condition.NO_IPV6},
            id="the interface is not known",
        ),
        pytest.param(
            line(path=path4(lost={OPERATOR: 5})),
            {Condition.CGNAT, Condition.NO_IPV6, Condition.HOP_LIMITS_ANSWERS},
            id="a hop that limits its answers",
        ),
        pytest.param(
            line(path=path_facts(names=(server(), server("10.0.0.1", NameOutcome.TIMEOUT)))),
            {Condition.CGNAT, Condition.NO_IPV6, Condition.SOME_NAMES_DEAD},
            id="one name server is dead",
        ),
        pytest.param(
            line(
                path=path4(
                    traces=(
                        trace(
                            [(each, answers(2)) for each in (CHAIN[0], "192.168.7.1", TEST_POINT)]
                        ),
                    )
                ),
                outages=(Outage(1, 2),),
                validity=(Fault.TUNNEL,),
            ),
            {
                Condition.NO_IPV6,
                Condition.DOUBLE_NAT,
                Condition.TUNNEL,
                Condition.OUTAGES_LATELY,
            },
            id="two boxes, a tunnel, and outages lately",
        ),
    ],
)
def test_what_is_worth_knowing_and_is_no_fault(seen: LineSeen, conditions: set[Condition]) -> None:
    assert {*locate(seen).conditions} == conditions


def test_outages_are_told_with_their_bounds() -> None:
    found = locate(line(outages=(Outage(1_000_000, 3_000_000), Outage(5_000_000, 6_000_000))))
    (fact,) = (each for each in found.evidence if each.code is FactCode.OUTAGES)
    assert (fact.samples, fact.low, fact.high) == (2, 5_000_000, 6_000_000)
