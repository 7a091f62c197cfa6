"""A failed test is repeated where processors were stolen meanwhile, and only there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.children import python_path

CONFTEST = """
from omega_probe.proc import CpuTimes
from support import processors, repeats
from support.repeats import pytest_runtest_protocol, pytest_terminal_summary

ticks = [0]

def reading(root):
    ticks[0] += {stolen}
    return CpuTimes({{"cpu0": (0, 0, 0, 0, 0, 0, 0, ticks[0])}})

repeats.cpu_times = reading
processors.await_them = lambda: None
"""
TEST = """
import pytest

tries = []

@pytest.fixture(scope="module")
def site():
    return len(tries)

def test_one(site):
    assert site == len(tries), "each try has fixtures of its own"
    tries.append(1)
    assert len(tries) >= {passes_at}
"""


@pytest.mark.parametrize(
    ("folder", "stolen", "passes_at", "repeated"),
    [
        pytest.param("lab", 2, 3, 2, id="processors were stolen twice"),
        pytest.param("lab", 2, 1, 0, id="stolen, and the test passed all the same"),
        pytest.param("lab", 2, 9, 4, id="a fault of ours, whatever was stolen"),
        pytest.param("integration", 1, 2, 1, id="one tick was stolen"),
        pytest.param("integration", 0, 2, 0, id="nothing was stolen"),
        pytest.param("unit", 2, 2, 0, id="nothing is timed there"),
    ],
)
def test_what_is_repeated(
    tmp_path: Path, folder: str, stolen: int, passes_at: int, repeated: int
) -> None:
    passed = repeated >= passes_at - 1
    place = tmp_path / "tests" / folder
    place.mkdir(parents=True)
    (tmp_path / "conftest.py").write_text(CONFTEST.format(stolen=stolen))
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (place / "test_it.py").write_text(TEST.format(passes_at=passes_at))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"],
        cwd=tmp_path,
        env=python_path(),
        capture_output=True,
        text=True,
        check=False,
        timeout=25,
    )
    assert done.returncode == (0 if passed else 1), done.stdout + done.stderr
    assert done.stdout.count(f"REPEATED tests/{folder}/test_it.py::test_one") == repeated
    assert f"1 {'passed' if passed else 'failed'}" in done.stdout, "it is told once"
