"""How often is the fault's zone right? Drawn faults in chains of namespaces, as root.

    python scripts/zone_cases.py --cases 200 --seed 1000

Each case is a customer's line from the device to hosts past the test point, with a fault of a drawn
kind, place and size or none (tests/support/chain/cases.py). A real server stands at its test point,
and a real `omega diagnose --json` on the device says where the fault is. Afterwards tools that are
not ours look whether the fault was there; a case in which they do not see it is not counted.

With `--command` another finder is asked: a command run on the device that prints JSON with `zone`.
Ends with 1 where less than 95 % is right, more than 2 % wrong, or a healthy line called faulty.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(_ROOT / "tests")]

from support.chain.cases import draw_case  # noqa: E402 - needs the path above
from support.chain.desk import make_template  # noqa: E402
from support.chain.matrix import Told, keeps_the_bar, tables  # noqa: E402
from support.chain.trials import by_command, by_diagnosis, tell_cases  # noqa: E402


def main() -> int:
    """Run the cases; print each as it ends, then the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cases", type=int, default=30, help="how many seeds")
    parser.add_argument("--seed", type=int, default=0, help="the first of them")
    parser.add_argument("--at-a-time", type=int, default=1, help="chains that stand together")
    parser.add_argument("--command", help="a finder to run on the device in place of Omega's")
    parser.add_argument("--keep", type=Path, help="a folder for the run report of each case")
    parser.add_argument("--unproved", action="store_true", help="don't look with other tools")
    asked = parser.parse_args()
    if asked.keep is not None:
        asked.keep.mkdir(parents=True, exist_ok=True)
    cases = [draw_case(asked.seed + number) for number in range(asked.cases)]
    told: list[Told] = []
    with tempfile.TemporaryDirectory(prefix="zone_cases") as made:
        if asked.command:
            finder = by_command(shlex.split(asked.command))
        else:
            finder = by_diagnosis(make_template(Path(made)), kept=asked.keep)
        for each in tell_cases(cases, finder, at_a_time=asked.at_a_time, proved=not asked.unproved):
            told.append(each)
            print(line_of(each), flush=True)
    print(f"\n{tables(told)}")
    return 0 if keeps_the_bar(told) else 1


def line_of(told: Told) -> str:
    """Return one case on one line."""
    mark = "right" if told.is_right else "unknown" if told.is_unknown else "WRONG"
    case = told.case
    doubts = f" [{'; '.join(told.doubts)}]" if told.doubts else ""
    return (
        f"{case.seed:>7} {mark:<7} {case.zone:<4} {case.fault or 'healthy'} on {case.access}"
        f" -> {told.said}, {told.finder_ms / 1000:.1f} s{doubts}"
    )


if __name__ == "__main__":
    sys.exit(main())
