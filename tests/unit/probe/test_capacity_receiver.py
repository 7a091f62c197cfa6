"""What a search makes of a receiving host that drops: report by report."""

from __future__ import annotations

import pytest

from omega_core.load import LoadRate, LoadTick
from omega_core.units import BITS_PER_OCTET, US_PER_MS, US_PER_S
from omega_probe.capacity_receiver import AGAIN_US, KEPT_PERCENT, ReceiverRoom

IP_OCTETS = 1_000
TICK_US = 50 * US_PER_MS
SENT = 10_000  # between two reports
OFFERED_BPS = SENT * IP_OCTETS * BITS_PER_OCTET * US_PER_S // TICK_US
RATE_MAX_BPS = 10**11


class Reports:
    """Reports of a receiver that is sent the same in each."""

    def __init__(self) -> None:
        self.room = ReceiverRoom(RATE_MAX_BPS)
        self.command = LoadRate(number=1, rate_bps=OFFERED_BPS, train_packets=0)
        self._tick = self._at_us = self._packets = self._highest = self._drops = 0

    def tell(
        self, dropped: int = 0, *, number: int = 1, in_train: bool = False, after_us: int = TICK_US
    ) -> bool:
        """Report so many drops more; return whether that was too much."""
        self._tick += 1
        self._at_us += after_us
        self._highest += SENT
        self._packets += SENT - dropped
        self._drops += dropped
        tick = LoadTick(
            tick=self._tick,
            at_us=self._at_us,
            octets=self._packets * IP_OCTETS,
            packets=self._packets,
            highest=self._highest,
            reordered=0,
            duplicates=0,
            host_drops=self._drops,
            command=number,
            command_first_us=0,
            command_octets=self._packets * IP_OCTETS,
            command_sent_us=self._at_us,
            delay_us=0,
            delay_us_max=0,
        )
        return self.room.overrun(tick, self.command, in_train=in_train)


@pytest.fixture
def reports() -> Reports:
    made = Reports()
    assert not made.tell()
    return made


@pytest.mark.parametrize(
    ("dropped", "too_much"),
    [
        pytest.param(10, False, id="one of a thousand"),
        pytest.param(11, True, id="one packet more"),
    ],
)
def test_so_much_may_be_dropped(reports: Reports, dropped: int, *, too_much: bool) -> None:
    assert reports.tell(dropped) is too_much


def test_once_is_a_pause(reports: Reports) -> None:
    assert reports.tell(SENT // 2)
    assert not reports.tell()
    assert reports.tell(SENT // 2, after_us=AGAIN_US)
    assert not reports.room.slow
    assert reports.room.rate_bps_max == RATE_MAX_BPS


def test_again_is_too_slow_for_the_most_that_was_taken_in(reports: Reports) -> None:
    assert reports.tell(SENT // 4)
    assert reports.tell(SENT // 2, after_us=TICK_US)
    assert reports.room.slow
    assert reports.room.rate_bps_max == OFFERED_BPS * 3 // 4 * KEPT_PERCENT // 100


def test_what_was_left_waiting_before_is_no_more_than_was_offered(reports: Reports) -> None:
    reports.command = LoadRate(number=1, rate_bps=OFFERED_BPS // 10, train_packets=0)
    assert reports.tell(SENT // 4)
    assert reports.tell(SENT // 4)
    assert reports.room.rate_bps_max == OFFERED_BPS // 10 * KEPT_PERCENT // 100


def test_a_train_counts_as_the_first_time_and_sets_no_limit() -> None:
    reports = Reports()
    assert not reports.tell(number=0, in_train=True)
    assert reports.tell(SENT // 2, in_train=True)
    assert reports.tell(SENT // 2, in_train=True)
    assert not reports.room.slow
    assert reports.tell(SENT // 2)
    assert reports.room.slow


def test_drops_of_the_command_before_are_not_counted_against_this_one(reports: Reports) -> None:
    assert not reports.tell(SENT // 2, number=0)
    assert not reports.tell(SENT // 2)
    assert not reports.tell()


def test_a_receiver_that_takes_in_nothing_is_still_sent_something(reports: Reports) -> None:
    assert reports.tell(SENT)
    assert reports.tell(SENT, after_us=0)
    assert reports.room.rate_bps_max == 1
