"""How many sessions of 20 Mbit/s one test point holds, every goodput within 3 %.

    python bench/sessions.py [--way down|up] [--first N] [--step N] [--most N] [--seconds N]

Each session is the probe's own `run_goodput` in a process and a network namespace of its own,
behind a veth pair shaped by the kernel (`tc tbf`, both ways) to what carries exactly 20 Mbit/s of
TCP payload: the truth is known without a measurement. The test point is a real one, with a worker
for each core, in its own namespace. So many more sessions are added at a time, all at once, until
one of them misses. Probes and test point share the machine: "all cores" is what everything took.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path[:0] = [
    str(Path(__file__).resolve().parents[1] / folder)
    for folder in ("core", "probe", "acceptance_profiles", "server", "tests", "bench")
]

import psutil  # type: ignore[import-untyped] # noqa: E402 - it ships no types

from lab import privilege  # noqa: E402 - the path is set above
from lab.errors import LabError  # noqa: E402 - the path is set above
from lab.host import Namespace  # noqa: E402 - the path is set above
from loopback import BYTES_MAX, tree_cpu_s  # noqa: E402 - the path is set above
from omega_core.clock import SystemClock  # noqa: E402 - the path is set above
from omega_core.goodput import steady_rate  # noqa: E402 - the path is set above
from omega_core.metrics import Direction  # noqa: E402 - the path is set above
from omega_core.units import NS_PER_S, PPM  # noqa: E402 - the path is set above
from omega_probe.goodput import GoodputRequest, run_goodput  # noqa: E402 - the path is set above
from omega_probe.own_traffic import OwnTrafficMeter  # noqa: E402 - the path is set above
from omega_probe.plan import TestPointAccess  # noqa: E402 - the path is set above
from omega_probe.test_point_client import connect  # noqa: E402 - the path is set above
from support.real_test_point import RealTestPoint  # noqa: E402 - the path is set above
from support_bench import Table  # noqa: E402 - the path is set above

RATE_BPS = 20_000_000
PAYLOAD_OCTETS, FRAME_OCTETS = 1_448, 1_514  # of a full segment with timestamps; tbf counts frames
SHAPED_BPS = RATE_BPS * FRAME_OCTETS // PAYLOAD_OCTETS
BURST_OCTETS = 32_000
QUEUE_OCTETS = SHAPED_BPS // 8 // 10 + BURST_OCTETS  # 100 ms
APART_PPM_MAX = 30_000
READY = "ready"
_CODE_NO_LAB = 69


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What so many sessions at once came to; cores are those that were busy."""

    rates_bps: tuple[int | None, ...]
    test_point_cores: float
    all_cores: float

    @property
    def holds(self) -> bool:
        """Whether every goodput is what the line carries, within 3 %."""
        return all(
            rate is not None and abs(rate - RATE_BPS) * PPM <= RATE_BPS * APART_PPM_MAX
            for rate in self.rates_bps
        )


class Line:
    """A subscriber: a namespace, and a shaped veth pair to the test point's."""

    def __init__(self, number: int, server: Namespace) -> None:
        self.here = Namespace()
        self.there, self.own = f"10.78.{number}.1", f"10.78.{number}.2"
        name = f"line{number}"
        _batch(
            server,
            "ip",
            f"link add {name} mtu 1500 type veth peer name eth0 mtu 1500"
            f" netns /proc/self/fd/{self.here.net}",
            f"address add {self.there}/30 dev {name}",
            f"link set {name} up",
            pass_fds=[self.here.net],
        )
        _batch(
            self.here,
            "ip",
            "link set lo up",
            f"address add {self.own}/30 dev eth0",
            "link set eth0 up",
        )
        for namespace, interface in ((server, name), (self.here, "eth0")):
            _batch(
                namespace,
                "tc",
                f"qdisc add dev {interface} root tbf rate {SHAPED_BPS}bit"
                f" burst {BURST_OCTETS} limit {QUEUE_OCTETS}",
            )


@contextmanager
def test_point_of(lines: int) -> Iterator[tuple[RealTestPoint, list[Line]]]:
    """Run a test point behind so many lines until the block ends."""
    with ExitStack() as stack:
        server = Namespace()
        stack.callback(server.close)
        _batch(server, "ip", "link set lo up")
        made = []
        for number in range(lines):
            made.append(Line(number, server))
            stack.callback(made[-1].here.close)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="omega-bench-")))
        test_point = RealTestPoint(folder, hosts=("0.0.0.0",), workers=None)  # noqa: S104 - in its own namespace
        with server.entered():
            stack.enter_context(test_point)
        yield test_point, made


