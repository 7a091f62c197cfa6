"""Evidence on a rate, from a few runs that are alike: whether the line delivers at least T.

Theory of operation. y = ln(R/T) of each run, m their mean and s their standard deviation, never
taken for less than a floor. Runs that follow each other are alike, with a correlation rho, so their
mean is less certain than it seems by c = sqrt((1+rho)/(1-rho)):

    h(q) = c x t(1-q, n-1) x s / sqrt(n)
    pass   m - h(0.3 alpha) >=  w
    fail   m + h(beta / 4)  <= -w

It is looked at after the third run and each further one, up to the eighth. The nominal levels keep
all six looks within alpha and beta: by simulation, because the exact law of six t statistics in a
row has no closed form. w is the guard band, as a logarithm: what the instrument may be wrong by.
Runs more alike than 0.5 would break the promise; that is why they alternate in direction.

Bounds are told in millionths of a logarithm, rounded against the claim. Fallbacks: a single run
whose spread is assumed, and the sign test for runs of any distribution.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, comb, floor, fsum, log, sqrt

from omega_acceptance.decision.quantiles import normal_quantile, student_t_quantile
from omega_core.units import PPM
from omega_core.verdict import Outcome

RUNS_MIN = 3
"""Of two runs a standard deviation says next to nothing."""
RUNS_MAX = 8
"""The nominal levels keep their promise for so many runs."""
_PASS_PART = 0.3
_FAIL_PART = 0.25
ONE_RUN_SPREAD_PPM = 50_000
"""By how much a single run is taken to vary."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReading:
    """What the runs came to; all but the counts are logarithms of R/T, in millionths.

    `spread_ppm` is the standard deviation that was seen, `after_stop` counts the runs not read.
    """

    outcome: Outcome
    runs: int
    after_stop: int
    mean_ppm: int
    spread_ppm: int
    lower_ppm: int
    upper_ppm: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTest:
    """The claim that a line delivers a rate, with the assumptions it is judged under, in ppm."""

    guard_ppm: int
    correlation_ppm: int
    spread_floor_ppm: int
    false_pass_ppm: int
    false_fail_ppm: int

    def read(
        self,
        rates_bps: Sequence[int],
        wanted_bps: int,
        *,
        n_min: int = RUNS_MIN,
        n_max: int = RUNS_MAX,
    ) -> RunReading | None:
        """Judge runs in their order; None of fewer than three or `n_min`.

        The first look that decides sticks; runs beyond the eighth or `n_max` are not read.
        """
        first, last = max(n_min, RUNS_MIN), min(n_max, RUNS_MAX)
        found = None
        for count in range(first, min(len(rates_bps), last) + 1):
            found = self._look(rates_bps[:count], wanted_bps, of=len(rates_bps))
            if found.outcome is not Outcome.INCONCLUSIVE:
                break
        return found

    def read_one(self, rate_bps: int, wanted_bps: int) -> RunReading:
        """Judge a single run, whose spread is assumed and not seen.

        It stands in for a fixed-rate window where UDP is blocked: pass from T x e^(w + z s) on,
        fail from T x e^-(w + z s) down, z being the normal quantile of the error probability.
        """
        mean, spread = log(max(rate_bps, 1) / wanted_bps), ONE_RUN_SPREAD_PPM / PPM
        lower = mean - normal_quantile(self.false_pass_ppm / PPM) * spread
        upper = mean + normal_quantile(self.false_fail_ppm / PPM) * spread
        return self._reading(mean, spread, lower, upper, runs=1, after_stop=0)

    def runs_to_pass(self, found: RunReading, *, n_max: int = RUNS_MAX) -> int | None:
        """Return how many runs in all would pass if more came out like these; None: too near."""
        return self._runs_to(found.mean_ppm, found, self._pass_tail, n_max)

    def runs_to_fail(self, found: RunReading, *, n_max: int = RUNS_MAX) -> int | None:
        """Return how many runs in all would fail if more came out like these; None: too near."""
        return self._runs_to(-found.mean_ppm, found, self._fail_tail, n_max)

    def _runs_to(self, beyond_ppm: int, found: RunReading, tail: float, n_max: int) -> int | None:
        """Return how many runs would prove a mean that lies so far beyond the limit."""
        for count in range(found.runs, min(n_max, RUNS_MAX) + 1):
            half = self._half(found.spread_ppm / PPM, count, tail)
            if beyond_ppm - half * PPM >= self.guard_ppm:
                return count
        return None

    @property
    def _pass_tail(self) -> float:
        return self.false_pass_ppm * _PASS_PART / PPM

    @property
    def _fail_tail(self) -> float:
        return self.false_fail_ppm * _FAIL_PART / PPM

    def _look(self, rates_bps: Sequence[int], wanted_bps: int, *, of: int) -> RunReading:
        logs = [log(max(rate_bps, 1) / wanted_bps) for rate_bps in rates_bps]
        count = len(logs)
        mean = fsum(logs) / count
        spread = sqrt(fsum((each - mean) ** 2 for each in logs) / (count - 1))
        lower = mean - self._half(spread, count, self._pass_tail)
        upper = mean + self._half(spread, count, self._fail_tail)
        return self._reading(mean, spread, lower, upper, runs=count, after_stop=of - count)

    def _reading(
        self, mean: float, spread: float, lower: float, upper: float, *, runs: int, after_stop: int
    ) -> RunReading:
        """Return the outcome of bounds around the mean, in whole millionths."""
        lower_ppm, upper_ppm = floor(lower * PPM), ceil(upper * PPM)
        outcome = Outcome.INCONCLUSIVE
        if lower_ppm >= self.guard_ppm:
            outcome = Outcome.PASS
        elif upper_ppm <= -self.guard_ppm:
            outcome = Outcome.FAIL
        return RunReading(
            outcome=outcome,
            runs=runs,
            after_stop=after_stop,
            mean_ppm=floor(mean * PPM),
            spread_ppm=ceil(spread * PPM),
            lower_ppm=lower_ppm,
            upper_ppm=upper_ppm,
        )

    def _half(self, spread: float, count: int, tail: float) -> float:
        """Return half the width of the interval around the mean of so many runs."""
        alike, assumed = self.correlation_ppm / PPM, max(spread, self.spread_floor_ppm / PPM)
        wider = sqrt((1 + alike) / (1 - alike))
        return wider * student_t_quantile(tail, count - 1) * assumed / sqrt(count)


def sign_test(at_least: int, runs: int) -> Fraction:
    """Return how likely a line whose p50 is below T has so many runs at or above T, at most.

    For runs of any distribution; their number must be fixed before the first. Five of five show
    that the p50 reaches T at 95 %, of eight seven do.
    """
    if not 0 <= at_least <= runs or not runs:
        raise ValueError(f"{at_least} of {runs} runs can't be")
    return Fraction(sum(comb(runs, count) for count in range(at_least, runs + 1)), 2**runs)
