"""What spoils a run, made for real in a namespace: other traffic, a tunnel, a foreign /sys."""

from __future__ import annotations

import fcntl
import os
import select
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from lab.host import Host
from lab.topology import Lab
from omega_core.environment import Medium
from omega_core.evidence import Ended
from omega_core.metrics import Direction
from omega_core.units import NS_PER_S
from omega_core.verdict import Fault
from omega_probe.environment import Host as ProbeHost
from omega_probe.plan import GoodputTask, MeasurementPlan
from support import probe_child
from support.lab_session import LabTestPoint, await_event, finish, measure, start

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(120)]

PLAN = MeasurementPlan(
    idle_duration_ns=NS_PER_S,
    connectivity_attempts=1,
    expected_bps_down=20_000_000,
    expected_bps_up=1_000_000,
    goodput=(GoodputTask(direction=Direction.DOWN, duration_ns=4 * NS_PER_S),),
)
STRICT = MeasurementPlan(
    idle_duration_ns=NS_PER_S,
    connectivity_attempts=1,
    expected_bps_down=20_000_000,
    expected_bps_up=1_000_000,
    goodput=PLAN.goodput,
    stop_when_invalid=True,
)
TASKS = ["connectivity", "idle", "goodput_down", "finish"]
OTHER_PORT = 9_999
DATAGRAM_OCTETS = 1_200


