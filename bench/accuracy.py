"""Measure emulated links with `omega measure` and compare with the truth, iperf3, irtt and ping.

The truth of a rate is the emulated IP-layer rate, for TCP times the payload share of a full segment
with timestamps (1448 of 1500 octets). The truth of a delay or a loss is what the link logged for
those very packets; that of a full buffer is the base round trip (where delays vary, the p95 of what
was logged on the quiet line) and the buffer. Every line says in how many runs it holds; the exit
code is 1 when one does not hold in all of them.

Usage: PYTHONPATH=tests python bench/accuracy.py [--link NAME ...] [--runs N] [--json FILE]
(make accuracy)
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

from accuracy_runs import SHAPED, WAYS, Measured, bench_on, measured_over
from accuracy_tables import (
    MS,
    PPM,
    Findings,
    Result,
    deviations,
    mbps,
    middle,
    ms,
    span,
    value,
    values,
    within,
)
from accuracy_truth import binomial_interval, idle_packets, lost, round_trips_us
from lab.errors import LabUnavailableError
from lab.links import named
from lab.truth import DirectionTruth
from omega_core.samples import nearest_rank_percentile

PAYLOAD_SHARE = 1_448 / 1_500
CAPACITY_MAX, QUICK_CAPACITY_MAX = 0.01, 0.05
GOODPUT_MAX, GOODPUT_LOSSY_MAX = 0.01, 0.03
P50_US_MAX, P95_US_MAX = 100, 300
WORKING_MAX = 0.1
SECONDS_MAX, QUICK_SECONDS_MAX = (15, 25), (5, 10)  # terrestrial, satellite
QUICK_OCTETS_SHARE = 0.25  # of ten seconds each way at the full rate

REFERENCE = ("adsl", "wimax-radio", "lossy-2", "vdsl", "ftth", "satellite", SHAPED)
OTHERS = ("slow", "wimax", "long", "deep")
JITTERY = "wimax-jitter"
LOSSY = ("lossy-0.5", "lossy-2")
SEEDS = (1, 2, 3)


def capacity_table(findings: Findings, links: Sequence[Measured]) -> None:
    """Capacity in full and in the quick form, against the link's IP rate."""
    table = findings.table(
        "IP-layer capacity, Mbit/s, and its deviation from the emulated IP rate (1 % allowed, "
        "quick 5 %)",
        ("link", "way", "truth", "omega, median", "deviation", "holds", "quick", "holds"),
    )
    for link in links:
        for way in WAYS:
            name, truth = f"capacity_bps_{way}", link.rate_bps(way)
            full, quick = values(link.results, name), values(link.quick, name)
            off = deviations(full, [truth] * len(full))
            quick_off = deviations(quick, [truth] * len(quick))
            table.row(
                link.name,
                way,
                mbps(truth),
                mbps(middle(full)),
                span(off),
                findings.verdict(f"capacity {link.name} {way}", within(off, CAPACITY_MAX)),
                span(quick_off),
                findings.verdict(
                    f"quick capacity {link.name} {way}", within(quick_off, QUICK_CAPACITY_MAX)
                ),
            )


def goodput_table(findings: Findings, links: Sequence[Measured]) -> None:
    """TCP goodput against rate x payload share, iperf3 beside it."""
    table = findings.table(
        "Goodput, Mbit/s, and its deviation from rate x payload share (1 % allowed, 3 % on lossy "
        "lines and behind a satellite)",
        ("link", "way", "truth", "omega, median", "deviation", "holds", "iperf3, 4 flows"),
    )
    for link in links:
        for way in WAYS:
            truth = link.rate_bps(way) * PAYLOAD_SHARE
            found = values(link.results, f"goodput_bps_{way}")
            off = deviations(found, [truth] * len(found))
            limit = GOODPUT_LOSSY_MAX if link.is_spoiled or link.is_long else GOODPUT_MAX
            peer = link.iperf3_bps.get(way)
            table.row(
                link.name,
                way,
                mbps(truth),
                mbps(middle(found)),
                span(off),
                findings.verdict(f"goodput {link.name} {way}", within(off, limit)),
                "" if peer is None else f"{peer / truth - 1:+.1%}",
            )


