"""Measure emulated links with `omega measure` and compare with the truth, iperf3 and ping.

The truth of a rate is the emulated IP-layer rate times the payload share of a full TCP segment with
timestamps (1448 of 1500 octets). The truth of a delay or a loss is what the link logged for those
very packets. Every line says whether it holds; the exit code is 1 when one does not.

Usage: PYTHONPATH=tests python bench/accuracy.py [--link NAME ...] [--json FILE]   (make accuracy)
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from math import comb
from pathlib import Path

from lab.errors import LabError, LabUnavailableError
from lab.link import Fate
from lab.links import named
from lab.peers import iperf3_tcp, ping
from lab.spec import LinkSpec, access_link
from lab.topology import Lab
from lab.truth import DirectionTruth, PacketTruth
from omega_core.samples import nearest_rank_percentile
from omega_core.units import NS_PER_US, PPM
from support_bench import OMEGA, OMEGA_SERVER, Table, last_json, wait_until_healthy

API_PORT = 8080
STAMP_PORT = 8620
PAYLOAD_SHARE = (1_448, 1_500)
GOODPUT_PPM_MAX = 30_000
CAPACITY_PPM_MAX = 10_000
DELAY_US_MAX = 500
LONG_STREAM_PACKETS = 100
SEEDS = (1, 2, 3)
_MBPS = 1_000_000
_MS = 1_000

CLEAN = ("slow", "adsl", "wimax", "vdsl", "ftth", "long")
JITTERY = "wimax-jitter"
LOSSY = ("lossy-0.5", "lossy-2")
LONG = access_link(down_bps=50 * _MBPS, up_bps=10 * _MBPS, rtt_us=100 * _MS, buffer_ms=150)


@dataclass(slots=True)
class Findings:
    """The tables, and what did not hold."""

    goodput: Table = field(
        default_factory=lambda: Table(
            "Goodput, Mbit/s, and its deviation from rate x payload share (3 % allowed)",
            ("link", "way", "truth", "omega", "deviation", "iperf3, 4 flows", "deviation", "holds"),
        )
    )
    delay: Table = field(
        default_factory=lambda: Table(
            "Idle round trip, ms, against what the link logged for those packets (0.5 ms allowed)",
            ("link", "truth p50", "omega p50", "deviation", "truth p95", "omega p95", "ping mean",
             "holds"),
        )
    )  # fmt: skip
    capacity: Table = field(
        default_factory=lambda: Table(
            "IP-layer capacity, Mbit/s, and its deviation from the emulated IP rate (1 % allowed)",
            ("link", "way", "truth", "omega", "deviation", "holds"),
        )
    )
    loss: Table = field(
        default_factory=lambda: Table(
            "Loss by direction: packets lost of sent, and the 99 % interval of the rate set",
            ("link", "way", "seed", "logged", "omega", "interval", "holds"),
        )
    )
    broken: list[str] = field(default_factory=list)
    raw: list[dict[str, object]] = field(default_factory=list)

    def verdict(self, line: str, *, holds: bool) -> str:
        """Return the word for the table, and remember a line that does not hold."""
        if not holds:
            self.broken.append(line)
        return "yes" if holds else "NO"


@dataclass(frozen=True, slots=True)
class Bench:
    """A lab with a server on it, ready to be measured."""

    lab: Lab
    url: str

    def measure(self) -> dict[str, object]:
        """Run `omega measure` on the customer's side and return what it printed."""
        argv = [str(OMEGA), "measure", "--server", self.url, "--json"]
        done = self.lab.customer.run(argv, check=False, timeout_s=180)
        if not done.stdout.strip():
            raise LabError(f"omega measure left with {done.returncode}: {done.stderr.strip()}")
        return last_json(done.stdout)


@contextmanager
def bench_on(spec: LinkSpec) -> Iterator[Bench]:
    """Bring up a link with a server behind it."""
    with tempfile.TemporaryDirectory(prefix="omega-accuracy-") as folder, Lab(spec) as lab:
        argv = [str(OMEGA_SERVER), "run", "--data", folder, "--host", "::", "--port", str(API_PORT)]
        with Path(folder, "server.log").open("w") as log:
            lab.server.popen(
                [*argv, "--testpoint-udp-port", str(STAMP_PORT)], stdout=log, stderr=log
            )
            with lab.server.entered():
                wait_until_healthy(f"http://{lab.server.v4}:{API_PORT}")
            lab.link.watch(STAMP_PORT)
            yield Bench(lab, f"http://{lab.server.v4}:{API_PORT}")


