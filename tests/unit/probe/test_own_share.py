"""What the scheduler did to this process between two readings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from omega_core.environment import CpuLoad
from omega_core.units import NS_PER_S
from omega_probe.proc import OwnShare, own_share, throttled, with_own_share

LOAD = CpuLoad(phase="idle", busy_ppm=1, busiest_core_ppm=1, steal_ppm=0)
BEFORE = OwnShare(at_ns=5, ran_ns=100, waited_ns=200, throttled=3)


def after(span_ns: int, *, ran_ns: int | None, waited_ns: int | None) -> OwnShare:
    return OwnShare(5 + span_ns, ran_ns, waited_ns, throttled=5)


@pytest.mark.parametrize(
    ("later", "ran_ppm", "waited_ppm"),
    [
        pytest.param(
            after(NS_PER_S, ran_ns=100 + NS_PER_S // 50, waited_ns=200 + NS_PER_S // 100),
            20_000,
            10_000,
            id="shares of a second",
        ),
        pytest.param(after(NS_PER_S - 1, ran_ns=200, waited_ns=300), None, None, id="too short"),
        pytest.param(after(NS_PER_S, ran_ns=50, waited_ns=20), 0, 0, id="threads have ended"),
        pytest.param(after(NS_PER_S, ran_ns=None, waited_ns=None), None, None, id="not told"),
    ],
)
def test_shares(later: OwnShare, ran_ppm: int | None, waited_ppm: int | None) -> None:
    load = with_own_share(LOAD, BEFORE, later)
    assert (load.ran_ppm, load.waited_ppm, load.throttled) == (ran_ppm, waited_ppm, 2)


def test_this_process_has_run() -> None:
    share = own_share(Path("/"), 7)
    assert share.at_ns == 7
    assert share.ran_ns is None or share.ran_ns > 0


def test_all_threads_are_summed_up_and_what_is_no_number_is_left_out(tmp_path: Path) -> None:
    for name, text in (("1", "100 20 3\n"), ("2", "10 2 3\n"), ("3", "gone\n")):
        (tmp_path / "proc/self/task" / name).mkdir(parents=True)
        (tmp_path / "proc/self/task" / name / "schedstat").write_text(text)
    assert own_share(tmp_path, 1) == OwnShare(1, 110, 22, 0)


@pytest.mark.parametrize(
    ("cgroup", "folder"),
    [
        pytest.param("0::/omega.slice\n", "sys/fs/cgroup/omega.slice", id="version 2"),
        pytest.param(
            "7:memory:/other\n4:cpu,cpuacct:/omega\n", "sys/fs/cgroup/cpu/omega", id="version 1"
        ),
    ],
)
def test_a_group_that_was_stopped(tmp_path: Path, cgroup: str, folder: str) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(cgroup)
    assert throttled(tmp_path) == 0, "the group says nothing"
    (tmp_path / folder).mkdir(parents=True)
    (tmp_path / folder / "cpu.stat").write_text(f"nr_periods 9{os.linesep}nr_throttled 4\n")
    assert throttled(tmp_path) == 4
