"""Quantiles of Student's t, of the normal and of the beta distribution, by halving an interval.

All of them are monotone, so halving ends at two neighbouring floating-point numbers and needs no
starting guess. The few that a profile asks for are computed once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import erfc, exp, sqrt

from omega_acceptance.decision.beta import ln_incomplete_beta

_KEPT = 256  # probabilities and sample sizes of the profiles of one server


@lru_cache(maxsize=_KEPT)
def student_t_quantile(tail: float, freedom: int) -> float:
    """Return the t above which lies a share `tail` of Student's t with that many degrees.

    P(T > t) = I_{v/(v+t^2)}(v/2, 1/2) / 2. Raises ValueError but for 0 < tail < 1/2, freedom >= 1.
    """
    if freedom < 1:
        raise ValueError(f"Student's t needs a degree of freedom, not {freedom}")

    def above(t: float) -> float:
        return exp(ln_incomplete_beta(freedom / (freedom + t * t), freedom / 2, 0.5)) / 2

    return _where(above, tail)


@lru_cache(maxsize=_KEPT)
def normal_quantile(tail: float) -> float:
    """Return the z above which lies a share `tail` of the normal distribution.

    Raises ValueError outside 0 < tail < 1/2.
    """
    return _where(lambda z: erfc(z / sqrt(2)) / 2, tail)


@lru_cache(maxsize=_KEPT)
def beta_quantile(below: float, a: float, b: float) -> float:
    """Return the x below which lies a share `below` of Beta(a, b).

    A bound of a share is one (Clopper and Pearson): below k of n the upper, from k on the lower.
    Raises ValueError outside 0 < below < 1 and a, b > 0.
    """
    if not 0 < below < 1:
        raise ValueError(f"a share lies between 0 and 1, not at {below}")
    low, high = 0.0, 1.0
    while True:
        middle = (low + high) / 2
        if middle in {low, high}:
            return high
        is_below = exp(ln_incomplete_beta(middle, a, b)) < below
        low, high = (middle, high) if is_below else (low, middle)


def _where(above: Callable[[float], float], tail: float) -> float:
    """Return where a falling function from 1/2 at 0 reaches `tail`."""
    if not 0 < tail < 0.5:
        raise ValueError(f"a tail lies between 0 and 1/2, not at {tail}")
    low, high = 0.0, 1.0
    while above(high) > tail:
        low, high = high, 2 * high
    while True:
        middle = (low + high) / 2
        if middle in {low, high}:
            return high
        low, high = (middle, high) if above(middle) > tail else (low, middle)
