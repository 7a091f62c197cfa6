"""A rule that states facts: which cycles of tests were held. It has no word for a verdict. Pure.

|<------------- at least cycle_s_min ------------->|
test    test    test    test    test    test    test
|<----->|  interval_s; at twice that a test is missing and the cycle has ended there
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from omega_acceptance.rules.codes import NotEvaluated, RuleOutcome
from omega_acceptance.rules.force import why_not
from omega_acceptance.rules.results import Cycle, FactsResult, RunFacts
from omega_acceptance.rules.rule import CampaignShape, Rule
from omega_core.units import US_PER_S


def evaluate_facts(rule: Rule, runs: Sequence[RunFacts]) -> FactsResult:
    """Return the cycles that these runs make; they are valid ones, in the order of time."""
    because = why_not(rule, runs[-1].day) if runs else NotEvaluated.NO_RUNS
    if because is not None or rule.campaign is None:
        return FactsResult(rule=rule.ref, outcome=RuleOutcome.NOT_EVALUATED, because=because)
    cycles = cycles_of(rule.campaign, [(run.day, run.started_unix_us) for run in runs])
    days = days_together(rule.campaign, {cycle.day for cycle in cycles if cycle.counts})
    complete = len(days) >= (rule.campaign.distinct_days or 0)
    outcome = RuleOutcome.COMPLETE if complete else RuleOutcome.INCOMPLETE
    return FactsResult(rule=rule.ref, outcome=outcome, cycles=cycles)


def days_together(shape: CampaignShape, days: Iterable[date]) -> tuple[date, ...]:
    """Return the most of these days that lie within the span; the latest of several choices."""
    ordered = sorted(days)
    span = shape.span_days_max or 0
    windows = [tuple(day for day in ordered if 0 <= (day - first).days < span) for first in ordered]
    return max(reversed(windows), key=len, default=())


def cycles_of(shape: CampaignShape, tests: Sequence[tuple[date, int]]) -> tuple[Cycle, ...]:
    """Return the cycles of tests given by day and start, in us of UTC."""
    longest_us = 2 * (shape.interval_s or 0) * US_PER_S
    groups: list[list[tuple[date, int]]] = []
    for test in tests:
        if not groups or test[1] - groups[-1][-1][1] >= longest_us:
            groups.append([])
        groups[-1].append(test)
    return tuple(_cycle(shape, group) for group in groups)


def _cycle(shape: CampaignShape, tests: Sequence[tuple[date, int]]) -> Cycle:
    (day, first), (_, last) = tests[0], tests[-1]
    return Cycle(
        day=day,
        started_unix_us=first,
        length_us=last - first,
        tests=len(tests),
        counts=last - first >= (shape.cycle_s_min or 0) * US_PER_S,
    )
