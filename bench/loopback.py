"""TCP goodput ceiling of probe and test point over loopback, beside iperf3 with its defaults.

    python bench/loopback.py [--repeats N] [--seconds N]

Each repeat runs the probe's own `run_goodput` against a real test point in its own processes, and
iperf3 with as many flows, one after the other, in an order that alternates. Ours is the rate of the
steady window, iperf3's what its receiver got over the whole test. CPU seconds are those of both
ends, with everything that they do around the run, per gigabyte that arrived.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

sys.path[:0] = [
    str(Path(__file__).resolve().parents[1] / folder)
    for folder in ("core", "probe", "acceptance_profiles", "server", "tests")
]

import psutil  # type: ignore[import-untyped] # noqa: E402 - it ships no types

from omega_core.clock import SystemClock  # noqa: E402 - the path is set above
from omega_core.goodput import steady_rate  # noqa: E402 - the path is set above
from omega_core.metrics import Direction  # noqa: E402 - the path is set above
from omega_core.units import NS_PER_S  # noqa: E402 - the path is set above
from omega_probe.goodput import GoodputRequest, run_goodput  # noqa: E402 - the path is set above
from omega_probe.own_traffic import OwnTrafficMeter  # noqa: E402 - the path is set above
from omega_probe.test_point_client import connect  # noqa: E402 - the path is set above
from support.real_test_point import RealTestPoint  # noqa: E402 - the path is set above
from support_bench import Table, free_port  # noqa: E402 - the path is set above

HOST = "127.0.0.1"
FLOWS = (1, 4)
BYTES_MAX = 10**12  # of a grant: more than any loopback carries in these seconds
RATE_RATIO_MIN = 1.5
GIGABYTE = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What one run came to: Gbit/s of payload, and CPU seconds of both ends per gigabyte."""

    gbps: float
    cpu_s_per_gb: float


def omega(test_point: RealTestPoint, direction: Direction, flows: int, seconds: int) -> Figures:
    """Return one run of the probe, as a session would drive it."""
    clock = SystemClock()
    access = test_point.access(addresses=[HOST], bytes_each_way=BYTES_MAX)
    before_s = time.process_time() + tree_cpu_s(test_point.process.pid)
    client = connect(access, clock)
    try:
        result = run_goodput(
            client,
            GoodputRequest(
                run=1,
                direction=direction,
                duration_ns=seconds * NS_PER_S,
                octets_max=BYTES_MAX,
                base_rtt_us=None,
                session_started_ns=clock.monotonic_ns(),
                flows=flows,
            ),
            clock=clock,
            traffic=OwnTrafficMeter(),
            stop=threading.Event(),
            progress=lambda _: None,
        )
    finally:
        client.close()
    cpu_s = time.process_time() + tree_cpu_s(test_point.process.pid) - before_s
    steady = steady_rate(result.run)
    if steady is None or len(result.run.flows) != flows:
        raise RuntimeError(f"the run ended with {result.run.ended}: {result.detail}")
    octets = sum(flow.octets[-1] for flow in result.run.flows)
    return Figures(gbps=steady.rate_bps / 10**9, cpu_s_per_gb=cpu_s * GIGABYTE / octets)


def iperf3(direction: Direction, flows: int, seconds: int) -> Figures:
    """Return one test of iperf3 over TCP."""
    before_s = _children_cpu_s()
    received = iperf3_received(direction, "-t", str(seconds), "-P", str(flows))
    cpu_s = _children_cpu_s() - before_s
    return Figures(
        gbps=received["bits_per_second"] / 10**9,
        cpu_s_per_gb=cpu_s * GIGABYTE / received["bytes"],
    )


def iperf3_received(direction: Direction, *options: str) -> dict[str, float]:
    """Return what one test of iperf3 received; downwards with -R, as its server sends then."""
    port = str(free_port())
    with subprocess.Popen(
        ["iperf3", "-s", "-1", "-B", HOST, "-p", port, "--forceflush"], stdout=subprocess.PIPE
    ) as server:
        for line in server.stdout or ():
            if b"listening" in line:
                break
        reverse = ["-R"] if direction is Direction.DOWN else []
        argv = ["iperf3", "-c", HOST, "-p", port, "-J", *options, *reverse]
        done = subprocess.run(argv, check=True, capture_output=True, text=True)
    received: dict[str, float] = json.loads(done.stdout)["end"]["sum_received"]
    return received


def _children_cpu_s() -> float:
    """Return the CPU time of all children that have ended."""
    times = os.times()
    return times.children_user + times.children_system


def tree_cpu_s(pid: int | None) -> float:
    """Return the CPU time so far of a process and all that descend from it."""
    root = psutil.Process(pid)
    spans = [each.cpu_times() for each in (root, *root.children(recursive=True))]
    return float(sum(span.user + span.system for span in spans))


@contextmanager
def running_test_point() -> Iterator[RealTestPoint]:
    """Run a test point on loopback until the block ends."""
    with (
        tempfile.TemporaryDirectory(prefix="omega-bench-") as folder,
        RealTestPoint(Path(folder), hosts=(HOST,)) as test_point,
    ):
        yield test_point


def compared(
    ours: Callable[[], Figures], peer: Callable[[], Figures], repeats: int
) -> tuple[list[Figures], list[Figures]]:
    """Run both so many times, the one and then the other first."""
    found: tuple[list[Figures], list[Figures]] = ([], [])
    for repeat in range(repeats):
        for which in (0, 1) if repeat % 2 == 0 else (1, 0):
            found[which].append((ours, peer)[which]())
    return found


def main() -> None:
    """Print the table; exit 1 when a run is not fast or not cheap enough."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    arguments = parser.parse_args()
    table = Table(
        f"Loopback TCP goodput, Gbit/s and CPU s/GB of both ends, median of {arguments.repeats}",
        ("flows", "way", "omega", "iperf3", "ratio", "omega CPU", "iperf3 CPU", "holds"),
    )
    held = True
    with running_test_point() as test_point:
        for flows in FLOWS:
            for way in Direction:
                ours, peer = compared(
                    partial(omega, test_point, way, flows, arguments.seconds),
                    partial(iperf3, way, flows, arguments.seconds),
                    arguments.repeats,
                )
                held &= _tell(table, str(flows), way, ours, peer)
    table.print()
    if not held:
        raise SystemExit(1)


def _tell(
    table: Table, flows: str, way: Direction, ours: list[Figures], peer: list[Figures]
) -> bool:
    ratio = statistics.median(one.gbps / other.gbps for one, other in zip(ours, peer, strict=True))
    rates = [statistics.median(each.gbps for each in figures) for figures in (ours, peer)]
    costs = [statistics.median(each.cpu_s_per_gb for each in figures) for figures in (ours, peer)]
    holds = ratio >= RATE_RATIO_MIN and costs[0] < costs[1]
    table.row(
        flows,
        way,
        *(f"{rate:.1f}" for rate in rates),
        f"{ratio:.2f}",
        *(f"{cost:.3f}" for cost in costs),
        "yes" if holds else "NO",
    )
    return holds


if __name__ == "__main__":
    main()
