"""Tools that are not ours, run across the lab and read: ping, iperf3 and irtt.

All raise LabError, with what the tool said, when they cannot do their work; a line that loses
everything is not such a case for ping.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import Any

from lab.errors import LabError
from lab.host import Host
from lab.topology import Lab
from omega_core.units import NS_PER_US

_SENT_AND_RECEIVED = re.compile(r"(\d+) packets transmitted, (\d+) received")
_EACH_TIME = re.compile(r"time=([\d.]+) ms")
_TIMES = re.compile(r"= ([\d.]+)/([\d.]+)/([\d.]+)/")
_LISTENING = "Server listening"
_SPARE_S = 20  # beyond the time that a tool was told to take


@dataclass(frozen=True, slots=True, kw_only=True)
class PingResult:
    """What ping printed. `rtt_ms` has one value per reply, to ping's three figures."""

    sent: int
    received: int
    rtt_ms: tuple[float, ...]
    rtt_us_min: int | None
    rtt_us_mean: int | None


def ping(
    host: Host,
    target: str,
    *,
    count: int,
    interval_s: float,
    wait_s: float = 1,
    payload_octets: int = 56,
) -> PingResult:
    """Send `count` echo requests; replies that take longer than `wait_s` at the end are lost."""
    argv = ["ping", "-n", "-c", str(count), "-i", str(interval_s), "-W", str(wait_s)]
    argv += ["-s", str(payload_octets), target]
    done = host.run(argv, check=False, timeout_s=count * interval_s + _SPARE_S)
    counts = _SENT_AND_RECEIVED.search(done.stdout)
    if counts is None:
        raise LabError(f"ping said: {done.stderr.strip() or done.stdout.strip()}")
    times = _TIMES.search(done.stdout)
    return PingResult(
        sent=int(counts[1]),
        received=int(counts[2]),
        rtt_ms=tuple(float(each) for each in _EACH_TIME.findall(done.stdout)),
        rtt_us_min=None if times is None else round(float(times[1]) * 1_000),
        rtt_us_mean=None if times is None else round(float(times[2]) * 1_000),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class IperfResult:
    """What iperf3 reported: the receiver's rate, and the sender's retransmitted segments."""

    goodput_bps: int
    retransmits: int


def iperf3_tcp(
    lab: Lab,
    *,
    down: bool,
    seconds: int,
    omit_s: int = 1,
    flows: int = 1,
    congestion: str | None = None,
    v6: bool = False,
) -> IperfResult:
    """Send one way for `seconds` after `omit_s`, between the two hosts of a lab."""
    server = lab.server.popen(
        ["iperf3", "--server", "--one-off", "--forceflush"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    _wait_until_it_listens(server)
    argv = ["iperf3", "--client", lab.server.v6 if v6 else lab.server.v4, "--json"]
    argv += ["--time", str(seconds), "--omit", str(omit_s), "--parallel", str(flows)]
    argv += ["--reverse"] if down else []
    argv += [] if congestion is None else ["--congestion", congestion]
    done = lab.customer.run(argv, check=False, timeout_s=seconds + omit_s + _SPARE_S)
    server.communicate(timeout=_SPARE_S)  # or the next one finds its port taken
    report: dict[str, Any] = json.loads(done.stdout)
    if "error" in report:
        raise LabError(f"iperf3 said: {report['error']}")
    end = report["end"]
    return IperfResult(
        goodput_bps=round(end["sum_received"]["bits_per_second"]),
        retransmits=end["sum_sent"]["retransmits"],
    )


class PeerMissingError(LabError):
    """A peer that is not installed here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IrttResult:
    """What irtt reported; its client takes user-space times of a stream of small UDP packets."""

    rtt_us_p50: int


def irtt(lab: Lab, *, seconds: int, interval_ms: int) -> IrttResult:
    """Measure the round trip for so long; raises PeerMissingError where there is no irtt."""
    if shutil.which("irtt") is None:
        raise PeerMissingError("irtt is not installed")
    server = lab.server.popen(
        ["irtt", "server", "-i", "0", "-b", f"{lab.server.v4}:2112"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        argv = ["irtt", "client", "-Q", "-o", "-", "-d", f"{seconds}s", "-i", f"{interval_ms}ms"]
        done = lab.customer.run([*argv, lab.server.v4], check=False, timeout_s=seconds + _SPARE_S)
    finally:
        server.terminate()
        server.wait(_SPARE_S)
    if not done.stdout.strip():
        raise LabError(f"irtt said: {done.stderr.strip()}")
    report: dict[str, Any] = json.loads(done.stdout)
    return IrttResult(rtt_us_p50=report["stats"]["rtt"]["median"] // NS_PER_US)


def _wait_until_it_listens(server: subprocess.Popen[str]) -> None:
    assert server.stdout is not None  # it was started with a pipe
    for line in server.stdout:
        if _LISTENING in line:
            return
    raise LabError(f"the iperf3 server ended with {server.wait()}")
