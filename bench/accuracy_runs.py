"""Bring up links, measure them several times, and let the peers measure them once."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from accuracy_tables import MBPS, MS, Result
from accuracy_truth import round_trips_us
from lab.errors import LabError
from lab.links import named
from lab.peers import PeerMissingError, iperf3_tcp, irtt, ping
from lab.shaped import ShapedLab
from lab.spec import LinkSpec, access_link
from lab.topology import Lab
from omega_core.samples import nearest_rank_percentile
from support_bench import OMEGA, OMEGA_SERVER, last_json, wait_until_healthy

API_PORT = 8080
STAMP_PORT = 8620
LONG_RTT_US = 200 * MS
WAYS = ("down", "up")
SHAPED = "gigabit, no delay"
"""The kernel's link: on two cores a pump would take the processor from what is measured."""
OURS = {
    "long": access_link(down_bps=50 * MBPS, up_bps=10 * MBPS, rtt_us=100 * MS, buffer_ms=150),
    "deep": access_link(down_bps=20 * MBPS, up_bps=5 * MBPS, rtt_us=25 * MS, buffer_ms=500),
    SHAPED: access_link(down_bps=940 * MBPS, up_bps=500 * MBPS, buffer_ms=30),
}


@dataclass(frozen=True, slots=True)
class Bench:
    """A lab with a server on it, ready to be measured."""

    lab: Lab
    url: str

    def measure(self, *options: str) -> tuple[Result, float]:
        """Run `omega measure` on the customer's side; return what it printed, and its seconds."""
        argv = [str(OMEGA), "measure", "--server", self.url, "--json", *options]
        began_s = time.monotonic()
        done = self.lab.customer.run(argv, check=False, timeout_s=180)
        took_s = time.monotonic() - began_s
        if not done.stdout.strip():
            raise LabError(f"omega measure left with {done.returncode}: {done.stderr.strip()}")
        return last_json(done.stdout), took_s


@dataclass(slots=True)
class Measured:
    """All runs over one link, and the peers' figures."""

    name: str
    spec: LinkSpec
    results: list[Result] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    quick: list[Result] = field(default_factory=list)
    quick_seconds: list[float] = field(default_factory=list)
    round_trips_us: list[list[int]] = field(default_factory=list)
    iperf3_bps: dict[str, int] = field(default_factory=dict)
    ping_us: int | None = None
    irtt_us: int | None = None

    def rate_bps(self, way: str) -> int:
        """Return the IP-layer rate that the link was given."""
        return (self.spec.down.rate_bps if way == "down" else self.spec.up.rate_bps) or 0

    def base_us(self) -> int:
        """Return the round trip without load; where it varies, the median of the runs' p95."""
        quiet = [nearest_rank_percentile(each, 95) for each in self.round_trips_us if each]
        if not self.spec.down.jitter_us or not quiet:
            return self.spec.rtt_us()
        return int(median(quiet))

    @property
    def is_long(self) -> bool:
        """Whether the path's round trip is a satellite's."""
        return self.spec.rtt_us() >= LONG_RTT_US

    @property
    def is_spoiled(self) -> bool:
        """Whether packets are lost or delayed at random."""
        return bool(self.spec.down.loss_ppm or self.spec.down.jitter_us)


@contextmanager
def bench_on(spec: LinkSpec) -> Iterator[Bench]:
    """Bring up a link with a server behind it."""
    lab_of = ShapedLab if spec is OURS[SHAPED] else Lab
    with tempfile.TemporaryDirectory(prefix="omega-accuracy-") as folder, lab_of(spec) as lab:
        argv = [str(OMEGA_SERVER), "run", "--data", folder, "--host", "::", "--port", str(API_PORT)]
        with Path(folder, "server.log").open("w") as log:
            lab.server.popen(
                [*argv, "--testpoint-udp-port", str(STAMP_PORT)], stdout=log, stderr=log
            )
            with lab.server.entered():
                wait_until_healthy(f"http://{lab.server.v4}:{API_PORT}")
            if isinstance(lab, ShapedLab):
                yield Bench(lab, f"http://{lab.server.v4}:{API_PORT}")
                return
            lab.link.watch(STAMP_PORT)
            yield Bench(lab, f"http://{lab.server.v4}:{API_PORT}")


def measured_over(name: str, runs: int, *, busy: bool = False) -> Measured:
    """Measure a link several times, in full and quickly, and let the peers measure it once."""
    spec = OURS[name] if name in OURS else named(name)
    found = Measured(f"{name}, one core busy" if busy else name, spec)
    for _ in range(runs):
        with bench_on(spec) as bench, one_core_busy(busy=busy):
            result, took_s = bench.measure()
            if name != SHAPED:
                truth = bench.lab.link.truth()
                found.round_trips_us.append(sorted(round_trips_us(truth.down, truth.up)))
        found.results.append(result)
        found.seconds.append(took_s)
    if busy:
        return found
    for _ in range(runs):
        with bench_on(spec) as bench:
            result, took_s = bench.measure("--quick")
        found.quick.append(result)
        found.quick_seconds.append(took_s)
    with bench_on(spec) as bench:
        for way in WAYS:
            peer = iperf3_tcp(bench.lab, down=way == "down", seconds=6, flows=4)
            found.iperf3_bps[way] = peer.goodput_bps
        found.ping_us = ping(
            bench.lab.customer, bench.lab.server.v4, count=50, interval_s=0.02
        ).rtt_us_mean
        try:
            found.irtt_us = irtt(bench.lab, seconds=2, interval_ms=20).rtt_us_p50
        except PeerMissingError:
            print("irtt is not installed; its column stays empty", file=sys.stderr)
    return found


@contextmanager
def one_core_busy(*, busy: bool) -> Iterator[None]:
    """Keep one processor core busy with arithmetic."""
    if not busy:
        yield
        return
    child = os.fork()
    if child == 0:
        while True:
            pass
    try:
        yield
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
