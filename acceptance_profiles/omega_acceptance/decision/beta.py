"""The regularised incomplete beta function, in logarithms.

    I_x(a, b) = x^a (1-x)^b / (a B(a, b)) * 1/(1 + d_1/(1 + d_2/(1 + ...)))

The continued fraction (DLMF 8.17.22) is evaluated by the modified Lentz method, which can't divide
by zero. It converges quickly for x <= (a+1)/(a+b+2); beyond that 1 - I_{1-x}(b, a) is used. In
logarithms nothing underflows: a line that is far off has evidence of e^-1000 and less.
"""

from __future__ import annotations

from functools import lru_cache
from math import exp, inf, lgamma, log, log1p

_EPSILON = 1e-15
_TINY = 1e-300  # in place of a zero denominator; small beside any term
_TERMS_MAX = 10_000  # they grow with the root of a + b: enough for 10^7 samples

_REMEMBERED = 4_096  # sessions of one plan ask of the same sizes of sample, record after record


def ln_beta(a: float, b: float) -> float:
    """Return ln B(a, b), for a and b above 0."""
    return lgamma(a) + lgamma(b) - lgamma(a + b)


@lru_cache(maxsize=_REMEMBERED)
def ln_incomplete_beta(x: float, a: float, b: float) -> float:
    """Return ln I_x(a, b): the logarithm of the share of Beta(a, b) that lies below x.

    Raises ValueError outside 0 <= x <= 1 and a, b > 0, and ArithmeticError where the series does
    not settle, which takes parameters beyond any sample.
    """
    if not (0 <= x <= 1 and a > 0 and b > 0):
        raise ValueError(f"I_x(a, b) is not defined for x={x}, a={a}, b={b}")
    if x == 0:
        return -inf
    if x == 1:
        return 0.0
    ln_front = a * log(x) + b * log1p(-x) - ln_beta(a, b)
    if x <= (a + 1) / (a + b + 2):
        return min(ln_front - log(a) + log(_continued_fraction(x, a, b)), 0.0)
    above = exp(ln_front - log(b)) * _continued_fraction(1 - x, b, a)
    return log1p(-above) if above < 1 else -inf


def _continued_fraction(x: float, a: float, b: float) -> float:
    c, d = 1.0, _not_zero(1 - (a + b) * x / (a + 1))
    d = 1 / d
    value = d
    for m in range(1, _TERMS_MAX):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            c = _not_zero(1 + term / c)
            d = 1 / _not_zero(1 + term * d)
            value *= c * d
        if abs(c * d - 1) < _EPSILON:
            return value
    raise ArithmeticError(f"I_x(a, b) did not settle for x={x}, a={a}, b={b}")


def _not_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
