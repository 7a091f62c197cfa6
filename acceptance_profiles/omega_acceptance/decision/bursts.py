"""Bursts: neighbouring packets share their fate, so a sample is worth less than its size.

Of a two-state loss whose bursts have a mean of b packets the autocorrelation at distance j is
(1 - 1/b)^j, and 1 + 2 x its sum is 2b - 1: the *design effect*. Events and samples are divided by
it before they are weighed. Counted one by one, losses in bursts of five pass a line exactly at its
limit in more than half of all cases.

    b = max(1, what the plan assumes, what was observed)

Observed is the mean length of the runs of events times the share of the sample that is none. At a
small share that is their length; at a large one it takes away the runs that chance alone makes, for
independent events have a mean run of 1/(1-p). Without it a line on which every packet is late would
be one single burst, and never fail. (With good runs of a mean g the autocorrelation is
(1 - 1/b - 1/g)^j, which leads to the same.)

What is observed corrects a plan that assumes too little, but late: a false fail stays rare, a false
pass does not. That is why the assumed burst is told beside the outcome. Bursts last milliseconds
and not packets: sending faster makes b larger and proves nothing sooner.
"""

from __future__ import annotations

from omega_core.units import PPM, US_PER_S


def assumed_burst_ppm(burst_us: int, *, period_us: int) -> int:
    """Return how many packets a burst of this length meets, in millionths; at least one packet."""
    return max(PPM, -(-burst_us * PPM // max(period_us, 1)))


def observed_burst_ppm(events: int, samples: int, runs: int) -> int:
    """Return the burst that so many runs of events show, in millionths; 0 where there is none."""
    return -(-events * (samples - events) * PPM // (samples * runs)) if runs else 0


def period_of(probe_pps: int) -> int:
    """Return how many microseconds lie between two packets."""
    return US_PER_S // probe_pps


def design_effect_ppm(burst_ppm: int) -> int:
    """Return 2b - 1, in millionths."""
    return 2 * burst_ppm - PPM
