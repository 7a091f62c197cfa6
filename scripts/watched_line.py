"""Watch an emulated line with a real daemon while it is cut at drawn moments, and compare.

    python scripts/watched_line.py --outages 12 --seconds 3600 --seed 1

Prints each outage as it was and as it was told, and leaves with 1 if one was missed or lies outside
its bounds. Needs network namespaces.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from lab.topology import Lab
from omega_core.units import US_PER_S
from support.main_job import LINK, site_over
from support.watched_line import Found, drawn, watched


def main() -> int:
    """Run the trial and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--outages", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=3_600)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    plan = drawn(asked.seed, outages=asked.outages, within_s=asked.seconds)
    with (
        tempfile.TemporaryDirectory(prefix="omega-watched-") as folder,
        Lab(LINK) as lab,
        site_over(lab, Path(folder)) as site,
    ):
        found = watched(lab, site, plan, say=lambda line: print(line, flush=True))
    _print(found)
    return bool(found.faults())


def _print(found: Found) -> None:
    seen, faults = found.watched, found.faults()
    print(f"records: {found.records}; watched {(seen.ended_us - seen.started_us) / US_PER_S:.0f} s")
    print(f"attempts: {seen.attempts}; not observed: {seen.unobserved_us / US_PER_S:.1f} s")
    for cut in found.cuts:
        true_s = (cut.ended_us[0] - cut.began_us[0]) / US_PER_S
        print(f"was cut {(cut.began_us[0] - seen.started_us) / US_PER_S:9.3f} s in, {true_s:.3f} s")
    for each in seen.outages:
        least_s = each.least_us(seen.started_us, seen.ended_us) / US_PER_S
        most_s = each.most_us(seen.started_us, seen.ended_us) / US_PER_S
        since_s = (each.since_us - seen.started_us) / US_PER_S
        print(f"is told {since_s:9.3f} s in, {least_s:.3f} to {most_s:.3f} s")
    for gap in seen.gaps:
        length_s = (gap.ended_us - gap.started_us) / US_PER_S
        begun_s = (gap.started_us - seen.started_us) / US_PER_S
        print(f"not observed {begun_s:.3f} s in, {length_s:.3f} s: {gap.cause}")
    print(f"faults: {len(faults)}")
    for fault in faults:
        print(f"  {fault}")


if __name__ == "__main__":
    sys.exit(main())
