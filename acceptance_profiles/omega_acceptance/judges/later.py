"""Statistics that no judge reads yet: shown with their limit, never decided.

A share of a campaign's runs and an availability over days can't come from one session at all; a
device's own readings wait for the instrument that takes them.
"""

from __future__ import annotations

from omega_acceptance.judges.case import Case, Finding, not_judged
from omega_acceptance.profile import Statistic
from omega_core.verdict import Because, Mode


def judge_later(case: Case) -> Finding:
    """Leave the criterion open and say whether another mode could decide it."""
    over_days = case.criterion.monitor_only or (
        case.criterion.statistic is Statistic.SHARE_OF_RUNS and case.mode is not Mode.CAMPAIGN
    )
    because = Because.NOT_PROVABLE_IN_MODE if over_days else Because.NOT_MEASURED
    measured = case.measured
    if measured is None:
        return not_judged(case, because)
    return not_judged(case, because, value=measured.value, samples=measured.samples)
