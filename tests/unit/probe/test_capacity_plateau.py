"""What the plateau makes of reports that no simulated path gives."""

from __future__ import annotations

from omega_core.capacity import IdleLoss
from omega_core.load import LoadTick
from omega_core.units import BITS_PER_OCTET, US_PER_MS, US_PER_S
from omega_probe.capacity_plateau import Plateau
from omega_probe.capacity_search import FULL

RATE_BPS = 300_000_000
TICK_US = 50 * US_PER_MS
IP_OCTETS = 1_500


class Reports:
    """Reports of a line that is received at one rate, and of what its sender says."""

    def __init__(self) -> None:
        self.plateau = Plateau(
            estimate_bps=RATE_BPS,
            rate_max_bps=2_000_000_000,
            base_rtt_us=4_000,
            ip_octets=IP_OCTETS,
            idle=IdleLoss(loss_ppm=0, packets=250),
            goal=FULL,
        )
        self._number = self._tick = self._at_us = self._packets = 0
        self._begin()

    def _begin(self) -> None:
        self._number += 1
        self._command_first_us, self._command_sent_us, self._command_octets = self._at_us, 0, 0

    def tell(self, *, received_bps: int, sent_bps: int, delay_us: int) -> None:
        """Report 50 ms more: so much was received, and sent in a time that fits its rate."""
        packets = received_bps * TICK_US // (IP_OCTETS * BITS_PER_OCTET * US_PER_S)
        self._tick += 1
        self._at_us += TICK_US
        self._packets += packets
        self._command_octets += packets * IP_OCTETS
        self._command_sent_us += TICK_US * received_bps // sent_bps
        tick = LoadTick(
            tick=self._tick,
            at_us=self._at_us,
            octets=self._packets * IP_OCTETS,
            packets=self._packets,
            highest=self._packets,
            reordered=0,
            duplicates=0,
            host_drops=0,
            command=self._number,
            command_first_us=self._command_first_us,
            command_octets=self._command_octets,
            command_sent_us=self._command_sent_us,
            delay_us=delay_us,
            delay_us_max=delay_us,
        )
        if self.plateau.seen(tick, number=self._number):
            self._begin()


def test_a_queue_that_grows_is_the_lines_rate() -> None:
    reports = Reports()
    for step in range(60):
        sent_bps = max(reports.plateau.offer_bps, RATE_BPS)
        reports.tell(received_bps=RATE_BPS, sent_bps=sent_bps, delay_us=500 + 1_000 * step)
    found = reports.plateau.known()
    assert found is not None
    assert abs(found.rate_bps - RATE_BPS) * 1_000 <= RATE_BPS
    assert not reports.plateau.sender_slow


def test_what_a_sender_that_pauses_lets_wait_is_no_queue() -> None:
    """All that it sent came through: received is then what it sent, whatever waited on its host."""
    reports = Reports()
    for step in range(60):
        slow_bps = RATE_BPS * 85 // 100
        reports.tell(received_bps=slow_bps, sent_bps=slow_bps, delay_us=70_000 + step % 2 * 3_000)
    assert reports.plateau.known() is None
    assert reports.plateau.sender_slow
    assert reports.plateau.limited()
