"""A test point with little room: who is refused, what is said, and what it tells operators."""

from __future__ import annotations

import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from omega_agent.errors import TestPointBusyError, in_language
from omega_agent.measuring import measure
from omega_agent.session_request import Granted
from omega_core.clock import SystemClock
from omega_core.control import Grant
from omega_core.envelope import parse_envelope
from omega_core.errors import ExitCode
from omega_core.evidence import Ended, Evidence
from omega_core.metrics import Direction
from omega_core.saturation import Ground, saturation
from omega_core.units import NS_PER_MS
from omega_core.verdict import Mode
from omega_core.wire.testpoint import Finish
from omega_probe.errors import TestPointRefusedError
from omega_probe.events import discard
from omega_probe.plan import GoodputTask, MeasurementPlan, TestPointAccess
from omega_probe.session import SessionResult, run_session
from omega_probe.test_point_client import TestPointClient, connect
from omega_server.testpoint.session import FINISH_NS
from support.real_test_point import RealTestPoint

MBIT = 1_000_000
FINISH_S = FINISH_NS // 10**9
CLOCK = SystemClock()
NOTHING = MeasurementPlan(idle_duration_ns=0)
RUN = MeasurementPlan(
    idle_duration_ns=0,
    goodput=(GoodputTask(direction=Direction.DOWN, duration_ns=600 * NS_PER_MS),),
)


@pytest.fixture
def test_point(tmp_path: Path) -> Iterator[RealTestPoint]:
    with RealTestPoint(tmp_path, capacity_bps=100 * MBIT, metrics=("127.0.0.1", 0)) as running:
        yield running


def come(test_point: RealTestPoint, *, duration_s: int = 60) -> TestPointClient:
    return connect(test_point.access(rate_bps=40 * MBIT, duration_s=duration_s), CLOCK)


def hold(plan: MeasurementPlan, access: TestPointAccess) -> SessionResult:
    return run_session(
        plan, access, earlier_attempts=(), clock=CLOCK, emit=discard, stop=threading.Event()
    )


def metrics(test_point: RealTestPoint) -> dict[str, float]:
    url = f"http://127.0.0.1:{test_point.ports.metrics_port}/metrics"
    with urllib.request.urlopen(url, timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    found = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name: float(value) for name, _, value in found}


def await_metric(test_point: RealTestPoint, name: str, value: float) -> None:
    until = time.monotonic() + 5
    while metrics(test_point)[name] != value:
        assert time.monotonic() < until, f"{name} is {metrics(test_point)[name]}"
        time.sleep(0.05)


def test_the_third_is_refused_and_comes_in_when_there_is_room(test_point: RealTestPoint) -> None:
    first, second = come(test_point, duration_s=20), come(test_point, duration_s=300)
    third = test_point.access(rate_bps=40 * MBIT)
    with pytest.raises(TestPointRefusedError) as refused:
        connect(third, CLOCK)
    assert refused.value.code == "busy"
    assert refused.value.retry_after_s is not None
    assert 20 + FINISH_S - 5 <= refused.value.retry_after_s <= 20 + FINISH_S

    first.close()
    await_metric(test_point, "omega_testpoint_sessions_open", 1)
    admitted = connect(third, CLOCK)  # the refusal has not used the grant up
    seen = test_point.opened(second.request(Finish()).observation)
    assert seen.load.sessions_max == 2
    assert (seen.load.capacity_bps, seen.load.committed_bps_max) == (100 * MBIT, 80 * MBIT)
    assert saturation(seen, Evidence()) == ()
    told = metrics(test_point)
    assert told["omega_testpoint_sessions_total"] == 3
    assert told['omega_testpoint_busy_total{ground="rate"}'] == 1
    assert told['omega_testpoint_refusals_total{code="busy"}'] == 1
    admitted.close()
    second.close()


def test_a_session_at_a_busy_test_point_measures_nothing_and_says_when(
    test_point: RealTestPoint,
) -> None:
    inside = [come(test_point, duration_s=20) for _ in range(2)]
    result = hold(NOTHING, test_point.access(rate_bps=40 * MBIT))
    assert result.busy_s is not None
    assert 15 <= result.busy_s <= 20 + FINISH_S
    ends = {end.task: end.ended for end in result.evidence.tasks}
    assert ends["connectivity"] is Ended.REFUSED
    for each in inside:
        each.close()


def test_the_agent_says_it_in_two_languages_and_leaves_with_69(test_point: RealTestPoint) -> None:
    inside = [come(test_point, duration_s=20) for _ in range(2)]
    access = test_point.access(rate_bps=40 * MBIT, mode=Mode.QUICK)
    grant = Grant.model_validate_json(parse_envelope(access.grant.encode()).payload)
    granted = Granted(
        grant=grant,
        envelope=access.grant,
        digest="",
        server_key=test_point.server_key.public,
        secret=access.secret,
        profile=None,
    )
    with pytest.raises(TestPointBusyError) as busy:
        measure(
            granted,
            (),
            stop_when_invalid=False,
            until_decided=False,
            tell_first=lambda _: None,
            clock=CLOCK,
            emit=discard,
            stop=threading.Event(),
        )
    error = busy.value
    assert error.exit_code == ExitCode.UNAVAILABLE
    assert str(error) == f"the test point is busy: come back in {error.fields['seconds']} s"
    assert str(in_language(error, "fr")).startswith("le point de test est occupé : revenir dans")
    for each in inside:
        each.close()


def test_what_it_really_moves_is_told_and_keeps_others_out(test_point: RealTestPoint) -> None:
    result = hold(RUN, test_point.access(rate_bps=40 * MBIT))
    assert result.observation is not None
    seen = test_point.opened(result.observation)
    told = metrics(test_point)
    assert seen.load.moved_bps_max is not None
    assert seen.load.moved_bps_max > 100 * MBIT, "loopback carries gigabits"
    assert told['omega_testpoint_sent_octets_total{kind="tcp"}'] >= 10 * MBIT
    assert told['omega_testpoint_runs_total{kind="tcp"}'] == 1
    assert told['omega_testpoint_sent_octets_total{kind="stamp"}'] > 0
    counted = sum(
        told[f'omega_testpoint_sent_octets_total{{kind="{kind}"}}']
        for kind in ("tcp", "udp", "stamp")
    )
    assert counted == seen.octets_sent


def test_a_line_faster_than_the_test_point_is_said_to_be_so(test_point: RealTestPoint) -> None:
    result = hold(NOTHING, test_point.access(rate_bps=101 * MBIT))
    assert result.observation is not None
    seen = test_point.opened(result.observation)
    assert saturation(seen, result.evidence) == (Ground.COMMITTED,)
