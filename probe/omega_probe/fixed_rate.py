"""The machine of a fixed rate: does the line carry it? Without socket or clock.

Theory of operation. One command: so many packets a second, for the whole time at most, so a sender
that hears nothing more stops by itself. With every report the question is judged by the rule that
judges the record (`omega_core.qualification`). The run ends as soon as the rate is proved, because
no later report takes a proof back, or once it has been short in `SAME_ANSWERS` reports: a moment's
fade passes.

    offer --> reports --> carried                     DECIDED
                     `--> short, short, short, short  DECIDED
                     `--> unclear to the end          COMPLETED, or BUDGET without octets
                     `--> nothing arrives             LINK_LOST

Reports that are old, repeated or run backwards are passed over.
"""

from __future__ import annotations

from typing import Final

from omega_core.capacity import Count, IdleLoss
from omega_core.evidence import Ended
from omega_core.limits import LOAD_TRAIN_PACKETS_MAX
from omega_core.load import LoadRate, LoadTick
from omega_core.qualification import (
    DEFAULT,
    Allowance,
    Carried,
    Qualification,
    offered_bps,
    qualified,
)
from omega_core.units import BITS_PER_OCTET, NS_PER_MS, NS_PER_S, NS_PER_US, US_PER_S

SUB_INTERVAL_US: Final = US_PER_S
SAME_ANSWERS: Final = 4  # a fifth of a second
SILENCE_NS: Final = NS_PER_S  # RFC 9097's load packet timeout
_LAST_NS: Final = 300 * NS_PER_MS  # for what is in a queue when the last packet has been sent


class FixedRate:
    """One run in one direction; a `LoadMachine`. Rates are of the IP layer."""

    def __init__(
        self,
        *,
        wanted_bps: int,
        octets_max: int,
        duration_ns: int,
        base_rtt_us: int,
        idle: IdleLoss,
        ip_octets: int,
        now_ns: int,
        allowance: Allowance = DEFAULT,
    ) -> None:
        self.ended: Ended | None = None
        self.detail = ""
        self.qualification: Qualification | None = None
        """What the reports show so far; None before they fill a sub-interval."""
        self._wanted_bps = wanted_bps
        self._idle = idle
        self._allowance = allowance
        self._ip_octets = ip_octets
        rate_bps = offered_bps(wanted_bps, idle, allowance)
        packets = -(-rate_bps * duration_ns // (BITS_PER_OCTET * ip_octets * NS_PER_S))
        allowed = octets_max // ip_octets
        self._is_cut = allowed < packets
        self._command = LoadRate(
            number=1,
            rate_bps=rate_bps,
            train_packets=max(min(packets, allowed, LOAD_TRAIN_PACKETS_MAX), 1),
        )
        sending_ns = duration_ns * min(packets, allowed) // max(packets, 1)
        self._rtt_ns = base_rtt_us * NS_PER_US
        self._over_ns = now_ns + sending_ns + 2 * self._rtt_ns + _LAST_NS
        self._heard_ns = now_ns + 2 * self._rtt_ns
        self._counts: list[Count] = []
        self._last = 0
        self._short = 0

    def wanted(self) -> LoadRate:
        """Return what the sender is to do now."""
        return self._command

    def feedback(self, tick: LoadTick, *, now_ns: int) -> None:
        """Take what the receiver has counted."""
        if self.ended is not None or not self._is_news(tick):
            return
        self._last = tick.tick
        self._heard_ns = now_ns
        self._counts.append(
            Count(tick.at_us, tick.octets, tick.packets, tick.highest, tick.delay_us_max)
        )
        self.qualification = qualified(
            self._counts,
            wanted_bps=self._wanted_bps,
            offered_bps=self._command.rate_bps,
            ip_octets=self._ip_octets,
            dt_us=SUB_INTERVAL_US,
            idle=self._idle,
            allowance=self._allowance,
        )
        if self.qualification is not None:
            outcome = self.qualification.outcome
            self._short = self._short + 1 if outcome is Carried.SHORT else 0
            if outcome is Carried.CARRIED or self._short == SAME_ANSWERS:
                self._end(Ended.DECIDED, f"the rate is {outcome}")

    def advance(self, now_ns: int) -> None:
        """Let time do its work."""
        if self.ended is not None:
            return
        if now_ns >= self._over_ns:
            ended = Ended.BUDGET if self._is_cut else Ended.COMPLETED
            self._end(ended, "the octets are used up" if self._is_cut else "")
        elif now_ns - self._heard_ns >= SILENCE_NS + self._rtt_ns:
            self._end(Ended.LINK_LOST, "nothing arrives")

    def _is_news(self, tick: LoadTick) -> bool:
        if tick.tick <= self._last or tick.command != self._command.number:
            return False
        if tick.packets > tick.highest or tick.octets != tick.packets * self._ip_octets:
            return False
        if not self._counts:
            return tick.packets > 0
        last = self._counts[-1]
        return (
            tick.at_us > last.at_us and tick.packets > last.packets and tick.highest >= last.highest
        )

    def _end(self, ended: Ended, detail: str) -> None:
        self.ended = ended
        self.detail = detail
