"""A machine for load runs that always wants the same rate."""

from __future__ import annotations

from omega_core.evidence import Ended
from omega_core.load import LoadRate, LoadTick
from omega_core.units import NS_PER_US


class FixedRate:
    """Sends at a rate for a time, counted from the first packet's tick; keeps every tick."""

    def __init__(self, rate_bps: int, *, duration_ns: int, now_ns: int, train: int = 0) -> None:
        self.ended: Ended | None = None
        self.detail = ""
        self.ticks: list[LoadTick] = []
        self._rate = LoadRate(number=1, rate_bps=rate_bps, train_packets=train)
        self._duration_us = duration_ns // NS_PER_US
        self._until_ns = now_ns + 2 * duration_ns

    def wanted(self) -> LoadRate:
        return self._rate

    def feedback(self, tick: LoadTick, *, now_ns: int) -> None:
        del now_ns
        self.ticks.append(tick)
        if tick.at_us >= self._duration_us:
            self.ended = Ended.COMPLETED

    def advance(self, now_ns: int) -> None:
        if self.ended is None and now_ns >= self._until_ns:
            self.ended, self.detail = Ended.LINK_LOST, "time"
