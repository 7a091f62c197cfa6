"""A point rule: bare values are compared, each direction by itself. Pure, whole numbers only.

    days_with_any         distinct days of the campaign with at least one such run
    share_of_runs         such runs of all valid runs
    share_of_time         the same, each run weighted by the time until the next one starts
    share_of_delay_tests  such tests of all delay tests, lost ones never among them

A rule of `deviation_if_any` finds a deviation when one predicate holds in one direction; a rule of
`compliant_if_all` finds compliance when every one holds in every direction. No uncertainty is
allowed for: how often that is wrong about a line says `error_of_share`.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from math import comb

from omega_acceptance.rules.codes import NotEvaluated, RuleOutcome
from omega_acceptance.rules.force import NotKnownError, why_not
from omega_acceptance.rules.results import PointResult, PredicateResult, RunFacts, Situation
from omega_acceptance.rules.rule import (
    Predicate,
    Rule,
    RunCondition,
    Stat,
    compared,
    fraction,
    is_bare_fraction,
)
from omega_core.metrics import Direction


def evaluate_point(rule: Rule, runs: Sequence[RunFacts], known: Situation) -> PointResult:
    """Return what the rule says of these runs; they are valid ones, in the order of time.

    Whether they make a whole campaign is the calendar's question, not this one's.
    """
    if not runs:
        return _silent(rule, NotEvaluated.NO_RUNS)
    if because := why_not(rule, runs[-1].day):
        return _silent(rule, because)
    try:
        found = tuple(
            _result(rule, predicate, direction, runs, known)
            for predicate in rule.predicates
            for direction in _directions(rule, predicate)
        )
    except NotKnownError as unknown:
        return _silent(rule, unknown.because)
    return PointResult(rule=rule.ref, outcome=_outcome(rule, found), predicates=found)


def condition_met(
    rule: Rule, condition: RunCondition, bps: int, direction: Direction, known: Situation
) -> bool:
    """Say whether a rate meets a condition; raises NotKnownError."""
    return compared(bps, condition.op, _limit(rule, condition, direction, known))


def error_of_share(n: int, bound: Fraction, true_share: Fraction) -> Fraction:
    """Return how often "fewer than `bound` of n runs" holds for a line whose true share is this.

    The exact binomial sum over independent runs: what a point rule gets wrong about a line that
    keeps its promise, when `true_share` is that promise.
    """
    return sum(
        (
            comb(n, good) * true_share**good * (1 - true_share) ** (n - good)
            for good in range(n)
            if good < bound * n
        ),
        Fraction(0),
    )


def _directions(rule: Rule, predicate: Predicate) -> tuple[Direction | None, ...]:
    return (None,) if predicate.stat is Stat.SHARE_OF_DELAY_TESTS else rule.directions


def _outcome(rule: Rule, found: tuple[PredicateResult, ...]) -> RuleOutcome:
    holding = [each.holds for each in found]
    if rule.deviation_if_any:
        return RuleOutcome.DEVIATION if any(holding) else RuleOutcome.NO_DEVIATION
    return RuleOutcome.COMPLIANT if all(holding) else RuleOutcome.NOT_COMPLIANT


def _result(
    rule: Rule,
    predicate: Predicate,
    direction: Direction | None,
    runs: Sequence[RunFacts],
    known: Situation,
) -> PredicateResult:
    if direction is None:
        found, among = _delay_tests(predicate.run, known)
    else:
        found, among = _counted(rule, predicate, direction, runs, known)
    if among == 0:
        raise NotKnownError(NotEvaluated.NO_RUNS)
    left = Fraction(found, 1 if predicate.stat is Stat.DAYS_WITH_ANY else among)
    return PredicateResult(
        id=predicate.id,
        direction=direction,
        stat=predicate.stat,
        found=found,
        among=among,
        op=predicate.op,
        bound=predicate.bound,
        holds=compared(left, predicate.op, predicate.bound),
    )


def _counted(
    rule: Rule,
    predicate: Predicate,
    direction: Direction,
    runs: Sequence[RunFacts],
    known: Situation,
) -> tuple[int, int]:
    """Return how much of what meets the run condition: days of days, runs of runs, us of us."""
    limit = _limit(rule, predicate.run, direction, known)
    measured = [(run, bps) for run in runs if (bps := run.bps(direction)) is not None]
    such = [compared(bps, predicate.run.op, limit) for _, bps in measured]
    if predicate.stat is Stat.DAYS_WITH_ANY:
        days = {run.day for (run, _), met in zip(measured, such, strict=True) if met}
        return len(days), len({run.day for run, _ in measured})
    if predicate.stat is Stat.SHARE_OF_RUNS:
        return sum(such), len(such)
    weights = _weights([run for run, _ in measured], known.until_unix_us)
    return sum(us for us, met in zip(weights, such, strict=True) if met), sum(weights)


def _weights(runs: Sequence[RunFacts], until_unix_us: int | None) -> list[int]:
    """Return for each run the us until the next starts; until measuring ended for the last."""
    starts = [run.started_unix_us for run in runs]
    end = starts[-1] if until_unix_us is None else until_unix_us
    return [later - earlier for earlier, later in pairwise([*starts, max(end, starts[-1])])]


def _delay_tests(condition: RunCondition, known: Situation) -> tuple[int, int]:
    limit_us = condition.us or 0
    in_time = [us is not None and compared(us, condition.op, limit_us) for us in known.delays_us]
    return sum(in_time), len(in_time)


def _limit(rule: Rule, condition: RunCondition, direction: Direction, known: Situation) -> Fraction:
    """Return the share of the contracted rate; raises NotKnownError."""
    base = condition.base
    contracted = None if base is None else known.rates(direction).get(base)
    if contracted is None:
        raise NotKnownError(NotEvaluated.CONTRACT_INCOMPLETE)
    share = condition.share or ""
    if is_bare_fraction(share):
        return fraction(share) * contracted
    households = known.households_in_cell
    of_cell = None if households is None else rule.share_of_cell(households)
    if of_cell is None:
        raise NotKnownError(NotEvaluated.CELL_UNKNOWN)
    return of_cell * contracted


def _silent(rule: Rule, because: NotEvaluated) -> PointResult:
    return PointResult(rule=rule.ref, outcome=RuleOutcome.NOT_EVALUATED, because=because)
