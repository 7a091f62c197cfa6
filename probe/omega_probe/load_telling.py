"""When the probe says which rate to the test point, and in which datagram; no socket, no clock.

An order goes out at once, then every `REPEAT_NS` until it is known to have arrived: by a load
packet that was sent under it or, where the probe is the sender, by the first feedback. After that
one goes out now and then, so that the test point knows that somebody is there; where the probe
sends, its load packets say that already, and nothing else is on the line that is measured.

Before there is an order, `knock` tells a pause in the same way.
"""

from __future__ import annotations

from typing import Final

from omega_core.load import LoadRate
from omega_core.units import NS_PER_MS
from omega_core.wire.load import LoadKeys, encode_rate

REPEAT_NS: Final = 25 * NS_PER_MS  # 23 kbit/s, on the way that is not being measured
ALIVE_NS: Final = 100 * NS_PER_MS  # ten of them may be lost before the test point gives up


KNOCK: Final = LoadRate(number=1, rate_bps=0, train_packets=0)
"""Moves nothing whichever end sends; the first order follows under the same number."""


class RateTeller:
    """Makes the Rate datagrams of one run."""

    def __init__(self, keys: LoadKeys) -> None:
        self._keys = keys
        self._serial = 0
        self._rate: LoadRate | None = None
        self._knocks = False
        self._arrived = True
        self._due_ns = 0

    @property
    def told(self) -> int:
        """Datagrams made so far."""
        return self._serial

    def knock(self, now_ns: int) -> None:
        """Tell that the probe is there, before the first order."""
        self._rate, self._knocks = KNOCK, True
        self._arrived = False
        self._due_ns = now_ns

    def knock_answered(self) -> None:
        """Take that the test point has heard a knock: it goes on to hear one now and then."""
        self._arrived = self._arrived or self._knocks

    def order(self, rate: LoadRate, now_ns: int, *, urgent: bool = True) -> None:
        """Take what the sender is to do; one that is not urgent is told when it is time anyway."""
        first = self._rate is None or self._knocks
        if first or self._rate is None or rate.number > self._rate.number:
            self._rate, self._knocks = rate, False
            if urgent or first:
                self._arrived = False
                self._due_ns = now_ns

    def arrived(self, number: int) -> None:
        """Take that the order of this number, or a later one, is known to have arrived."""
        if self._rate is not None and number >= self._rate.number:
            self._arrived = True

    def alive(self, now_ns: int) -> None:
        """Take that something else has just told the test point that somebody is there."""
        if self._arrived:
            self._due_ns = now_ns + ALIVE_NS

    def datagram(self, now_ns: int) -> bytes | None:
        """Return a datagram to be sent now, if it is time for one."""
        if self._rate is None or now_ns < self._due_ns:
            return None
        self._serial += 1
        self._due_ns = now_ns + (ALIVE_NS if self._arrived else REPEAT_NS)
        return encode_rate(self._rate, self._keys, serial=self._serial)

    def wakeup_ns(self) -> int:
        """Return when to ask for a datagram next."""
        return self._due_ns
