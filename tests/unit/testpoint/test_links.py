"""The links of the host, from a tree as the kernel lays it out."""

from __future__ import annotations

from pathlib import Path

import pytest

from omega_server.testpoint.admission import BothWays
from omega_server.testpoint.links import (
    LinkMeter,
    link_rates,
    parse_counters,
    usual_capacity_bps,
)

DEV = """\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop
    lo:    100       1    0    0    0     0          0         0      100       1    0    0
  eth0: 123456     900    0    0    0     0          0         0    98765     800    0    0
"""
GIGABIT = 1_000_000_000


def interface(
    net: Path, name: str, speed: str | None, *, state: str = "up", device: bool = True
) -> None:
    folder = net / name
    folder.mkdir()
    (folder / "operstate").write_text(f"{state}\n")
    if speed is not None:
        (folder / "speed").write_text(f"{speed}\n")
    if device:
        (folder / "device").mkdir()


def test_only_what_has_a_device_and_a_rate(tmp_path: Path) -> None:
    interface(tmp_path, "eth0", "1000")
    interface(tmp_path, "eth1", "10000", state="down")
    interface(tmp_path, "veth0", "10000", device=False)
    interface(tmp_path, "virtio0", "-1")
    interface(tmp_path, "wlan0", None)
    assert link_rates(tmp_path) == {"eth0": GIGABIT}


def test_a_host_without_a_tree(tmp_path: Path) -> None:
    assert link_rates(tmp_path / "none") == {}


@pytest.mark.parametrize(
    ("hosts", "rates", "capacity_bps"),
    [
        pytest.param(["::"], {"a": GIGABIT, "b": 10 * GIGABIT}, 8 * GIGABIT, id="the fastest"),
        pytest.param(["::"], {}, None, id="none knows its rate"),
        pytest.param(["127.0.0.1", "::1"], {"a": GIGABIT}, None, id="loopback alone"),
        pytest.param(["127.0.0.1", "192.0.2.1"], {"a": GIGABIT}, 800_000_000, id="not alone"),
    ],
)
def test_what_may_be_committed_where_nobody_said_it(
    hosts: list[str], rates: dict[str, int], capacity_bps: int | None
) -> None:
    assert usual_capacity_bps(hosts, rates) == capacity_bps


def test_the_counters_of_each_interface() -> None:
    assert parse_counters(DEV) == {
        "lo": BothWays(down=100, up=100),
        "eth0": BothWays(down=98_765, up=123_456),
    }


@pytest.mark.parametrize("text", ["", "eth0: 1 2 3\n", "no colon here\n"])
def test_what_is_no_table_has_no_counters(text: str) -> None:
    assert parse_counters(text) == {}


def test_a_meter_without_links_knows_nothing() -> None:
    assert LinkMeter({}).busy_ppm(100_000_000) is None


def test_a_link_that_is_gone_is_not_busy() -> None:
    assert LinkMeter({"gone0": GIGABIT}).busy_ppm(100_000_000) == 0
