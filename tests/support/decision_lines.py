"""Simulated lines for the decision engine: what they do to packets and runs, from a seed.

Losses and late packets come one by one or from a two-state (Gilbert) line whose bad state has a
mean length; runs vary log-normally, the next one alike to the one before, and other traffic takes a
part of some. The engine that judges them is the real one; only what it has computed once for the
same counts is remembered.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from math import exp, log, sqrt
from random import Random

from omega_acceptance.decision.reading import Looks, read
from omega_acceptance.decision.runs import RunTest
from omega_acceptance.decision.shares import ShareTest
from omega_core.units import PPM
from omega_core.verdict import Outcome

WANTED_BPS = 100_000_000


@dataclass(frozen=True, slots=True)
class Tally:
    """What so many lines came to; `mean_size` is the samples or runs that were read."""

    lines: int
    passed: int
    failed: int
    mean_size: float

    @property
    def pass_share(self) -> float:
        return self.passed / self.lines

    @property
    def fail_share(self) -> float:
        return self.failed / self.lines


class Remembering(ShareTest):
    """The same test; a look at counts that were looked at before costs nothing."""

    @lru_cache(maxsize=1 << 20)  # noqa: B019 - a handful of tests live as long as the program
    def outcome(self, events: float, samples: float) -> Outcome:
        return super().outcome(events, samples)


def tally(lines: int, judge: Callable[[], tuple[Outcome, int]]) -> Tally:
    """Judge so many lines; each gives its outcome and how much of its sample was read."""
    found = [judge() for _ in range(lines)]
    outcomes = [outcome for outcome, _ in found]
    return Tally(
        lines=lines,
        passed=outcomes.count(Outcome.PASS),
        failed=outcomes.count(Outcome.FAIL),
        mean_size=sum(size for _, size in found) / lines,
    )


def share_lines(
    rng: Random, test: ShareTest, looks: Looks, *, samples: int, share: float, burst: float = 1
) -> Callable[[], tuple[Outcome, int]]:
    """Return lines on which this share of the samples are events, in bursts of this mean length."""

    def judge() -> tuple[Outcome, int]:
        reading = read(test, bursts(rng, samples, share, burst), samples, looks)
        return reading.outcome, reading.samples

    return judge


def pooled_lines(
    rng: Random, test: ShareTest, looks: Looks, *, attempts: int, samples: int, share: float
) -> Callable[[], tuple[Outcome, int]]:
    """Return lines on which so many attempts of independent samples are judged as one process."""
    joints = tuple(samples * attempt for attempt in range(1, attempts))
    whole = replace(looks, joints=joints)
    return share_lines(rng, test, whole, samples=samples * attempts, share=share)


def best_lines(
    rng: Random, test: ShareTest, looks: Looks, *, attempts: int, samples: int, share: float
) -> Callable[[], tuple[Outcome, int]]:
    """Return the same lines where whoever likes posts the best of the attempts."""
    judge = share_lines(rng, test, looks, samples=samples, share=share)
    order = (Outcome.PASS, Outcome.INCONCLUSIVE, Outcome.FAIL)

    def best() -> tuple[Outcome, int]:
        return min((judge() for _ in range(attempts)), key=lambda found: order.index(found[0]))

    return best


def run_lines(
    rng: Random,
    test: RunTest,
    *,
    ratio: float,
    spread: float,
    alike: float = 0.3,
    disturbed: float = 0,
    runs: int = 8,
) -> Callable[[], tuple[Outcome, int]]:
    """Return lines that deliver a multiple of T, with a coefficient of variation `spread`.

    In a share `disturbed` of the runs other traffic takes 5 to 40 % of the rate.
    """
    sigma = sqrt(log(1 + spread * spread))

    def judge() -> tuple[Outcome, int]:
        rates, common = [], rng.gauss(0, 1)
        for _ in range(runs):
            rate = WANTED_BPS * ratio * exp(sigma * common)
            if rng.random() < disturbed:
                rate *= 1 - rng.uniform(0.05, 0.40)
            rates.append(round(rate))
            common = alike * common + sqrt(1 - alike * alike) * rng.gauss(0, 1)
        reading = test.read(rates, WANTED_BPS)
        assert reading is not None
        return reading.outcome, reading.runs

    return judge


def bursts(rng: Random, samples: int, share: float, burst: float) -> list[int]:
    """Return the places of the events of a two-state line; bursts of 1 are independent events."""
    if not share:
        return []
    if share >= 1:
        return [*range(samples)]
    if burst == 1:
        return _independent(rng, samples, share)
    leave = 1 / burst
    enter = leave * share / (1 - share)
    places: list[int] = []
    at, bad = 0, rng.random() < share
    while at < samples:
        length = _geometric(rng, leave if bad else enter)
        if bad:
            places.extend(range(at, min(at + length, samples)))
        at, bad = at + length, not bad
    return places


def _independent(rng: Random, samples: int, share: float) -> list[int]:
    places: list[int] = []
    at = _geometric(rng, share) - 1
    while at < samples:
        places.append(at)
        at += _geometric(rng, share)
    return places


def _geometric(rng: Random, probability: float) -> int:
    """Return how many trials it takes to the first success."""
    if probability >= 1:
        return 1
    return 1 + int(log(1 - rng.random()) / log(1 - probability))


def expected_within(found: float, expected: float, lines: int) -> bool:
    """Say whether a share agrees with a published one: within 0.01 and three standard errors."""
    error = sqrt(max(expected * (1 - expected), 1 / lines) / lines)
    return abs(found - expected) <= 0.01 + 3 * error


def interval(found: float, lines: int) -> tuple[float, float]:
    """Return the 95 % interval of a share that was found in so many lines (Wilson)."""
    z = 1.959964
    middle = found + z * z / (2 * lines)
    half = z * sqrt(found * (1 - found) / lines + z * z / (4 * lines * lines))
    scale = 1 + z * z / lines
    return max((middle - half) / scale, 0.0), min((middle + half) / scale, 1.0)


def share_test_of(limit: float) -> Remembering:
    """Return the test of a share, at error rates of 5 %."""
    return Remembering(round(limit * PPM), 50_000, 50_000)


RUN_TEST = RunTest(
    guard_ppm=20_000,
    correlation_ppm=300_000,
    spread_floor_ppm=10_000,
    false_pass_ppm=50_000,
    false_fail_ppm=50_000,
)
