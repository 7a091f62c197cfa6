"""What a probe opens before it needs it, and closes before it knows: against a real test point."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from omega_core.clock import SystemClock
from omega_core.evidence import Ended
from omega_core.limits import FEEDBACK_NS
from omega_core.metrics import Direction
from omega_core.units import NS_PER_MS, NS_PER_S
from omega_core.wire.testpoint import Finish
from omega_probe.delay_stream import AtTestPoint, OpenedStream, StreamPlan, open_stream
from omega_probe.early_stream import EarlyStream
from omega_probe.errors import TestPointRefusedError
from omega_probe.flow_opening import STALE_NS, FlowOpener
from omega_probe.goodput import GoodputRequest, GoodputResult, begin_to_connect, run_goodput
from omega_probe.goodput import opening_of as run_opening_of
from omega_probe.load_knock import LoadKnock
from omega_probe.load_link import begin_to_knock, run_load
from omega_probe.load_link import opening_of as load_opening_of
from omega_probe.load_run import LoadRequest
from omega_probe.own_traffic import OwnTrafficMeter
from omega_probe.test_point_client import TestPointClient, connect
from omega_probe.waiting import Waiter
from omega_probe.working_stream import BesideRun, LoadOfStream
from support.fixed_load import FixedRate
from support.real_test_point import RealTestPoint

STREAM = 3
PERIOD_NS = 10 * NS_PER_MS


class LateClock(SystemClock):
    """The system's clock, moved on by as much as a test says."""

    later_ns = 0

    def monotonic_ns(self) -> int:
        return super().monotonic_ns() + self.later_ns


@pytest.fixture(scope="module")
def test_point(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealTestPoint]:
    with RealTestPoint(tmp_path_factory.mktemp("testpoint")) as running:
        yield running


@pytest.fixture
def clock() -> LateClock:
    return LateClock()


@pytest.fixture
def client(test_point: RealTestPoint, clock: LateClock) -> Iterator[TestPointClient]:
    opened = connect(test_point.access(), clock)
    yield opened
    opened.close()


def request_of(clock: LateClock) -> GoodputRequest:
    return GoodputRequest(
        run=0,
        direction=Direction.DOWN,
        duration_ns=600 * NS_PER_MS,
        octets_max=50_000_000,
        base_rtt_us=1_000,
        session_started_ns=clock.monotonic_ns(),
        carried_bps=20_000_000,
    )


def carried_out(
    client: TestPointClient, request: GoodputRequest, clock: LateClock, opener: FlowOpener
) -> GoodputResult:
    return run_goodput(
        client,
        request,
        clock=clock,
        traffic=OwnTrafficMeter(),
        stop=threading.Event(),
        progress=lambda _: None,
        opener=opener,
    )


@pytest.mark.parametrize(
    ("waited_ns", "used"),
    [
        pytest.param(0, True, id="at once"),
        pytest.param(STALE_NS - NS_PER_S, True, id="a while later"),
        pytest.param(STALE_NS, False, id="when the test point may have closed them"),
    ],
)
def test_flows_connected_ahead_are_used_while_they_last(
    client: TestPointClient, clock: LateClock, waited_ns: int, *, used: bool
) -> None:
    request = request_of(clock)
    opener = begin_to_connect(client, request, clock=clock, traffic=OwnTrafficMeter())
    ahead = {connection for connection, _ in opener.interests()}
    assert len(ahead) == 4, "as many as such a line begins with"
    clock.later_ns = waited_ns
    opener.drop_stale()
    assert {connection for connection, _ in opener.interests()} == (ahead if used else set())
    result = carried_out(client, request, clock, opener)
    assert result.run.ended is Ended.COMPLETED
    assert [flow.flow for flow in result.run.flows] == [0, 1, 2, 3]
    assert opener.pending == 0
    assert {connection.fileno() for connection in ahead} == {-1}


@pytest.mark.parametrize(
    "waited_ns",
    [
        pytest.param(0, id="at once"),
        pytest.param(9 * NS_PER_S, id="when flows would have been given up that asked so long ago"),
    ],
)
def test_the_flows_of_an_upward_run_may_join_ahead(
    client: TestPointClient, clock: LateClock, waited_ns: int
) -> None:
    request = replace(request_of(clock), direction=Direction.UP)
    client.ask_ahead(run_opening_of(request, base_rtt_us=1_000))
    opener = begin_to_connect(client, request, clock=clock, traffic=OwnTrafficMeter())
    time.sleep(0.2)
    opener.join_ahead()
    assert opener.pending == 4
    time.sleep(0.2)
    clock.later_ns = waited_ns
    result = carried_out(client, request, clock, opener)
    assert result.run.ended is Ended.COMPLETED
    assert [flow.flow for flow in result.run.flows] == [0, 1, 2, 3]
    assert all(flow.octets[-1] for flow in result.run.flows)


