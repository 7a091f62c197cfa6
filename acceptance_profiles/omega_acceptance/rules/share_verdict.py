"""What statistics say of the share of runs that a rule counts: the verdict beside its result. Pure.

Both readings of `omega_acceptance.decision.shares`, at 5 % for each error: one that may be taken at
any time, and the exact binomial one, which is sharper and holds for a number of runs that was fixed
before the first. So it is given of a whole campaign only.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Final

from pydantic import Field

from omega_acceptance.decision.quantiles import beta_quantile
from omega_acceptance.decision.shares import one_look, share_test
from omega_core.facts import INTEGER_MAX
from omega_core.models import StrictModel
from omega_core.units import PPM
from omega_core.verdict import Outcome

ERROR_PPM: Final = 50_000

_Ppm = Annotated[int, Field(ge=0, le=PPM)]
_Signed = Annotated[int, Field(ge=-INTEGER_MAX, le=INTEGER_MAX)]


class ShareVerdict(StrictModel):
    """What is proved by one look at all runs (null before they are there), and at any time.

    `one_look_p_ppm` is how likely so few bad runs are at the bound, or so many where that is less;
    `share_low_ppm` and `share_high_ppm` are one-sided 95 % bounds of the share of *good* runs;
    evidence is in millionths of a nat.
    """

    one_look: Outcome | None
    one_look_p_ppm: _Ppm | None
    anytime: Outcome
    pass_unats: _Signed
    fail_unats: _Signed
    share_low_ppm: _Ppm
    share_high_ppm: _Ppm


def share_verdict(bad: int, runs: int, p0: Fraction, *, whole: bool) -> ShareVerdict:
    """Judge `bad` of `runs` where a line that keeps its promise has at most a share p0 of them.

    `whole` says whether all runs of the campaign are there. `runs` is above 0.
    """
    test = share_test(round(p0 * PPM), ERROR_PPM, ERROR_PPM)
    evidence, once = test.weigh(bad, runs), one_look(test, bad, runs)
    good, tail = runs - bad, ERROR_PPM / PPM
    low = beta_quantile(tail, good, bad + 1) if good else 0.0
    high = beta_quantile(1 - tail, good + 1, bad) if bad else 1.0
    return ShareVerdict(
        one_look=once.outcome if whole else None,
        one_look_p_ppm=round(min(once.pass_p, once.fail_p) * PPM) if whole else None,
        anytime=test.outcome(bad, runs),
        pass_unats=evidence.pass_unats,
        fail_unats=evidence.fail_unats,
        share_low_ppm=round(low * PPM),
        share_high_ppm=round(high * PPM),
    )