def metric(result: dict[str, object], name: str) -> int | None:
    """Return the value of one metric, or None."""
    metrics = result["metrics"]
    assert isinstance(metrics, dict)  # noqa: S101 - the schema says so
    value = metrics[name]["value"]
    return value if isinstance(value, int) else None


def clean_link(name: str, spec: LinkSpec, findings: Findings) -> None:
    """Goodput both ways and idle delay, with the peers' figures beside them."""
    with bench_on(spec) as bench:
        result = bench.measure()
        truth = bench.lab.link.truth()
        findings.raw.append({"link": name, "result": result})
        for way, rate_bps in (("down", spec.down.rate_bps), ("up", spec.up.rate_bps)):
            _capacity_row(findings, name=name, way=way, rate_bps=rate_bps or 0, result=result)
            peer = iperf3_tcp(bench.lab, down=way == "down", seconds=6, flows=4).goodput_bps
            _goodput_row(
                findings, name=name, way=way, rate_bps=rate_bps or 0, result=result, peer_bps=peer
            )
        pinged = ping(bench.lab.customer, bench.lab.server.v4, count=50, interval_s=0.02)
        _delay_row(
            findings,
            name=name,
            down=truth.down,
            up=truth.up,
            result=result,
            ping_us=pinged.rtt_us_mean,
        )


def _goodput_row(
    findings: Findings,
    *,
    name: str,
    way: str,
    rate_bps: int,
    result: dict[str, object],
    peer_bps: int,
) -> None:
    payload, packet = PAYLOAD_SHARE
    true_bps = rate_bps * payload // packet
    found = metric(result, f"goodput_bps_{way}")
    off = None if found is None else (found - true_bps) / true_bps
    holds = off is not None and abs(off) * PPM <= GOODPUT_PPM_MAX
    findings.goodput.row(
        name,
        way,
        f"{true_bps / _MBPS:.3f}",
        "none" if found is None else f"{found / _MBPS:.3f}",
        "" if off is None else f"{off:+.1%}",
        f"{peer_bps / _MBPS:.3f}",
        f"{(peer_bps - true_bps) / true_bps:+.1%}",
        findings.verdict(f"goodput {name} {way}", holds=holds),
    )


def _capacity_row(
    findings: Findings, *, name: str, way: str, rate_bps: int, result: dict[str, object]
) -> None:
    found = metric(result, f"capacity_bps_{way}")
    off = None if found is None else (found - rate_bps) / rate_bps
    holds = off is not None and abs(off) * PPM <= CAPACITY_PPM_MAX
    findings.capacity.row(
        name,
        way,
        f"{rate_bps / _MBPS:.3f}",
        "none" if found is None else f"{found / _MBPS:.3f}",
        "" if off is None else f"{off:+.2%}",
        findings.verdict(f"capacity {name} {way}", holds=holds),
    )


def _delay_row(
    findings: Findings,
    *,
    name: str,
    down: DirectionTruth,
    up: DirectionTruth,
    result: dict[str, object],
    ping_us: int | None,
) -> None:
    true_us = sorted(_round_trips_us(down, up))
    p50, p95 = (metric(result, f"idle_rtt_us_{which}") for which in ("p50", "p95"))
    true_p50, true_p95 = (nearest_rank_percentile(true_us, percent) for percent in (50, 95))
    holds = p50 is not None and abs(p50 - true_p50) <= DELAY_US_MAX
    findings.delay.row(
        name,
        _ms(true_p50),
        _ms(p50),
        "" if p50 is None else f"{(p50 - true_p50) / _MS:+.3f}",
        _ms(true_p95),
        _ms(p95),
        _ms(ping_us),
        findings.verdict(f"idle round trip {name}", holds=holds),
    )


def idle_packets(truth: DirectionTruth) -> list[PacketTruth]:
    """Return the packets of the first long stream that the link logged.

    Connectivity's before it are short, and those after it stand beside a load.
    """
    streams: dict[tuple[int, int], list[PacketTruth]] = {}
    for packet in truth.packets:
        streams.setdefault((packet.source_port, packet.destination_port), []).append(packet)
    long = [packets for packets in streams.values() if len(packets) >= LONG_STREAM_PACKETS]
    return min(long, key=lambda packets: min(each.arrived_ns for each in packets), default=[])


def _round_trips_us(down: DirectionTruth, up: DirectionTruth) -> Iterator[int]:
    """Yield what the link itself took for each packet of the idle stream that came back.

    The reflector numbers its replies itself, so a reply is paired with the first request that left
    the link less than a second before it was sent.
    """
    replies = iter(sorted(idle_packets(down), key=lambda packet: packet.arrived_ns))
    reply = next(replies, None)
    for request in sorted(idle_packets(up), key=lambda packet: packet.arrived_ns):
        if request.departed_ns is None:
            continue
        while reply is not None and reply.arrived_ns < request.departed_ns:
            reply = next(replies, None)
        if reply is None:
            return
        if request.delay_ns is not None and reply.delay_ns is not None:
            yield (request.delay_ns + reply.delay_ns) // NS_PER_US


