"""Statistic `mean_log`: the goodput of several runs against a rate, by their logarithmic mean.

The mean of ln(R/T) over the runs is at least 0 exactly when the product of the rates is at least
T to the power of their number. In whole numbers that needs no logarithm and has no rounding: one
bit per second either side of the limit is one bit per second either side of the verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from omega_acceptance.judges.case import FINISHED, Case, Finding, met_or_not, not_judged
from omega_core.evidence import Ended, GoodputRun
from omega_core.goodput import steady_rate
from omega_core.verdict import Because


def judge_mean_log(case: Case) -> Finding:
    """Judge the finished runs of the criterion's direction, all over one IP family."""
    direction = case.criterion.direction
    runs = [run for run in case.evidence.goodput if run.direction is direction]
    finished = [run for run in runs if run.ended in FINISHED]
    family = finished[0].family if finished else 4
    steady = [steady_rate(run) for run in finished if run.family == family]
    rates = [each.rate_bps for each in steady if each is not None]
    value = geometric_mean(rates) if rates else None
    if len(rates) < case.criterion.n_min:
        because = _why_too_few(case, runs, counted=len(rates))
        return not_judged(case, because, value=value, samples=len(rates), family=family)
    limit = case.limit(family)
    outcome, because = met_or_not(met=value is not None and value >= limit)
    return Finding(
        outcome=outcome,
        because=because,
        limit=limit,
        value=value,
        samples=len(rates),
        samples_needed=case.criterion.n_min,
    )


def geometric_mean(rates: Sequence[int]) -> int:
    """Return the largest whole number whose n-th power is at most the product of n rates.

    So it is at least T exactly when the logarithmic mean of the rates is at least ln T.
    """
    product, count = prod(rates), len(rates)
    low, high = 0, max(rates) + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if middle**count <= product else (low, middle)
    return low


def _why_too_few(case: Case, runs: Sequence[GoodputRun], *, counted: int) -> Because:
    task = case.criterion.metric.replace("_bps", "")
    ends = [run.ended for run in runs]
    ends += [end.ended for end in case.evidence.tasks if end.task == task]
    if Ended.BUDGET in ends:
        return Because.BUDGET
    return Because.TOO_FEW_SAMPLES if counted else Because.NOT_MEASURED
