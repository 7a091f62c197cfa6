"""UDP loads of a session: what a probe may ask for, and that it never gets more."""

from __future__ import annotations

import pytest

from omega_core.load import LoadCounts
from omega_core.metrics import Direction
from omega_core.units import NS_PER_S
from omega_core.wire.load import LoadKeys
from omega_core.wire.testpoint import (
    CloseLoad,
    Finish,
    Finished,
    FromProbe,
    LoadClosed,
    LoadReady,
    OpenLoad,
    OpenRun,
    Progress,
)
from omega_server.testpoint.commands import (
    Command,
    HangUp,
    LoadReport,
    Say,
    StartLoad,
    StartRun,
    StopLoad,
)
from omega_server.testpoint.purse import RUN_OCTETS_MIN
from support.builders import AGENT_ADDRESS, SECRET, SESSION_ID
from support.clock import START_UNIX_US
from support.session_rig import DOWN, MIB, UP, SessionRig, refused, said

PORT = 40_000


class Rig(SessionRig):
    """A session that opens loads."""

    first_ssid = 77

    def open(self, run: int = 0, direction: Direction = DOWN) -> LoadReady:
        """Open a load as the host does, and return what the probe is told."""
        self.say(asked(run, direction))
        (ready,) = said(self.session.load_opened(run, PORT))
        assert isinstance(ready, LoadReady)
        return ready

    def report(self, run: int = 0, *, sent: int = 0, received: int = 0) -> list[Command]:
        counts = LoadCounts(sent_octets=sent)
        report = LoadReport(counts=counts, octets_received=received, octets_sent=sent)
        return self.session.load_closed(run, report, now_unix_us=START_UNIX_US)


def asked(run: int = 0, direction: Direction = DOWN, octets_max: int | None = None) -> OpenLoad:
    return OpenLoad(
        run=run, direction=direction, duration_ms=3_000, ip_octets=1_428, octets_max=octets_max
    )


def test_a_load_is_opened_for_the_addresses_of_the_grant_and_reported() -> None:
    rig = Rig()
    (start,) = rig.say(asked(run=3, octets_max=MIB))
    assert isinstance(start, StartLoad)
    assert (start.run, start.direction, start.octets_max) == (3, DOWN, MIB)
    assert (start.duration_ns, start.ip_octets) == (3 * NS_PER_S, 1_428)
    assert start.addresses == {AGENT_ADDRESS}
    assert start.keys == LoadKeys.of(SECRET, session_id=SESSION_ID, run=3, stream=77)
    ready = LoadReady(run=3, stream=77, udp_port=PORT, octets_max=MIB)
    assert said(rig.session.load_opened(3, PORT)) == [ready]
    assert rig.say(CloseLoad(run=3)) == [StopLoad(3)]
    closed = LoadClosed(run=3, counts=LoadCounts(sent_octets=5))
    assert said(rig.report(3, sent=5)) == [closed]


def test_without_a_socket_it_is_refused_and_its_octets_are_free_again() -> None:
    rig = Rig(down=MIB)
    rig.say(asked())
    assert refused(rig.session.load_opened(0, None)) == "busy"
    assert rig.open(1).octets_max == 15 * MIB // 16
    (closed,) = said(rig.say(CloseLoad(run=0)))
    assert closed == LoadClosed(run=0, counts=LoadCounts())


def test_loads_never_get_more_octets_than_are_left() -> None:
    rig = Rig(down=16 * MIB)
    first = rig.open(0)
    second = rig.open(1)
    assert first.octets_max == 15 * MIB
    assert first.octets_max + second.octets_max < 16 * MIB
    rig.say(CloseLoad(run=0))
    rig.report(0, sent=10 * MIB)
    third = rig.open(2)
    assert second.octets_max + third.octets_max <= 6 * MIB
    assert third.octets_max > 4 * MIB


def test_two_loads_at_a_time_are_enough() -> None:
    rig = Rig()
    rig.open(0, DOWN)
    rig.open(1, UP)
    assert refused(rig.say(asked(2))) == "limit"
    rig.say(CloseLoad(run=0))
    assert refused(rig.say(asked(3))) == "limit", "not yet reported"
    rig.report(0)
    assert rig.open(4).run == 4


def test_too_few_octets_are_refused() -> None:
    rig = Rig(down=RUN_OCTETS_MIN)
    assert refused(rig.say(asked())) == "limit"


def test_what_an_upward_load_brings_is_taken_from_that_purse() -> None:
    rig = Rig(down=100 * MIB, up=2 * MIB)
    rig.open(0, UP)
    rig.say(CloseLoad(run=0))
    rig.report(0, received=2 * MIB, sent=100)
    assert refused(rig.say(asked(1, UP))) == "limit"
    assert rig.open(2, DOWN).octets_max == 99 * MIB - 100


@pytest.mark.parametrize(
    "again",
    [
        pytest.param(asked(run=5), id="another load"),
        pytest.param(OpenRun(run=5, direction=UP, duration_ms=1_000), id="a TCP run"),
    ],
)
def test_a_number_is_used_once(again: FromProbe) -> None:
    rig = Rig()
    rig.open(5)
    assert refused(rig.say(again)) == "protocol"


def test_a_load_cant_have_the_number_of_a_tcp_run() -> None:
    rig = Rig()
    assert any(
        isinstance(command, StartRun)
        for command in rig.say(OpenRun(run=1, direction=UP, duration_ms=1_000))
    )
    assert refused(rig.say(asked(run=1))) == "protocol"


def test_what_was_not_opened_or_is_closed_already_cant_be_closed() -> None:
    rig = Rig()
    assert refused(rig.say(CloseLoad(run=0))) == "protocol"
    rig.open(0)
    rig.say(CloseLoad(run=0))
    assert refused(rig.say(CloseLoad(run=0))) == "protocol"


@pytest.mark.parametrize("reported_first", [True, False])
def test_a_load_that_ended_by_itself_is_told_and_closed_later(*, reported_first: bool) -> None:
    rig = Rig()
    rig.open(0)
    assert rig.session.load_stopped(0, "silence") == [
        StopLoad(0),
        Say(Progress(run=0, flows=(), stopped="silence")),
    ]
    assert rig.session.load_stopped(0, "silence") == []
    closed = LoadClosed(run=0, counts=LoadCounts(sent_octets=9))
    if reported_first:
        assert rig.report(sent=9) == []
        assert said(rig.say(CloseLoad(run=0))) == [closed]
    else:
        assert rig.say(CloseLoad(run=0)) == []
        assert said(rig.report(sent=9)) == [closed]


def test_a_report_nobody_waits_for_changes_nothing() -> None:
    rig = Rig()
    assert rig.report(9, sent=5) == []
    rig.open(0)
    assert rig.report(0, sent=5) == []
    assert rig.say(CloseLoad(run=0)) == [StopLoad(0)]


def test_finish_waits_for_the_report_and_counts_its_octets() -> None:
    rig = Rig()
    rig.open(0)
    assert rig.say(Finish()) == [StopLoad(0)]
    assert rig.report(sent=1_000, received=44) == [Say(Finished(observation="sealed")), HangUp()]
    (observation,) = rig.sealed
    assert (observation.octets_sent, observation.octets_received) == (1_000, 44)


def test_the_end_of_a_session_stops_its_loads() -> None:
    rig = Rig()
    rig.open(0)
    assert rig.session.end() == [StopLoad(0)]
    assert rig.report(sent=1) == []
