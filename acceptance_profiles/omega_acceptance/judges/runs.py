"""Statistic `mean_log`: the goodput of several runs against a rate, by their logarithmic mean.

From three runs on the sequential test of `omega_acceptance.decision.runs` decides, with a guard
band and what runs that follow each other have in common. Mode quick takes one run: where the
criterion is content with it, a single run whose spread is assumed decides the clear cases.

The value shown is the geometric mean, rounded down: the rate whose logarithm is the mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from omega_acceptance.decision.runs import RUNS_MAX, RUNS_MIN, RunReading, RunTest
from omega_acceptance.judges.case import FINISHED, Case, Finding, met_or_not, not_judged
from omega_core.evidence import Ended, Family, GoodputRun
from omega_core.verdict import Because, Decision, Mode, Outcome, RunEvidence


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of a criterion's direction: all of them, and the rates of those that count."""

    all: tuple[GoodputRun, ...]
    rates_bps: tuple[int, ...]
    family: Family


def judge_mean_log(case: Case) -> Finding:
    """Judge the finished runs of the criterion's direction, all over one IP family."""
    runs, test = finished_runs(case), test_of(case)
    count, limit = len(runs.rates_bps), case.limit(runs.family)
    n_min, n_max = case.criterion.n_min, case.criterion.n_max or RUNS_MAX
    if case.mode is Mode.QUICK and n_min <= count < RUNS_MIN:
        reading = test.read_one(geometric_mean(runs.rates_bps), limit)
        return _finding(case, runs, test, reading, enough=None)
    found = test.read(runs.rates_bps, limit, n_min=n_min, n_max=n_max)
    if found is None:
        return not_judged(
            case,
            why_too_few(case, runs),
            value=geometric_mean(runs.rates_bps) if count else None,
            samples=count,
            samples_needed=n_min if case.mode is Mode.QUICK else max(n_min, RUNS_MIN),
            family=runs.family,
        )
    enough = test.runs_to_pass(found, n_max=n_max)
    return _finding(case, runs, test, found, enough=enough)


def finished_runs(case: Case) -> Runs:
    """Return the runs that came to their end over the family of the first of them."""
    direction = case.criterion.direction
    runs = [each for each in case.runs if each.run.direction is direction]
    finished = (run for run, _ in runs if run.ended in FINISHED)
    family: Family = next((run.family for run in finished), 4)
    rates = (each.rate_bps for run, each in runs if each is not None and run.family == family)
    return Runs(tuple(run for run, _ in runs), tuple(rates), family)


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


def why_too_few(case: Case, runs: Runs) -> Because:
    """Return why there are too few runs for a verdict."""
    task = case.criterion.metric.replace("_bps", "")
    ends = [run.ended for run in runs.all]
    ends += [end.ended for end in case.evidence.tasks if end.task == task]
    if Ended.BUDGET in ends:
        return Because.BUDGET
    return Because.TOO_FEW_SAMPLES if runs.rates_bps else Because.NOT_MEASURED


def test_of(case: Case) -> RunTest:
    """Return the claim of a criterion, with the assumptions of its profile."""
    assumed = case.profile.statistics
    return RunTest(
        guard_ppm=assumed.guard_band_ppm,
        correlation_ppm=assumed.run_correlation_ppm,
        spread_floor_ppm=assumed.run_sd_floor_ppm,
        false_pass_ppm=case.false_pass_ppm,
        false_fail_ppm=case.false_fail_ppm,
    )


def _finding(
    case: Case, runs: Runs, test: RunTest, reading: RunReading, *, enough: int | None
) -> Finding:
    """Return the finding; `enough` is how many runs like these would pass, if any number would."""
    decision = Decision(
        false_outcome_ppm=_false_outcome_ppm(case, reading.outcome),
        false_pass_ppm=case.false_pass_ppm,
        false_fail_ppm=case.false_fail_ppm,
        after_stop=reading.after_stop,
        more_needed=_more(reading, enough),
        runs=RunEvidence(
            runs=reading.runs,
            mean_ppm=reading.mean_ppm,
            spread_ppm=reading.spread_ppm,
            lower_ppm=reading.lower_ppm,
            upper_ppm=reading.upper_ppm,
            guard_ppm=test.guard_ppm,
            correlation_ppm=test.correlation_ppm,
        ),
    )
    value, count = geometric_mean(runs.rates_bps), len(runs.rates_bps)
    if reading.outcome is Outcome.INCONCLUSIVE:
        return not_judged(
            case,
            Because.INSIDE_GUARD_BAND if enough is None else Because.TOO_FEW_SAMPLES,
            value=value,
            samples=count,
            samples_needed=count if enough is None else max(enough, count),
            family=runs.family,
            decision=decision,
        )
    outcome, because = met_or_not(met=reading.outcome is Outcome.PASS)
    return Finding(
        outcome=outcome,
        because=because,
        limit=case.limit(runs.family),
        value=value,
        samples=count,
        samples_needed=case.criterion.n_min,
        decision=decision,
    )


def _more(reading: RunReading, enough: int | None) -> int | None:
    if reading.outcome is not Outcome.INCONCLUSIVE or enough is None:
        return None
    return enough - reading.runs


def _false_outcome_ppm(case: Case, outcome: Outcome) -> int | None:
    errors = {Outcome.PASS: case.false_pass_ppm, Outcome.FAIL: case.false_fail_ppm}
    return errors.get(outcome)
