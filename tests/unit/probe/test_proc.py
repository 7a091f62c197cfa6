"""Counters of the host from the kernel's text files."""

from __future__ import annotations

from pathlib import Path

import pytest

from omega_core.environment import CpuLoad
from omega_probe.faults import HostFacts, faults_of
from omega_probe.proc import (
    CpuTimes,
    NetDevice,
    cpu_load,
    default_routes,
    net_devices,
    parse_net_dev,
    parse_routes_v4,
    parse_routes_v6,
    parse_stat,
    system_name,
)

NET_DEV = """\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo
    lo:  800 8 0    0 0    0     0          0     801      9       0    0    0    0  0 0
  eth0: 6555632118 173158 1 2 0 0 0 3 8001831 87916 4 5 0 0 0 0
eth0.7:1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16
 short: 1 2 3
"""
ROUTES_V4 = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t01004D0A\t0003\t0\t0\t0\t00000000\t0\t0\t0
ppp0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0
eth0\t00004D0A\t00000000\t0001\t0\t0\t0\tFCFFFFFF\t0\t0\t0
"""
ROUTES_V6 = f"""\
{"0" * 32} 00 {"0" * 32} 00 {"fd77" + "0" * 27 + "1"} 00000400 00000001 00000000 00000003     eth0
fd77{"0" * 28} 40 {"0" * 32} 00 {"0" * 32} 00000100 00000001 00000000 00000001     eth0
{"0" * 32} 00 {"0" * 32} 00 {"0" * 32} ffffffff 00000001 00000000 00200200       lo
{"0" * 32} 00 {"0" * 32} 00 {"0" * 32} 00000400 00000001 00000000 00000001     ppp0
"""


def test_interface_counters_are_read_by_column() -> None:
    devices = parse_net_dev(NET_DEV)
    assert devices.keys() == {"lo", "eth0", "eth0.7"}
    assert devices["eth0"] == NetDevice(
        rx_octets=6_555_632_118,
        rx_packets=173_158,
        rx_dropped=2,
        tx_octets=8_001_831,
        tx_packets=87_916,
        tx_errors=4,
    )
    assert devices["eth0.7"].tx_octets == 9


def test_the_reading_threads_own_namespace_comes_first(tmp_path: Path) -> None:
    whole, own = tmp_path / "proc/net", tmp_path / "proc/thread-self/net"
    for folder in (whole, own):
        folder.mkdir(parents=True)
    (whole / "dev").write_text(NET_DEV)
    assert "eth0" in net_devices(tmp_path)
    (own / "dev").write_text(NET_DEV.replace("eth0:", "eth9:"))
    assert "eth9" in net_devices(tmp_path)


def test_a_host_without_the_files_says_nothing(tmp_path: Path) -> None:
    assert net_devices(tmp_path) == {}
    assert default_routes(tmp_path) is None
    assert system_name(tmp_path) == "Linux"


def test_default_routes_of_both_families() -> None:
    assert parse_routes_v4(ROUTES_V4) == ["IPv4 via 10.77.0.1 dev eth0", "IPv4 dev ppp0"]
    assert parse_routes_v6(ROUTES_V6) == ["IPv6 via fd77::1 dev eth0", "IPv6 dev ppp0"]


def test_the_system_says_its_name(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text('ID=debian\nPRETTY_NAME="Debian GNU/Linux 12"\n')
    assert system_name(tmp_path) == "Debian GNU/Linux 12"


def ticks(*, user: int = 0, idle: int = 0, iowait: int = 0, steal: int = 0) -> tuple[int, ...]:
    return (user, 0, 0, idle, iowait, 0, 0, steal)


@pytest.mark.parametrize(
    ("cores", "busy_ppm", "busiest_ppm", "steal_ppm"),
    [
        pytest.param([ticks(idle=100), ticks(idle=100)], 0, 0, 0, id="idle"),
        pytest.param(
            [ticks(user=100), ticks(idle=100)], 500_000, 1_000_000, 0, id="one of two cores busy"
        ),
        pytest.param(
            [ticks(iowait=60, idle=40)], 0, 0, 0, id="waiting for the disk is not being busy"
        ),
        pytest.param(
            [ticks(user=45, idle=50, steal=5)], 450_000, 450_000, 50_000, id="stolen by the host"
        ),
        pytest.param([ticks(user=9, idle=18)], 333_333, 333_333, 0, id="cut off, never rounded up"),
    ],
)
def test_how_busy_the_host_was(
    cores: list[tuple[int, ...]], busy_ppm: int, busiest_ppm: int, steal_ppm: int
) -> None:
    before = CpuTimes({f"cpu{n}": ticks(user=7, idle=9, steal=1) for n in range(len(cores))})
    after = CpuTimes(
        {
            f"cpu{n}": tuple(a + b for a, b in zip(core, before.cores[f"cpu{n}"], strict=True))
            for n, core in enumerate(cores)
        }
    )
    assert cpu_load("idle", before, after) == CpuLoad(
        phase="idle", busy_ppm=busy_ppm, busiest_core_ppm=busiest_ppm, steal_ppm=steal_ppm
    )


def test_without_a_tick_there_is_no_load() -> None:
    same = CpuTimes({"cpu0": ticks(user=1, idle=2)})
    assert cpu_load("idle", same, same) is None
    assert cpu_load("idle", CpuTimes({}), CpuTimes({})) is None


def test_one_stolen_tick_is_told_of_no_time_so_short_that_it_would_spoil_it() -> None:
    before = CpuTimes({"cpu0": ticks(), "cpu1": ticks()})
    shorter = CpuTimes({"cpu0": ticks(idle=9, steal=1), "cpu1": ticks(idle=9)})
    assert cpu_load("goodput_down", before, shorter) is None
    longer = CpuTimes({"cpu0": ticks(idle=9, steal=1), "cpu1": ticks(idle=10)})
    load = cpu_load("goodput_down", before, longer)
    assert load is not None
    assert faults_of(HostFacts(cpu=(load,))) == ()


def test_a_core_that_came_up_meanwhile_is_left_out() -> None:
    before = CpuTimes({"cpu0": ticks(idle=1)})
    after = CpuTimes({"cpu0": ticks(idle=41), "cpu1": ticks(user=500)})
    load = cpu_load("idle", before, after)
    assert load is not None
    assert load.busy_ppm == 0


def test_only_single_processors_are_taken_from_the_kernels_table() -> None:
    text = "cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 1 2 3 4 5 6 7 8 9 10\nintr 5\ncpu1 1 2\n"
    assert parse_stat(text) == CpuTimes({"cpu0": (1, 2, 3, 4, 5, 6, 7, 8)})
