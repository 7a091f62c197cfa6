"""The most that a far sender can have sent, known without believing any of its counts.

Theory of operation. A command takes effect some time after it was given: at once, or a round trip
and a few repeats later. So at any moment the sender obeys one of the commands that were in force
within the last `lag`, and it has sent no more than the sliding maximum of their rates, integrated.
A train counts in full when it is ordered. Beyond the lag the order itself is the leash: each one
names how many packets it allows, and that is never more than what is left of the grant, so a sender
that hears nothing any more stops by itself.

    rate told    ____      ______          rate charged   ______     _______
                     |____|      |___                           |___|       :--|__
                                                        lag -->:  :<--
"""

from __future__ import annotations

from typing import Final

from omega_core.units import BITS_PER_OCTET, NS_PER_MS, NS_PER_S, NS_PER_US

REPEATS_NS: Final = 250 * NS_PER_MS  # a command is repeated with every feedback: five of them lost
_BIT_NS: Final = BITS_PER_OCTET * NS_PER_S


class Spending:
    """Octets of one run; nanoseconds of the probe's clock."""

    def __init__(self, *, octets_max: int, ip_octets: int, base_rtt_us: int, now_ns: int) -> None:
        self._ip_octets = ip_octets
        self._left_bit_ns = octets_max * _BIT_NS
        self._lag_ns = base_rtt_us * NS_PER_US + REPEATS_NS
        self._rate_bps = 0
        self._superseded: list[tuple[int, int]] = []
        self._now_ns = now_ns

    def advance(self, now_ns: int) -> None:
        """Charge the time that has passed."""
        if now_ns <= self._now_ns:
            return
        self._left_bit_ns -= self._charged_bps() * (now_ns - self._now_ns)
        self._now_ns = now_ns
        self._superseded = [each for each in self._superseded if each[0] > now_ns]

    def packets_left(self) -> int:
        """Return how many packets an order given now may allow."""
        reserved = self._charged_bps() * self._lag_ns
        return max(self._left_bit_ns - reserved, 0) // (_BIT_NS * self._ip_octets)

    def lasts(self, rate_bps: int, *, for_ns: int = 0) -> bool:
        """Say whether going on at a rate, for so long, leaves time to tell the sender to stop."""
        charged_bps = max(self._charged_bps(), rate_bps)
        return self._left_bit_ns > charged_bps * (self._lag_ns + for_ns)

    def order_train(self, packets: int) -> None:
        """Charge a train in full."""
        self._supersede(0)
        self._left_bit_ns -= packets * self._ip_octets * _BIT_NS

    def order_rate(self, rate_bps: int) -> None:
        """Charge a rate from now until another order."""
        self._supersede(rate_bps)

    def _supersede(self, rate_bps: int) -> None:
        self._superseded.append((self._now_ns + self._lag_ns, self._rate_bps))
        self._rate_bps = rate_bps

    def _charged_bps(self) -> int:
        return max(self._rate_bps, max((rate for _, rate in self._superseded), default=0))