def delay_table(findings: Findings, links: Sequence[Measured]) -> None:
    """Idle round trip against what the link logged, ping and irtt beside it."""
    table = findings.table(
        "Idle round trip, ms, against what the link logged for those packets (0.1 ms allowed at "
        "p50, 0.3 ms at p95)",
        ("link", "truth p50", "omega p50 off", "holds", "omega p95 off", "holds", "ping mean",
         "irtt p50"),
    )  # fmt: skip
    for link in (each for each in links if each.round_trips_us):
        off: dict[int, list[float | None]] = {50: [], 95: []}
        for percent, gaps in off.items():
            for result, true_us in zip(link.results, link.round_trips_us, strict=True):
                found = value(result, f"idle_rtt_us_p{percent}")
                truth = nearest_rank_percentile(true_us, percent) if true_us else None
                gaps.append(None if found is None or truth is None else (found - truth) / MS)
        true_p50 = [nearest_rank_percentile(each, 50) for each in link.round_trips_us if each]
        table.row(
            link.name,
            ms(median(true_p50) if true_p50 else None),
            span(off[50], "{:+.3f}"),
            findings.verdict(f"idle p50 {link.name}", within(off[50], P50_US_MAX / MS)),
            span(off[95], "{:+.3f}"),
            findings.verdict(f"idle p95 {link.name}", within(off[95], P95_US_MAX / MS)),
            ms(link.ping_us),
            ms(link.irtt_us),
        )


def working_table(findings: Findings, links: Sequence[Measured]) -> None:
    """Working latency against the base round trip and the loaded direction's buffer."""
    table = findings.table(
        "Working round trip at p95, ms, against base + buffer (10 % allowed)",
        ("link", "way", "base + buffer", "omega, median", "deviation", "holds"),
    )
    for link in links:
        for way in WAYS:
            direction = link.spec.down if way == "down" else link.spec.up
            truth = link.base_us() + (direction.buffer_ms or 0) * MS
            found = values(link.results, f"working_rtt_us_p95_{way}")
            off = deviations(found, [truth] * len(found))
            table.row(
                link.name,
                way,
                ms(truth),
                ms(middle(found)),
                span(off, "{:+.1%}"),
                findings.verdict(f"working {link.name} {way}", within(off, WORKING_MAX)),
            )


def cost_table(findings: Findings, links: Sequence[Measured]) -> None:
    """Seconds and octets of both forms, and what the runs said of their validity."""
    table = findings.table(
        "Cost: the whole command, start to exit (15 s and 5 s allowed, satellite 25 s and 10 s; "
        "quick under a quarter of the octets of 10 s each way at the full rate)",
        ("link", "seconds", "holds", "MB", "quick, seconds", "holds", "MB", "of 10 s each way",
         "holds", "not valid"),
    )  # fmt: skip
    for link in links:
        full_octets = 10 * sum(link.rate_bps(way) for way in WAYS) / 8
        shares = [octets_of(result) / full_octets for result in link.quick]
        spoiled = [result["validity"] for result in link.results + link.quick if result["validity"]]
        table.row(
            link.name,
            span(link.seconds, "{:.1f}"),
            findings.verdict(
                f"seconds {link.name}", within(link.seconds, SECONDS_MAX[link.is_long])
            ),
            f"{median(octets_of(each) for each in link.results) / 1e6:.1f}",
            span(link.quick_seconds, "{:.1f}"),
            findings.verdict(
                f"quick seconds {link.name}",
                within(link.quick_seconds, QUICK_SECONDS_MAX[link.is_long]),
            ),
            f"{median(octets_of(each) for each in link.quick) / 1e6:.1f}",
            span(shares, "{:.0%}"),
            findings.verdict(f"quick octets {link.name}", within(shares, QUICK_OCTETS_SHARE)),
            "; ".join(sorted({", ".join(each) for each in spoiled})) or "none",
        )
        if spoiled:
            findings.broken.append(f"validity {link.name}")


