"""What a campaign came to: the rule's result beside the statistical verdict, never merged. Pure.

What is put to statistics (`share_verdict`) is: of so many runs so many fell short, and a line that
keeps its promise may fall short in a share p0 of them. A report can be made at any time; a point
rule's result comes only with the whole campaign, the facts of a rule of facts as far as they go.
The other rules that the plan names are told beside it (`beside`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, tzinfo
from fractions import Fraction
from typing import Annotated

from pydantic import Field

from omega_acceptance.rules.beside import rules_beside
from omega_acceptance.rules.codes import Decision, NotEvaluated, RuleOutcome
from omega_acceptance.rules.days import day_at
from omega_acceptance.rules.facts import evaluate_facts
from omega_acceptance.rules.named import RuleBeside
from omega_acceptance.rules.point import error_of_share, evaluate_point
from omega_acceptance.rules.reading import RuleBook
from omega_acceptance.rules.results import FactsResult, PointResult, RunFacts
from omega_acceptance.rules.rule import Op, Rule, Stat
from omega_acceptance.rules.share_verdict import ShareVerdict, share_verdict
from omega_acceptance.rules.standing import Phase, Why
from omega_acceptance.rules.state import CampaignState
from omega_core.facts import INTEGER_MAX, Version1
from omega_core.limits import CAMPAIGN_RUNS_MAX
from omega_core.metrics import Direction
from omega_core.models import Id, StrictModel, UnixUs
from omega_core.units import PPM
from omega_core.verdict import ProfileRef

_Count = Annotated[int, Field(ge=0, le=INTEGER_MAX)]
_Signed = Annotated[int, Field(ge=-INTEGER_MAX, le=INTEGER_MAX)]
_Ppm = Annotated[int, Field(ge=0, le=PPM)]
_Day = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
_Runs = Annotated[int, Field(ge=0, le=CAMPAIGN_RUNS_MAX)]
_HALF = Fraction(1, 2)
_TOWARDS_ONE = (Fraction(0), _HALF, Fraction(7, 10))  # of 90 %: 90, 95 and 97 %


class PredicatePart(StrictModel):
    """One predicate: `found` of `among` days, runs, tests or us, held against `bound`."""

    id: str
    direction: Direction | None
    stat: Stat
    found: _Count
    among: _Count
    op: Op
    bound: str
    holds: bool


class CyclePart(StrictModel):
    """One cycle of tests, stated as a fact."""

    day: _Day
    started_unix_us: UnixUs
    length_us: _Count
    tests: _Runs
    whole: bool


class RegulatoryPart(StrictModel):
    """What the rule says; `because` where it says nothing."""

    outcome: RuleOutcome
    because: NotEvaluated | None
    predicates: tuple[PredicatePart, ...] = ()
    cycles: tuple[CyclePart, ...] = ()


class StatisticalPart(StrictModel):
    """The same question put to statistics."""

    predicate: str
    direction: Direction
    runs: _Runs
    bad_runs: _Runs
    p0_ppm: _Ppm
    verdict: ShareVerdict


class RiskPart(StrictModel):
    """How often the rule says of a line with this true share of good runs that it deviates."""

    predicate: str
    runs: _Runs
    true_share_ppm: _Ppm
    deviates_ppm: _Ppm


class CampaignReport(StrictModel):
    """What `omega campaign report --json` prints.

    `named_by_plan` is null while the contract is not known. `beside` are the other rules it names.
    """

    schema_version: Version1 = 1
    id: Id
    rule: ProfileRef
    plan_id: Id
    profile: ProfileRef | None
    zone: str
    begun_unix_us: UnixUs
    phase: Phase
    why: Why | None
    day: _Day | None
    not_before_unix_us: UnixUs | None
    done: _Runs
    needed: _Runs
    attempts: _Runs
    valid: _Runs
    regulatory: RegulatoryPart
    statistical: tuple[StatisticalPart, ...]
    risks: tuple[RiskPart, ...]
    named_by_plan: bool | None = None
    beside: tuple[RuleBeside, ...] = ()


def campaign_report(
    state: CampaignState, rule: Rule, zone: tzinfo, now_unix_us: int, book: RuleBook
) -> CampaignReport:
    """Return the report of a campaign as it stands; `book` has the rules that its plan names."""
    standing, runs = state.standing(rule, zone, now_unix_us), state.runs(zone)
    named, beside = _named(state, rule, book, day_at(now_unix_us, zone))
    return CampaignReport(
        id=state.id,
        rule=state.rule,
        plan_id=state.plan_id,
        profile=state.contract.profile if state.contract else None,
        zone=rule.zone,
        begun_unix_us=state.begun_unix_us,
        phase=standing.phase,
        why=standing.why,
        day=standing.day.isoformat() if standing.day else None,
        not_before_unix_us=standing.not_before_unix_us,
        done=standing.done,
        needed=standing.needed,
        attempts=len(state.attempts),
        valid=len(runs),
        regulatory=_regulatory(state, rule, runs, standing.phase),
        statistical=tuple(_statistical(state, rule, runs, whole=standing.phase is Phase.COMPLETE)),
        risks=tuple(_risks(rule)),
        named_by_plan=named,
        beside=beside,
    )


def _named(
    state: CampaignState, rule: Rule, book: RuleBook, on: date
) -> tuple[bool | None, tuple[RuleBeside, ...]]:
    """Return whether the plan names the campaign's rule, and what the others it names say."""
    contract = state.contract
    if contract is None or contract.rule_refs is None:
        return None, ()
    all_named = rules_beside(contract, book, on=on)
    others = tuple(each for each in all_named if (each.id, each.version) != (rule.id, rule.version))
    return len(others) < len(all_named), others


