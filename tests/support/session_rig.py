"""A session of the test point in the hands of a test, with a clock that the test moves."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

from omega_core.control import GrantLimits, Observation
from omega_core.evidence import StreamReport
from omega_core.metrics import Direction
from omega_core.units import NS_PER_S, NS_PER_US
from omega_core.wire.testpoint import (
    FromProbe,
    Join,
    OpenRun,
    Refused,
    flow_mac,
)
from omega_server.testpoint.commands import (
    NOTHING_MOVED,
    Command,
    HangUp,
    ReflectedReport,
    RunReport,
    Say,
    StartRun,
)
from omega_server.testpoint.grants import CheckedGrant
from omega_server.testpoint.session import Session
from omega_server.testpoint.state import Surroundings
from support.builders import AGENT_ADDRESS, SECRET, SESSION_ID, TEST_POINT_ID, grant
from support.clock import START_UNIX_US

DOWN, UP = Direction.DOWN, Direction.UP
MIB = 1 << 20


class SessionRig:
    """A session in the hands of a test, with a clock that the test moves."""

    first_ssid = 1

    def __init__(self, *, down: int = 100 * MIB, up: int = 100 * MIB, duration_s: int = 60) -> None:
        self.now_ns = 7 * NS_PER_S
        self.sealed: list[Observation] = []
        self._ssids = count(self.first_ssid)
        granted = grant(limits=GrantLimits(bytes_down=down, bytes_up=up, duration_s=duration_s))
        checked = CheckedGrant(granted, "d" * 64, SECRET, frozenset({AGENT_ADDRESS}))
        around = Surroundings(
            test_point=TEST_POINT_ID,
            udp_port=862,
            new_ssid=lambda: next(self._ssids),
            congestion_control=lambda wish: wish or "cubic",
            seal=self._seal,
        )
        self.session = Session(checked, around, now_ns=self.now_ns, now_unix_us=START_UNIX_US)

    def _seal(self, observation: Observation) -> str:
        self.sealed.append(observation)
        return "sealed"

    @property
    def now_unix_us(self) -> int:
        return START_UNIX_US + (self.now_ns - 7 * NS_PER_S) // NS_PER_US

    def say(self, message: FromProbe) -> list[Command]:
        return self.session.received(message, now_ns=self.now_ns, now_unix_us=self.now_unix_us)

    def tick(self, *, after_ns: int = 0) -> list[Command]:
        self.now_ns += after_ns
        return self.session.tick(now_ns=self.now_ns, now_unix_us=self.now_unix_us)

    def join(self, run: int = 0, flow: int = 0, *, peer: str = AGENT_ADDRESS) -> None:
        self.session.join(joining(run, flow), peer=peer, now_ns=self.now_ns)

    def close_run(self, run: int = 0, report: RunReport = NOTHING_MOVED) -> list[Command]:
        return self.session.run_closed(run, report, now_unix_us=self.now_unix_us)

    def reflect(self, ssid: int = 1, *, sent: int = 0, received: int = 0) -> list[Command]:
        report = ReflectedReport(
            ssid=ssid, report=REPORT, octets_received=received, octets_sent=sent
        )
        return self.session.reflected(report, now_unix_us=self.now_unix_us)


REPORT = StreamReport(received=((0, 4),), replies=5, duplicates=0, reordered=0)


def joining(run: int, flow: int, *, secret: bytes = SECRET) -> Join:
    mac = flow_mac(secret, session_id=SESSION_ID, run=run, flow=flow)
    return Join(session_id=SESSION_ID, run=run, flow=flow, mac=mac)


def open_run(run: int = 0, direction: Direction = DOWN, *, duration_ms: int = 5_000) -> OpenRun:
    return OpenRun(run=run, direction=direction, duration_ms=duration_ms)


def moved(*, sent: int = 0, received: int = 0) -> RunReport:
    return RunReport(
        flows=(), senders=(), congestion_control=None, octets_received=received, octets_sent=sent
    )


def said(commands: Sequence[Command]) -> list[object]:
    return [command.message for command in commands if isinstance(command, Say)]


def refused(commands: Sequence[Command]) -> str:
    (refusal,) = said(commands)
    assert isinstance(refusal, Refused)
    assert not any(isinstance(command, HangUp) for command in commands)
    return refusal.code


def started(commands: Sequence[Command]) -> StartRun:
    (found,) = [command for command in commands if isinstance(command, StartRun)]
    return found
