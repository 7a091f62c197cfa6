"""Whole sessions of the probe against a real test point on loopback."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from omega_core.clock import SystemClock
from omega_core.environment import Medium
from omega_core.evidence import Attempt, AttemptKind, Ended
from omega_core.metrics import METRICS, Direction
from omega_core.observers import disagreements
from omega_core.units import NS_PER_MS, NS_PER_S, PPM, US_PER_S
from omega_core.wire.testpoint import (
    CloseLoad,
    CloseStream,
    EndRun,
    Finish,
    Hello,
    OpenLoad,
    OpenRun,
    OpenStream,
)
from omega_probe import load_tasks
from omega_probe.events import Emitter, Event, PhaseEnded, PhaseProgress, PhaseStarted, discard
from omega_probe.flow_opening import FlowOpener, _Opening
from omega_probe.plan import CapacityTask, GoodputTask, MeasurementPlan, TestPointAccess
from omega_probe.session import SessionResult, run_session
from omega_probe.test_point_client import Request, TestPointClient
from support.real_test_point import LOOPBACK, RealTestPoint

DOWN = GoodputTask(direction=Direction.DOWN, duration_ns=1_000 * NS_PER_MS)
UP = replace(DOWN, direction=Direction.UP)
SHORT = MeasurementPlan(idle_duration_ns=400 * NS_PER_MS, goodput=(DOWN, UP))
LONG = MeasurementPlan(
    idle_duration_ns=10 * NS_PER_S,
    goodput=(replace(DOWN, duration_ns=10 * NS_PER_S), replace(UP, duration_ns=10 * NS_PER_S)),
)
TASKS = ["precheck", "connectivity", "idle", "goodput_down", "goodput_up", "finish"]


@pytest.fixture(scope="module")
def test_point(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealTestPoint]:
    with RealTestPoint(tmp_path_factory.mktemp("testpoint")) as running:
        yield running


def hold(
    plan: MeasurementPlan,
    access: TestPointAccess,
    *,
    emit: Emitter = discard,
    stop: threading.Event | None = None,
    earlier: tuple[Attempt, ...] = (),
) -> SessionResult:
    return run_session(
        plan,
        access,
        earlier_attempts=earlier,
        clock=SystemClock(),
        emit=emit,
        stop=stop or threading.Event(),
    )


def ends(result: SessionResult) -> dict[str, Ended]:
    return {end.task: end.ended for end in result.evidence.tasks}


def test_a_whole_session(test_point: RealTestPoint) -> None:
    events: list[Event] = []
    result = hold(SHORT, test_point.access(), emit=events.append)

    assert [end.task for end in result.evidence.tasks] == TASKS
    assert set(ends(result).values()) == {Ended.COMPLETED}
    assert result.faults == ()
    assert result.metrics.keys() == METRICS.keys()
    assert result.metrics["reachable_ppm"].value == PPM
    assert result.metrics["reachable_ppm"].samples == 12, "three by TCP and UDP over IPv4 and IPv6"
    assert result.metrics["idle_rtt_us_p50"].samples == 21
    assert result.metrics["loss_ppm_up"].value == 0
    for name in ("goodput_bps_down", "goodput_bps_up"):
        assert (result.metrics[name].value or 0) > 100_000_000, name
    assert result.address == LOOPBACK[0]
    assert abs(result.test_point_offset_us or PPM) < 100_000, "it is the same clock"
    assert result.bytes_down > 10_000_000
    assert result.ended_unix_us - result.started_unix_us == pytest.approx(
        result.duration_us, abs=100_000
    )
    assert result.monotonic_ended_us - result.monotonic_started_us == result.duration_us

    interface = result.environment.interface
    assert interface is not None
    assert interface.medium is Medium.LOOPBACK
    assert "loopback_no_line" in result.environment.notes
    assert {check.phase for check in result.environment.traffic} == set(TASKS) - {"finish"}

    begun = [event.task for event in events if isinstance(event, PhaseStarted)]
    ended = [event.end.task for event in events if isinstance(event, PhaseEnded)]
    assert begun == ended == TASKS
    shown = [event for event in events if isinstance(event, PhaseProgress)]
    assert any(event.rate_bps for event in shown if event.task == "goodput_down")
    assert any(event.rtt_us for event in shown if event.task == "idle")


def test_a_rate_that_was_sold_is_asked_for_before_tcp_and_not_repeated_when_carried(
    test_point: RealTestPoint,
) -> None:
    asks = [
        CapacityTask(
            direction=way, duration_ns=2_500 * NS_PER_MS, fixed_bps=4_000_000, mtu_bytes=1_400
        )
        for way in Direction
    ]
    plan = replace(SHORT, capacity=(*asks, *(replace(each, repeat=True) for each in asks)))
    result = hold(plan, test_point.access())

    windows = ["qualified_down", "qualified_up"]
    told = [(end.task, end.ended) for end in result.evidence.tasks]
    assert [task for task, _ in told] == [*TASKS[:3], *windows, *TASKS[3:5], *windows, "finish"]
    assert [ended for task, ended in told if task in windows] == [Ended.DECIDED] * 2 + [
        Ended.SKIPPED
    ] * 2
    assert [(run.fixed_bps, run.ip_octets) for run in result.evidence.capacity] == [
        (4_000_000, 1_400)
    ] * 2
    for way in Direction:
        found = result.metrics[f"qualified_bps_{way}"]
        assert (found.value or 0) >= 4_000_000, found.method


@pytest.mark.slow
@pytest.mark.parametrize("task", [DOWN, UP], ids=["down", "up"])
def test_a_line_too_fast_for_the_grant_is_measured_up_to_a_rate(
    test_point: RealTestPoint, task: GoodputTask
) -> None:
    """Loopback carries gigabits; the grant is good for some 70 Mbit/s over two seconds."""
    plan = replace(SHORT, goodput=(task, task))
    result = hold(plan, test_point.access(bytes_each_way=20_000_000))

    assert set(ends(result).values()) == {Ended.COMPLETED}
    assert all(run.held_back for run in result.evidence.goodput)
    found = result.metrics[f"goodput_bps_{task.direction}"]
    assert 50_000_000 < (found.value or 0) < 80_000_000
    assert "at least" in (found.method or "")
    assert result.bytes_down < 20_000_000
    assert result.bytes_up < 20_000_000


@pytest.mark.slow
def test_each_run_has_a_stream_beside_it_that_spans_the_load(test_point: RealTestPoint) -> None:
    longer = tuple(replace(task, duration_ns=4 * NS_PER_S) for task in (DOWN, UP))
    plan = replace(SHORT, goodput=longer, expected_bps_down=10**9, expected_bps_up=10**9)
    result = hold(plan, test_point.access())
    assert [each.run for each in result.evidence.working] == [0, 1]
    assert [each.direction for each in result.evidence.working] == [Direction.DOWN, Direction.UP]
    for stream, run in zip(result.evidence.working, result.evidence.goodput, strict=True):
        assert (stream.ended, stream.period_us) == (Ended.COMPLETED, 10_000)
        assert stream.report is not None
        assert stream.run_epoch_offset_us is not None
        last_us = stream.started_offset_us + len(stream.rtt_us) * stream.period_us
        assert stream.started_offset_us <= stream.run_epoch_offset_us
        assert stream.run_epoch_offset_us + run.flows[0].at_us[-1] <= last_us + US_PER_S
    for way in ("down", "up"):
        for name in ("working_rtt_us_p50", "responsiveness_rpm", "buffer_delay_ppm"):
            metric = result.metrics[f"{name}_{way}"]
            assert metric.value is not None, metric
            assert metric.samples >= 100


def test_both_observers_tell_the_same(test_point: RealTestPoint) -> None:
    access = test_point.access()
    result = hold(SHORT, access)
    assert result.observation is not None
    observation = test_point.opened(result.observation)
    assert observation.session_id == access.session_id
    assert disagreements(result.evidence, observation) == ()


def test_an_authenticated_idle_stream(test_point: RealTestPoint) -> None:
    plan = MeasurementPlan(idle_duration_ns=200 * NS_PER_MS, idle_authenticated=True)
    stream = hold(plan, test_point.access()).evidence.idle[0]
    assert stream.authenticated
    assert stream.ip_octets == 140
    assert None not in stream.rtt_us
    assert stream.timestamps == "kernel"


def test_over_ipv6_alone(test_point: RealTestPoint) -> None:
    plan = MeasurementPlan(idle_duration_ns=200 * NS_PER_MS)
    result = hold(plan, test_point.access(addresses=("::1",)))
    assert result.evidence.idle[0].family == 6
    assert result.evidence.idle[0].ip_octets == 92
    assert {attempt.family for attempt in result.evidence.attempts} == {6}


def test_attempts_made_before_the_grant_stay_in_the_evidence(test_point: RealTestPoint) -> None:
    before = Attempt(
        kind=AttemptKind.HTTP, family=4, to_test_point=False, answered=True, elapsed_us=1_234
    )
    plan = MeasurementPlan(idle_duration_ns=0, connectivity_attempts=1)
    result = hold(plan, test_point.access(), earlier=(before,))
    assert result.evidence.attempts[0] == before
    assert result.metrics["reachable_ppm"].samples == 4, "it was not on the test point"
    assert "idle" not in ends(result)


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


def test_what_is_sure_to_be_asked_for_next_is_asked_ahead(
    test_point: RealTestPoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a satellite each of these saves 0.6 s; the first load's octets are not settled yet."""
    ahead: list[object] = []
    really = TestPointClient.ask_ahead

    def spied(client: TestPointClient, *messages: Request) -> None:
        ahead.extend(messages)
        really(client, *messages)

    monkeypatch.setattr(TestPointClient, "ask_ahead", spied)
    result = hold(SHORT, test_point.access())
    assert set(ends(result).values()) == {Ended.COMPLETED}
    asked = [(type(each), getattr(each, "stream", getattr(each, "run", None))) for each in ahead]
    assert asked[0] == (Hello, None)
    assert {(OpenStream, 0), (OpenStream, 2), (CloseStream, 0), (OpenRun, 1)} <= {*asked}
    assert (OpenRun, 0) not in asked


