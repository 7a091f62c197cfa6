"""Does a line carry a rate? Judged from what a receiver counted of a load at a fixed rate.

Theory of operation. More than the rate T in question is offered from a standing start, so that a
line that carries T can show it within `HOLD_US` by a bound that assumes no distribution:

    G = 8 x octets that arrived in time / (t + v)        at some t of at least dt

What was sent faster than the line carries can't have been hidden in a policer's bucket or a queue
of v, so G is less than the line's rate. *In time* is a report none of whose packets waited longer
than `queue_us`. With w allowed for the instrument and s for a line that varies, both as logarithms:

    G >= T + w, and no loss beyond the idle one                      CARRIED, whatever follows
    received surely at or below T - s, and the line kept the rest    SHORT
    received so little, and the line kept nothing back               NOT_SENT
    neither                                                          UNCLEAR

*Surely* is twice the standard error of the rate of the last sub-interval. *The line kept the rest*
means that at least half of what is missing was lost on the way or went into a queue that grew; if
not, the sending host did not send it, and nothing is said of the line. Above T a queue may grow
and overflow: that is the offer, not the line, but then the loss leaves the answer open.

The offer follows from the bound: T x e^w x (1 + v/t) / (1 - loss) proves T at t = `HOLD_US`. The
loss is the idle one and its standard error, because a short idle stream knows it badly, and what
the plan leaves to loss. All arithmetic is exact: whoever judges the same reports comes to the same
answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise
from typing import Final

from omega_core.capacity import Count, Found, IdleLoss, Span
from omega_core.units import BITS_PER_OCTET, PPM, US_PER_S, share_ppm_rounded_up

HOLD_US: Final = 2_500_000  # at most; a direction is to be asked within three seconds
REPEAT_US: Final = 10 * US_PER_S  # after the beginning of a short window: a fade has passed
_SIGMAS: Final = 2
_EXPLAINED_PART: Final = 2  # at least one part in so many of what is missing
_TERMS: Final = 12  # of the series: exact to 1e-8 for any guard band


class Carried(StrEnum):
    """What a fixed rate came to."""

    CARRIED = "carried"
    SHORT = "short"
    UNCLEAR = "unclear"
    NOT_SENT = "not sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What a window leaves to the line and to the instrument; a plan may say otherwise.

    `guard_ppm` is for the instrument and `short_ppm` for a line that varies, both as logarithms: so
    far above the rate it must be proved, so far below it is short. `queue_us` is how long a packet
    may wait and still count, `bucket_us` how long a policer may let through more than it lasts,
    `loss_ppm` the loss that the offer makes up for beyond the idle one.
    """

    guard_ppm: int = 5_000
    short_ppm: int = 30_000
    queue_us: int = 100_000
    bucket_us: int = 100_000
    loss_ppm: int = 10_000

    @property
    def hidden_us(self) -> int:
        """How many microseconds' worth of the rate may be no proof of it."""
        return max(self.queue_us, self.bucket_us)

    def proved_by(self, wanted_bps: int) -> Fraction:
        """Return the least bound that proves a rate, in bit/s."""
        return wanted_bps * grown(self.guard_ppm)


DEFAULT: Final = Allowance()


@dataclass(frozen=True, slots=True, kw_only=True)
class Qualification:
    """The answer, and the sub-interval behind it; rates are of the IP layer.

    `proved_bps` is the greatest bound G of the run, `rate_bps` what was received at its end.
    `loss_ppm` is of the packets sent in that sub-interval, `queued_us` is by how much the one-way
    delay grew in it.
    """

    outcome: Carried
    proved_bps: int
    rate_bps: int
    error_ppm: int
    span_us: int
    loss_ppm: int
    queued_us: int


def grown(share_ppm: int) -> Fraction:
    """Return e to the power of a share, exactly the same everywhere.

    The first terms of its series, 1 + s/1 (1 + s/2 (1 + s/3 ...)), as one fraction.
    """
    above, below = 1, 1
    for number in range(_TERMS - 1, 0, -1):
        below *= number * PPM
        above = below + share_ppm * above
    return Fraction(above, below)


