"""A sample that is read while it grows: looked at again and again, and decided once.

The sample is told by the ascending positions of its events, so that a clean one costs nothing to
read. It is looked at every so many samples from `n_min` on, and at its end; the first look that
decides sticks, whatever comes later. What follows is kept in the record and counted as
`after_stop`: measuring on can't take an outcome back, and what it adds is told, not used.

A sample may go on in a later session: evidence knows no end. It is looked at where a session ended,
as it was then, and a burst does not reach from one into the next.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import merge

from omega_acceptance.decision.bursts import design_effect_ppm, observed_burst_ppm
from omega_acceptance.decision.shares import Evidence, ShareTest
from omega_core.units import PPM
from omega_core.verdict import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """When a sample is looked at, and what burst is taken for granted.

    `n_max` ends the reading; None reads to the end. `observe` is whether the runs that are seen may
    correct the burst: not where an event is as likely as not, for chance alone makes runs then.
    `joints` are the ascending places at which another session begins. Where the sample still
    `grows` its end is no place to look: who reads the whole of it later won't look there.
    """

    every: int
    n_min: int = 1
    n_max: int | None = None
    burst_ppm: int = PPM
    observe: bool = True
    joints: tuple[int, ...] = ()
    grows: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a sample came to: when it was decided, or at its end.

    `events` among `samples` are those that were read, `after_stop` samples came later. `evidence`
    follows from them and the burst that was applied; `enough` says whether `n_min` was there.
    """

    outcome: Outcome
    events: int
    samples: int
    after_stop: int
    burst_ppm: int
    evidence: Evidence
    enough: bool

    @property
    def design_effect_ppm(self) -> int:
        """By how much events and samples were divided, in millionths."""
        return design_effect_ppm(self.burst_ppm)


def read(test: ShareTest, positions: Sequence[int], samples: int, looks: Looks) -> Reading:
    """Return what a sample comes to whose events stand at these ascending positions from 0 on."""
    end = samples if looks.n_max is None else min(samples, looks.n_max)
    taken = set(positions)
    first_of_run = [at for at in positions if at in looks.joints or at - 1 not in taken]
    events, size, burst_ppm = 0, 0, looks.burst_ppm
    outcome = Outcome.INCONCLUSIVE
    for size in _sizes(looks, end):
        events = bisect_left(positions, size)
        burst_ppm = _burst_ppm(looks, events, size, runs=bisect_left(first_of_run, size))
        scale = PPM / design_effect_ppm(burst_ppm)
        if size >= looks.n_min:
            outcome = test.outcome(events * scale, size * scale)
        if outcome is not Outcome.INCONCLUSIVE:
            break
    scale = PPM / design_effect_ppm(burst_ppm)
    return Reading(
        outcome=outcome,
        events=events,
        samples=size,
        after_stop=samples - size,
        burst_ppm=burst_ppm,
        evidence=test.weigh(events * scale, size * scale),
        enough=size >= looks.n_min,
    )


def more_to_pass(test: ShareTest, reading: Reading) -> int:
    """Return how many more samples, none of them an event, would pass after this reading."""
    needed = test.samples_to_pass(reading.events, design_effect_ppm=reading.design_effect_ppm)
    return max(needed - reading.samples, 0)


def _sizes(looks: Looks, end: int) -> Iterator[int]:
    """Yield how much of the sample each look has."""
    yield from merge(range(looks.every, end, looks.every), (at for at in looks.joints if at < end))
    if end and (not looks.grows or end % looks.every == 0 or end == looks.n_max):
        yield end


def _burst_ppm(looks: Looks, events: int, size: int, *, runs: int) -> int:
    if not looks.observe:
        return looks.burst_ppm
    return max(looks.burst_ppm, observed_burst_ppm(events, size, runs))
