"""What goes wrong around a run: a VPN on the way, other people's traffic, a disk that is full."""

from __future__ import annotations

import fcntl
import os
import select
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from lab.host import Host
from lab.pytest_support import need_tool
from lab.topology import Lab

BEHIND_VPN = "10.50.0.1"  # an address of the server, reached through a tunnel or not
_INNER = {"server": "10.99.0.1", "customer": "10.99.0.2"}
_VXLAN_PORT = 4789
_VPN_PORT = 1194
_DATAGRAM_OCTETS_MAX = 2_048
_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 1, 0x1000
_FLOW_S = 300


def give_second_address(lab: Lab) -> None:
    """Let the server answer at BEHIND_VPN too; without a tunnel the line leads there."""
    lab.server.run(["ip", "address", "add", f"{BEHIND_VPN}/32", "dev", "lo"])


@contextmanager
def kernel_tunnel(lab: Lab) -> Iterator[str | None]:
    """Lead the way to BEHIND_VPN through a tunnel of the kernel; give its kind.

    None where this kernel has no kind of tunnel.
    """
    kind = next((each for each in ("gre", "ipip", "vxlan") if _join(lab, each)), None)
    if kind is not None:
        _lead_through(lab)
    try:
        yield kind
    finally:
        for host in (lab.server, lab.customer):
            host.run(["ip", "link", "del", "vpn0"], check=False)


def _join(lab: Lab, kind: str) -> bool:
    """Make vpn0 on both hosts; return whether the kernel knows this kind."""
    for host in (lab.server, lab.customer):
        ends = ["local", host.v4, "remote", host.peer.v4.ip.compressed]
        extra = ["id", "7", "dstport", str(_VXLAN_PORT)] if kind == "vxlan" else []
        made = host.run(["ip", "link", "add", "vpn0", "type", kind, *extra, *ends], check=False)
        if made.returncode != 0:
            return False
        _bring_up(host)
    return True


def _bring_up(host: Host) -> None:
    peer = _INNER["customer" if host.own.name == "server" else "server"]
    for command in (
        f"address add {_INNER[host.own.name]} peer {peer} dev vpn0",
        "link set vpn0 mtu 1400 up",
    ):
        host.run(["ip", *command.split()])


def _lead_through(lab: Lab) -> None:
    route = f"route add {BEHIND_VPN} via {_INNER['server']} dev vpn0"
    lab.customer.run(["ip", *route.split()])


@contextmanager
def user_space_vpn(lab: Lab) -> Iterator[None]:
    """Lead the way to BEHIND_VPN through tun devices; datagrams over the line carry them."""
    with ExitStack() as stack:
        ends = []
        for host in (lab.server, lab.customer):
            with host.entered():
                tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
                stack.callback(os.close, tun)
                fcntl.ioctl(tun, _TUNSETIFF, struct.pack("16sH22x", b"vpn0", _IFF_TUN | _IFF_NO_PI))
                outer = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            outer.bind((host.v4, _VPN_PORT))
            outer.connect((str(host.peer.v4.ip), _VPN_PORT))
            _bring_up(host)
            ends.append((tun, outer))
        _lead_through(lab)
        ended = threading.Event()
        carrier = threading.Thread(target=_carry, args=(ends, ended), daemon=True)
        carrier.start()
        try:
            yield
        finally:
            ended.set()
            carrier.join()


def _carry(ends: list[tuple[int, socket.socket]], ended: threading.Event) -> None:
    """Be the VPN program of both hosts."""
    ways = [(outer.fileno(), tun) for tun, outer in ends]
    leads_to = {**dict(ways), **{tun: outer for outer, tun in ways}}
    while not ended.is_set():
        ready, _, _ = select.select(list(leads_to), (), (), 0.05)
        for each in ready:
            with suppress(OSError):  # the other side is not there: lost, as anywhere
                os.write(leads_to[each], os.read(each, _DATAGRAM_OCTETS_MAX))


@contextmanager
def other_flow(sender: Host, receiver: Host, *, udp_bps: int | None = None) -> Iterator[None]:
    """Let iperf3 send until the block ends: as much as TCP gets, or UDP at a rate."""
    iperf3 = need_tool("iperf3")
    load = ["-u", "-b", str(udp_bps)] if udp_bps else []
    sink = receiver.popen([iperf3, "-s", "-1"], stdout=subprocess.DEVNULL)
    _await_listener(receiver)
    source = sender.popen(
        [iperf3, "-c", receiver.v4, "-t", str(_FLOW_S), *load],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        time.sleep(1)  # iperf3 says nothing when its flow begins
        yield
    finally:
        for child in (source, sink):
            child.terminate()
            child.wait(10)


def _await_listener(host: Host, port: int = 5201) -> None:
    deadline = time.monotonic() + 10
    while str(port) not in host.run(["ss", "-ltnH"]).stdout:
        if time.monotonic() > deadline:
            raise TimeoutError("iperf3 does not listen")
        time.sleep(0.05)


@contextmanager
def small_disk(path: Path, octets: int) -> Iterator[Path]:
    """Mount a file system of so many octets, in memory; skip the test where that can't be."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    path.mkdir(parents=True)
    mounted = subprocess.run(
        ["/bin/mount", "-t", "tmpfs", "-o", f"size={octets},mode=700", "omega-test", path],
        check=False,
        capture_output=True,
        text=True,
    )
    if mounted.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    try:
        yield path
    finally:
        subprocess.run(["/bin/umount", "--lazy", path], check=True)


def fill(disk: Path) -> Path:
    """Leave not one octet free; return the file that took them."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"\0" * 4_096):
            pass
    return ballast