def _regulatory(
    state: CampaignState, rule: Rule, runs: tuple[RunFacts, ...], phase: Phase
) -> RegulatoryPart:
    if rule.decision is Decision.FACTS:
        return _facts_part(evaluate_facts(rule, runs))
    if phase is not Phase.COMPLETE or state.contract is None:
        void = phase is Phase.VOID
        because = NotEvaluated.CAMPAIGN_VOID if void else NotEvaluated.CAMPAIGN_OPEN
        return RegulatoryPart(outcome=RuleOutcome.NOT_EVALUATED, because=because)
    return _point_part(evaluate_point(rule, runs, state.contract.known))


def _facts_part(result: FactsResult) -> RegulatoryPart:
    return RegulatoryPart(
        outcome=result.outcome,
        because=result.because,
        cycles=tuple(
            CyclePart(
                day=each.day.isoformat(),
                started_unix_us=each.started_unix_us,
                length_us=each.length_us,
                tests=each.tests,
                whole=each.counts,
            )
            for each in result.cycles
        ),
    )


def _point_part(result: PointResult) -> RegulatoryPart:
    return RegulatoryPart(
        outcome=result.outcome,
        because=result.because,
        predicates=tuple(
            PredicatePart(
                id=each.id,
                direction=each.direction,
                stat=each.stat,
                found=each.found,
                among=each.among,
                op=each.op,
                bound=str(each.bound),
                holds=each.holds,
            )
            for each in result.predicates
        ),
    )


def _statistical(
    state: CampaignState, rule: Rule, runs: tuple[RunFacts, ...], *, whole: bool
) -> Iterator[StatisticalPart]:
    """Judge each share of runs, by direction; the rule's own outcome plays no part."""
    if state.contract is None or not runs:
        return
    for each in evaluate_point(rule, runs, state.contract.known).predicates:
        p0 = 1 - each.bound
        if each.stat is not Stat.SHARE_OF_RUNS or each.direction is None or not 0 < p0 < 1:
            continue
        bad = each.among - each.found
        yield StatisticalPart(
            predicate=each.id,
            direction=each.direction,
            runs=each.among,
            bad_runs=bad,
            p0_ppm=_ppm(p0),
            verdict=share_verdict(bad, each.among, p0, whole=whole),
        )


def _risks(rule: Rule) -> Iterator[RiskPart]:
    """Say what a bare share of runs gets wrong about lines that keep the promise."""
    n = rule.campaign.n if rule.campaign else None
    for each in rule.predicates:
        if n is None or each.stat is not Stat.SHARE_OF_RUNS or not 0 < each.bound < 1:
            continue
        for way in _TOWARDS_ONE:
            true_share = each.bound + (1 - each.bound) * way
            yield RiskPart(
                predicate=each.id,
                runs=n,
                true_share_ppm=_ppm(true_share),
                deviates_ppm=_ppm(error_of_share(n, each.bound, true_share)),
            )


def _ppm(share: Fraction) -> int:
    """Return a share in ppm, rounded to the nearest."""
    return int(share * PPM + _HALF)
