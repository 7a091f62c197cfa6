"""When a TCP run adds flows: a pure rule over the receiver's counters.

Theory of operation. A run starts with `FLOWS_AT_START` flows. Whenever the sum of all has been
steady for two spans, two flows are added, as long as the addition before gained more than 5 %; the
first flows gained everything, so one addition always follows, and shows that more don't help. A
rate that still climbs is not compared with anything: a gain could not be told from the ramp.

A comparison needs time after each addition, and a steady window has to follow the last one, so no
flow is added after `GROWTH_SHARE_PERCENT` of the run. The span is the one by which the end of the
ramp is found (`omega_core.goodput`).

    octets/s      ______+2_______+2______   gained too little: these stay, no more are added
             ____/  :         :
         4  /       steady    steady again
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from omega_core.evidence import FlowCounts
from omega_core.goodput import octets_at, probe_span_us, same_octets
from omega_core.limits import GOODPUT_FLOWS_MAX
from omega_core.units import PPM

FLOWS_AT_START: Final = 4
FLOWS_ADDED: Final = 2
GAIN_PPM: Final = 50_000
GROWTH_SHARE_PERCENT: Final = 40


class Growth:
    """Decides for one run. Times are microseconds on the receiver's clock."""

    def __init__(self, *, base_rtt_us: int, duration_us: int) -> None:
        self._span_us = probe_span_us(base_rtt_us)
        self._until_us = duration_us * GROWTH_SHARE_PERCENT // 100
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
        if now_us >= self._until_us or len(flows) + FLOWS_ADDED > GOODPUT_FLOWS_MAX:
            self._over = True
            return 0
        octets = self._steady_octets(flows, now_us)
        if octets is None:
            return 0
        reference, self._reference = self._reference, octets
        if reference is not None and octets * PPM <= reference * (PPM + GAIN_PPM):
            self._over = True
            return 0
        return FLOWS_ADDED

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
