"""How fast is the line, roughly: short trains of packets at growing rates.

Theory of operation. A train sent faster than the bottleneck is stretched: its packets come out one
after another at the bottleneck's rate, whatever they went in with. So one train that is received
over a clearly longer time than it was sent in gives a first estimate of the capacity, within a
round trip and some tens of milliseconds. Both times are between the same two packets, the first and
the last that arrived; lost packets between them were not carried and are not counted, so random
loss before the bottleneck and the overflow of a short buffer leave the estimate alone.

    sent      |||||||||                        20 ms
    received     |   |   |   |   |   |   |     70 ms: C = 8 x octets after the first / 70 ms

A train that comes out as it went in says that the line carries more, and the next is faster by a
large factor: a deep buffer must not be filled for seconds (the overshoot queues factor x duration),
and a satellite link must not be asked ten times. The estimate is only a place to begin: delay
variation moves the edges of a short train, and what follows corrects it either way.
"""

from __future__ import annotations

from typing import Final

from omega_core.load import LoadTick
from omega_core.units import BITS_PER_OCTET, US_PER_MS, US_PER_S

START_BPS_DEFAULT: Final = 4_000_000  # the slowest line sold takes 0.2 s for it
START_BPS_LONG: Final = 64_000_000  # where a second train costs most of a second
HEADROOM_PERCENT: Final = 125  # over what is known: a line at its plan's rate stretches the first
TRAIN_US: Final = 20 * US_PER_MS  # above what coalescing and scheduling do to timestamps (1-2 ms)
TRAIN_PACKETS_MIN: Final = 16  # resolution of 6 % where packets are milliseconds apart
GROWTH: Final = 8  # 1 Mbit/s to 1 Gbit/s in four trains, 160 ms of queue at worst
GROWTH_LONG: Final = 16  # where a train costs most of a second
LONG_RTT_US: Final = 200 * US_PER_MS
STRETCHED_PERCENT: Final = 112
STRETCHED_US_MIN: Final = 1_500  # a stretch that two hosts' timestamps could not make
EARLY_US_MIN: Final = 40 * US_PER_MS  # stretched by more than any delay variation: need not end
TRAINS_MAX: Final = 12  # four to 1 Gbit/s; the others may be lost
_SENDER_SLOW_PERCENT: Final = 60


class TrainSearch:
    """Chooses trains and reads their dispersion."""

    def __init__(
        self, *, start_bps: int | None, rate_max_bps: int, base_rtt_us: int, ip_octets: int
    ) -> None:
        is_long = base_rtt_us >= LONG_RTT_US
        unknown_bps = START_BPS_LONG if is_long else START_BPS_DEFAULT
        known_bps = start_bps * HEADROOM_PERCENT // 100 if start_bps else unknown_bps
        self._rate_max_bps = rate_max_bps
        self._growth = GROWTH_LONG if is_long else GROWTH
        self._ip_octets = ip_octets
        self._trains = 1
        self.rate_bps = max(min(known_bps, rate_max_bps), 1)
        self.estimate_bps: int | None = None
        """What to begin the plateau with; None while trains are to be sent."""

    @property
    def packets(self) -> int:
        """How long the present train is."""
        packet_bits = self._ip_octets * BITS_PER_OCTET
        return max(TRAIN_PACKETS_MIN, self.rate_bps * TRAIN_US // (packet_bits * US_PER_S))

    @property
    def duration_us(self) -> int:
        """How long the present train takes to send."""
        return self.packets * self._ip_octets * BITS_PER_OCTET * US_PER_S // self.rate_bps

    def seen(self, tick: LoadTick, *, complete: bool, overrun: bool = False) -> bool:
        """Look at the present train; True when it has told what it can.

        Then either `estimate_bps` is set, or `rate_bps` is that of the next train. One that has
        `overrun` the receiver's host is the last.
        """
        received_us = tick.at_us - tick.command_first_us
        sent_us = tick.command_sent_us
        if received_us <= 0 or tick.command_octets <= 0:
            return False
        if overrun:
            self._found(_bps(tick.command_octets, received_us))
            return True
        longer_us = received_us - sent_us
        stretched = received_us * 100 >= sent_us * STRETCHED_PERCENT
        if stretched and longer_us >= (STRETCHED_US_MIN if complete else EARLY_US_MIN):
            self._found(_bps(tick.command_octets, received_us))
            return True
        if not complete:
            return False
        sent_bps = _bps(tick.command_octets, sent_us) if sent_us > 0 else self.rate_bps
        if self.rate_bps >= self._rate_max_bps or self._trains >= TRAINS_MAX:
            self._found(self.rate_bps)
        elif sent_bps * 100 < self.rate_bps * _SENDER_SLOW_PERCENT:
            self._found(max(sent_bps, 1))  # the sender goes no faster, or little arrived: look on
        else:
            self._grow()
        return True

    def not_seen(self) -> None:
        """Nothing of the present train arrived: send another one of its rate, if any are left."""
        self._trains += 1
        if self._trains > TRAINS_MAX:
            self._found(self.rate_bps)

    def _grow(self) -> None:
        self._trains += 1
        self.rate_bps = min(self.rate_bps * self._growth, self._rate_max_bps)

    def _found(self, rate_bps: int) -> None:
        self.estimate_bps = max(min(rate_bps, self._rate_max_bps), 1)


def _bps(octets: int, span_us: int) -> int:
    return octets * BITS_PER_OCTET * US_PER_S // span_us
