"""The machine of one run: how it ends, and what it keeps."""

from __future__ import annotations

import pytest

from omega_core.evidence import Ended
from omega_core.limits import SILENCE_NS
from omega_core.units import NS_PER_MS, NS_PER_S, NS_PER_US
from omega_probe.goodput_run import GoodputMachine

START_NS = 50 * NS_PER_S
TICK_NS = 100 * NS_PER_MS
PER_TICK = 125_000  # 10 Mbit/s


class Rig:
    """Feeds a machine with flows that all run at one rate."""

    def __init__(self, *, flows: int = 1, duration_ns: int = 5 * NS_PER_S) -> None:
        self.now_ns = START_NS
        self.octets = 0
        self.flows = flows
        self.machine = GoodputMachine(
            duration_ns=duration_ns, base_rtt_us=20_000, now_ns=START_NS - NS_PER_S
        )
        self.machine.begin(START_NS)
        for flow in range(flows):
            self.join(flow)

    @property
    def at_us(self) -> int:
        return (self.now_ns - START_NS) // NS_PER_US

    def join(self, flow: int) -> None:
        self.machine.flow_joined()
        self.count(flow, 0)

    def count(self, flow: int, octets: int) -> None:
        self.machine.counted(
            flow, at_us=self.at_us, octets=octets, tick_us=self.at_us, now_ns=self.now_ns
        )

    def tick(self, *, moves: bool = True, budget_used_up: bool = False) -> Ended | None:
        self.now_ns += TICK_NS
        self.octets += PER_TICK * moves
        for flow in range(self.flows):
            self.count(flow, self.octets)
        self.machine.advance(self.now_ns, budget_used_up=budget_used_up)
        return self.machine.ended

    def run(self) -> Ended:
        while (ended := self.tick()) is None:
            pass
        return ended


def test_a_run_is_over_when_its_time_is() -> None:
    rig = Rig()
    assert rig.run() is Ended.COMPLETED
    assert rig.now_ns == START_NS + 5 * NS_PER_S


def test_its_time_begins_with_its_first_flows_and_not_with_their_connecting() -> None:
    machine = GoodputMachine(duration_ns=NS_PER_S, base_rtt_us=1, now_ns=0)
    machine.begin(8 * NS_PER_S)
    machine.advance(9 * NS_PER_S - 1, budget_used_up=False)
    assert machine.ended is None
    machine.advance(9 * NS_PER_S, budget_used_up=False)
    assert machine.ended is Ended.COMPLETED


@pytest.mark.parametrize(
    ("bound_bps", "ended", "after_s"),
    [
        pytest.param(10_000_000, Ended.DECIDED, 2, id="at the bound it is known"),
        pytest.param(12_000_000, Ended.COMPLETED, 5, id="below it goes on to its end"),
    ],
)
def test_a_run_that_reaches_its_bound_ends_early(
    bound_bps: int, ended: Ended, after_s: int
) -> None:
    rig = Rig()
    rig.machine.bounded_by(bound_bps)
    assert rig.run() is ended
    assert rig.now_ns - START_NS <= after_s * NS_PER_S


@pytest.mark.parametrize(
    ("silent_ns", "ended"),
    [
        pytest.param(SILENCE_NS - TICK_NS, None, id="a stall is data"),
        pytest.param(SILENCE_NS, Ended.LINK_LOST, id="then the line is down"),
    ],
)
def test_silence(silent_ns: int, ended: Ended | None) -> None:
    rig = Rig(duration_ns=60 * NS_PER_S)
    rig.tick()
    for _ in range(silent_ns // TICK_NS):
        rig.tick(moves=False)
    assert rig.machine.ended is ended


def test_a_line_that_never_carries_anything_is_down() -> None:
    rig = Rig()
    while rig.tick(moves=False) is None:
        pass
    assert rig.machine.ended is Ended.LINK_LOST
    assert rig.now_ns == START_NS + SILENCE_NS


def test_one_flow_that_moves_keeps_the_run_alive() -> None:
    rig = Rig(flows=2, duration_ns=10 * NS_PER_S)
    for step in range(1, 50):
        rig.now_ns += TICK_NS
        rig.count(0, 0)
        rig.count(1, step)
        rig.machine.advance(rig.now_ns, budget_used_up=False)
    assert rig.machine.ended is None


def test_the_budget_ends_a_run() -> None:
    assert Rig().tick(budget_used_up=True) is Ended.BUDGET


def test_a_broken_flow_does_not_end_a_run_but_all_of_them_do() -> None:
    rig = Rig(flows=2)
    rig.machine.flow_broke(0)
    rig.machine.flow_broke(0)
    assert rig.tick() is None
    rig.machine.flow_broke(1)
    assert rig.tick() is Ended.TEST_POINT_LOST
    assert rig.machine.broken_flows == 2


def test_the_first_reason_to_end_stays() -> None:
    rig = Rig()
    rig.machine.end(Ended.INTERRUPTED)
    rig.machine.end(Ended.LINK_LOST)
    assert rig.run() is Ended.INTERRUPTED


def test_counts_are_by_flow_and_begin_when_each_joined() -> None:
    rig = Rig(flows=1)
    rig.tick()
    rig.flows = 2
    rig.join(1)
    rig.tick()
    first, second = rig.machine.counts()
    assert (first.flow, first.at_us, first.octets) == (
        0,
        (0, 100_000, 200_000),
        (0, PER_TICK, 2 * PER_TICK),
    )
    assert (second.flow, second.at_us, second.octets) == (1, (100_000, 200_000), (0, 2 * PER_TICK))
    assert rig.machine.latest_us == 200_000


def test_the_last_counter_is_kept_but_claims_no_silence() -> None:
    rig = Rig()
    rig.tick()
    rig.machine.counted_last(0, at_us=130_000, octets=PER_TICK + 1)
    rig.machine.counted_last(0, at_us=190_000, octets=PER_TICK + 1)
    rig.machine.counted_last(7, at_us=190_000, octets=5)
    (counts,) = rig.machine.counts()
    assert (counts.at_us[-1], counts.octets[-1]) == (130_000, PER_TICK + 1)


def test_no_flow_is_added_while_others_are_on_their_way() -> None:
    rig = Rig()
    for _ in range(5):
        rig.tick()
    assert rig.machine.flows_to_open(rig.at_us, opening=1) == 0
    rig.machine.flow_joined()  # upwards its first counter comes later, from the other end
    assert rig.machine.flows_to_open(rig.at_us, opening=0) == 0
    rig.count(1, 0)
    assert rig.machine.flows_to_open(rig.at_us, opening=0) == 2


def test_no_flow_is_added_to_a_run_that_is_over() -> None:
    rig = Rig()
    for _ in range(5):
        rig.tick()
    rig.machine.end(Ended.BUDGET)
    assert rig.machine.flows_to_open(rig.at_us, opening=0) == 0


def test_the_rate_shown_is_of_the_last_second() -> None:
    rig = Rig(flows=2)
    assert rig.machine.rate_bps() is None
    for _ in range(20):
        rig.tick()
    assert rig.machine.rate_bps() == 2 * 10_000_000
    for _ in range(5):
        rig.tick(moves=False)
    assert rig.machine.rate_bps() == 10_000_000
