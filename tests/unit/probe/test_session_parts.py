"""The parts of a session that keep count: tasks, clocks, budget, plan."""

from __future__ import annotations

from dataclasses import replace

import pytest

from omega_core import limits
from omega_core.evidence import Ended
from omega_core.metrics import Direction
from omega_core.units import NS_PER_MS, NS_PER_S, US_PER_S
from omega_probe.events import Event, PhaseEnded, PhaseProgress, PhaseStarted
from omega_probe.own_traffic import OwnTrafficMeter
from omega_probe.plan import GoodputTask, MeasurementPlan, TestPointAccess
from omega_probe.session_budget import CLOSING_NS, RUN_OCTETS_MIN, Budget
from omega_probe.session_clock import Moment
from omega_probe.task_book import DETAIL_MAX, TaskBook
from omega_probe.validity import Carried, OwnTraffic
from support.clock import HandClock

ACCESS = TestPointAccess(
    session_id="s",
    grant="{}",
    secret=b"s" * 32,
    addresses=("192.0.2.1",),
    tcp_port=1,
    udp_port=2,
    bytes_down_max=10_000_000,
    bytes_up_max=1_000_000,
    duration_s_max=60,
)


def test_every_task_leaves_its_end_and_its_events() -> None:
    clock, events = HandClock(), list[Event]()
    book = TaskBook(clock, clock.monotonic_ns(), events.append)
    clock.pass_ns(5 * NS_PER_MS)
    book.begin("idle", expected_ns=10 * NS_PER_S)
    clock.pass_ns(3 * NS_PER_S)
    book.progress(rtt_us=20_000)
    book.end(Ended.COMPLETED, headline={"idle_rtt_us_p50": 20_000})
    book.skip("goodput_down", Ended.LINK_LOST, "x" * (DETAIL_MAX + 1))

    first, second = book.ends
    assert (first.task, first.ended) == ("idle", Ended.COMPLETED)
    assert (first.started_offset_us, first.duration_us) == (5_000, 3 * US_PER_S)
    assert (second.task, second.ended, second.duration_us) == ("goodput_down", Ended.LINK_LOST, 0)
    assert len(second.detail) == DETAIL_MAX
    assert events == [
        PhaseStarted(task="idle", expected_us=10 * US_PER_S),
        PhaseProgress(task="idle", done_us=3 * US_PER_S, expected_us=10 * US_PER_S, rtt_us=20_000),
        PhaseEnded(end=first, headline={"idle_rtt_us_p50": 20_000}),
        PhaseEnded(end=second),
    ]


def test_a_task_ends_once() -> None:
    clock = HandClock()
    book = TaskBook(clock, clock.monotonic_ns(), lambda _: None)
    book.begin("idle", expected_ns=0)
    book.end(Ended.COMPLETED)
    book.end(Ended.LINK_LOST)
    book.progress()
    assert [end.ended for end in book.ends] == [Ended.COMPLETED]


@pytest.mark.parametrize(
    ("step_us", "slept_us"),
    [
        pytest.param(0, 0, id="nothing happened"),
        pytest.param(90_000_000, 0, id="the wall clock was set forwards"),
        pytest.param(-500, 0, id="the wall clock was set back by half a millisecond"),
        pytest.param(0, 7_000_000, id="the machine slept and woke with the right time"),
        pytest.param(-3_000_000, 7_000_000, id="it slept and woke three seconds behind"),
    ],
)
def test_steps_and_sleep_are_told_apart(step_us: int, slept_us: int) -> None:
    clock = HandClock()
    began = Moment.now(clock)
    clock.pass_ns(2 * NS_PER_S)
    clock.sleep_ns(slept_us * 1_000)
    clock.step_unix_us(step_us)
    facts = began.facts_until(Moment.now(clock))
    assert (facts.step_us, facts.suspended_us) == (step_us, slept_us)
    assert facts.duration_us == 2 * US_PER_S
    assert facts.ended_unix_us - facts.started_unix_us == 2 * US_PER_S + step_us + slept_us


def budget(clock: HandClock, meter: OwnTrafficMeter, **changes: int) -> Budget:
    return Budget(replace(ACCESS, **changes), meter, clock)  # type: ignore[arg-type] # fields by name


def test_time_left_keeps_room_for_the_closing_and_is_never_negative() -> None:
    clock = HandClock()
    left = budget(clock, OwnTrafficMeter())
    assert left.time_left_ns() == 60 * NS_PER_S - CLOSING_NS
    clock.pass_ns(57 * NS_PER_S)
    assert left.time_left_ns() == NS_PER_S
    clock.pass_ns(30 * NS_PER_S)
    assert left.time_left_ns() == 0


