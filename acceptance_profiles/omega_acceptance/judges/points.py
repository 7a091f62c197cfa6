"""Rules 1: statistics `percentile`, `share` and `mean_log` by bare comparison with the limit.

Records that were judged before the decision engine came are judged again by these rules, and by no
others: a newer rule never changes what an older record says. Nothing new is judged by them.

A sample of at least `n_min` is compared with the limit as it is. `percentile`: a packet that came
back late or not at all is an event, and a `_p95` metric allows 5 % of them. `share`: a lost packet
is an event. `mean_log`: the mean of ln(R/T) over the runs is at least 0 exactly when the product of
the rates is at least T to the power of their number, which needs no logarithm.
"""

from __future__ import annotations

from omega_acceptance.judges.case import Case, Finding, met_or_not, not_judged
from omega_acceptance.judges.packets import late_or_lost, why_no_stream
from omega_acceptance.judges.runs import finished_runs, geometric_mean, why_too_few
from omega_core.verdict import Because


def percentile_by_point(case: Case) -> Finding:
    """Compare the share of packets that were late or lost with what the percentile allows."""
    because = why_no_stream(case)
    if because is not None:
        return not_judged(case, because)
    rtt_us = case.evidence.idle[0].rtt_us
    measured = case.measured
    value = None if measured is None else measured.value
    if len(rtt_us) < case.criterion.n_min:
        return not_judged(case, Because.TOO_FEW_SAMPLES, value=value, samples=len(rtt_us))
    late = len(late_or_lost(case, rtt_us))
    percent = int(case.criterion.metric.rpartition("_p")[2])
    outcome, because = met_or_not(met=late * 100 <= len(rtt_us) * (100 - percent))
    return Finding(
        outcome=outcome,
        because=because,
        limit=case.limit(),
        value=value,
        samples=len(rtt_us),
        samples_needed=case.criterion.n_min,
    )


def share_by_point(case: Case) -> Finding:
    """Compare the loss of one direction with its limit."""
    because = why_no_stream(case)
    if because is not None:
        return not_judged(case, because)
    measured = case.measured
    if measured is None or measured.value is None:
        return not_judged(case, Because.NOT_MEASURED)
    if measured.samples < case.criterion.n_min:
        return not_judged(
            case, Because.TOO_FEW_SAMPLES, value=measured.value, samples=measured.samples
        )
    outcome, because = met_or_not(met=measured.value <= case.limit())
    return Finding(
        outcome=outcome,
        because=because,
        limit=case.limit(),
        value=measured.value,
        samples=measured.samples,
        samples_needed=case.criterion.n_min,
    )


def mean_log_by_point(case: Case) -> Finding:
    """Compare the logarithmic mean of the finished runs with the rate that was promised."""
    runs = finished_runs(case)
    value = geometric_mean(runs.rates_bps) if runs.rates_bps else None
    samples = len(runs.rates_bps)
    if samples < case.criterion.n_min:
        return not_judged(
            case, why_too_few(case, runs), value=value, samples=samples, family=runs.family
        )
    limit = case.limit(runs.family)
    outcome, because = met_or_not(met=value is not None and value >= limit)
    return Finding(
        outcome=outcome,
        because=because,
        limit=limit,
        value=value,
        samples=samples,
        samples_needed=case.criterion.n_min,
    )
