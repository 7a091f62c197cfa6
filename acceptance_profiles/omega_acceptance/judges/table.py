"""Which judge reads which statistic, by the version of the rules.

Version 1 compared bare figures but for windows; version 2 states the error probability of each
outcome. A record is judged again by the rules it was judged by.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from omega_acceptance.judges.attempts import judge_all
from omega_acceptance.judges.blocks import judge_block
from omega_acceptance.judges.case import Judge
from omega_acceptance.judges.later import judge_later
from omega_acceptance.judges.packets import judge_percentile, judge_share
from omega_acceptance.judges.points import (
    mean_log_by_point,
    percentile_by_point,
    share_by_point,
)
from omega_acceptance.judges.runs import judge_mean_log
from omega_acceptance.judges.windows import judge_window
from omega_acceptance.profile import Statistic

FIRST_RULES = 1
"""Of judgements that name none: they were made before rules had a version."""
RULES = 2
"""The rules by which everything new is judged."""

_JUDGES: Mapping[Statistic, Judge] = MappingProxyType(
    {
        Statistic.ALL: judge_all,
        Statistic.PERCENTILE: judge_percentile,
        Statistic.SHARE: judge_share,
        Statistic.BLOCK: judge_block,
        Statistic.WINDOW: judge_window,
        Statistic.MEAN_LOG: judge_mean_log,
        Statistic.SHARE_OF_RUNS: judge_later,
        Statistic.BOUNDS: judge_later,
        Statistic.READING: judge_later,
    }
)

JUDGES_OF_RULES: Mapping[int, Mapping[Statistic, Judge]] = MappingProxyType(
    {
        FIRST_RULES: MappingProxyType(
            {
                **_JUDGES,
                Statistic.PERCENTILE: percentile_by_point,
                Statistic.SHARE: share_by_point,
                Statistic.MEAN_LOG: mean_log_by_point,
                Statistic.BLOCK: judge_later,
            }
        ),
        RULES: _JUDGES,
    }
)
