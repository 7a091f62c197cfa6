"""Does a line carry a rate? Judged from what a receiver counted of a load at a fixed rate.

Theory of operation. A little more than the rate in question is offered (`offered_bps`), from a
standing start, and the last sub-interval of at least dt is looked at (RFC 9097 section 8.2 calls it
qualification). What is received while more is offered than the line carries is what it carries, so
no search is needed:

    received surely at or above the rate, and no loss beyond the idle one     CARRIED
    received surely below it, and the line is what kept the rest back         SHORT
    neither                                                                   UNCLEAR

*Surely* is twice the standard error of the rate, and `MARGIN_PPM` at least: clocks and joined
packets. *The line kept it back* means that at least half of what is missing was lost on the way or
went into a queue that grew; if not, the sending host did not send it, and nothing is said of the
line. Above the rate in question a queue may grow too: that is the offer, not the line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from omega_core.capacity import Count, Found, IdleLoss
from omega_core.units import BITS_PER_OCTET, PPM, US_PER_S, share_ppm_rounded_up

MARGIN_PPM: Final = 3_000
OVER_PPM: Final = 20_000  # offered above the rate in question: what is left of it shows the answer
_SIGMAS: Final = 2
_EXPLAINED_PART: Final = 2  # at least one part in so many of what is missing


class Carried(StrEnum):
    """What a fixed rate came to."""

    CARRIED = "carried"
    SHORT = "short"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True, kw_only=True)
class Qualification:
    """The answer, and the sub-interval behind it; rates are of the IP layer.

    `loss_ppm` is of the packets sent in it, `queued_us` by how much the one-way delay grew.
    """

    outcome: Carried
    rate_bps: int
    error_ppm: int
    span_us: int
    loss_ppm: int
    queued_us: int


def offered_bps(wanted_bps: int, idle: IdleLoss) -> int:
    """Return what to offer, so that 2 % more than wanted arrives at the bottleneck."""
    survives_ppm = PPM - min(idle.loss_ppm or 0, PPM // 2)
    return wanted_bps * (PPM + OVER_PPM) // survives_ppm


def qualified(
    counts: Sequence[Count],
    *,
    wanted_bps: int,
    offered_bps: int,
    ip_octets: int,
    dt_us: int,
    idle: IdleLoss,
) -> Qualification | None:
    """Return what the reports show of the rate; None before they fill a sub-interval of dt."""
    found = Found(counts, dt_us=dt_us, idle=idle)
    span = found.sustained()
    if span is None:
        return None
    start, end = found.counts[span.first], found.counts[span.last]
    span_us = end.at_us - start.at_us
    sent = end.highest - start.highest
    lost = max(sent - (end.packets - start.packets), 0)
    queued_us = max(end.delay_us_max - start.delay_us_max, 0)
    margin_bps = span.rate_bps * max(_SIGMAS * span.error_ppm, MARGIN_PPM) // PPM
    outcome = Carried.UNCLEAR
    if span.rate_bps - margin_bps >= wanted_bps and found.eligible(span):
        outcome = Carried.CARRIED
    elif span.rate_bps + margin_bps < wanted_bps:
        missing = (offered_bps - span.rate_bps) * span_us // (BITS_PER_OCTET * US_PER_S)
        held = lost * ip_octets + queued_us * span.rate_bps // (BITS_PER_OCTET * US_PER_S)
        if held * _EXPLAINED_PART >= missing:
            outcome = Carried.SHORT
    return Qualification(
        outcome=outcome,
        rate_bps=span.rate_bps,
        error_ppm=span.error_ppm,
        span_us=span_us,
        loss_ppm=share_ppm_rounded_up(lost, sent) or 0,
        queued_us=queued_us,
    )
