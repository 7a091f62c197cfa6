"""Evidence on a share: whether events (a lost packet, a late one, a bad run) are rarer than p0.

Theory of operation. After k events in n samples the two hypotheses are weighed by mixtures of
likelihoods, against the likelihood at the limit p0 itself. The mixture is a Beta(1/2, 1/(2 p0)),
cut to shares below p0 for *pass* and to shares above p0 for *fail*:

    mixed(k, n)  = ln B(a+k, b+n-k) - ln B(a, b) - k ln p0 - (n-k) ln(1-p0),   a = 1/2, b = 1/(2 p0)
    pass(k, n)   = mixed + ln I(p0; a+k, b+n-k) - ln I(p0; a, b)
    fail(k, n)   = mixed + ln I(1-p0; b+n-k, a+k) - ln I(1-p0; b, a)

On a line at or beyond the limit e^pass is a non-negative supermartingale that starts at 1, so by
Ville's inequality it ever reaches 1/alpha with probability at most alpha: one may look after every
packet, and stop when one likes. The same holds for e^fail and beta on a line within the limit. (The
construction is the mixture of Robbins; see Ramdas and others, "Game-theoretic statistics and safe
anytime-valid inference", 2023.)

k and n may be fractions: `bursts` divides both by the design effect. Evidence is told in
millionths of a nat, rounded down, and thresholds are rounded up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import ceil, exp, floor, lgamma, log, log1p

from omega_acceptance.decision.beta import ln_beta, ln_incomplete_beta
from omega_core.units import PPM
from omega_core.verdict import Outcome

UNATS = 1_000_000
"""Millionths of a nat in a nat."""
_A = 0.5


@dataclass(frozen=True, slots=True)
class Evidence:
    """How much speaks for a pass and for a fail, in millionths of a nat."""

    pass_unats: int
    fail_unats: int


@dataclass(frozen=True)
class ShareTest:
    """The claim that at most `limit_ppm` of all samples are events, with its error rates in ppm.

    `limit_ppm` is above 0 and below a million: nothing is ever proved of the ends.
    """

    limit_ppm: int
    false_pass_ppm: int
    false_fail_ppm: int

    def __post_init__(self) -> None:
        for each in (self.limit_ppm, self.false_pass_ppm, self.false_fail_ppm):
            if not 0 < each < PPM:
                raise ValueError(f"a share or probability of {each} ppm can't be tested")

    @property
    def pass_needs_unats(self) -> int:
        """Return the evidence at which the claim is accepted: ln(1/alpha)."""
        return _threshold(self.false_pass_ppm)

    @property
    def fail_needs_unats(self) -> int:
        """Return the evidence at which the claim is rejected: ln(1/beta)."""
        return _threshold(self.false_fail_ppm)

    def weigh(self, events: float, samples: float) -> Evidence:
        """Return the evidence of so many (effective) events among so many (effective) samples."""
        mixed = self._mixed(events, samples)
        return Evidence(
            pass_unats=_unats(mixed + self._below(events, samples) - self._prior_below),
            fail_unats=_unats(mixed + self._above(events, samples) - self._prior_above),
        )

    def outcome(self, events: float, samples: float) -> Outcome:
        """Return what this sample alone comes to.

        Most looks decide nothing, and that is cheap to see: ln I is never above 0.
        """
        mixed = self._mixed(events, samples)
        if _unats(mixed - self._prior_below) >= self.pass_needs_unats:
            found = _unats(mixed + self._below(events, samples) - self._prior_below)
            if found >= self.pass_needs_unats:
                return Outcome.PASS
        if _unats(mixed - self._prior_above) >= self.fail_needs_unats:
            found = _unats(mixed + self._above(events, samples) - self._prior_above)
            if found >= self.fail_needs_unats:
                return Outcome.FAIL
        return Outcome.INCONCLUSIVE

    def samples_to_pass(self, events: float = 0, *, design_effect_ppm: int = PPM) -> int:
        """Return the least number of samples that passes with so many events among them.

        Events and samples are as counted; `design_effect_ppm` divides both.
        """
        return _samples_to_pass(self, events, design_effect_ppm)

    @cached_property
    def samples_to_fail(self) -> int:
        """The least number of samples, all of them events, that fails."""
        return _least(lambda samples: self.outcome(samples, samples) is Outcome.FAIL, start=0)

    @cached_property
    def _p0(self) -> float:
        return self.limit_ppm / PPM

    @cached_property
    def _b(self) -> float:
        return PPM / (2 * self.limit_ppm)

    @cached_property
    def _logs(self) -> tuple[float, float, float]:
        """Return ln p0, ln(1-p0) and ln B(a, b)."""
        return log(self._p0), log1p(-self._p0), ln_beta(_A, self._b)

    @cached_property
    def _prior_below(self) -> float:
        return ln_incomplete_beta(self._p0, _A, self._b)

    @cached_property
    def _prior_above(self) -> float:
        return ln_incomplete_beta(1 - self._p0, self._b, _A)

    def _mixed(self, events: float, samples: float) -> float:
        if not 0 <= events <= samples:
            raise ValueError(f"{events} events among {samples} samples can't be")
        ln_p0, ln_rest, ln_prior = self._logs
        good = samples - events
        ln_after = lgamma(_A + events) + lgamma(self._b + good) - lgamma(_A + self._b + samples)
        return ln_after - ln_prior - events * ln_p0 - good * ln_rest

    def _below(self, events: float, samples: float) -> float:
        return ln_incomplete_beta(self._p0, _A + events, self._b + samples - events)

    def _above(self, events: float, samples: float) -> float:
        return ln_incomplete_beta(1 - self._p0, self._b + samples - events, _A + events)


@lru_cache(maxsize=256)
def share_test(limit_ppm: int, false_pass_ppm: int, false_fail_ppm: int) -> ShareTest:
    """Return a test that is kept, with what it has computed once."""
    return ShareTest(limit_ppm, false_pass_ppm, false_fail_ppm)


@dataclass(frozen=True, slots=True)
class OneLook:
    """What a sample of a size that was fixed beforehand says, by the binomial distribution.

    `pass_p` is how likely so few events are at the limit, `fail_p` how likely so many are.
    """

    outcome: Outcome
    pass_p: float
    fail_p: float


def one_look(test: ShareTest, events: int, samples: int) -> OneLook:
    """Judge a sample once, at the end, when its size was decided before it was taken.

    Exact, and so a little sharper than a test that may be read at any time: 29 samples without an
    event prove a share of 10 %, where that takes 35.
    """
    if not 0 <= events <= samples:
        raise ValueError(f"{events} events among {samples} samples can't be")
    p0 = test.limit_ppm / PPM
    good = samples - events
    pass_p = exp(ln_incomplete_beta(1 - p0, good, events + 1)) if good else 1.0
    fail_p = exp(ln_incomplete_beta(p0, events, good + 1)) if events else 1.0
    outcome = Outcome.INCONCLUSIVE
    if pass_p * PPM <= test.false_pass_ppm:
        outcome = Outcome.PASS
    elif fail_p * PPM <= test.false_fail_ppm:
        outcome = Outcome.FAIL
    return OneLook(outcome, pass_p, fail_p)


@lru_cache(maxsize=1_024)
def _samples_to_pass(test: ShareTest, events: float, design_effect_ppm: int) -> int:
    scale = PPM / design_effect_ppm
    return _least(
        lambda samples: test.outcome(events * scale, samples * scale) is Outcome.PASS,
        start=ceil(events),
    )


def _threshold(error_ppm: int) -> int:
    return ceil(log(PPM / error_ppm) * UNATS)


def _unats(nats: float) -> int:
    return floor(nats * UNATS)


def _least(is_enough: Callable[[int], bool], *, start: int) -> int:
    """Return the least whole number from `start` on that is enough, where more is enough too."""
    low, high = start - 1, max(start, 1)
    while not is_enough(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high
