"""One session at the test point: what a probe may ask for, and that it never gets more."""

from __future__ import annotations

import pytest

from omega_core import limits
from omega_core.evidence import FlowCounts
from omega_core.metrics import Direction
from omega_core.units import NS_PER_MS, NS_PER_S
from omega_core.wire.testpoint import (
    CloseStream,
    EndRun,
    Finish,
    Finished,
    FlowTick,
    FromProbe,
    Hello,
    Join,
    OpenStream,
    Progress,
    Refused,
    RunClosed,
    RunReady,
    StreamClosed,
    StreamReady,
)
from omega_server.testpoint.codes import Code, RefusalError
from omega_server.testpoint.commands import (
    HangUp,
    Reflect,
    RunReport,
    Say,
    StartRun,
    StopReflecting,
    StopRun,
)
from omega_server.testpoint.load import LoadSample
from omega_server.testpoint.purse import RUN_OCTETS_MIN
from omega_server.testpoint.session import FINISH_NS
from support.builders import AGENT_ADDRESS, SECRET, SESSION_ID
from support.clock import START_UNIX_US
from support.session_rig import (
    DOWN,
    MIB,
    REPORT,
    UP,
    joining,
    moved,
    open_run,
    refused,
    said,
    started,
)
from support.session_rig import (
    SessionRig as Rig,
)


def test_a_stream_is_reflected_for_the_addresses_of_the_grant_and_reported() -> None:
    rig = Rig()
    reflect, ready = rig.say(OpenStream(stream=3, authenticated=False))
    assert isinstance(reflect, Reflect)
    assert (reflect.ssid, reflect.key) == (1, None)
    assert reflect.addresses == {AGENT_ADDRESS}
    assert ready == Say(StreamReady(stream=3, ssid=1, udp_port=862))
    assert rig.say(CloseStream(stream=3)) == [StopReflecting(1)]
    assert said(rig.reflect()) == [StreamClosed(stream=3, report=REPORT)]


def test_an_authenticated_stream_is_checked_with_the_secret() -> None:
    reflect = Rig().say(OpenStream(stream=0, authenticated=True))[0]
    assert isinstance(reflect, Reflect)
    assert reflect.key == SECRET


def test_a_run_is_started_joined_ended_and_reported() -> None:
    rig = Rig()
    start, ready = rig.say(open_run(2, UP))
    assert isinstance(start, StartRun)
    assert (start.run, start.direction) == (2, UP)
    assert ready == Say(RunReady(run=2, congestion_control="cubic"))
    rig.join(run=2, flow=0)
    ticks = (FlowTick(flow=0, at_us=100_000, octets=1_448),)
    assert said(rig.session.progressed(2, ticks)) == [Progress(run=2, flows=ticks)]
    assert rig.say(EndRun(run=2)) == [StopRun(2)]
    assert rig.session.progressed(2, ticks) == []
    flows = (FlowCounts(flow=0, at_us=(0, 9), octets=(0, 5)),)
    report = RunReport(
        flows=flows, senders=(), congestion_control=None, octets_received=9, octets_sent=9
    )
    assert said(rig.close_run(2, report)) == [RunClosed(run=2, flows=flows, senders=())]


@pytest.mark.parametrize(
    ("before", "message", "code"),
    [
        pytest.param([], Hello(version=1, grant="{}"), "protocol", id="hello twice"),
        pytest.param([], joining(0, 0), "protocol", id="a join on the control connection"),
        pytest.param([], CloseStream(stream=0), "protocol", id="closing what is not open"),
        pytest.param([], EndRun(run=0), "protocol", id="ending what is not open"),
        pytest.param(
            [OpenStream(stream=0, authenticated=False)],
            OpenStream(stream=0, authenticated=True),
            "protocol",
            id="the same stream again",
        ),
        pytest.param([open_run()], open_run(direction=UP), "protocol", id="the same run again"),
        pytest.param(
            [open_run(), EndRun(run=0)], EndRun(run=0), "protocol", id="ending a run twice"
        ),
        pytest.param([open_run()], open_run(1), "limit", id="two runs on the same octets"),
        pytest.param([open_run(), Finish()], Finish(), "protocol", id="finishing twice"),
    ],
)
def test_a_request_out_of_order_is_refused_and_the_session_goes_on(
    before: list[FromProbe], message: FromProbe, code: str
) -> None:
    rig = Rig(down=MIB, up=MIB)
    for earlier in before:
        rig.say(earlier)
    assert refused(rig.say(message)) == code
    assert not rig.session.ended


