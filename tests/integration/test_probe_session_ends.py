"""How a session of the probe ends that can't come to its own end: refused, stopped, cut off."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from omega_core.evidence import Ended
from omega_core.observers import disagreements
from omega_core.units import NS_PER_MS, NS_PER_S, PPM
from omega_probe.events import Event, PhaseStarted
from omega_probe.plan import MeasurementPlan, TestPointAccess
from support.probe_sessions import DOWN, LONG, SHORT, TASKS, ends, hold
from support.real_test_point import RealTestPoint


@pytest.fixture(scope="module")
def test_point(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealTestPoint]:
    with RealTestPoint(tmp_path_factory.mktemp("testpoint")) as running:
        yield running


def test_a_grant_that_was_used_before_is_told_once_and_for_all_tasks(
    test_point: RealTestPoint,
) -> None:
    access = test_point.access()
    hold(MeasurementPlan(idle_duration_ns=0), access)
    result = hold(SHORT, access)
    assert ends(result) == {
        "precheck": Ended.COMPLETED,
        **dict.fromkeys(TASKS[1:], Ended.REFUSED),
    }
    assert "grant_spent" in result.evidence.tasks[1].detail
    assert result.observation is None
    assert result.metrics["goodput_bps_down"].reason == "refused"


def test_a_grant_for_another_address_is_refused(test_point: RealTestPoint) -> None:
    result = hold(SHORT, test_point.access(sources=("192.0.2.99",)))
    assert "grant_other_address" in result.evidence.tasks[1].detail
    assert ends(result)["idle"] is Ended.REFUSED


def test_no_test_point_at_the_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    access = TestPointAccess(
        session_id="s",
        grant="{}",
        secret=b"s" * 32,
        addresses=("127.0.0.1",),
        tcp_port=port,
        udp_port=port,
        bytes_down_max=10**9,
        bytes_up_max=10**9,
        duration_s_max=60,
    )
    result = hold(SHORT, access)
    assert result.metrics["reachable_ppm"].value == 0
    assert {attempt.reason for attempt in result.evidence.attempts} == {"refused"}
    tried = [attempt for attempt in result.evidence.attempts if attempt.to_test_point]
    assert len(tried) == 2 * SHORT.connectivity_attempts, "silence is asked about twice"
    assert [ends(result)[task] for task in TASKS[1:]] == [Ended.TEST_POINT_LOST] * 5


@pytest.mark.parametrize(
    ("reply", "detail"),
    [
        pytest.param(b"", "closed", id="closes without a word"),
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n\r\n", "something else", id="speaks HTTP"),
        pytest.param(b"\0\0\0\x05hello", "something else", id="a frame that is no message"),
        pytest.param(b"\xff\xff\xff\xff", "something else", id="an impossible length"),
    ],
)
def test_a_peer_that_speaks_something_else(reply: bytes, detail: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_answer_all, args=(listener, reply), daemon=True).start()
        access = TestPointAccess(
            session_id="s",
            grant="{}",
            secret=b"s" * 32,
            addresses=("127.0.0.1",),
            tcp_port=listener.getsockname()[1],
            udp_port=9,
            bytes_down_max=10**9,
            bytes_up_max=10**9,
            duration_s_max=60,
        )
        result = hold(SHORT, access)
    assert ends(result)["connectivity"] is Ended.TEST_POINT_LOST
    assert detail in result.evidence.tasks[1].detail
    assert result.metrics["reachable_ppm"].value == PPM, "TCP did connect"


def _answer_all(listener: socket.socket, reply: bytes) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            if connection.recv(65_536):  # else one that only tried whether it connects
                connection.sendall(reply)


class StopAt:
    """Sets the stop event a while after a task has begun, and keeps the time."""

    def __init__(self, task: str, after_s: float) -> None:
        self.stop = threading.Event()
        self.stopped_at = 0.0
        self._task = task
        self._after_s = after_s

    def __call__(self, event: Event) -> None:
        if isinstance(event, PhaseStarted) and event.task == self._task:
            threading.Timer(self._after_s, self._set).start()

    def _set(self) -> None:
        self.stopped_at = time.monotonic()
        self.stop.set()


@pytest.mark.slow
@pytest.mark.parametrize("task", ["connectivity", "idle", "goodput_down", "goodput_up"])
def test_stop_is_honoured_within_half_a_second_and_keeps_what_was_measured(
    test_point: RealTestPoint, task: str
) -> None:
    plan = LONG if task in {"connectivity", "idle"} else replace(LONG, idle_duration_ns=NS_PER_S)
    if task == "goodput_up":
        plan = replace(plan, goodput=(DOWN, LONG.goodput[1]))
    stop_at = StopAt(task, after_s=0.1 if task == "connectivity" else 0.7)
    result = hold(plan, test_point.access(), emit=stop_at, stop=stop_at.stop)
    assert time.monotonic() - stop_at.stopped_at < 0.5

    begun = TASKS.index(task)
    for number, name in enumerate(TASKS[:-1]):
        expected = Ended.COMPLETED if number < begun else Ended.INTERRUPTED
        assert ends(result)[name] is expected, name
    if task == "idle":
        assert 10 < len(result.evidence.idle[0].rtt_us) < 50
        assert None not in result.evidence.idle[0].rtt_us
    if task in {"goodput_down", "goodput_up"}:
        assert result.evidence.goodput[-1].ended is Ended.INTERRUPTED
        assert any(flow.octets[-1] for flow in result.evidence.goodput[-1].flows)
    if task != "connectivity":
        assert result.observation is not None, "there was time for the last word"
        assert disagreements(result.evidence, test_point.opened(result.observation)) == ()


def test_stop_before_the_beginning_sends_nothing(test_point: RealTestPoint) -> None:
    stop = threading.Event()
    stop.set()
    result = hold(SHORT, test_point.access(), stop=stop)
    assert set(ends(result).values()) == {Ended.INTERRUPTED}
    assert (result.bytes_down, result.bytes_up) == (0, 0)


class KillAt:
    """Kills the test point a while after a task has begun."""

    def __init__(self, victim: RealTestPoint, task: str) -> None:
        self._victim = victim
        self._task = task

    def __call__(self, event: Event) -> None:
        if isinstance(event, PhaseStarted) and event.task == self._task:
            threading.Timer(0.5, self._kill).start()

    def _kill(self) -> None:
        self._victim.kill()


@pytest.mark.slow
@pytest.mark.parametrize("task", ["idle", "goodput_down", "goodput_up"])
def test_a_test_point_that_dies_ends_the_session_in_order(tmp_path: Path, task: str) -> None:
    with RealTestPoint(tmp_path) as victim:
        plan = replace(LONG, idle_duration_ns=300 * NS_PER_MS) if task != "idle" else LONG
        if task == "goodput_up":
            plan = replace(plan, goodput=(DOWN, plan.goodput[1]))
        started = time.monotonic()
        result = hold(plan, victim.access(), emit=KillAt(victim, task))
        assert time.monotonic() - started < 12
    begun = TASKS.index(task)
    assert [ends(result)[name] for name in TASKS[:begun]] == [Ended.COMPLETED] * begun
    assert [ends(result)[name] for name in TASKS[begun:-1]] == [Ended.TEST_POINT_LOST] * (
        len(TASKS) - 1 - begun
    )
    assert result.observation is None
    if task == "idle":
        assert result.evidence.idle[0].report is None
        assert len(result.evidence.idle[0].rtt_us) > 5


@pytest.mark.parametrize(
    ("limit", "duration_s", "task"),
    [
        pytest.param(60_000, 300, "goodput_down", id="no bytes for a run"),
        pytest.param(10**9, 5, "goodput_down", id="no time for a run"),
        pytest.param(20_000, 300, "idle", id="a stream cut to size"),
        pytest.param(10**9, 4, "idle", id="a stream cut to the time left"),
    ],
)
def test_the_grants_limits_are_respected(
    test_point: RealTestPoint, limit: int, duration_s: int, task: str
) -> None:
    idle_ns = 1_500 * NS_PER_MS if task == "idle" else 100 * NS_PER_MS
    goodput = (replace(DOWN, duration_ns=5 * NS_PER_S),)
    plan = MeasurementPlan(idle_duration_ns=idle_ns, goodput=goodput, connectivity_attempts=1)
    result = hold(plan, test_point.access(bytes_each_way=limit, duration_s=duration_s))
    assert ends(result)[task] is Ended.BUDGET
    assert ends(result)["finish"] is Ended.COMPLETED
    assert result.observation is not None
    assert test_point.opened(result.observation).octets_sent <= limit
    stream = result.evidence.idle[0]
    assert None not in stream.rtt_us, "cut to size, not cut off"


@pytest.mark.slow
def test_the_test_point_keeps_its_side_within_the_grant(test_point: RealTestPoint) -> None:
    """The probe believes in a hundred times of what the test point was granted to send."""
    limit = 20_000_000
    plan = MeasurementPlan(idle_duration_ns=0, goodput=(DOWN, DOWN))
    access = replace(test_point.access(bytes_each_way=limit), bytes_down_max=100 * limit)
    result = hold(plan, access)
    assert ends(result)["goodput_down"] in {Ended.COMPLETED, Ended.BUDGET}
    assert result.observation is not None
    assert test_point.opened(result.observation).octets_sent <= limit
