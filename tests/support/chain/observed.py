"""Is a fault really there? Seen by tools that are not ours, from the nodes beside it.

The system's ping and iperf3, the kernel's own counters (`ip -s link`), and a name server asked in a
dozen lines of plain Python. `doubts` returns what they don't confirm, in words. Nothing is asked of
the code that is tested, nor of the emulation that makes the fault.

Losses and rates are counted each way, at the far interface, so that nobody has to answer. What
needs an answer asks the far host, which always gives one, across the link in question: a router
beside it may keep silent. Looking takes one to five seconds, and some of what routers allow
themselves of ICMP errors: look when the finder is done.
"""

from __future__ import annotations

import json
import math
import re
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final, NamedTuple

from lab.errors import LabUnavailableError
from lab.host import Machine
from omega_core.units import BITS_PER_OCTET, PPM
from support.chain.cases import ACCESS, BOX, FAR, LAN, SITE, Fault, Kind, Manner, Ways
from support.chain.chain_lab import ChainLab
from support.chain.layout import BOX_LAN_V4, FAR_V4
from support.chain.lines import ACCESS_LINES, emulated_links

PACKETS: Final = 200
ANSWERED, FAILED, REFUSED, SILENT = "answered", "failed", "refused", "silent"
_PACKAGES: Final = {"ping": "iputils-ping", "iperf3": "iperf3", "ip": "iproute2"}
_EVERY_S: Final = "0.005"
_SETTLE_S: Final = 0.3
_STANDARD_ERRORS: Final = 4.5
_STRAY_SHARE: Final = 0.04  # of packets that the kernel sent by itself, or a radio lost
_DELAY_ROOM_MS: Final = 12.0
_RATE_ROOM: Final = 0.1
_ECHO_HEADERS: Final = 28
_ETHERNET_OCTETS: Final = 14
_BLAST_OCTETS: Final = 1_200
_BLAST_S: Final = 3
_STEADY_S: Final = 1.0
_WINDOW_S: Final = 1.0
_LAN_BROADCAST: Final = "192.168.1.255"
_QUESTION: Final = struct.pack("!HHHHHH", 7, 0x0100, 1, 0, 0, 0) + b"\0" + struct.pack("!HH", 1, 1)
_ROUND_TRIPS: Final = re.compile(r"= ([\d.]+)/([\d.]+)/")
_COUNTS: Final = re.compile(r"(\d+) packets transmitted, (\d+) received")
_NAMES_SAY: Final = {
    Manner.REFUSES: REFUSED,
    Manner.FAILS: FAILED,
    Manner.SILENT: SILENT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinged:
    """What `ping` says of its packets."""

    sent: int
    received: int
    rtt_ms_min: float | None
    said: str


def ping(node: Machine, address: str, *options: str, count: int = 20) -> Pinged:
    """Send echo requests with the system's ping, 5 ms apart, until so many are answered, or 2 s."""
    argv = [_tool("ping"), "-q", "-n", "-c", str(count), "-i", _EVERY_S, "-w", "2"]
    done = node.run([*argv, *options, address], check=False)
    round_trips, counts = _ROUND_TRIPS.search(done.stdout), _COUNTS.search(done.stdout)
    return Pinged(
        sent=int(counts[1]) if counts else 0,
        received=int(counts[2]) if counts else 0,
        rtt_ms_min=float(round_trips[1]) if round_trips else None,
        said=done.stdout + done.stderr,
    )


def ask_name(node: Machine, server: str, *, timeout_s: float = 1.5) -> str:
    """Ask a name server for the root's address; return ANSWERED, FAILED, REFUSED or SILENT."""
    with node.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(timeout_s)
        try:
            asking.connect((server, 53))
            asking.send(_QUESTION)
            answer = asking.recv(512)
        except ConnectionRefusedError:
            return REFUSED
        except OSError:  # no answer in time, or no way there
            return SILENT
    return FAILED if answer[3] & 0x0F else ANSWERED


def doubts(lab: ChainLab) -> list[str]:
    """Return what of the case's fault these tools do not see; empty if it is all there."""
    fault = lab.case.fault
    if fault is None:
        return [*_doubts_of_health(lab)]
    match fault.kind:
        case Kind.NAMES:
            return [*_doubts_of_names(lab, fault)]
        case Kind.WEDGED | Kind.OVERLOADED:
            return [*_doubts_of_box(lab, fault)]
        case Kind.RATE:
            return [*_doubts_of_rate(lab, fault)]
        case Kind.MTU:
            return [*_doubts_of_hole(lab, fault)]
        case Kind.DELAY:
            return [*_doubts_of_delay(lab, fault)]
        case Kind.LOSS | Kind.ONE_WAY | Kind.DOWN:
            return [*_doubts_of_loss(lab, fault)]


def lost_share(lab: ChainLab, place: str, way: Ways) -> float:
    """Return the share of echo requests sent over a link, one way, that its far side never got."""
    segment = lab.segments[place]
    ends = (segment.near, segment.far) if way is Ways.UP else (segment.far, segment.near)
    source, sink = (lab.nodes[end] for end in ends)
    interface = segment.interface(ends[1])
    address = segment.far_v4 if way is Ways.UP else segment.near_v4
    target = ("-b", _LAN_BROADCAST) if place == LAN else (address.partition("/")[0],)
    before = _received(sink, interface).packets
    sent = ping(source, target[-1], *target[:-1], count=PACKETS).sent
    time.sleep(_SETTLE_S)  # what is still on the way
    arrived = _received(sink, interface).packets - before
    return 1 - arrived / sent if sent else 1.0


def across(lab: ChainLab, place: str) -> Machine:
    """Return a node whose way to the far host leads over a link, close to it."""
    segment = lab.segments[place]
    return lab.nodes[segment.far if place == SITE else segment.near]


def _doubts_of_health(lab: ChainLab) -> Iterator[str]:
    if ping(lab.device, FAR_V4).received < 18:
        yield "the far host is not reached"
    for server in (BOX_LAN_V4, FAR_V4):
        if ask_name(lab.device, server) != ANSWERED:
            yield f"the name server {server} does not answer"


def _doubts_of_names(lab: ChainLab, fault: Fault) -> Iterator[str]:
    assert fault.manner is not None
    expected = _NAMES_SAY[fault.manner]
    dead, other = (BOX_LAN_V4, FAR_V4) if fault.place == BOX else (FAR_V4, None)
    said = ask_name(lab.device, dead)
    if said != expected:
        yield f"{dead} should be {expected} and is {said}"
    if other is not None and ask_name(lab.device, other) != ANSWERED:
        yield f"{other} does not answer"
    if other is None and ask_name(lab.device, BOX_LAN_V4) == ANSWERED:
        yield "the box still resolves names"


def _doubts_of_box(lab: ChainLab, fault: Fault) -> Iterator[str]:
    pinged = ping(lab.device, FAR_V4, count=PACKETS)
    if fault.loss_ppm is None and pinged.received:
        yield f"{pinged.received} echoes got through a box that forwards nothing"
    if fault.loss_ppm is not None:
        both_ways = 1 - (1 - fault.loss_ppm / PPM) ** 2
        yield from _far_off(1 - pinged.received / pinged.sent, both_ways, "lost by the box")
    if ping(lab.nodes[BOX], FAR_V4).received < 18:
        yield "the box itself does not reach the far host"
    if ask_name(lab.device, BOX_LAN_V4) != ANSWERED:
        yield "the box does not answer at home"


def _doubts_of_loss(lab: ChainLab, fault: Fault) -> Iterator[str]:
    share = 1.0 if fault.loss_ppm is None else fault.loss_ppm / PPM
    for way in (Ways.UP, Ways.DOWN):
        expected = share if fault.ways in {way, Ways.BOTH} else 0.0
        yield from _far_off(lost_share(lab, fault.place, way), expected, f"lost {way}")


def _far_off(share: float, expected: float, words: str) -> Iterator[str]:
    error = math.sqrt(expected * (1 - expected) / PACKETS)
    if abs(share - expected) > _STANDARD_ERRORS * error + _STRAY_SHARE:
        yield f"{share:.1%} {words}, not {expected:.1%}"


def _doubts_of_delay(lab: ChainLab, fault: Fault) -> Iterator[str]:
    assert fault.delay_us is not None
    specs = emulated_links(lab.case)
    usual_us = specs[fault.place].rtt_us()
    if fault.place == LAN:
        usual_us += specs[ACCESS].rtt_us()
    expected_ms = (usual_us + fault.delay_us) / 1000
    seen_ms = ping(across(lab, fault.place), FAR_V4).rtt_ms_min
    if seen_ms is None or not 0 <= seen_ms - expected_ms < _DELAY_ROOM_MS:
        yield f"a round trip of {seen_ms} ms, not {expected_ms:.1f}"


def _doubts_of_hole(lab: ChainLab, fault: Fault) -> Iterator[str]:
    assert fault.mtu_octets is not None
    node = across(lab, fault.place)
    fits = fault.mtu_octets - _ECHO_HEADERS
    passed = ping(node, FAR_V4, "-M", "do", "-s", str(fits))
    if passed.received < 15:
        yield f"{fault.mtu_octets} octets do not pass"
    swallowed = ping(node, FAR_V4, "-M", "do", "-s", str(fits + 1))
    if swallowed.received:
        yield f"{fault.mtu_octets + 1} octets pass"
    if "error" in swallowed.said or "too long" in swallowed.said:
        yield "somebody says that packets are too large"


def _doubts_of_rate(lab: ChainLab, fault: Fault) -> Iterator[str]:
    assert fault.rate_ppm is not None
    line = ACCESS_LINES[lab.case.access]
    for way, spec in ((Ways.UP, line.up), (Ways.DOWN, line.down)):
        assert spec.rate_bps is not None
        expected_bps = spec.rate_bps * fault.rate_ppm / PPM
        seen_bps = carried_bps(lab, fault.place, way, offered_bps=2 * spec.rate_bps)
        if abs(seen_bps / expected_bps - 1) > _RATE_ROOM:
            yield f"{seen_bps / 1e6:.2f} Mbit/s {way}, not {expected_bps / 1e6:.2f}"


def carried_bps(lab: ChainLab, place: str, way: Ways, *, offered_bps: int) -> float:
    """Return what comes out of a link while iperf3 offers more, at the IP layer."""
    segment = lab.segments[place]
    sink = segment.far if way is Ways.UP else segment.near
    towards_far_host = (way is Ways.UP) is (place != SITE)  # the test point is at the site's end
    client = [_tool("iperf3"), "-c", FAR_V4, "-u", "-b", str(offered_bps), "-t", str(_BLAST_S)]
    client += ["-l", str(_BLAST_OCTETS), *([] if towards_far_host else ["-R"])]
    with ExitStack() as stack:
        _background(stack, lab.nodes[FAR], [_tool("iperf3"), "-s", "-1"])
        time.sleep(_SETTLE_S)  # until it listens
        _background(stack, across(lab, place), client)
        time.sleep(_STEADY_S)  # until the queue before a short link is full
        before = _received(lab.nodes[sink], segment.interface(sink))
        began = time.perf_counter()
        time.sleep(_WINDOW_S)
        after = _received(lab.nodes[sink], segment.interface(sink))
        seconds = time.perf_counter() - began
    octets = after.octets - before.octets - _ETHERNET_OCTETS * (after.packets - before.packets)
    return octets * BITS_PER_OCTET / seconds


def _background(stack: ExitStack, node: Machine, argv: list[str]) -> None:
    quiet = subprocess.DEVNULL
    child = node.popen(argv, stdin=quiet, stdout=quiet, stderr=quiet)
    stack.callback(child.wait)
    stack.callback(child.terminate)


class _Received(NamedTuple):
    packets: int
    octets: int


def _received(node: Machine, interface: str) -> _Received:
    """Return the kernel's own counts of an interface."""
    shown = node.run([_tool("ip"), "-j", "-s", "link", "show", interface]).stdout
    counts = json.loads(shown)[0]["stats64"]["rx"]
    return _Received(packets=counts["packets"], octets=counts["bytes"])


def _tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise LabUnavailableError(
            f"`{name}` is missing (Debian: apt-get install {_PACKAGES[name]})"
        )
    return path
