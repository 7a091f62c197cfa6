"""UDP load ceiling of probe and test point over loopback, beside iperf3 as fast as it can.

    python bench/udp.py [--repeats N] [--seconds N] [--payload OCTETS]

Each repeat runs the probe's own `run_load` against a real test point in its own processes, told to
send at the highest rate there is, and `iperf3 -u -b 0` with the same payload, one after the other,
in an order that alternates. Both figures are what the receiver got, payload alone: a sender that is
faster than its receiver loses the rest in between.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import threading
from functools import partial
from pathlib import Path

sys.path[:0] = [
    str(Path(__file__).resolve().parents[1] / folder)
    for folder in ("core", "probe", "acceptance_profiles", "server", "tests", "bench")
]

from loopback import (  # noqa: E402 - the path is set above
    BYTES_MAX,
    HOST,
    iperf3_received,
    running_test_point,
)
from omega_core.clock import SystemClock  # noqa: E402 - the path is set above
from omega_core.limits import LOAD_RATE_BPS_MAX  # noqa: E402 - the path is set above
from omega_core.metrics import Direction  # noqa: E402 - the path is set above
from omega_core.units import NS_PER_S, US_PER_S  # noqa: E402 - the path is set above
from omega_core.wire.load import UDP_IP_OCTETS  # noqa: E402 - the path is set above
from omega_probe.load_link import run_load  # noqa: E402 - the path is set above
from omega_probe.load_run import LoadRequest  # noqa: E402 - the path is set above
from omega_probe.own_traffic import OwnTrafficMeter  # noqa: E402 - the path is set above
from omega_probe.test_point_client import connect  # noqa: E402 - the path is set above
from support.fixed_load import FixedRate  # noqa: E402 - the path is set above
from support.real_test_point import RealTestPoint  # noqa: E402 - the path is set above
from support_bench import Table  # noqa: E402 - the path is set above

RATIO_MIN = 8
PAYLOAD_OCTETS = 1_400  # fits any Ethernet line


def omega(test_point: RealTestPoint, direction: Direction, payload: int, seconds: int) -> float:
    """Return Gbit/s received in one run of the probe."""
    clock = SystemClock()
    ip_octets = payload + UDP_IP_OCTETS[4]
    client = connect(test_point.access(addresses=[HOST], bytes_each_way=BYTES_MAX), clock)
    try:
        result = run_load(
            client,
            LoadRequest(
                run=0,
                direction=direction,
                duration_ns=(seconds + 1) * NS_PER_S,
                octets_max=BYTES_MAX,
                ip_octets=ip_octets,
            ),
            lambda _, now_ns: FixedRate(
                LOAD_RATE_BPS_MAX, duration_ns=seconds * NS_PER_S, now_ns=now_ns
            ),
            clock=clock,
            meter=OwnTrafficMeter(),
            stop=threading.Event(),
        )
    finally:
        client.close()
    counts = result.received
    if len(counts.at_us) < 2:
        raise RuntimeError(f"the run ended with {result.ended}: {result.detail}")
    packets = counts.packets[-1] - counts.packets[0]
    elapsed_us = counts.at_us[-1] - counts.at_us[0]
    return 8 * payload * packets * US_PER_S / elapsed_us / 10**9


def iperf3(direction: Direction, payload: int, seconds: int) -> float:
    """Return Gbit/s received in one test of iperf3 over UDP."""
    received = iperf3_received(direction, "-u", "-b", "0", "-l", str(payload), "-t", str(seconds))
    return received["bits_per_second"] / 10**9


def main() -> None:
    """Print the table; exit 1 when a way is not fast enough."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--payload", type=int, default=PAYLOAD_OCTETS)
    arguments = parser.parse_args()
    table = Table(
        f"Loopback UDP load, {arguments.payload} octets of payload, Gbit/s received, "
        f"median of {arguments.repeats}",
        ("way", "omega", "iperf3", "ratio", "holds"),
    )
    held = True
    with running_test_point() as test_point:
        for way in Direction:
            runs = [
                partial(omega, test_point, way, arguments.payload, arguments.seconds),
                partial(iperf3, way, arguments.payload, arguments.seconds),
            ]
            found: tuple[list[float], list[float]] = ([], [])
            for repeat in range(arguments.repeats):
                for which in (0, 1) if repeat % 2 == 0 else (1, 0):
                    found[which].append(runs[which]())
            ratio = statistics.median(found[0]) / statistics.median(found[1])
            holds = ratio >= RATIO_MIN
            held &= holds
            rates = [f"{statistics.median(each):.1f}" for each in found]
            table.row(way, *rates, f"{ratio:.1f}", "yes" if holds else "NO")
    table.print()
    if not held:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
