"""The rounds of one flow, against a path without a network."""

from __future__ import annotations

from itertools import pairwise

import pytest

from omega_core import limits
from omega_core.path import HopAnswer, TraceEnd
from omega_core.units import NS_PER_MS, NS_PER_S
from omega_probe.path_trace import BATCH_TTLS, PATIENCE_NS_MIN, PathTrace, ProbeAnswer, Rounds
from support.path_lines import TARGET, SimulatedHops


def test_every_hop_is_asked_once_a_round_and_none_behind_the_end() -> None:
    machine, path = PathTrace(Rounds(count=5)), SimulatedHops(6)
    path.run(machine)
    hops = machine.hops()
    assert [hop.address for hop in hops] == [*(f"10.0.0.{ttl}" for ttl in range(1, 6)), TARGET]
    assert all(hop.sent == hop.answered for hop in hops)
    assert [hop.sent for hop in hops] == [5] * 6
    assert machine.ended is TraceEnd.REACHED
    beyond = [ttl for _, ttl, _ in path.sent if ttl > 6]
    assert len(beyond) <= 2 * BATCH_TTLS - 6, "no more than the batch that finds the end"


def test_a_round_trip_is_from_departure_to_answer() -> None:
    machine = PathTrace(Rounds(count=1))
    SimulatedHops(4, rtt_ns=40 * NS_PER_MS).run(machine)
    assert [hop.rtt_us for hop in machine.hops()] == [(10_000,), (20_000,), (30_000,), (40_000,)]


@pytest.mark.parametrize("rtt_ms", [1, 80, 400, 900])
def test_the_rounds_take_the_time_they_are_given(rtt_ms: int) -> None:
    machine, path = PathTrace(Rounds()), SimulatedHops(12, rtt_ns=rtt_ms * NS_PER_MS)
    ended_ns = path.run(machine)
    assert ended_ns <= limits.PATH_TOTAL_NS
    assert len(machine.hops()) == 12
    assert machine.hops()[0].sent == limits.PATH_ROUNDS
    gaps = [after[2] - before[2] for before, after in pairwise(path.sent)]
    assert min(gaps) >= limits.PATH_SPACING_NS


def test_a_host_that_answers_six_and_then_one_a_second_is_heard_nearly_always() -> None:
    machine = PathTrace(Rounds())
    SimulatedHops(4, burst=6).run(machine)
    assert all(hop.answered >= 9 for hop in machine.hops())


def test_silent_hops_in_between_hide_nothing() -> None:
    machine = PathTrace(Rounds(count=3))
    SimulatedHops(9, silent=frozenset({2, 3, 4, 5})).run(machine)
    hops = machine.hops()
    assert [hop.address for hop in hops][1:5] == [None] * 4
    assert (hops[-1].address, hops[-1].answer) == (TARGET, HopAnswer.PORT_UNREACHABLE)
    assert machine.ended is TraceEnd.REACHED


def test_a_dead_path_is_told_with_its_first_silent_hop() -> None:
    machine, path = PathTrace(Rounds(count=4)), SimulatedHops(9, silent=frozenset(range(3, 10)))
    ended_ns = path.run(machine)
    assert [(hop.ttl, hop.answered > 0) for hop in machine.hops()] == [
        (1, True),
        (2, True),
        (3, False),
    ]
    assert machine.ended is TraceEnd.SILENT
    last_ns = path.sent[-1][2]
    assert ended_ns - last_ns == machine.waiting_time_ns == PATIENCE_NS_MIN, "it is known how quick"
    assert machine.packets_sent <= 22, "silence that is known is not asked again in every round"


def test_a_round_is_over_when_the_next_begins() -> None:
    machine, at_ns, over = PathTrace(Rounds(ttl_last=2, count=3)), 0, []
    for _ in range(5):
        machine.probe_to_send(at_ns)
        over.append(machine.rounds_over)
        at_ns = machine.next_wakeup_ns() or 0
    assert over == [0, 0, 0, 1, 1], "the third call finds that the round has yet to pass"


def test_a_line_on_which_nothing_answers_has_one_silent_hop_and_is_waited_for() -> None:
    machine = PathTrace(Rounds(count=2))
    ended_ns = SimulatedHops(5, silent=frozenset(range(1, 6))).run(machine)
    assert [hop.address for hop in machine.hops()] == [None]
    assert machine.waiting_time_ns == limits.PATH_WAIT_NS
    assert ended_ns >= limits.PATH_WAIT_NS


def test_a_router_that_says_unreachable_ends_the_path() -> None:
    machine = PathTrace(Rounds(count=2))
    SimulatedHops(6, unreachable_at=3).run(machine)
    assert machine.ended is TraceEnd.UNREACHABLE
    last = machine.hops()[-1]
    assert (last.ttl, last.icmp_type, last.icmp_code) == (3, 3, 1)


def test_the_targets_word_outweighs_a_routers_at_the_same_place() -> None:
    machine = PathTrace(Rounds(ttl_last=1, count=2))
    ends = []
    for number, (who, said) in enumerate(
        [("10.0.0.1", HopAnswer.UNREACHABLE), (TARGET, HopAnswer.PORT_UNREACHABLE)]
    ):
        at_ns = number * limits.PATH_ROUND_NS
        machine.probe_to_send(at_ns)
        machine.probe_to_send(at_ns + limits.PATH_SPACING_NS)  # which begins the next round
        machine.answered(ProbeAnswer(number, who, said, 3, 1), at_ns + NS_PER_MS)
        ends.append(machine.ended)
    assert ends == [TraceEnd.UNREACHABLE, TraceEnd.REACHED]
    assert machine.hops()[0].others == (TARGET,)