@pytest.mark.parametrize(
    ("bytes_up", "fits"),
    [
        pytest.param(80_000, True, id="an eighth of what is left"),
        pytest.param(79_992, False, id="an octet more than that"),
    ],
)
def test_room_for_streams_is_the_share_that_a_test_point_sets_aside(
    bytes_up: int, *, fits: bool
) -> None:
    left = budget(HandClock(), OwnTrafficMeter(), bytes_up_max=bytes_up)
    assert left.has_room_for_streams(10_000) is fits


def test_octets_left_are_those_of_the_session_alone() -> None:
    meter = OwnTrafficMeter()
    meter.add(OwnTraffic(rx=Carried(999, 0, 1)))  # before the test point took the grant
    left = budget(HandClock(), meter)
    meter.add(OwnTraffic(rx=Carried(1_448, 52, 1), tx=Carried(0, 600_000, 9)))
    assert left.octets_left(Direction.DOWN) == 10_000_000 - 1_500
    assert left.octets_left(Direction.UP) == 400_000
    meter.add(OwnTraffic(tx=Carried(500_000, 0, 9)))
    assert left.octets_left(Direction.UP) == 0


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, 500, id="all of it fits"),
        pytest.param({"bytes_up_max": 160 * 499}, 499, id="one packet too many upwards"),
        pytest.param({"bytes_down_max": 8 * 160 * 499}, 499, id="an eighth of what is left down"),
        pytest.param({"bytes_up_max": 159}, 0, id="not one packet"),
        pytest.param({"duration_s_max": 3}, 1, id="no time but for one packet and its waiting"),
        pytest.param({"duration_s_max": 4}, 51, id="a second of packets"),
        pytest.param({"duration_s_max": 2}, 0, id="no time at all"),
    ],
)
def test_a_stream_is_shortened_to_what_is_left(changes: dict[str, int], expected: int) -> None:
    left = budget(HandClock(), OwnTrafficMeter(), **changes)
    period_ns = limits.STREAM_PERIOD_NS_DEFAULT
    assert left.packets(500, ip_octets=160, period_ns=period_ns, waiting_ns=NS_PER_S) == expected


@pytest.mark.parametrize(
    ("changes", "fits"),
    [
        pytest.param({}, True, id="room for it"),
        pytest.param({"bytes_down_max": RUN_OCTETS_MIN}, True, id="octets for a rate"),
        pytest.param({"bytes_down_max": RUN_OCTETS_MIN - 1}, False, id="one octet less"),
        pytest.param({"duration_s_max": 12}, True, id="exactly its time and the closing"),
        pytest.param({"duration_s_max": 11}, False, id="a second less"),
    ],
)
def test_a_run_that_does_not_fit_is_not_begun(changes: dict[str, int], *, fits: bool) -> None:
    left = budget(HandClock(), OwnTrafficMeter(), **changes)
    assert left.has_room_for_run(Direction.DOWN, 10 * NS_PER_S) is fits


RUN = GoodputTask(direction=Direction.DOWN, duration_ns=NS_PER_S)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"connectivity_attempts": 0}, id="no attempt"),
        pytest.param({"connectivity_attempts": limits.ATTEMPTS_MAX + 1}, id="an attempt too many"),
        pytest.param({"idle_duration_ns": -1}, id="a negative duration"),
        pytest.param(
            {"idle_duration_ns": limits.STREAM_DURATION_NS_MAX + 1}, id="too long a stream"
        ),
        pytest.param({"idle_period_ns": limits.STREAM_PERIOD_NS_MIN - 1}, id="too dense a stream"),
        pytest.param({"goodput": (RUN,) * (limits.GOODPUT_RUNS_MAX + 1)}, id="a run too many"),
        pytest.param({"goodput": (replace(RUN, duration_ns=0),)}, id="a run of no time"),
        pytest.param({"precheck_ns": limits.PRECHECK_NS_MAX + 1}, id="too long a look"),
    ],
)
def test_a_plan_that_no_session_can_carry_out_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must be in"):
        MeasurementPlan(**changes)  # type: ignore[arg-type] # fields by name


def test_the_longest_plan_is_a_plan() -> None:
    plan = MeasurementPlan(
        connectivity_attempts=limits.ATTEMPTS_MAX,
        idle_duration_ns=limits.STREAM_DURATION_NS_MAX,
        idle_period_ns=limits.STREAM_PERIOD_NS_MIN,
        goodput=(replace(RUN, duration_ns=limits.GOODPUT_RUN_NS_MAX),) * limits.GOODPUT_RUNS_MAX,
        precheck_ns=limits.PRECHECK_NS_MAX,
    )
    assert len(plan.goodput) == limits.GOODPUT_RUNS_MAX