def test_the_idle_stream_begins_when_the_last_attempt_was_made(test_point: RealTestPoint) -> None:
    """It was asked for together with the session, and waits for no reply to an attempt."""
    result = hold(SHORT, test_point.access())
    (stream,) = result.evidence.idle
    attempts, idle = result.evidence.tasks[1:3]
    assert (attempts.task, idle.task) == ("connectivity", "idle")
    assert attempts.started_offset_us < stream.started_offset_us <= idle.started_offset_us
    checks = {check.phase: check for check in result.environment.traffic}
    assert checks["idle"].duration_us >= 400_000, "all of the stream is in its phase"
    assert checks["idle"].own_tx_octets >= 21 * 72
    assert result.metrics["reachable_ppm"].samples == 12


@pytest.mark.parametrize("beside", [False, True], ids=["no stream", "a stream to be closed first"])
def test_the_end_is_asked_for_while_the_last_counts_are_on_their_way(
    test_point: RealTestPoint, monkeypatch: pytest.MonkeyPatch, *, beside: bool
) -> None:
    ahead: list[Request] = []
    really = TestPointClient.ask_ahead

    def spied(client: TestPointClient, *messages: Request) -> None:
        ahead.extend(messages)
        really(client, *messages)

    monkeypatch.setattr(TestPointClient, "ask_ahead", spied)
    runs = tuple(replace(task, beside=beside) for task in SHORT.goodput)
    result = hold(replace(SHORT, goodput=runs), test_point.access())
    assert set(ends(result).values()) == {Ended.COMPLETED}
    last = [EndRun(run=1)] if beside else [EndRun(run=1), Finish()]
    assert ahead[-len(last) :] == last
    assert result.observation is not None
    assert disagreements(result.evidence, test_point.opened(result.observation)) == ()