def hold(sessions: int, way: Direction, seconds: int) -> Held:
    """Return what so many sessions at once came to."""
    with test_point_of(sessions) as (test_point, lines), ExitStack() as stack:
        probes = []
        for line in lines:
            probe = _started(line, test_point, way, seconds)
            stack.enter_context(probe)
            probes.append(probe)
        for probe in probes:
            if _line_of(probe) != READY:
                raise RuntimeError("a probe did not start")
        cpu_s, clock = tree_cpu_s(test_point.process.pid), SystemClock()
        began_ns, busy_s = clock.monotonic_ns(), _busy_s()
        for probe in probes:
            _say(probe, "go")
        rates = tuple(json.loads(_line_of(probe)) for probe in probes)
        span_s = (clock.monotonic_ns() - began_ns) / NS_PER_S
        return Held(
            rates_bps=rates,
            test_point_cores=(tree_cpu_s(test_point.process.pid) - cpu_s) / span_s,
            all_cores=(_busy_s() - busy_s) / span_s,
        )


def probe() -> None:
    """Be one probe: an access from stdin, a word when ready, and one goodput after the next."""
    asked = json.loads(sys.stdin.readline())
    access = TestPointAccess(
        **{
            **asked["access"],
            "secret": bytes.fromhex(asked["access"]["secret"]),
            "addresses": tuple(asked["access"]["addresses"]),
        }
    )
    clock = SystemClock()
    client = connect(access, clock)
    try:
        print(READY, flush=True)
        sys.stdin.readline()
        result = run_goodput(
            client,
            GoodputRequest(
                run=0,
                direction=Direction(asked["way"]),
                duration_ns=asked["seconds"] * NS_PER_S,
                octets_max=BYTES_MAX,
                base_rtt_us=None,
                session_started_ns=clock.monotonic_ns(),
            ),
            clock=clock,
            traffic=OwnTrafficMeter(),
            stop=threading.Event(),
            progress=lambda _: None,
        )
    finally:
        client.close()
    steady = steady_rate(result.run)
    print(json.dumps(None if steady is None else steady.rate_bps), flush=True)


def _started(
    line: Line, test_point: RealTestPoint, way: Direction, seconds: int
) -> subprocess.Popen[str]:
    access = test_point.access(
        addresses=[line.there], sources=[line.own], bytes_each_way=BYTES_MAX, rate_bps=RATE_BPS
    )
    asked = {
        "access": {**asdict(access), "secret": access.secret.hex()},
        "way": way.value,
        "seconds": seconds,
    }
    with line.here.entered():
        started = subprocess.Popen(
            [sys.executable, __file__, "--probe"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
    _say(started, json.dumps(asked))
    return started


def _say(probe: subprocess.Popen[str], line: str) -> None:
    if probe.stdin is not None:
        probe.stdin.write(line + "\n")
        probe.stdin.flush()


def _line_of(probe: subprocess.Popen[str]) -> str:
    return "" if probe.stdout is None else probe.stdout.readline().strip()


def _busy_s() -> float:
    """Return how long all cores together have been busy since the machine came up."""
    times = psutil.cpu_times()
    return float(sum(times[:8]) - times.idle - times.iowait)


def _batch(namespace: Namespace, program: str, *lines: str, pass_fds: Sequence[int] = ()) -> None:
    with namespace.entered():
        subprocess.run(
            [program, "-batch", "-"],
            input="\n".join(lines) + "\n",
            check=True,
            text=True,
            pass_fds=[*pass_fds],
        )


def main() -> None:
    """Print the table, and how many are held; exit 1 when not even the first so many are."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--way", type=Direction, default=Direction.DOWN)
    parser.add_argument("--first", type=int, default=4)
    parser.add_argument("--step", type=int, default=4)
    parser.add_argument("--most", type=int, default=64)
    parser.add_argument("--seconds", type=int, default=8)
    arguments = parser.parse_args()
    table = Table(
        f"Sessions of {RATE_BPS // 1_000_000} Mbit/s at once, {arguments.way};"
        f" {psutil.cpu_count()} cores",
        ("sessions", "lowest", "highest", "cores of test point", "all cores", "holds"),
    )
    most = 0
    for sessions in range(arguments.first, arguments.most + 1, arguments.step):
        found = hold(sessions, arguments.way, arguments.seconds)
        rates = [(rate or 0) / 10**6 for rate in found.rates_bps]
        table.row(
            str(sessions),
            f"{min(rates):.2f}",
            f"{max(rates):.2f}",
            f"{found.test_point_cores:.2f}",
            f"{found.all_cores:.2f}",
            "yes" if found.holds else "NO",
        )
        if not found.holds:
            break
        most = sessions
    table.print()
    print(f"\nheld: {most} sessions, every goodput within {APART_PPM_MAX // 10_000} %")
    if not most:
        raise SystemExit(1)


if __name__ == "__main__":
    if sys.argv[1:] == ["--probe"]:
        probe()
    else:
        try:
            privilege.ensure(sys.orig_argv)
            main()
        except LabError as error:
            print(f"lab: {error}", file=sys.stderr)
            raise SystemExit(_CODE_NO_LAB) from None
