"""Statistic `block`: working latency, judged by blocks of one second under load.

A second of the steady load is one block; its p50 is held against the limit, a lost packet counting
as late. More good blocks than bad ones is what is promised: the event is a bad block and the share
1/2. Neighbouring blocks share a queue, so the plan says how many seconds one burst of bad blocks
lasts (`block_burst_s`); what is observed corrects nothing here, because where an event is as likely
as not chance alone makes runs of two.

What counts of a stream is what the metric counts: packets sent while the load was held or steady. A
block that began and did not end within it is left out.
"""

from __future__ import annotations

from omega_acceptance.decision.reading import Looks
from omega_acceptance.judges.case import Case, Finding, not_judged
from omega_acceptance.judges.shares import Sample, judge_sample
from omega_core.metrics import Direction
from omega_core.units import PPM
from omega_core.verdict import Because
from omega_core.working import blocks_under_load

_HALF_PPM = PPM // 2


def judge_block(case: Case) -> Finding:
    """Judge the working round trip of the criterion's direction, second by second."""
    seen, limit_us, measured = case.evidence, case.limit(), case.measured
    direction = Direction(case.criterion.metric.rpartition("_")[2])
    blocks = blocks_under_load(direction, seen.working, case.runs, seen.capacity)
    bad = [_is_bad(block, limit_us) for block in blocks]
    value = None if measured is None else measured.value
    if not bad:
        return not_judged(case, Because.NOT_MEASURED, value=value)
    sample = Sample(
        events=[at for at, is_bad in enumerate(bad) if is_bad],
        size=len(bad),
        limit_ppm=_HALF_PPM,
        looks=Looks(
            every=1,
            n_min=case.criterion.n_min,
            n_max=case.criterion.n_max,
            burst_ppm=case.profile.statistics.block_burst_s * PPM,
            observe=False,
        ),
        value=value,
    )
    return judge_sample(case, sample)


def _is_bad(rtt_us: tuple[int | None, ...], limit_us: int) -> bool:
    """Say whether the p50 of a block is above the limit, a lost packet being later than any."""
    within = sum(each is not None and each <= limit_us for each in rtt_us)
    return 2 * within < len(rtt_us)
