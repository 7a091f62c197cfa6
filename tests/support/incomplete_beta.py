"""ln I_x(a, b) a second way: a series of positive terms in fifty digits, for whole and half a, b.

    I_x(a, b) = x^a (1-x)^b / (a B(a, b)) x sum of (a+b)_n / (a+1)_n x^n      (DLMF 8.17.8)

Nothing cancels and nothing is approximated but the sum's end; B of whole and half numbers is a
product. Slow, and shares no line with what it checks.
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction

_DIGITS = 50
_PI = Decimal("3.14159265358979323846264338327950288419716939937510582")


def ln_incomplete_beta(x: Fraction, a: Fraction, b: Fraction) -> float:
    """Return ln I_x(a, b) for 0 < x < 1."""
    with localcontext() as context:
        context.prec = _DIGITS
        share, first, second = (_decimal(each) for each in (x, a, b))
        term = total = Decimal(1)
        number = 0
        while term > total * Decimal(10) ** -_DIGITS:
            term *= (first + second + number) / (first + 1 + number) * share
            total += term
            number += 1
        front = first * share.ln() + second * (1 - share).ln() - first.ln()
        return float(front - _ln_gamma(a) - _ln_gamma(b) + _ln_gamma(a + b) + total.ln())


def _ln_gamma(z: Fraction) -> Decimal:
    """Return ln of Gamma of a whole or half number, as the product it is."""
    root = _PI.sqrt() if z.denominator == 2 else Decimal(1)
    product = Fraction(1)
    at = z
    while at > 1:
        at -= 1
        product *= at
    return _decimal(product).ln() + root.ln()


def _decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)
