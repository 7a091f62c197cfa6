"""Any fate of any packet: the sample tells what truly happened, by a second way of counting."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from omega_core.limits import WAITING_TIME_NS
from omega_core.samples import Way
from omega_core.units import NS_PER_MS, NS_PER_S, NS_PER_US
from omega_probe.loss_ways import lost_ways, ranges_of
from support.simulated_stamp import START_NS, Fate, SimulatedPath, sender

DELAYS_NS = st.integers(0, 4 * NS_PER_S)
ONE_WAY = st.lists(DELAYS_NS, max_size=3).map(tuple)
FATES = st.builds(Fate, up_ns=ONE_WAY, down_ns=ONE_WAY, held_ns=st.integers(0, NS_PER_MS))
SMOOTH = st.sampled_from([Fate(), Fate(up_ns=()), Fate(down_ns=())])


def first_round_trip_ns(fate: Fate) -> int | None:
    """The definition, bare: the earliest answer to any copy, if it is in time."""
    if not fate.up_ns or not fate.down_ns:
        return None
    first, *again = sorted(fate.up_ns)
    ends = [first + fate.held_ns + delay for delay in fate.down_ns]
    ends += [up + fate.held_ns + fate.down_ns[-1] for up in again]
    return min(ends)


@given(st.lists(FATES, min_size=1, max_size=30))
def test_every_packet_is_told_truly(fates: list[Fate]) -> None:
    machine = sender(len(fates))
    path = SimulatedPath(machine, dict(enumerate(fates)))
    path.run()
    outcome = machine.outcome()
    waited_ns = outcome.waiting_time_us * NS_PER_US
    for fate, rtt_us in zip(fates, outcome.rtt_us, strict=True):
        whole_ns = first_round_trip_ns(fate)
        if whole_ns is None or whole_ns > WAITING_TIME_NS:
            assert rtt_us is None
        elif whole_ns <= waited_ns or rtt_us is not None:
            assert rtt_us == (whole_ns - fate.held_ns) // NS_PER_US
    assert all(rtt_us is None or rtt_us <= outcome.waiting_time_us for rtt_us in outcome.rtt_us)


@given(st.lists(FATES, min_size=1, max_size=30))
def test_with_the_report_every_loss_has_its_way(fates: list[Fate]) -> None:
    machine = sender(len(fates))
    path = SimulatedPath(machine, dict(enumerate(fates)))
    path.run()
    outcome = machine.outcome()
    answered = {i for i, rtt_us in enumerate(outcome.rtt_us) if rtt_us is not None}
    ways = lost_ways(answered, len(fates), outcome.reflected, path.report)
    assert ways.keys() | answered == set(range(len(fates)))
    assert {number for number, way in ways.items() if way is Way.UP} == {
        number for number in range(len(fates)) if number not in path.reached
    } - answered


@given(st.lists(SMOOTH, min_size=1, max_size=200))
def test_without_the_report_no_way_is_told_wrongly(fates: list[Fate]) -> None:
    machine = sender(len(fates))
    path = SimulatedPath(machine, dict(enumerate(fates)))
    path.run()
    outcome = machine.outcome()
    answered = {i for i, rtt_us in enumerate(outcome.rtt_us) if rtt_us is not None}
    truth = lost_ways(answered, len(fates), outcome.reflected, path.report)
    guessed = lost_ways(answered, len(fates), outcome.reflected, None)
    assert guessed.keys() == truth.keys()
    assert all(way in {truth[number], Way.UNKNOWN} for number, way in guessed.items())


@given(st.binary(max_size=200), st.integers(-NS_PER_S, 10 * NS_PER_S))
def test_a_hostile_datagram_neither_ends_nor_improves_the_stream(data: bytes, at_ns: int) -> None:
    machine = sender(2)
    assert machine.datagram_to_send(START_NS, START_NS) is not None
    machine.datagram_received(data, START_NS + at_ns)
    assert machine.next_wakeup_ns() == START_NS + 20 * NS_PER_MS
    machine.stop(START_NS + 10 * NS_PER_S)
    assert machine.outcome().rtt_us == (None,)


@given(st.lists(FATES, min_size=1, max_size=20), st.integers(0, 8 * NS_PER_S))
def test_stopping_at_any_moment_leaves_a_true_beginning_of_the_sample(
    fates: list[Fate], until_ns: int
) -> None:
    machine = sender(len(fates))
    path = SimulatedPath(machine, dict(enumerate(fates)))
    path.run(until_ns=until_ns)
    machine.stop(path.now_ns)
    outcome = machine.outcome()
    assert len(outcome.rtt_us) <= len(path.sent_ns)
    for fate, rtt_us in zip(fates, outcome.rtt_us, strict=False):
        whole_ns = first_round_trip_ns(fate)
        if rtt_us is not None:
            assert whole_ns is not None
            assert rtt_us == (whole_ns - fate.held_ns) // NS_PER_US


@given(st.sets(st.integers(0, 300)))
def test_runs_hold_exactly_the_numbers_they_came_from(numbers: set[int]) -> None:
    runs = ranges_of(numbers)
    assert {n for first, last in runs for n in range(first, last + 1)} == numbers
    assert all(later[0] > earlier[1] + 1 for earlier, later in pairwise(runs))