def lossy_link(name: str, findings: Findings) -> None:
    """Loss each way, for three seeds, against the log and against the binomial interval."""
    for seed in SEEDS:
        spec = named(name)
        seeded = replace(
            spec,
            down=replace(spec.down, seed=2 * seed),
            up=replace(spec.up, seed=2 * seed + 1),
        )
        with bench_on(seeded) as bench:
            result = bench.measure()
            truth = bench.lab.link.truth()
        findings.raw.append({"link": name, "seed": seed, "result": result})
        for way, direction in (("down", truth.down), ("up", truth.up)):
            _loss_row(
                findings,
                name=name,
                way=way,
                seed=seed,
                truth=direction,
                result=result,
                set_ppm=spec.down.loss_ppm,
            )


def _loss_row(
    findings: Findings,
    *,
    name: str,
    way: str,
    seed: int,
    truth: DirectionTruth,
    result: dict[str, object],
    set_ppm: int,
) -> None:
    packets = idle_packets(truth)
    logged = sum(packet.fate is not Fate.DELIVERED for packet in packets)
    found_ppm = metric(result, f"loss_ppm_{way}")
    found = None if found_ppm is None else found_ppm * len(packets) // PPM
    low, high = binomial_interval(len(packets), set_ppm / PPM)
    holds = found is not None and low <= found <= high and found == logged
    findings.loss.row(
        name,
        way,
        str(seed),
        f"{logged} of {len(packets)}",
        "none" if found is None else str(found),
        f"{low} to {high}",
        findings.verdict(f"loss {name} {way} seed {seed}", holds=holds),
    )


def binomial_interval(count: int, share: float, tail: float = 0.005) -> tuple[int, int]:
    """Return the central 99 % interval of a binomial count."""
    below, low, high = 0.0, 0, count
    for successes in range(count + 1):
        chance = comb(count, successes) * share**successes * (1 - share) ** (count - successes)
        below += chance
        if below < tail:
            low = successes + 1
        if below >= 1 - tail:
            high = successes
            break
    return low, high


def jittery_link(findings: Findings) -> None:
    """Delay variation: reported p95 against the log, and never negative."""
    with bench_on(named(JITTERY)) as bench:
        result = bench.measure()
        truth = bench.lab.link.truth()
    findings.raw.append({"link": JITTERY, "result": result})
    true_us = sorted(_round_trips_us(truth.down, truth.up))
    true_pdv = nearest_rank_percentile(true_us, 95) - true_us[0]
    found = metric(result, "idle_pdv_us_p95")
    table = Table(
        "Delay variation with 0 to 20 ms added each way, ms (0.5 ms allowed)",
        ("link", "truth PDV p95", "omega PDV p95", "omega IPDV mean magnitude", "holds"),
    )
    holds = found is not None and abs(found - true_pdv) <= DELAY_US_MAX
    table.row(
        JITTERY,
        _ms(true_pdv),
        _ms(found),
        _ms(metric(result, "idle_ipdv_us_mean")),
        findings.verdict("delay variation", holds=holds),
    )
    table.print()


def _ms(value_us: int | None) -> str:
    return "none" if value_us is None else f"{value_us / _MS:.3f}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables, and return 1 when a line does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--link", action="append", help="only this link; may stand several times")
    parser.add_argument("--json", type=Path, help="keep every result here")
    asked = parser.parse_args(arguments)
    wanted = asked.link or [*CLEAN, JITTERY, *LOSSY]
    findings = Findings()
    for name in wanted:
        print(f"measuring over {name} ...", file=sys.stderr, flush=True)
        if name in LOSSY:
            lossy_link(name, findings)
        elif name == JITTERY:
            jittery_link(findings)
        else:
            clean_link(name, LONG if name == "long" else named(name), findings)
    for table in (findings.goodput, findings.capacity, findings.delay, findings.loss):
        table.print()
    if asked.json:
        asked.json.write_text(json.dumps(findings.raw), "utf-8")
    if findings.broken:
        print(f"\nDoes not hold: {', '.join(findings.broken)}")
    else:
        print("\nEvery line holds.")
    return 1 if findings.broken else 0


if __name__ == "__main__":
    try:
        code = main()
    except LabUnavailableError as error:
        sys.exit(f"make accuracy needs the link lab: {error}")
    sys.exit(code)
