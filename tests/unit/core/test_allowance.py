"""What the flows of a run may move together, all at once or over the time of the run."""

from __future__ import annotations

import pytest

from omega_core.sockets.flows import Allowance
from omega_core.units import NS_PER_S
from support.clock import HandClock

TEN_S = 10 * NS_PER_S
OCTETS = 16_000_000


def taken_in_all(allowance: Allowance, wanted: int = 1 << 18) -> int:
    """Take until nothing is to be had; return how much that was."""
    total = 0
    while taken := allowance.take(wanted):
        total += taken
    return total


def test_without_a_time_all_of_it_is_there_and_no_more() -> None:
    allowance = Allowance(1_000_000)
    assert taken_in_all(allowance) == 1_000_000
    assert allowance.used_up
    assert not allowance.held_back


def test_one_take_is_a_small_share_so_that_every_flow_finds_some() -> None:
    assert Allowance(OCTETS).take(OCTETS) == OCTETS // 32


@pytest.mark.parametrize(
    ("after_s", "least", "most"),
    [
        pytest.param(0, 0, 1_000_000, id="a sixteenth at once"),
        pytest.param(5, 7_500_000, 8_000_000, id="half of it in the middle"),
        pytest.param(10, 14_500_000, 15_000_000, id="a sixteenth is left at the end"),
    ],
)
def test_octets_come_free_over_the_time_of_the_run(after_s: int, least: int, most: int) -> None:
    clock = HandClock()
    allowance = Allowance(OCTETS, duration_ns=TEN_S, clock=clock)
    first = allowance.take(1)
    clock.pass_ns(after_s * NS_PER_S)
    assert least <= first + taken_in_all(allowance) <= most
    assert allowance.held_back
    assert not allowance.used_up, "there is more, later"


def test_a_sender_that_stays_below_the_schedule_is_never_held_back() -> None:
    clock = HandClock()
    allowance = Allowance(OCTETS, duration_ns=TEN_S, clock=clock)
    for _ in range(100):  # half of the octets, evenly
        assert allowance.take(OCTETS // 200) == OCTETS // 200
        clock.pass_ns(TEN_S // 100)
    assert not allowance.held_back


def test_long_after_its_time_the_rest_is_free_and_never_more() -> None:
    clock = HandClock()
    allowance = Allowance(OCTETS, duration_ns=TEN_S, clock=clock)
    first = allowance.take(1)
    clock.pass_ns(100 * TEN_S)
    assert first + taken_in_all(allowance) == OCTETS
    assert allowance.used_up


def test_what_is_given_back_can_be_taken_again() -> None:
    clock = HandClock()
    allowance = Allowance(OCTETS, duration_ns=TEN_S, clock=clock)
    before = taken_in_all(allowance)
    allowance.give_back(before)
    assert taken_in_all(allowance) == before > 0


def test_a_receiver_counts_what_has_come_whenever_it_comes() -> None:
    allowance = Allowance(1_000, duration_ns=TEN_S, clock=HandClock())
    assert allowance.spend(999)
    assert not allowance.spend(1)
    assert allowance.used_up