@pytest.mark.parametrize(
    ("join", "peer", "code"),
    [
        pytest.param(joining(0, 0), AGENT_ADDRESS, None, id="as it should be"),
        pytest.param(joining(0, 0), f"::ffff:{AGENT_ADDRESS}", None, id="over a dual-stack socket"),
        pytest.param(joining(0, 0), "203.0.113.9", Code.GRANT_OTHER_ADDRESS, id="another address"),
        pytest.param(
            joining(0, 0, secret=b"x" * 32), AGENT_ADDRESS, Code.PROTOCOL, id="another secret"
        ),
        pytest.param(joining(1, 0), AGENT_ADDRESS, Code.PROTOCOL, id="a run that is not open"),
        pytest.param(
            Join(session_id=SESSION_ID, run=0, flow=1, mac=joining(0, 0).mac),
            AGENT_ADDRESS,
            Code.PROTOCOL,
            id="the proof of another flow",
        ),
        pytest.param(
            Join(session_id=SESSION_ID, run=0, flow=0, mac="ü" * 64),
            AGENT_ADDRESS,
            Code.PROTOCOL,
            id="a proof that is no hexadecimal",
        ),
    ],
)
def test_who_may_join(join: Join, peer: str, code: Code | None) -> None:
    rig = Rig()
    rig.say(open_run())
    if code is None:
        rig.session.join(join, peer=peer, now_ns=rig.now_ns)
        return
    with pytest.raises(RefusalError) as caught:
        rig.session.join(join, peer=peer, now_ns=rig.now_ns)
    assert caught.value.code is code


def test_a_flow_joins_once_and_not_after_the_end() -> None:
    rig = Rig()
    rig.say(open_run())
    rig.join()
    with pytest.raises(RefusalError, match="already"):
        rig.join()
    rig.say(EndRun(run=0))
    with pytest.raises(RefusalError, match="not open"):
        rig.join(flow=1)


@pytest.mark.parametrize(
    ("direction", "down", "up"), [(DOWN, 100 * MIB, MIB), (UP, MIB, 100 * MIB)]
)
def test_a_run_gets_what_is_left_in_its_direction(direction: Direction, down: int, up: int) -> None:
    rig = Rig(down=down, up=up)
    first = started(rig.say(open_run(0, direction)))
    assert 98 * MIB < first.octets_max < 100 * MIB
    rig.say(EndRun(run=0))
    used = 30 * MIB
    rig.close_run(0, moved(sent=used, received=used))
    second = started(rig.say(open_run(1, direction)))
    assert 68 * MIB < second.octets_max < 70 * MIB


