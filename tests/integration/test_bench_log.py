"""The bench of the transparency log, run small: it measures what it says, and can fail."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).parents[2] / "bench" / "log.py"


def test_a_small_run_prints_a_row_for_each_size(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, BENCH, "--entries", "500", "--samples", "20"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    rows = [line for line in ran.stdout.splitlines() if line.startswith("| 5")]
    (cells,) = ([cell.strip() for cell in row.strip("| ").split("|")] for row in rows)
    entries, inclusion, consistency = int(cells[0]), int(cells[5]), int(cells[7])
    assert entries == 520, "those it began with, and those that were appended"
    most = 2 * entries.bit_length()
    assert 0 < inclusion <= most
    assert 0 < consistency <= most
    assert list(tmp_path.iterdir()) == [], "nothing is left behind"