def test_flows_that_have_joined_ahead_and_are_not_used_are_closed(
    client: TestPointClient, clock: LateClock
) -> None:
    request = replace(request_of(clock), direction=Direction.UP)
    client.request(run_opening_of(request, base_rtt_us=1_000))
    opener = begin_to_connect(client, request, clock=clock, traffic=OwnTrafficMeter())
    time.sleep(0.2)
    opener.join_ahead()
    time.sleep(0.2)
    opener.join_ahead()  # now they have joined, and wait to be handed out
    assert opener.interests() == []
    assert opener.pending == 4
    assert opener.give_up_all() == [0, 1, 2, 3]
    assert opener.pending == 0
    assert client.request(Finish()).observation


def test_the_flows_of_a_run_that_is_refused_are_closed(
    client: TestPointClient, clock: LateClock
) -> None:
    request = request_of(clock)
    for ended in (Ended.COMPLETED, Ended.REFUSED):  # a number is opened once
        opener = begin_to_connect(client, request, clock=clock, traffic=OwnTrafficMeter())
        assert carried_out(client, request, clock, opener).run.ended is ended
        assert opener.pending == 0


def load_of(direction: Direction) -> LoadRequest:
    return LoadRequest(
        run=0,
        direction=direction,
        duration_ns=2 * NS_PER_S,
        octets_max=50_000_000,
        ip_octets=1_428,
    )


def knocking(client: TestPointClient, clock: LateClock, request: LoadRequest) -> LoadKnock:
    """Return a knock at a load that was asked for ahead."""
    asked = load_opening_of(request)
    client.ask_ahead(asked)
    until = time.monotonic() + 5
    while client.answer_to(asked) is None and time.monotonic() < until:
        time.sleep(0.01)
    knock = begin_to_knock(client, request, clock=clock)
    assert knock is not None
    return knock


@pytest.mark.parametrize(
    "waited_s",
    [
        pytest.param(0.3, id="a while"),
        pytest.param(1.5, id="longer than the test point bears silence"),
    ],
)
def test_a_load_that_has_knocked_begins_with_the_answer_at_hand(
    client: TestPointClient, clock: LateClock, waited_s: float
) -> None:
    request, meter = load_of(Direction.UP), OwnTrafficMeter()
    knock = knocking(client, clock, request)
    time.sleep(waited_s)
    ticks: list[int] = []

    def begin(_: int, now_ns: int) -> FixedRate:
        return FixedRate(10_000_000, duration_ns=400 * NS_PER_MS, now_ns=now_ns)

    result = run_load(
        client,
        request,
        begin,
        clock=clock,
        meter=meter,
        stop=threading.Event(),
        progress=lambda tick: ticks.append(tick.packets),
        knock=knock,
    )
    assert (result.ended, result.detail) == (Ended.COMPLETED, "")
    assert ticks[0] == 0, "what had come before the load began"
    assert len(ticks) > waited_s * NS_PER_S / FEEDBACK_NS - 3
    assert result.received.packets[-1] == result.received.highest[-1] > 300
    assert meter.reading().tx.ip_octets > result.received.octets[-1]


def test_who_is_not_to_be_reached_by_a_knock(client: TestPointClient, clock: LateClock) -> None:
    up, down = load_of(Direction.UP), load_of(Direction.DOWN)
    assert begin_to_knock(client, up, clock=clock) is None, "it was not asked for"
    client.request(load_opening_of(down))
    client.ask_ahead(load_opening_of(up))  # refused: that number was opened before
    time.sleep(0.1)
    assert client.answer_to(load_opening_of(up)) is None
    assert begin_to_knock(client, up, clock=clock) is None
    with pytest.raises(TestPointRefusedError):
        client.request(load_opening_of(up))


def test_a_knock_that_is_given_up_leaves_nothing_and_is_counted(
    client: TestPointClient, clock: LateClock
) -> None:
    knock, meter = knocking(client, clock, load_of(Direction.UP)), OwnTrafficMeter()
    time.sleep(0.2)
    knock.give_up(meter)
    assert not any(thread.name == "load-knock" for thread in threading.enumerate())
    assert meter.reading().tx.packets >= 2
    time.sleep(1.3)  # as long as the test point bears silence, and the time to tell
    (news,) = client.poll()
    assert (news.run, news.stopped) == (0, "silence")