def offered_bps(wanted_bps: int, idle: IdleLoss, allowance: Allowance = DEFAULT) -> int:
    """Return what to offer, so that a line that carries the rate can prove it within `HOLD_US`."""
    lost_ppm = min((idle.loss_ppm or 0) + idle.error_ppm + allowance.loss_ppm, PPM // 2)
    hold = Fraction(HOLD_US + allowance.hidden_us, HOLD_US)
    return round(allowance.proved_by(wanted_bps) * hold * Fraction(PPM, PPM - lost_ppm))


def qualified(
    counts: Sequence[Count],
    *,
    wanted_bps: int,
    offered_bps: int,
    ip_octets: int,
    dt_us: int,
    idle: IdleLoss,
    allowance: Allowance = DEFAULT,
) -> Qualification | None:
    """Return what the reports show of the rate; None before they fill a sub-interval of dt."""
    found = Found(counts, dt_us=dt_us, idle=idle)
    span = found.sustained()
    if span is None:
        return None
    proved_bps, carried = _proved(
        found.counts, wanted_bps=wanted_bps, dt_us=dt_us, idle=idle, allowance=allowance
    )
    start, end = found.counts[span.first], found.counts[span.last]
    span_us = end.at_us - start.at_us
    sent = end.highest - start.highest
    lost = max(sent - (end.packets - start.packets), 0)
    queued_us = max(end.delay_us_max - start.delay_us_max, 0)
    outcome = Carried.CARRIED if carried else Carried.UNCLEAR
    if not carried and _surely_below(span, wanted_bps, allowance):
        # a sender that was told less than the rate has not asked the question
        missing_bps = max(offered_bps, wanted_bps) - span.rate_bps
        missing = missing_bps * span_us // (BITS_PER_OCTET * US_PER_S)
        held = lost * ip_octets + queued_us * span.rate_bps // (BITS_PER_OCTET * US_PER_S)
        outcome = Carried.SHORT if held * _EXPLAINED_PART >= missing else Carried.NOT_SENT
    return Qualification(
        outcome=outcome,
        proved_bps=proved_bps,
        rate_bps=span.rate_bps,
        error_ppm=span.error_ppm,
        span_us=span_us,
        loss_ppm=share_ppm_rounded_up(lost, sent) or 0,
        queued_us=queued_us,
    )


def _surely_below(span: Span, wanted_bps: int, allowance: Allowance) -> bool:
    at_most_bps = span.rate_bps * (PPM + _SIGMAS * span.error_ppm) // PPM
    return at_most_bps * grown(allowance.short_ppm) <= wanted_bps


def _proved(
    counts: Sequence[Count], *, wanted_bps: int, dt_us: int, idle: IdleLoss, allowance: Allowance
) -> tuple[int, bool]:
    """Return the greatest bound of all times of at least dt, and whether one proves the rate."""
    start, in_time, best_bps, carried = counts[0], 0, 0, False
    needed = allowance.proved_by(wanted_bps)
    for before, count in pairwise(counts):
        if count.delay_us_max <= allowance.queue_us:
            in_time += count.octets - before.octets
        elapsed_us = count.at_us - start.at_us
        if elapsed_us < dt_us:
            continue
        # The bound is proved / over_us; with whole numbers, for this is done for every report.
        proved, over_us = in_time * BITS_PER_OCTET * US_PER_S, elapsed_us + allowance.hidden_us
        best_bps = max(best_bps, proved // over_us)
        sent = count.highest - start.highest
        lost = max(sent - (count.packets - start.packets), 0)
        is_enough = proved * needed.denominator >= needed.numerator * over_us
        carried = carried or (is_enough and idle.explains(lost=lost, sent=sent))
    return best_bps, carried
