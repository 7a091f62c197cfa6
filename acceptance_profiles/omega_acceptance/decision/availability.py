"""Availability over observed time: bounds, because an outage begins and ends between two attempts.

An outage lasted at least from its first failed attempt to its last (L), and at most from the last
good one before it to the first good one after (U). Time in which nobody looked (asleep, unpowered,
without a grant) is *not observed*: it is in neither part of the share, and is told.

    low  = 1 - sum(U) / observed        pass    low >= A
    high = 1 - sum(L) / observed        fail    high < A

On site no percentage can be proved in minutes: N attempts without a failure leave room for a bad
share of 1 - alpha^(1/N). All shares are exact fractions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import expm1, log

from omega_core.units import PPM
from omega_core.verdict import Outcome


@dataclass(frozen=True, slots=True)
class Outage:
    """One outage: it lasted at least `least_us` and at most `most_us`."""

    least_us: int
    most_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability:
    """What was observed of a window of time."""

    window_us: int
    unobserved_us: int
    outages: tuple[Outage, ...]

    @property
    def observed_us(self) -> int:
        """Return for how long somebody looked."""
        return self.window_us - self.unobserved_us

    @property
    def low(self) -> Fraction:
        """The least availability that what was seen allows."""
        return 1 - Fraction(self._most_us, self.observed_us)

    @property
    def high(self) -> Fraction:
        """The greatest availability that what was seen allows."""
        return 1 - Fraction(self._least_us, self.observed_us)

    @property
    def pessimistic(self) -> Fraction:
        """The availability if nothing had worked while nobody looked; shown, never judged."""
        return 1 - Fraction(self._most_us + self.unobserved_us, self.window_us)

    @property
    def optimistic(self) -> Fraction:
        """The availability if all had worked while nobody looked; shown, never judged."""
        return 1 - Fraction(self._least_us, self.window_us)

    def outcome(self, wanted_ppm: int, *, observed_min_ppm: int = 0) -> Outcome:
        """Judge the bounds; open while less of the window was observed than is asked for."""
        wanted = Fraction(wanted_ppm, PPM)
        seen_enough = self.observed_us * PPM >= observed_min_ppm * self.window_us
        if self.observed_us <= 0 or not seen_enough:
            return Outcome.INCONCLUSIVE
        if self.low >= wanted:
            return Outcome.PASS
        return Outcome.FAIL if self.high < wanted else Outcome.INCONCLUSIVE

    @property
    def _least_us(self) -> int:
        return sum(each.least_us for each in self.outages)

    @property
    def _most_us(self) -> int:
        return sum(each.most_us for each in self.outages)


def outages(attempts: Iterable[tuple[int, bool]]) -> tuple[Outage, ...]:
    """Return the outages in attempts, each its time in microseconds and whether it was answered.

    Attempts ascend in time and lie within one stretch of observation: what was before the first
    and after the last is not known, and not counted.
    """
    found: list[Outage] = []
    last_good_us: int | None = None
    failed: list[int] = []
    for at_us, answered in attempts:
        if not answered:
            failed.append(at_us)
            continue
        if failed:
            found.append(_outage(failed, since_us=last_good_us, until_us=at_us))
        failed, last_good_us = [], at_us
    if failed:
        found.append(_outage(failed, since_us=last_good_us, until_us=None))
    return tuple(found)


def bad_share_bound(attempts: int, false_pass_ppm: int) -> float:
    """Return the share of bad time that so many attempts without a failure still allow."""
    if attempts < 1:
        return 1.0
    return -expm1(log(false_pass_ppm / PPM) / attempts)


def _outage(failed: Sequence[int], *, since_us: int | None, until_us: int | None) -> Outage:
    first_us, last_us = failed[0], failed[-1]
    begun_us = first_us if since_us is None else since_us
    ended_us = last_us if until_us is None else until_us
    return Outage(least_us=last_us - first_us, most_us=ended_us - begun_us)