@pytest.mark.parametrize("late", [False, True], ids=["waited for", "late"])
def test_the_report_of_a_stream_beside_a_load(
    client: TestPointClient, clock: LateClock, *, late: bool
) -> None:
    """Whether it is waited for or not, the record has it in the end."""
    plan = StreamPlan(
        stream=STREAM,
        address=client.address,
        family=client.family,
        packets=100,
        period_ns=PERIOD_NS,
        phase_ns=0,
    )
    stream = BesideRun(plan, AtTestPoint(client, Waiter(clock), OwnTrafficMeter()))
    stream.begin()
    time.sleep(0.1)
    stream.end()
    stream.stop()
    load = LoadOfStream(0, Direction.DOWN, Ended.DECIDED, None)
    kept = stream.close(load, session_started_ns=clock.monotonic_ns(), late=late)
    assert (kept.report is None, stream.unreported) == (late, late)
    assert kept.ended is Ended.COMPLETED
    whole = stream.reported()
    assert whole.report is not None
    assert whole.report.replies == len(kept.rtt_us) > 5
    assert (whole.rtt_us, whole.ended, stream.unreported) == (kept.rtt_us, Ended.COMPLETED, False)
    assert client.request(Finish()).observation


def early_of(client: TestPointClient, waiter: Waiter, packets: int) -> EarlyStream:
    plan = StreamPlan(STREAM, client.address, client.family, packets, PERIOD_NS, 0)
    at = AtTestPoint(client, waiter, OwnTrafficMeter())
    opened = open_stream(plan, at)
    assert isinstance(opened, OpenedStream)
    return EarlyStream(plan, at, opened)


def test_a_stream_that_has_begun_early_is_taken_over(
    client: TestPointClient, clock: LateClock
) -> None:
    early = early_of(client, Waiter(clock), packets=40)
    shown: list[int | None] = []
    sent: list[bool] = []
    time.sleep(0.1)
    held = early.finish(
        progress=lambda machine: shown.append(machine.latest_rtt_us),
        all_sent=lambda: sent.append(True),
    )
    early.leave()
    assert held.ended is Ended.COMPLETED
    assert held.outcome is not None
    assert len(held.outcome.rtt_us) == 40
    assert None not in held.outcome.rtt_us
    assert sent == [True]
    assert any(shown)
    assert not any(thread.name == "early-stream" for thread in threading.enumerate())


def test_a_stream_that_was_over_before_it_was_taken_over_says_that_all_was_sent(
    client: TestPointClient, clock: LateClock
) -> None:
    early = early_of(client, Waiter(clock), packets=3)
    sent: list[bool] = []
    time.sleep(0.3)
    held = early.finish(progress=lambda _: None, all_sent=lambda: sent.append(True))
    early.leave()
    assert (held.ended, sent) == (Ended.COMPLETED, [True])


def test_stop_ends_an_early_stream_soon(client: TestPointClient, clock: LateClock) -> None:
    waiter = Waiter(clock)
    early = early_of(client, waiter, packets=1_000)
    time.sleep(0.1)
    waiter.stop.set()
    stopped_at = time.monotonic()
    held = early.finish(progress=lambda _: None, all_sent=lambda: None)
    early.leave()
    assert time.monotonic() - stopped_at < 0.3
    assert held.outcome is not None
    assert 5 < len(held.outcome.rtt_us) < 50


def test_an_early_stream_whose_test_point_dies_ends_with_it(
    tmp_path: Path, clock: LateClock
) -> None:
    sent: list[bool] = []
    with RealTestPoint(tmp_path) as victim:
        client = connect(victim.access(), clock)
        early = early_of(client, Waiter(clock), packets=1_000)
        time.sleep(0.1)
        victim.kill()
        held = early.finish(progress=lambda _: None, all_sent=lambda: sent.append(True))
        early.leave()
        client.close()
    assert held.ended is Ended.TEST_POINT_LOST
    assert held.outcome is not None
    assert len(held.outcome.rtt_us) > 5
    assert sent == [], "nothing is asked of a test point that is gone"


def test_an_early_stream_that_nobody_takes_over_is_cut_off(
    client: TestPointClient, clock: LateClock
) -> None:
    early_of(client, Waiter(clock), packets=1_000).leave()
    assert not any(thread.name == "early-stream" for thread in threading.enumerate())


def test_a_report_that_never_comes_is_told(tmp_path: Path, clock: LateClock) -> None:
    with RealTestPoint(tmp_path) as victim:
        client = connect(victim.access(), clock)
        plan = StreamPlan(STREAM, client.address, client.family, 3, PERIOD_NS, 0)
        stream = BesideRun(
            plan._replace(packets=100), AtTestPoint(client, Waiter(clock), OwnTrafficMeter())
        )
        stream.begin()
        time.sleep(0.1)
        stream.end()
        stream.stop()
        victim.kill()
        load = LoadOfStream(0, Direction.DOWN, Ended.DECIDED, None)
        kept = stream.close(load, session_started_ns=clock.monotonic_ns(), late=True)
        assert kept.ended is Ended.COMPLETED
        whole = stream.reported()
        client.close()
    assert whole.report is None
    assert whole.ended in {Ended.TEST_POINT_LOST, Ended.LINK_LOST}
    assert whole.rtt_us == kept.rtt_us
