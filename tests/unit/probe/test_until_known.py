"""A stream that ends when enough is known: how much is settled, and when that is looked at."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future

import pytest

from omega_core.evidence import IdleStream
from omega_core.limits import WAITING_TIME_NS
from omega_core.units import NS_PER_MS, NS_PER_S
from omega_probe.round_trip import StampSender
from omega_probe.until_known import UntilKnown, aside
from support.facts import idle_stream
from support.simulated_stamp import LOST_DOWN, LOST_UP, START_NS, Fate, SimulatedPath, sender

PERIOD_NS = 20 * NS_PER_MS


def stream_of(packets: int) -> IdleStream:
    return idle_stream(packets=packets)


class TestSettled:
    def test_a_packet_is_settled_by_its_answer(self) -> None:
        machine = sender(100)
        path = SimulatedPath(machine)
        path.run(until_ns=10 * PERIOD_NS)
        assert machine.settled(path.now_ns) == 9, "the answers of the last two are on their way"

    def test_and_one_that_is_lost_by_the_waiting_time(self) -> None:
        machine = sender(1_000)
        path = SimulatedPath(machine, {5: LOST_UP, 8: LOST_DOWN})
        path.run(until_ns=5 * PERIOD_NS + WAITING_TIME_NS)
        assert machine.settled(path.now_ns) == 5
        path.run(until_ns=5 * PERIOD_NS + WAITING_TIME_NS + 1)
        assert machine.settled(path.now_ns) == 8
        path.run(until_ns=9 * PERIOD_NS + WAITING_TIME_NS)
        assert machine.settled(path.now_ns) > 100

    def test_what_is_settled_is_what_the_end_says(self) -> None:
        machine = sender(400)
        late = Fate(down_ns=(2 * NS_PER_S,))
        path = SimulatedPath(machine, {7: LOST_UP, 50: LOST_DOWN, 60: late})
        path.run(until_ns=300 * PERIOD_NS)
        settled = machine.settled(path.now_ns)
        early = machine.so_far(settled)
        path.run()
        assert 100 < settled < 300
        assert early.rtt_us == machine.outcome().rtt_us[:settled]
        assert early.rtt_us[60] == 2_010_000


def at_once(question: Callable[[], int]) -> Future[int]:
    answer: Future[int] = Future()
    answer.set_result(question())
    return answer


class Asked:
    """Answers how many packets are needed, one answer after the other; keeps what it was shown."""

    def __init__(self, *answers: int) -> None:
        self.answers = list(answers)
        self.shown: list[int | None] = []

    def __call__(self, stream: IdleStream | None) -> int:
        self.shown.append(None if stream is None else len(stream.rtt_us))
        return self.answers.pop(0)


def look_all_along(machine: StampSender, until: UntilKnown) -> SimulatedPath:
    """Run a stream and look at it each 200 ms, as whoever shows its progress does."""
    path = SimulatedPath(machine)
    while machine.next_wakeup_ns() is not None:
        path.run(until_ns=path.now_ns - START_NS + 200 * NS_PER_MS)
        until.look(machine, path.now_ns, stream_of)
    return path


def test_it_is_asked_only_when_there_is_as_much_as_was_needed() -> None:
    asked = Asked(100, 300, 300)
    until, machine = UntilKnown(asked, aside=at_once), sender(1_000)
    look_all_along(machine, until)
    first, second, third = asked.shown
    assert first is None
    assert second is not None
    assert 100 <= second < 111
    assert third is not None
    assert 300 <= third < 311
    assert until.known_after == third
    assert third <= len(machine.outcome().rtt_us) < third + 13, "what was on its way is waited for"
    assert None not in machine.outcome().rtt_us


def test_a_stream_that_never_knows_enough_goes_to_its_end() -> None:
    asked = Asked(100, 5_000)
    until, machine = UntilKnown(asked, aside=at_once), sender(500)
    look_all_along(machine, until)
    assert until.known_after is None
    assert len(machine.outcome().rtt_us) == 500
    assert len(asked.shown) == 2


@pytest.mark.parametrize(
    ("packets", "is_asked"),
    [
        pytest.param(71, True, id="a second is left"),
        pytest.param(70, False, id="less than that"),
        pytest.param(21, False, id="all has been sent"),
    ],
)
def test_nobody_is_asked_where_next_to_nothing_would_be_spared(
    packets: int, *, is_asked: bool
) -> None:
    asked = Asked(15, 1_000)
    until, machine = UntilKnown(asked, aside=at_once), sender(packets)
    path = SimulatedPath(machine)
    path.run(until_ns=20 * PERIOD_NS + NS_PER_MS)
    until.look(machine, path.now_ns, stream_of)
    assert (len(asked.shown) == 2) is is_asked
    assert until.known_after is None


def test_while_it_is_being_answered_the_stream_goes_on_and_is_not_asked_again() -> None:
    pending: list[Future[int]] = []

    def later(_question: Callable[[], int]) -> Future[int]:
        pending.append(Future())
        return pending[-1]

    until, machine = UntilKnown(lambda _: 20, aside=later), sender(1_000)
    path = SimulatedPath(machine)
    for _ in range(10):
        path.run(until_ns=path.now_ns - START_NS + 200 * NS_PER_MS)
        until.look(machine, path.now_ns, stream_of)
    assert (len(pending), until.known_after) == (1, None)
    pending[0].set_result(20)
    until.look(machine, path.now_ns, stream_of)
    assert until.known_after is not None
    assert 20 <= until.known_after < 31, "what was looked at, not what has come since"
    path.run()
    assert len(machine.outcome().rtt_us) < 120


def test_an_answer_that_comes_when_all_has_been_sent_has_ended_nothing() -> None:
    pending: Future[int] = Future()
    until, machine = UntilKnown(lambda _: 20, aside=lambda _: pending), sender(100)
    path = SimulatedPath(machine)
    path.run(until_ns=30 * PERIOD_NS)
    until.look(machine, path.now_ns, stream_of)
    path.run()
    pending.set_result(20)
    until.look(machine, path.now_ns, stream_of)
    assert (until.known_after, len(machine.outcome().rtt_us)) == (None, 100)


def test_an_answer_is_worked_out_in_a_thread_that_gives_way_soon() -> None:
    before_s = sys.getswitchinterval()

    def question() -> int:
        assert threading.current_thread() is not threading.main_thread()
        return round(sys.getswitchinterval() * 1_000_000)

    assert aside(question).result(10) == 100
    assert sys.getswitchinterval() == before_s


def test_a_defect_of_the_answer_is_raised_to_whoever_looks() -> None:
    def broken() -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        aside(broken).result(10)
