"""What a session asks its test point for before it is needed, and what it begins early."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from omega_core.evidence import Ended
from omega_core.metrics import Direction
from omega_core.observers import disagreements
from omega_core.units import NS_PER_MS
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
from omega_probe.flow_opening import FlowOpener, _Opening
from omega_probe.plan import CapacityTask
from omega_probe.test_point_client import Request, TestPointClient
from support.probe_sessions import SHORT, ends, hold
from support.real_test_point import RealTestPoint

pytestmark = pytest.mark.slow  # each is a session or two of seconds


@pytest.fixture(scope="module")
def test_point(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealTestPoint]:
    with RealTestPoint(tmp_path_factory.mktemp("testpoint")) as running:
        yield running


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