def test_a_slow_path_is_found_to_its_end_though_answers_come_after_the_first_round() -> None:
    machine = PathTrace(Rounds(count=6))
    SimulatedHops(18, rtt_ns=1_150 * NS_PER_MS, flat=True).run(machine)
    assert len(machine.hops()) == 18
    assert machine.ended is TraceEnd.REACHED
    assert min(hop.sent for hop in machine.hops()) >= 2, (
        "not only by the patience of the last round"
    )


def test_a_target_asked_straight_is_a_path_of_one_ttl() -> None:
    machine = PathTrace(Rounds(ttl_first=64, ttl_last=64, count=8, apart_ns=100 * NS_PER_MS))
    SimulatedHops(3, loss_ppm=300_000, seed=4).run(machine)
    rtts = machine.round_trips_us()
    assert len(rtts) == 8
    assert 0 < rtts.count(None) < 8
    assert set(rtts) == {None, 20_000}


def test_what_a_router_says_is_no_answer_of_a_target_asked_straight() -> None:
    machine = PathTrace(Rounds(ttl_first=64, ttl_last=64, count=2))
    SimulatedHops(3, unreachable_at=3).run(machine)
    assert machine.round_trips_us() == (None, None)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(ProbeAnswer(7, "10.0.0.1", HopAnswer.TIME_EXCEEDED), id="to nothing sent"),
        pytest.param(ProbeAnswer(-1, "10.0.0.1", HopAnswer.TIME_EXCEEDED), id="of a negative one"),
        pytest.param(ProbeAnswer(0, None, HopAnswer.TIME_EXCEEDED), id="from nobody"),
        pytest.param(ProbeAnswer(0, "10.0.0.1", HopAnswer.TOO_BIG), id="about the size"),
        pytest.param(ProbeAnswer(None, "10.0.0.1", HopAnswer.TIME_EXCEEDED), id="without a number"),
    ],
)
def test_strange_answers_change_no_hop(answer: ProbeAnswer) -> None:
    machine = PathTrace(Rounds())
    machine.probe_to_send(0)
    machine.answered(answer, 10)
    assert [hop.answered for hop in machine.hops()] == [0]
    assert machine.unattributed == (answer.number is None)


def test_a_copy_and_a_late_answer_are_not_counted() -> None:
    machine = PathTrace(Rounds(waiting_time_ns=NS_PER_S))
    machine.probe_to_send(0)
    machine.probe_to_send(limits.PATH_SPACING_NS)
    answer = ProbeAnswer(0, "10.0.0.1", HopAnswer.TIME_EXCEEDED, 11, 0)
    machine.answered(answer, 5_000)
    machine.answered(answer._replace(address="10.0.0.99"), 6_000)
    machine.answered(answer._replace(number=1), 3 * NS_PER_S)
    assert [hop.rtt_us for hop in machine.hops()] == [(5,), (None,)]
    assert machine.hops()[0].others == ()


@pytest.mark.parametrize("why", [TraceEnd.BUDGET, TraceEnd.NOT_SENT])
def test_a_packet_that_never_left_is_not_lost(why: TraceEnd) -> None:
    machine = PathTrace(Rounds())
    machine.probe_to_send(0)
    machine.probe_to_send(limits.PATH_SPACING_NS)
    machine.not_sent(why)
    assert (machine.packets_sent, machine.ended) == (1, why)
    assert [hop.sent for hop in machine.hops()] == [1]
    assert machine.probe_to_send(NS_PER_S) is None


@pytest.mark.parametrize("why", [TraceEnd.BUDGET, TraceEnd.INTERRUPTED, TraceEnd.NOT_SENT])
def test_a_trace_that_is_stopped_sends_no_more_and_says_why(why: TraceEnd) -> None:
    machine = PathTrace(Rounds())
    machine.probe_to_send(0)
    machine.stop(why)
    assert machine.probe_to_send(NS_PER_S) is None
    assert machine.ended is why
    assert machine.is_over(0) is (why is not TraceEnd.BUDGET), "answers under way are waited for"
    assert machine.is_over(limits.PATH_WAIT_NS)


def test_packets_are_bounded() -> None:
    machine = PathTrace(Rounds(packets_max=7))
    SimulatedHops(20).run(machine)
    assert machine.packets_sent == 7


def test_a_path_of_a_known_length_is_probed_no_further() -> None:
    assert Rounds().up_to(None) == Rounds()
    assert Rounds().up_to(4).ttl_last == 4
    assert Rounds(ttl_first=3).up_to(1).ttl_last == 3


@pytest.mark.parametrize(
    "rounds",
    [
        pytest.param(Rounds(ttl_first=0), id="a TTL of zero"),
        pytest.param(Rounds(ttl_first=5, ttl_last=4), id="the first above the last"),
        pytest.param(Rounds(ttl_last=256), id="a TTL of nine bits"),
        pytest.param(Rounds(count=0), id="no round"),
        pytest.param(Rounds(count=limits.PATH_PROBES_OF_A_HOP_MAX + 1), id="too many rounds"),
    ],
)
def test_rounds_beyond_the_limits_are_refused(rounds: Rounds) -> None:
    with pytest.raises(ValueError, match=r"must be in|is from 1"):
        PathTrace(rounds)
