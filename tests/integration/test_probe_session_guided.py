"""Sessions that a guide steers, against a real test point on loopback: looked at, ended early."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from omega_core.derive import NOT_NEEDED
from omega_core.evidence import Ended, Evidence
from omega_core.metrics import Direction
from omega_core.observers import disagreements
from omega_core.units import NS_PER_MS, NS_PER_S
from omega_probe.events import Event, PhaseStarted
from omega_probe.guide import Found
from omega_probe.plan import CapacityTask
from support.probe_sessions import DOWN, SHORT, UP, ends, hold
from support.real_test_point import RealTestPoint

pytestmark = pytest.mark.slow  # each is a session of seconds

WINDOWS = tuple(
    CapacityTask(direction=way, duration_ns=2_500 * NS_PER_MS, fixed_bps=4_000_000, mtu_bytes=1_400)
    for way in Direction
)
LOOKS = replace(SHORT, idle_look_ns=200 * NS_PER_MS, capacity=WINDOWS)
MORE = tuple(replace(run, if_open=True) for run in (DOWN, UP, DOWN, UP))


@pytest.fixture(scope="module")
def test_point(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealTestPoint]:
    with RealTestPoint(tmp_path_factory.mktemp("testpoint")) as running:
        yield running


class Guided:
    """Needs so many packets and runs of each direction, and keeps what it was told."""

    def __init__(self, *, packets: int = 0, runs: int = 1) -> None:
        self.packets = packets
        self.runs = runs
        self.streams_seen: list[int] = []
        self.found: list[Found] = []

    def packets_needed(self, evidence: Evidence) -> int:
        self.streams_seen += [len(each.rtt_us) for each in evidence.idle]
        assert evidence.attempts or not evidence.idle, "what was tried before is known"
        return self.packets

    def is_answered(self, task: str, evidence: Evidence) -> bool:
        held = [run for run in evidence.goodput if task == f"goodput_{run.direction}"]
        return len(held) >= self.runs

    def looked(self, found: Found) -> None:
        self.found.append(found)


def test_windows_come_after_a_short_look_and_the_guide_is_told(test_point: RealTestPoint) -> None:
    guide, events = Guided(packets=10_000), list[Event]()
    plan = replace(LOOKS, goodput=())
    result = hold(plan, test_point.access(), guide=guide, emit=events.append)
    begun = [event.task for event in events if isinstance(event, PhaseStarted)]
    looked = ["idle_look", "qualified_down", "qualified_up"]
    assert begun == ["precheck", "connectivity", *looked, "idle", "finish"]
    (found,) = guide.found
    assert [len(each.rtt_us) for each in found.evidence.idle] == [11]
    assert [run.direction for run in found.evidence.capacity] == list(Direction)
    assert [end.task for end in found.evidence.tasks][-1] == "qualified_up"
    assert found.environment.interface is not None

    judged, look = result.evidence.idle
    assert (len(judged.rtt_us), len(look.rtt_us)) == (21, 11), "what is judged stands first"
    assert look.started_offset_us < judged.started_offset_us
    assert judged.report is not None
    assert look.report is not None
    assert result.faults == ()


def test_the_two_observers_agree_on_both_streams(test_point: RealTestPoint) -> None:
    result = hold(replace(LOOKS, goodput=()), test_point.access())
    assert result.observation is not None
    observation = test_point.opened(result.observation)
    assert disagreements(result.evidence, observation) == ()
    assert len(result.evidence.idle) == 2


@pytest.mark.parametrize("begins_early", [True, False], ids=["begun early", "after a look"])
def test_the_idle_stream_ends_when_enough_is_known(
    test_point: RealTestPoint, *, begins_early: bool
) -> None:
    guide = Guided(packets=40)
    plan = replace(SHORT if begins_early else LOOKS, idle_duration_ns=10 * NS_PER_S, goodput=())
    result = hold(plan, test_point.access(), guide=guide)
    stream = result.evidence.idle[0]
    assert ends(result)["idle"] is Ended.DECIDED
    assert 40 <= len(stream.rtt_us) < 75
    assert None not in stream.rtt_us
    assert stream.report is not None
    assert all(packets >= 40 for packets in guide.streams_seen)
    (why,) = (end.detail for end in result.evidence.tasks if end.task == "idle")
    assert why == f"what was asked was known after {guide.streams_seen[-1]} packets"


def test_runs_are_held_while_their_question_is_open(test_point: RealTestPoint) -> None:
    plan = replace(SHORT, goodput=(*SHORT.goodput, *MORE))
    guide = Guided(packets=10_000, runs=2)
    result = hold(plan, test_point.access(), guide=guide)
    held = [run.direction for run in result.evidence.goodput]
    assert held == [Direction.DOWN, Direction.UP] * 2
    left_out = [end for end in result.evidence.tasks if end.ended is Ended.SKIPPED]
    assert [end.task for end in left_out] == ["goodput_down", "goodput_up"]
    assert {end.detail for end in left_out} == {NOT_NEEDED}


def test_without_a_guide_all_of_the_plan_is_held(test_point: RealTestPoint) -> None:
    plan = replace(SHORT, goodput=(DOWN, replace(DOWN, if_open=True)))
    result = hold(plan, test_point.access())
    assert [run.ended for run in result.evidence.goodput] == [Ended.COMPLETED] * 2
    assert len(result.evidence.idle[0].rtt_us) == 21


def test_a_stop_while_the_line_drains_ends_the_session_in_order(
    test_point: RealTestPoint,
) -> None:
    stop = threading.Event()

    class Stopping(Guided):
        def looked(self, found: Found) -> None:
            super().looked(found)
            stop.set()

    plan = replace(LOOKS, goodput=(DOWN, replace(DOWN, if_open=True)))
    guide = Stopping()
    result = hold(plan, test_point.access(), guide=guide, stop=stop)
    assert len(guide.found) == 1
    ended = [(end.task, end.ended) for end in result.evidence.tasks]
    assert ended[-4:-1] == [("idle", Ended.INTERRUPTED)] + [("goodput_down", Ended.INTERRUPTED)] * 2
    assert result.observation is not None