@pytest.mark.parametrize(
    ("bytes_each_way", "both"),
    [
        pytest.param(40_000_000, True, id="octets enough"),
        pytest.param(600_000, False, id="too few to set two streams' share aside before a load"),
    ],
)
def test_both_searches_are_asked_for_while_the_line_is_quiet(
    test_point: RealTestPoint,
    monkeypatch: pytest.MonkeyPatch,
    bytes_each_way: int,
    *,
    both: bool,
) -> None:
    sent: list[Request] = []
    really = TestPointClient._send

    def spied(client: TestPointClient, messages: Sequence[Request], deadline_ns: int) -> None:
        sent.extend(messages)
        really(client, messages, deadline_ns)

    monkeypatch.setattr(TestPointClient, "_send", spied)
    searches = tuple(
        CapacityTask(direction=way, duration_ns=1_500 * NS_PER_MS, holds=True) for way in Direction
    )
    plan = replace(SHORT, goodput=(), capacity=searches)
    result = hold(plan, test_point.access(bytes_each_way=bytes_each_way))
    assert ends(result)["finish"] is Ended.COMPLETED
    told = [(type(each), getattr(each, "run", getattr(each, "stream", None))) for each in sent]
    opened = [(OpenStream, 3), (OpenStream, 4), (OpenLoad, 0), (OpenLoad, 1)]
    before = told[: told.index((CloseLoad, 0))]
    assert [each in before for each in opened] == [True, both, True, both]
    assert not both or [each for each in told if each in opened] == opened
    assert len(set(told)) == len(told), "nothing is asked for twice"
    assert [run.run for run in result.evidence.capacity] == [0, 1]
    assert result.observation is not None
    assert disagreements(result.evidence, test_point.opened(result.observation)) == ()
    assert not any(thread.name == "load-knock" for thread in threading.enumerate())