def octets_of(result: Result) -> int:
    """Return what a run moved, both ways, at the IP layer."""
    return int(result["cost"]["bytes_down"] + result["cost"]["bytes_up"])


def loss_table(findings: Findings) -> None:
    """Loss each way, for three seeds, against the log and against the binomial interval."""
    table = findings.table(
        "Loss by direction: packets lost of sent, and the 99 % interval of the rate set",
        ("link", "way", "seed", "logged", "omega", "interval", "holds"),
    )
    for name in LOSSY:
        for seed in SEEDS:
            spec = named(name)
            seeded = replace(
                spec,
                down=replace(spec.down, seed=2 * seed),
                up=replace(spec.up, seed=2 * seed + 1),
            )
            with bench_on(seeded) as bench:
                result, _ = bench.measure("--quick")
                truth = bench.lab.link.truth()
            for way, direction in (("down", truth.down), ("up", truth.up)):
                cells, holds = _loss(direction, result, way=way, set_ppm=spec.down.loss_ppm)
                verdict = findings.verdict(f"loss {name} {way} seed {seed}", [holds])
                table.row(name, way, str(seed), *cells, verdict)


def _loss(
    truth: DirectionTruth, result: Result, *, way: str, set_ppm: int
) -> tuple[list[str], bool]:
    packets = idle_packets(truth)
    logged = lost(packets)
    found_ppm = value(result, f"loss_ppm_{way}")
    found = None if found_ppm is None else found_ppm * len(packets) // PPM
    low, high = binomial_interval(len(packets), set_ppm / PPM)
    holds = bool(packets) and found is not None and low <= found <= high and found == logged
    told = "none" if found is None else str(found)
    return [f"{logged} of {len(packets)}", told, f"{low} to {high}"], holds


def variation_table(findings: Findings, runs: int) -> None:
    """Delay variation: reported p95 against the log."""
    table = findings.table(
        "Delay variation at p95 with 0 to 20 ms added each way, ms (0.3 ms allowed)",
        ("link", "truth", "omega", "holds"),
    )
    for _ in range(runs):
        with bench_on(named(JITTERY)) as bench:
            result, _ = bench.measure("--quick")
            truth = bench.lab.link.truth()
        true_us = sorted(round_trips_us(truth.down, truth.up))
        true_pdv = nearest_rank_percentile(true_us, 95) - true_us[0]
        found = value(result, "idle_pdv_us_p95")
        off = None if found is None else float(found - true_pdv)
        verdict = findings.verdict("delay variation", within([off], P95_US_MAX))
        table.row(JITTERY, ms(true_pdv), ms(found), verdict)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables, and return 1 when a line does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--link", action="append", help="only this link; may stand several times")
    parser.add_argument("--runs", type=int, default=5, help="full and quick runs of each link")
    parser.add_argument("--json", type=Path, help="keep every result here")
    asked = parser.parse_args(arguments)
    findings, links = Findings(), []
    for name in asked.link or [*REFERENCE, *OTHERS]:
        print(f"measuring over {name} ...", file=sys.stderr, flush=True)
        links.append(measured_over(name, asked.runs))
    capacity_table(findings, links)
    goodput_table(findings, links)
    working_table(findings, links)
    cost_table(findings, links)
    if not asked.link:
        print("the same beside a busy core, loss and delay variation ...", file=sys.stderr)
        links.append(measured_over("vdsl", asked.runs, busy=True))
        loss_table(findings)
        variation_table(findings, asked.runs)
    delay_table(findings, links)
    for table in findings.tables:
        table.print()
    if asked.json:
        asked.json.write_text(json.dumps({each.name: each.results for each in links}), "utf-8")
    if findings.broken:
        print(f"\nDoes not hold in all runs: {', '.join(findings.broken)}")
    else:
        print("\nEvery line holds.")
    return 1 if findings.broken else 0


if __name__ == "__main__":
    try:
        code = main()
    except LabUnavailableError as error:
        sys.exit(f"make accuracy needs the link lab: {error}")
    sys.exit(code)
