"""Statistic `window`: whether the line carried the plan's rate while it was offered.

Each window is read by the rule of `omega_core.qualification` with the plan's own allowances: it was
carried, short, or says nothing. Over the windows at the rate in question:

    `n_min` carried, none short                 pass, for this window of time
    two short, `REPEAT_US` apart, none carried  fail
    anything else                               inconclusive

Windows of several sessions count all together, and in more than half of the sessions that held any
must be what one session needs: at the rate one is carried by chance in three of a hundred, and
trying again must not make that more.

The bound behind *carried* assumes no distribution: a line below the rate passes only if the guard
band was too narrow for the instrument, or a bucket larger than the allowance hid what lasts. A line
at the rate that varies by 8 % within a quarter of a second is short in one window of eight, and in
two in 0.014 of all cases: that is why one short window decides nothing. The error probabilities
that are stated are those of such a line, from simulation (docs/acceptance-profiles.md).
"""

from __future__ import annotations

from collections.abc import Sequence

from omega_acceptance.judges.case import Case, Finding, not_judged, udp_is_blocked
from omega_acceptance.windows import WINDOWS_TO_FAIL, allowance_of
from omega_core.capacity_metrics import HAS_WORKED, qualification_of
from omega_core.evidence import CapacityRun, Ended
from omega_core.qualification import REPEAT_US, Carried, Qualification
from omega_core.verdict import Because, Decision, Outcome

FALSE_PASS_PPM = 30_000
FALSE_FAIL_PPM = 15_000


def judge_window(case: Case) -> Finding:
    """Judge the windows of the criterion's direction at the rate in question or above it."""
    runs = _windows(case)
    seen = [(run, _seen(case, run)) for run in runs]
    carried = [each for _, each in seen if each and each.outcome is Carried.CARRIED]
    short = _apart([(run, each) for run, each in seen if each and each.outcome is Carried.SHORT])
    needed = max(case.criterion.n_min, WINDOWS_TO_FAIL) if short else case.criterion.n_min
    needed *= _most_sessions(case)
    samples = len(carried) + len(short)
    if samples >= needed and not (carried and short):
        return Finding(
            outcome=Outcome.FAIL if short else Outcome.PASS,
            because=Because.NOT_MET if short else Because.MET,
            limit=case.limit(runs[0].family),
            value=short[-1].rate_bps if short else max(each.proved_bps for each in carried),
            samples=samples,
            samples_needed=needed,
            decision=Decision(
                false_outcome_ppm=FALSE_FAIL_PPM if short else FALSE_PASS_PPM,
                false_pass_ppm=FALSE_PASS_PPM,
                false_fail_ppm=FALSE_FAIL_PPM,
            ),
        )
    if carried and short:
        because = Because.MIXED_ATTEMPTS
    elif samples:
        because = Because.TOO_FEW_SAMPLES
    else:
        because = _why_none(case, [each for _, each in seen])
    return not_judged(
        case,
        because,
        value=None if case.measured is None else case.measured.value,
        samples=samples,
        samples_needed=needed,
        family=runs[0].family if runs else 4,
    )


def _windows(case: Case) -> list[CapacityRun]:
    return [
        run
        for run in case.evidence.capacity
        if run.direction is case.criterion.direction
        and run.fixed_bps is not None
        and run.fixed_bps >= case.limit(run.family)
        and run.ended in HAS_WORKED
    ]


def _most_sessions(case: Case) -> int:
    """Return the least number that is more than half of the sessions that held a window."""
    return sum(bool(_windows(each)) for each in case.each_session) // 2 + 1


def _seen(case: Case, run: CapacityRun) -> Qualification | None:
    return qualification_of(run, case.limit(run.family), allowance_of(case.profile))


def _apart(short: Sequence[tuple[CapacityRun, Qualification]]) -> list[Qualification]:
    """Return the short windows that began long enough after the one before them."""
    found: list[Qualification] = []
    not_before_us = 0
    for run, seen in sorted(short, key=lambda entry: entry[0].started_offset_us):
        if run.started_offset_us >= not_before_us:
            found.append(seen)
            not_before_us = run.started_offset_us + REPEAT_US
    return found


def _why_none(case: Case, seen: Sequence[Qualification | None]) -> Because:
    """Return why no window has an answer."""
    outcomes = {None if each is None else each.outcome for each in seen}
    if Carried.UNCLEAR in outcomes:
        return Because.INSIDE_GUARD_BAND
    ends = {run.ended for run in case.evidence.capacity if run.fixed_bps is not None}
    ends |= {
        end.ended
        for end in case.evidence.tasks
        if end.task == f"qualified_{case.criterion.direction}"
    }
    if Ended.BUDGET in ends:
        return Because.BUDGET
    if None in outcomes:
        return Because.TOO_FEW_SAMPLES
    if not seen and udp_is_blocked(case.evidence):
        return Because.UDP_BLOCKED
    return Because.NOT_MEASURED
