"""The operating characteristics of the decision engine, by simulation.

For each table: the shares of lines that pass and fail with their 95 % intervals, the reference
figure, and how much of the sample was read. The exit code says whether every cell agrees with its
reference, keeps the promised error rates at the limit, and whether the control that counts packets
one by one breaks them, as it must.

Usage: PYTHONPATH=tests python bench/decisions.py [LINES]   (make accuracy-decisions)
"""

from __future__ import annotations

import sys
import time

from support.decision_lines import Tally, interval
from support.decision_tables import LINES, Cell, cells


def main() -> int:
    """Print the tables; return 1 where a cell is not as it should be."""
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else LINES
    started, table, wrong = time.monotonic(), "", 0
    for cell in cells():
        if cell.table != table:
            table = cell.table
            print(
                f"\n{table}\n{'':52}{'PASS':>24}{'expected':>10}{'FAIL':>24}{'expected':>10}  read"
            )
        found = cell.simulate(lines)
        faults = [*cell.faults(found)]
        wrong += bool(faults)
        print(_row(cell, found) + (f"  WRONG: {'; '.join(faults)}" if faults else ""))
    print(f"\n{lines} lines a cell, {wrong} cells wrong, {time.monotonic() - started:.0f} s")
    return 1 if wrong else 0


def _row(cell: Cell, found: Tally) -> str:
    passed, failed = cell.expected
    mark = " control" if cell.control else " limit" if cell.at_limit else ""
    return (
        f"{cell.name + mark:52}{_share(found.pass_share, found.lines)}{_known(passed)}"
        f"{_share(found.fail_share, found.lines)}{_known(failed)}{found.mean_size:8.1f}"
    )


def _share(share: float, lines: int) -> str:
    low, high = interval(share, lines)
    return f"{share:8.4f} [{low:.4f} {high:.4f}]"


def _known(expected: float | None) -> str:
    return f"{'':10}" if expected is None else f"{expected:10.3f}"


if __name__ == "__main__":
    sys.exit(main())