@pytest.mark.parametrize(
    ("beside", "ended"),
    [
        pytest.param(True, Ended.COMPLETED, id="asked for when the first run has ended"),
        pytest.param(False, Ended.INTERRUPTED, id="asked for when the first run adds no more"),
    ],
)
def test_flows_that_were_connected_ahead_and_not_used_are_closed(
    test_point: RealTestPoint, monkeypatch: pytest.MonkeyPatch, ended: Ended, *, beside: bool
) -> None:
    """The second run is asked for ahead and its flows connect; then somebody says stop."""
    stop = threading.Event()
    openers: list[FlowOpener] = []
    really = FlowOpener.open

    def spied(opener: FlowOpener, count: int) -> None:
        really(opener, count)
        if opener not in openers:
            openers.append(opener)
        if len(openers) == 2:
            stop.set()

    monkeypatch.setattr(FlowOpener, "open", spied)
    monkeypatch.setattr(load_tasks, "CONNECT_AHEAD_RTT_US", 0)
    runs = tuple(replace(task, beside=beside) for task in SHORT.goodput)
    result = hold(replace(SHORT, goodput=runs), test_point.access(), stop=stop)
    assert ends(result)["goodput_up"] is Ended.INTERRUPTED
    assert len(openers) == 2
    assert [opener.pending for opener in openers] == [0, 0]
    assert [(run.run, run.ended) for run in result.evidence.goodput] == [(0, ended)]
    assert result.observation is not None
    assert disagreements(result.evidence, test_point.opened(result.observation)) == ()


def test_an_upward_run_is_opened_while_the_one_before_goes_on_and_joined_when_it_ends(
    test_point: RealTestPoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[tuple[str, int | None]] = []
    really_send, really_join = TestPointClient._send, FlowOpener._send_join

    def sends(client: TestPointClient, messages: Sequence[Request], deadline_ns: int) -> None:
        said.extend((each.type, getattr(each, "run", None)) for each in messages)
        really_send(client, messages, deadline_ns)

    def joins(opener: FlowOpener, opening: _Opening) -> None:
        said.append(("join", opener._target.run))
        really_join(opener, opening)

    monkeypatch.setattr(TestPointClient, "_send", sends)
    monkeypatch.setattr(FlowOpener, "_send_join", joins)
    monkeypatch.setattr(load_tasks, "CONNECT_AHEAD_RTT_US", 0)
    runs = tuple(replace(task, beside=False) for task in SHORT.goodput)
    result = hold(replace(SHORT, goodput=runs), test_point.access())
    assert set(ends(result).values()) == {Ended.COMPLETED}
    first = said.index(("join", 1))
    assert said.index(("open_run", 1)) < said.index(("end_run", 0)) < first
    assert ("end_run", 1) in said[first:]
    assert result.observation is not None
    assert disagreements(result.evidence, test_point.opened(result.observation)) == ()


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


def test_the_test_point_keeps_its_side_within_the_grant(test_point: RealTestPoint) -> None:
    """The probe believes in a hundred times of what the test point was granted to send."""
    limit = 20_000_000
    plan = MeasurementPlan(idle_duration_ns=0, goodput=(DOWN, DOWN))
    access = replace(test_point.access(bytes_each_way=limit), bytes_down_max=100 * limit)
    result = hold(plan, access)
    assert ends(result)["goodput_down"] in {Ended.COMPLETED, Ended.BUDGET}
    assert result.observation is not None
    assert test_point.opened(result.observation).octets_sent <= limit
