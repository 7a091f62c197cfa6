"""A receiver that is slower than the line: what its host drops, and how much to offer instead.

Theory of operation. Where more arrives than the receiving host takes in, its kernel drops packets
that the line has carried, and counts them (`LoadTick.host_drops`): so they are never the line's
loss. But what is received beside them is no clean sub-interval, and no rate of the line either. So
a search that is told of them offers less, until the host keeps up for as long as an answer takes.
Then the answer is a lower bound: the line carries that much, and the host is the limit.

    in a train                  no more trains: the host has shown about what it takes in
    once in the plateau         a pause of whoever reads: what was seen is forgotten, no more
    again within `AGAIN_US`     too slow: from now on at most `KEPT_PERCENT` of what was offered,
                                and of the most that it took in meanwhile

Drops under a command are told from those that the command before left: the report before must be of
the same command, too.
"""

from __future__ import annotations

from typing import Final

from omega_core.load import LoadRate, LoadTick
from omega_core.units import PPM, US_PER_S, rate_bps

DROPS_PPM_MAX: Final = 1_000  # of what was sent between two reports; see `omega_probe.faults`
AGAIN_US: Final = US_PER_S
KEPT_PERCENT: Final = 85  # a host that drops is at its most: it keeps up with clearly less


class ReceiverRoom:
    """Judges the reports of one run; `rate_bps_max` is the most that may be offered."""

    def __init__(self, rate_bps_max: int) -> None:
        self.rate_bps_max = rate_bps_max
        self.slow = False
        """Whether the receiving host is why no more may be offered."""
        self._last: LoadTick | None = None
        self._dropped_us: int | None = None
        self._taken_bps = 0

    def overrun(self, tick: LoadTick, command: LoadRate, *, in_train: bool) -> bool:
        """Take a report; True when so much was dropped under the command that it can't count."""
        last, self._last = self._last, tick
        if last is None or tick.command != command.number:
            return False
        if not in_train and last.command != command.number:
            return False
        dropped, sent = tick.host_drops - last.host_drops, tick.highest - last.highest
        if dropped * PPM <= sent * DROPS_PPM_MAX:
            return False
        again = self._dropped_us is not None and tick.at_us - self._dropped_us <= AGAIN_US
        taken_bps = rate_bps(tick.octets - last.octets, tick.at_us - last.at_us) or 0
        self._taken_bps = max(taken_bps, self._taken_bps if again else 0)
        self._dropped_us = tick.at_us
        if again and not in_train:
            most_bps = min(self._taken_bps, command.rate_bps)
            self.rate_bps_max = max(most_bps * KEPT_PERCENT // 100, 1)
            self.slow = True
        return True
