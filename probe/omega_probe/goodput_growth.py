"""How many flows a TCP run has, and when it adds some: a pure rule over the receiver's counters.

Theory of operation. More flows share out losses and windows, so that none of them limits the sum;
but each one needs a few packets in flight, and on a slow line many of them are mostly busy with
resending what they have lost to each other: at 1 Mbit/s six flows read up to 12 % low, two within
2 % and one within 0.5 %. So a run starts with one flow, or with four on a path so long that slow
start takes seconds, and

1. has as many as `FLOWS_CARRIED` says as soon as the line has shown that it carries enough for
   them: two, then four;
2. from then on adds two whenever the sum of all has been steady for two spans, as long as the line
   carries enough for them, and the addition before gained more than 5 %. The first flows gained
   everything, so one addition follows them, and shows that more don't help.

A rate that still climbs is compared with nothing: a gain could not be told from the ramp. Each
addition disturbs the others for a moment, and a steady window has to follow: after
`TRIAL_SHARE_PERCENT` of the run flows are added only while that goes on gaining, and after
`GROWTH_SHARE_PERCENT` not at all.

    octets/s      ______+2_______+2______   gained too little: these stay, no more are added
            __+3_/  :         :
         1 /      steady    steady again
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from omega_core.evidence import FlowCounts
from omega_core.goodput import octets_at, probe_span_us, same_octets
from omega_core.limits import GOODPUT_FLOWS_MAX
from omega_core.units import BITS_PER_OCTET, PPM, US_PER_MS, US_PER_S
from omega_probe.congestion_wish import LONG_RTT_US

FLOWS_AT_START: Final = 1
FLOWS_ORDINARY: Final = 4
FLOWS_CARRIED: Final = ((FLOWS_ORDINARY, 6_000_000), (2, 2_500_000))
"""Flows, and the rate in bit/s from which a line has that many; 6 Mbit/s at 100 ms is a dozen
packets in flight for each of four, enough to repair a loss without a pause."""
FLOWS_ADDED: Final = 2
FLOW_BPS_MIN: Final = 1_500_000
GAIN_PPM: Final = 50_000
FIRST_OCTETS: Final = 14_480  # ten segments: the window that a connection begins with (RFC 6928)
DOUBLINGS: Final = 2  # a third one costs a round trip, and reads no nearer to the line's rate
GROWTH_SHARE_PERCENT: Final = 40
TRIAL_SHARE_PERCENT: Final = 25
_LOOK_US_MIN: Final = 200 * US_PER_MS
_LOOK_RTT: Final = 2
_RELEASE_SHARE: Final = 4


def flows_at_start(base_rtt_us: int, carried_bps: int | None = None) -> int:
    """Return how many flows a run opens with.

    `carried_bps` is what a search has found that the line carries, None where nothing is known but
    the round trip. On a long path so many that each doubles its window `DOUBLINGS` times only.
    """
    if carried_bps is None:
        return FLOWS_ORDINARY if base_rtt_us >= LONG_RTT_US else FLOWS_AT_START
    carried = next((count for count, bps in FLOWS_CARRIED if carried_bps >= bps), FLOWS_AT_START)
    if base_rtt_us < LONG_RTT_US:
        return carried
    in_flight_octets = carried_bps * base_rtt_us // (BITS_PER_OCTET * US_PER_S)
    return min(max(carried, in_flight_octets // (FIRST_OCTETS << DOUBLINGS)), GOODPUT_FLOWS_MAX)


class Growth:
    """Decides for one run. Times are microseconds on the receiver's clock.

    With `enough_bps`, the payload rate that the line can carry, more flows are not tried once it is
    reached.
    """

    def __init__(
        self, *, base_rtt_us: int, duration_us: int, enough_bps: int | None = None
    ) -> None:
        self.enough_bps = enough_bps
        self._span_us = probe_span_us(base_rtt_us)
        self._look_us = max(_LOOK_US_MIN, _LOOK_RTT * base_rtt_us)
        self.until_us = duration_us * GROWTH_SHARE_PERCENT // 100
        """From when on a flow that joins would only disturb the others."""
        self._trial_until_us = duration_us * TRIAL_SHARE_PERCENT // 100
        self._reference: int | None = None
        self._over = False

    @property
    def over(self) -> bool:
        """Whether no flow will be added any more."""
        return self._over

    def flows_to_add(self, flows: Sequence[FlowCounts], now_us: int) -> int:
        """Return how many flows to add now; ask again only when they have joined, or failed to."""
        if self._over or not flows:
            return 0
        if now_us >= (self._trial_until_us if self._reference is None else self.until_us):
            self._over = True
            return 0
        if len(flows) < FLOWS_ORDINARY:
            rate_bps = self._rate_bps(flows, now_us)
            carried = next((count for count, bps in FLOWS_CARRIED if rate_bps >= bps), 0)
            return max(carried - len(flows), 0)
        return self._flows_worth_a_try(flows, now_us)

    def _flows_worth_a_try(self, flows: Sequence[FlowCounts], now_us: int) -> int:
        octets = self._steady_octets(flows, now_us)
        if octets is None:
            return 0
        reference, self._reference = self._reference, octets
        wanted = len(flows) + FLOWS_ADDED
        self._over = (
            (reference is not None and octets * PPM <= reference * (PPM + GAIN_PPM))
            or wanted > GOODPUT_FLOWS_MAX
            or self._is_enough(self._rate_bps(flows, now_us))
            or self._rate_bps(flows, now_us) < wanted * FLOW_BPS_MIN
        )
        return 0 if self._over else FLOWS_ADDED

    def _is_enough(self, rate_bps: int) -> bool:
        enough_bps = self.enough_bps
        return enough_bps is not None and rate_bps * (PPM + GAIN_PPM) >= enough_bps * PPM

    def _steady_octets(self, flows: Sequence[FlowCounts], now_us: int) -> int | None:
        """Return the octets of the last two spans, None while they differ or are not past yet."""
        middle_us, start_us = now_us - self._span_us, now_us - 2 * self._span_us
        if start_us < max(flow.at_us[0] for flow in flows):
            return None
        at_start, at_middle, at_end = (
            octets_at(flows, at_us) for at_us in (start_us, middle_us, now_us)
        )
        if not same_octets(at_middle - at_start, at_end - at_middle):
            return None
        return at_end - at_start

    def _rate_bps(self, flows: Sequence[FlowCounts], now_us: int) -> int:
        """Return what the line carries now, by its last two round trips.

        A repaired loss releases at once what has arrived behind it, which is not the line's rate. A
        look that saw nearly all at its end counts for nothing, one that saw more at its beginning
        for what it saw at its end. In slow start the first of two round trips carries a third.
        """
        start_us, middle_us = now_us - self._look_us, now_us - self._look_us // 2
        at_start, at_middle, at_end = (
            octets_at(flows, at_us) for at_us in (start_us, middle_us, now_us)
        )
        octets = min(at_end - at_start, 2 * (at_end - at_middle))
        if (at_middle - at_start) * _RELEASE_SHARE < octets:
            return 0
        return octets * BITS_PER_OCTET * US_PER_S // self._look_us
