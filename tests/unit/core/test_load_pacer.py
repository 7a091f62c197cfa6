"""When packets of a load are due: on their schedule, in small bursts, and not much too late."""

from __future__ import annotations

from itertools import pairwise

import pytest

from omega_core.load import BURST_NS, CATCH_UP_NS, STEP_NS, LoadRate, Pacer
from omega_core.units import NS_PER_MS, NS_PER_S

OCTETS = 1_250  # ten thousand bits
MBPS = 1_000_000
START = 7 * NS_PER_S


class Driver:
    """Calls a pacer when it asks for it, `late_ns` later each time."""

    def __init__(self, rate_bps: int, *, train: int = 0, late_ns: int = 0) -> None:
        self.pacer = Pacer(OCTETS)
        self.now_ns = START
        self.late_ns = late_ns
        self.bursts: list[tuple[int, int]] = []
        self.order(1, rate_bps, train=train)

    def order(self, number: int, rate_bps: int, *, train: int = 0) -> None:
        rate = LoadRate(number=number, rate_bps=rate_bps, train_packets=train)
        self.pacer.order(rate, self.now_ns)

    def run(self, duration_ns: int) -> int:
        """Return how many packets were sent."""
        end_ns, before = self.now_ns + duration_ns, self.packets
        while (wakeup_ns := self.pacer.wakeup_ns()) is not None:
            later_ns = max(wakeup_ns + self.late_ns, self.now_ns)
            if later_ns > end_ns:
                break
            self.now_ns = later_ns
            count = self.pacer.due(self.now_ns)
            assert count or self.late_ns, "woken for nothing"
            if count:
                self.bursts.append((self.now_ns - START, count))
                self.pacer.sent(count, self.now_ns)
            else:
                self.now_ns += 1
        self.now_ns = end_ns
        return self.packets - before

    @property
    def packets(self) -> int:
        return sum(count for _, count in self.bursts)


@pytest.mark.parametrize("rate_bps", [64_000, MBPS, 20 * MBPS, 20 * MBPS + 7, 940 * MBPS, 10**10])
@pytest.mark.parametrize("late_ns", [0, 60_000, 400_000], ids=["on time", "60 us late", "400 us"])
def test_the_rate_is_met_to_the_packet(rate_bps: int, late_ns: int) -> None:
    driver = Driver(rate_bps, late_ns=late_ns)
    driver.run(2 * NS_PER_S)
    due = 2 * rate_bps // (8 * OCTETS)
    burst = max(rate_bps * BURST_NS // (8 * OCTETS * NS_PER_S), 1)
    assert due - burst <= driver.packets <= due + 1
    assert max(count for _, count in driver.bursts) <= burst


@pytest.mark.parametrize(
    ("rate_bps", "apart_ns"),
    [
        pytest.param(MBPS, 10 * NS_PER_MS, id="single packets of a slow line, each at its time"),
        pytest.param(20 * MBPS, STEP_NS, id="one each half millisecond"),
        pytest.param(940 * MBPS, STEP_NS, id="many each half millisecond"),
    ],
)
def test_bursts_are_as_far_apart_as_they_should_be(rate_bps: int, apart_ns: int) -> None:
    driver = Driver(rate_bps)
    driver.run(NS_PER_S // 2)
    times = [at for at, _ in driver.bursts]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    packet_ns = 8 * OCTETS * NS_PER_S // rate_bps
    assert all(apart_ns - packet_ns <= gap <= apart_ns + packet_ns for gap in gaps)


def test_what_was_missed_for_long_is_left_out_and_the_rest_comes_at_twice_the_rate() -> None:
    driver = Driver(100 * MBPS)
    driver.run(100 * NS_PER_MS)
    sent = driver.packets
    driver.now_ns += 300 * NS_PER_MS
    packets = driver.run(100 * NS_PER_MS)
    extra = packets - 1_000
    assert 0 < extra <= CATCH_UP_NS * 100 * MBPS // (8 * OCTETS * NS_PER_S) + 1
    assert driver.pacer.late_sends > 0
    after = [(at, count) for at, count in driver.bursts if at >= 400 * NS_PER_MS]
    first_5_ms = sum(count for at, count in after if at < 405 * NS_PER_MS)
    assert first_5_ms <= 2 * 50 + 10
    assert sent == 1_000


def test_being_a_little_late_is_not_counted_and_more_is() -> None:
    pacer = Pacer(OCTETS)
    pacer.order(LoadRate(number=1, rate_bps=MBPS, train_packets=0), START)
    assert pacer.due(START + BURST_NS + STEP_NS) == 1
    assert pacer.late_sends == 0
    assert pacer.due(START + BURST_NS + STEP_NS + 1) == 1
    assert pacer.late_sends == 1


def test_nothing_is_due_before_the_first_order_nor_in_a_pause() -> None:
    pacer = Pacer(OCTETS)
    assert (pacer.due(START), pacer.wakeup_ns()) == (0, None)
    driver = Driver(MBPS)
    driver.run(NS_PER_S)
    driver.order(2, 0)
    assert driver.run(NS_PER_S) == 0
    driver.order(3, MBPS)
    assert driver.run(NS_PER_S) in {100, 101}


@pytest.mark.parametrize("rate_bps", [MBPS, 50 * MBPS, 3_000 * MBPS])
def test_a_train_has_its_packets_and_no_more(rate_bps: int) -> None:
    driver = Driver(rate_bps, train=33)
    assert driver.run(NS_PER_S) == 33
    assert driver.pacer.wakeup_ns() is None
    driver.order(1, rate_bps, train=33)
    assert driver.run(NS_PER_S) == 0, "the same order again is no new train"
    driver.order(2, rate_bps, train=5)
    assert driver.run(NS_PER_S) == 5


def test_an_older_order_changes_nothing() -> None:
    driver = Driver(MBPS)
    driver.order(5, 10 * MBPS)
    driver.order(4, 0)
    assert driver.pacer.command == 5
    assert driver.run(NS_PER_S) > 900


def test_orders_that_come_faster_than_packets_do_not_add_any() -> None:
    driver = Driver(MBPS)
    for number in range(2, 202):
        driver.run(5 * NS_PER_MS)
        driver.order(number, MBPS + number)
    assert driver.packets in {100, 101}


def test_a_new_rate_begins_one_of_its_packet_times_after_the_last_packet() -> None:
    driver = Driver(MBPS)
    driver.run(1)
    driver.order(2, 2 * MBPS)
    assert driver.pacer.wakeup_ns() == START + 5 * NS_PER_MS
