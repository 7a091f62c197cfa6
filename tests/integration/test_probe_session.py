"""Whole sessions of the probe against a real test point on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from omega_core.environment import Medium
from omega_core.evidence import Attempt, AttemptKind, Ended
from omega_core.metrics import METRICS, Direction
from omega_core.observers import disagreements
from omega_core.units import NS_PER_MS, NS_PER_S, PPM, US_PER_S
from omega_probe.events import Event, PhaseEnded, PhaseProgress, PhaseStarted
from omega_probe.plan import CapacityTask, GoodputTask, MeasurementPlan
from support.probe_sessions import DOWN, SHORT, TASKS, UP, ends, hold
from support.real_test_point import LOOPBACK, RealTestPoint


@pytest.fixture(scope="module")
def test_point(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealTestPoint]:
    with RealTestPoint(tmp_path_factory.mktemp("testpoint")) as running:
        yield running


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


@pytest.mark.slow
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


@pytest.mark.slow
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
