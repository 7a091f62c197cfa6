"""Which judge reads which statistic."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from omega_acceptance.judges.attempts import judge_all
from omega_acceptance.judges.case import Judge
from omega_acceptance.judges.later import judge_later
from omega_acceptance.judges.packets import judge_percentile, judge_share
from omega_acceptance.judges.runs import judge_mean_log
from omega_acceptance.judges.windows import judge_window
from omega_acceptance.profile import Statistic

JUDGES: Mapping[Statistic, Judge] = MappingProxyType(
    {
        Statistic.ALL: judge_all,
        Statistic.PERCENTILE: judge_percentile,
        Statistic.SHARE: judge_share,
        Statistic.BLOCK: judge_later,
        Statistic.WINDOW: judge_window,
        Statistic.MEAN_LOG: judge_mean_log,
        Statistic.SHARE_OF_RUNS: judge_later,
        Statistic.BOUNDS: judge_later,
        Statistic.READING: judge_later,
    }
)