@pytest.mark.parametrize(
    ("octets", "given"),
    [
        pytest.param(RUN_OCTETS_MIN * 16 // 15 + 1, True, id="just enough beside a stream"),
        pytest.param(RUN_OCTETS_MIN, False, id="nothing would be left for a stream"),
        pytest.param(0, False, id="nothing"),
    ],
)
def test_the_least_a_run_needs(octets: int, *, given: bool) -> None:
    commands = Rig(down=octets).say(open_run())
    if given:
        assert started(commands).octets_max <= octets
    else:
        assert refused(commands) == "limit"


def test_a_stream_finds_room_beside_a_run() -> None:
    rig = Rig(down=10 * MIB)
    run = started(rig.say(open_run()))
    reflect = rig.say(OpenStream(stream=0, authenticated=False))[0]
    assert isinstance(reflect, Reflect)
    assert run.octets_max + reflect.octets_max <= 10 * MIB


@pytest.mark.parametrize(("down", "up"), [(0, MIB), (MIB, 0), (91, MIB)])
def test_no_stream_without_octets_for_it(down: int, up: int) -> None:
    rig = Rig(down=down, up=up)
    assert refused(rig.say(OpenStream(stream=0, authenticated=False))) == "limit"


def test_a_run_that_has_used_up_its_octets_is_stopped_and_said_so() -> None:
    rig = Rig()
    rig.say(open_run())
    assert rig.session.run_stopped(0) == [
        StopRun(0),
        Say(Progress(run=0, flows=(), stopped="limit")),
    ]
    assert rig.session.run_stopped(0) == []
    assert rig.close_run(0, moved(sent=5)) == []
    assert said(rig.say(EndRun(run=0))) == [RunClosed(run=0, flows=(), senders=())]


def test_end_of_a_run_that_is_being_stopped_waits_for_its_report() -> None:
    rig = Rig()
    rig.say(open_run())
    rig.session.run_stopped(0)
    assert rig.say(EndRun(run=0)) == []
    assert said(rig.close_run(0)) == [RunClosed(run=0, flows=(), senders=())]


@pytest.mark.parametrize(
    ("after_ns", "stopped"),
    [
        pytest.param(5 * NS_PER_S + limits.RUN_OVERTIME_NS - 1, False, id="not before its time"),
        pytest.param(5 * NS_PER_S + limits.RUN_OVERTIME_NS, True, id="then from this side"),
    ],
)
def test_a_run_whose_probe_is_gone_is_stopped(after_ns: int, *, stopped: bool) -> None:
    rig = Rig()
    rig.say(open_run())
    rig.join()
    commands = rig.tick(after_ns=after_ns)
    assert (StopRun(0) in commands) is stopped


def test_a_run_that_nobody_joined_has_no_time() -> None:
    rig = Rig()
    rig.say(open_run())
    assert rig.tick(after_ns=50 * NS_PER_S) == []


@pytest.mark.parametrize(("after_ns", "over"), [(60 * NS_PER_S - 1, False), (60 * NS_PER_S, True)])
def test_the_session_ends_at_its_time_and_takes_all_with_it(after_ns: int, *, over: bool) -> None:
    rig = Rig(duration_s=60)
    rig.say(OpenStream(stream=0, authenticated=False))
    rig.say(open_run())
    commands = rig.tick(after_ns=after_ns)
    assert rig.session.ended is over
    if over:
        (refusal,) = said(commands)
        assert isinstance(refusal, Refused)
        assert refusal.code == "limit"
        assert {StopReflecting(1), StopRun(0), HangUp()} <= set(commands)
        assert rig.tick(after_ns=NS_PER_S) == []


def test_more_upward_runs_than_an_observation_can_hold_are_refused() -> None:
    rig = Rig(up=10_000 * MIB)
    codes = []
    for number in range(limits.GOODPUT_RUNS_MAX):
        commands = rig.say(open_run(number, UP, duration_ms=60_000))
        codes += [each.code for each in said(commands) if isinstance(each, Refused)]
        rig.say(EndRun(run=number))
        rig.close_run(number)
    entries = limits.GOODPUT_FLOWS_MAX * limits.TICKS_MAX
    held = limits.SESSION_COUNTER_ENTRIES_MAX // entries
    assert codes == ["limit"] * (limits.GOODPUT_RUNS_MAX - held)


def test_finish_closes_what_is_open_and_then_tells_all() -> None:
    rig = Rig()
    rig.say(OpenStream(stream=0, authenticated=False))
    rig.say(open_run(1, UP))
    assert rig.say(Finish()) == [StopReflecting(1), StopRun(1)]
    assert rig.reflect(sent=72, received=144) == []
    rig.session.load_sampled(LoadSample(cpu_busy_ppm=250_000, sessions=3))
    rig.now_ns += NS_PER_MS
    commands = rig.close_run(1, moved(received=1_500))
    assert commands == [Say(Finished(observation="sealed")), HangUp()]
    (observation,) = rig.sealed
    assert rig.session.ended
    assert (observation.octets_sent, observation.octets_received) == (72, 1_644)
    assert observation.streams[0].report == REPORT
    assert observation.runs[0].direction is UP
    assert observation.ended_unix_us == START_UNIX_US + 1_000
    assert (observation.load.cpu_busy_ppm_max, observation.load.sessions_max) == (250_000, 3)
    assert (observation.grant_digest, observation.session_id) == ("d" * 64, SESSION_ID)


def test_finish_with_nothing_open_is_answered_at_once() -> None:
    assert Rig().say(Finish()) == [Say(Finished(observation="sealed")), HangUp()]


@pytest.mark.parametrize(("after_ns", "told"), [(FINISH_NS - 1, False), (FINISH_NS, True)])
def test_finish_does_not_wait_for_ever_for_a_report(after_ns: int, *, told: bool) -> None:
    rig = Rig()
    rig.say(open_run())
    rig.say(Finish())
    assert bool(rig.tick(after_ns=after_ns)) is told
    assert bool(rig.sealed) is told


def test_the_end_of_the_connection_stops_everything_without_a_word() -> None:
    rig = Rig()
    rig.say(OpenStream(stream=0, authenticated=False))
    rig.say(open_run())
    assert rig.session.end() == [StopReflecting(1), StopRun(0)]
    assert rig.session.ended
    assert rig.reflect() == []
    assert rig.close_run() == []


def test_reports_nobody_asked_for_change_nothing() -> None:
    rig = Rig()
    assert rig.reflect(ssid=99) == []
    assert rig.close_run(9) == []
    assert rig.session.progressed(9, ()) == []
    assert rig.session.run_stopped(9) == []