@contextmanager
def other_traffic(sender: Host, receiver: Host, rate_bps: int) -> Iterator[None]:
    """Let somebody else send at this IP rate until the block ends."""
    ended = threading.Event()
    gap_s = (DATAGRAM_OCTETS + 28) * 8 / rate_bps
    with ExitStack() as stack:
        with receiver.entered():
            sink = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        with sender.entered():
            source = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        sink.bind((receiver.v4, OTHER_PORT))

        def send() -> None:
            due_s = time.monotonic()
            while not ended.wait(max(0, due_s - time.monotonic())):
                source.sendto(bytes(DATAGRAM_OCTETS), (receiver.v4, OTHER_PORT))
                due_s += gap_s

        thread = threading.Thread(target=send, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


@pytest.mark.parametrize("lab", ["adsl"], indirect=True)
def test_a_flow_of_a_twentieth_of_the_line_is_found_before_anything_is_sent(
    lab: Lab, tmp_path: Path
) -> None:
    with (
        LabTestPoint(lab, tmp_path) as test_point,
        other_traffic(lab.server, lab.customer, 1_000_000),
    ):
        result = measure(lab, test_point, STRICT)
    assert result["faults"] == [Fault.CROSS_TRAFFIC]
    tasks = {end["task"]: end for end in result["evidence"]["tasks"]}
    assert tasks["precheck"]["detail"] == "cross_traffic"
    assert {tasks[task]["ended"] for task in TASKS} == {Ended.SKIPPED}
    assert (result["bytes_down"], result["bytes_up"]) == (0, 0)
    check = result["environment"]["traffic"][0]
    assert check["exceeded"]
    assert check["rx_octets"] * 8 / 2 == pytest.approx(1_000_000, rel=0.1)


@pytest.mark.parametrize("lab", ["adsl"], indirect=True)
def test_a_flow_that_begins_with_the_load_is_found_beside_it(lab: Lab, tmp_path: Path) -> None:
    with LabTestPoint(lab, tmp_path) as test_point:
        child = start(lab, probe_child.asked(PLAN, test_point.lab_access()))
        await_event(child, "begin goodput_down")
        with other_traffic(lab.server, lab.customer, 1_000_000):
            result = finish(child)
    assert result["faults"] == [Fault.CROSS_TRAFFIC]
    exceeded = [check["phase"] for check in result["environment"]["traffic"] if check["exceeded"]]
    assert exceeded == ["goodput_down"]
    assert result["metrics"]["goodput_bps_down"]["value"] is not None, "kept, and said invalid"


@pytest.mark.parametrize("lab", ["adsl"], indirect=True)
def test_chatter_below_the_floor_spoils_nothing(lab: Lab, tmp_path: Path) -> None:
    with (
        LabTestPoint(lab, tmp_path) as test_point,
        other_traffic(lab.server, lab.customer, 60_000),
    ):
        result = measure(lab, test_point, STRICT)
    assert result["faults"] == [], result["environment"]["traffic"]
    assert {end["ended"] for end in result["evidence"]["tasks"]} == {Ended.COMPLETED}


@contextmanager
def other_programs(count: int) -> Iterator[None]:
    """Let so many programs want a whole processor each until the block ends."""
    programs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for program in programs:
            program.kill()
            program.wait()


@pytest.mark.parametrize("lab", ["adsl"], indirect=True)
def test_programs_that_leave_the_probe_no_processor_are_found(lab: Lab, tmp_path: Path) -> None:
    with (
        LabTestPoint(lab, tmp_path) as test_point,
        other_programs(2 * (os.cpu_count() or 1)),
    ):
        result = measure(lab, test_point, PLAN)
    assert result["faults"] == [Fault.CPU_LIMITED], result["environment"]["cpu"]
    assert result["metrics"]["goodput_bps_down"]["value"] is not None, "kept, and said invalid"


@pytest.mark.parametrize("lab", ["adsl"], indirect=True)
def test_a_route_that_changes_during_the_measurement_is_found(lab: Lab, tmp_path: Path) -> None:
    """The new default route is never used; that it is there says that the network was changed."""
    with LabTestPoint(lab, tmp_path) as test_point:
        child = start(lab, probe_child.asked(PLAN, test_point.lab_access()))
        await_event(child, "begin goodput_down")
        lab.customer.run(["ip", "route", "add", "default", "via", lab.server.v4, "metric", "77"])
        result = finish(child)
    assert result["faults"] == [Fault.PATH_CHANGED]
    assert "path_changed" in result["environment"]["notes"]


TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 1, 0x1000
INNER = ("10.99.0.1", "10.99.0.2")


@contextmanager
def tunnel(lab: Lab) -> Iterator[None]:
    """Join the two hosts by tun interfaces; what carries them is this process."""
    ends = [open_tun(host, own, peer) for host, own, peer in _inner_ends(lab)]
    ended = threading.Event()
    carrier = threading.Thread(target=_carry, args=(ends, ended), daemon=True)
    carrier.start()
    try:
        yield
    finally:
        ended.set()
        carrier.join()
        for end in ends:
            os.close(end)


def _inner_ends(lab: Lab) -> list[tuple[Host, str, str]]:
    return [(lab.server, INNER[0], INNER[1]), (lab.customer, INNER[1], INNER[0])]


def open_tun(host: Host, own: str, peer: str) -> int:
    with host.entered():
        end = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(end, TUNSETIFF, struct.pack("16sH22x", b"vpn0", IFF_TUN | IFF_NO_PI))
    for command in (
        f"address add {own} peer {peer} dev vpn0",
        "link set vpn0 up",
    ):
        host.run(["ip", *command.split()])
    return end


def _carry(ends: list[int], ended: threading.Event) -> None:
    other = {ends[0]: ends[1], ends[1]: ends[0]}
    while not ended.is_set():
        ready, _, _ = select.select(ends, (), (), 0.05)
        for end in ready:
            try:
                os.write(other[end], os.read(end, 2_048))
            except OSError:  # its other side is down: as lost as anywhere
                continue


@pytest.mark.skipif(not Path("/dev/net/tun").exists(), reason="this host has no tun device")
@pytest.mark.parametrize("lab", ["unlimited"], indirect=True)
def test_a_route_through_a_tunnel_is_invalid_and_a_strict_plan_stops_at_once(
    lab: Lab, tmp_path: Path
) -> None:
    with tunnel(lab), LabTestPoint(lab, tmp_path, hosts=INNER[:1]) as test_point:
        here, there = INNER[1:], INNER[:1]
        strict = measure(lab, test_point, STRICT, addresses=there, sources=here)
        lenient = measure(lab, test_point, PLAN, addresses=there, sources=here)

    assert strict["faults"] == [Fault.TUNNEL]
    assert strict["environment"]["interface"]["name"] == "vpn0"
    assert strict["environment"]["interface"]["medium"] == Medium.TUNNEL
    assert {end["ended"] for end in strict["evidence"]["tasks"][1:]} == {Ended.SKIPPED}
    assert strict["duration_us"] < 1_000_000, "nothing to wait for"
    assert (strict["bytes_down"], strict["bytes_up"]) == (0, 0)

    assert lenient["faults"] == [Fault.TUNNEL], "and not other traffic: its own is its own"
    assert {end["ended"] for end in lenient["evidence"]["tasks"]} == {Ended.COMPLETED}
    assert lenient["metrics"]["goodput_bps_down"]["value"] is not None


@pytest.mark.skipif(not Path("/dev/net/tun").exists(), reason="this host has no tun device")
@pytest.mark.parametrize("lab", ["unlimited"], indirect=True)
def test_a_route_into_a_tunnel_is_seen_whatever_source_address_it_keeps(lab: Lab) -> None:
    """The source address stays the card's: looking at it alone would miss the tunnel."""
    end = open_tun(lab.customer, INNER[1], INNER[0])
    lab.customer.run(["ip", "route", "add", lab.server.v4, "dev", "vpn0", "src", lab.customer.v4])
    with lab.customer.entered():
        interface = ProbeHost().interface_towards(lab.server.v4, 4)
    os.close(end)
    assert interface is not None
    assert (interface.name, interface.medium) == ("vpn0", Medium.TUNNEL)


@pytest.mark.parametrize("lab", ["unlimited"], indirect=True)
def test_the_sys_of_another_namespace_fools_nobody(lab: Lab) -> None:
    """A thread that has only entered the network namespace still sees the machine's own /sys."""
    with lab.customer.entered():
        host = ProbeHost()
        interface = host.interface_towards(lab.server.v4, 4)
        assert interface is not None
        before = host.counts(interface.name, offset_us=0)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as endpoint:
            for _ in range(10):
                endpoint.sendto(bytes(1_000), (lab.server.v4, OTHER_PORT))
        after = host.counts(interface.name, offset_us=1)
        default_route = host.environment(interface).default_route
    assert (interface.name, interface.medium) == ("eth0", Medium.ETHERNET)
    assert (interface.link_rate_bps, interface.duplex) == (10_000_000_000, "full")
    assert before is not None
    assert after is not None
    assert after.tx_octets - before.tx_octets == 10 * (1_000 + 28 + 14)
    assert default_route == "IPv4 via 10.77.0.1 dev eth0; IPv6 via fd77::1 dev eth0"
