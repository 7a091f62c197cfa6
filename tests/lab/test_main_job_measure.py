"""`omega measure` over an emulated line: one JSON object, with every name of the registry in it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from lab.spec import access_link
from lab.topology import Lab
from omega_core.metrics import METRICS, NoValue
from support.json_schema import fits
from support.main_job import BUFFER_MS, DOWN_BPS, UP_BPS, Ran, Site, site_over

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(120)]

SCHEMA = json.loads(
    (Path(__file__).parents[2] / "docs" / "schemas" / "measurement.json").read_text("utf-8")
)
QUICK = ("reachable_", "idle_", "loss_", "reordered_", "capacity_")
TCP = ("goodput_", "tcp_efficiency_", "working_", "responsiveness_", "buffer_delay_")
FIELDS = {"schema_version", "session", "environment", "validity", "cost", "metrics"}


def check_whole(done: Ran, *, quick: bool) -> None:
    """Check that all is there, of the right form, and near what the line does."""
    measured = QUICK if quick else QUICK + TCP
    assert done.code == 0, done.stderr
    found = done.json
    assert fits(found, SCHEMA)
    assert found.keys() == FIELDS
    assert (found["schema_version"], found["validity"]) == (1, [])
    metrics = found["metrics"]
    assert metrics.keys() == METRICS.keys()
    for name, metric in metrics.items():
        assert metric["unit"] == METRICS[name].unit
        if name.startswith(measured):
            assert isinstance(metric["value"], int), (name, metric)
            assert metric["samples"] > 0
            assert metric["method"]
            assert metric["reason"] is None
        else:
            left_out = NoValue.SKIPPED if name.startswith(TCP) else NoValue.NOT_MEASURED
            assert (metric["value"], metric["reason"]) == (None, left_out), name
    values = {name: metric["value"] for name, metric in metrics.items()}
    assert values["reachable_ppm"] == 1_000_000
    assert 20_000 <= values["idle_rtt_us_min"] <= values["idle_rtt_us_p50"] < 60_000
    for way, rate_bps in (("down", DOWN_BPS), ("up", UP_BPS)):
        assert abs(values[f"capacity_bps_{way}"] - rate_bps) < rate_bps * (0.05 if quick else 0.01)
        if not quick:
            assert rate_bps * 0.93 < values[f"goodput_bps_{way}"] < rate_bps * 0.98
            full_ms = 20 + BUFFER_MS
            assert abs(values[f"working_rtt_us_p95_{way}"] - full_ms * 1_000) < full_ms * 100
    cost = found["cost"]
    assert cost["bytes_down"] > DOWN_BPS // 16
    assert cost["bytes_up"] > UP_BPS // 16
    assert 0 < cost["duration_ms"] < 60_000


@pytest.mark.parametrize("family", [4, pytest.param(6, marks=pytest.mark.slow)])
def test_one_json_object_over_either_family(site: Site, line: Lab, family: int) -> None:
    address = line.server.v4 if family == 4 else line.server.v6
    done = site.device(f"v{family}").run(
        "measure", "--server", site.url_at(address), "--quick", "--json"
    )
    check_whole(done, quick=True)
    session = done.json["session"]
    assert session["server"] == site.url_at(address)
    assert session["address"] == (line.customer.v4 if family == 4 else line.customer.v6)
    assert (session["purpose"], session["mode"]) == ("selftest", "quick")
    assert f"IPv{family}" in done.json["metrics"]["capacity_bps_down"]["method"]
    environment = done.json["environment"]
    assert environment["interface"]["name"] == "eth0"
    assert environment["interface"]["mtu_bytes"] == 1_500


@pytest.mark.slow
def test_a_name_with_both_families_in_full_and_nothing_is_posted(site: Site, line: Lab) -> None:
    """A device that is not enrolled leaves nothing behind: no record, no file but its lock."""
    omega = site.device("stranger")
    url = site.url_at(line.server.host_name)
    done = omega.run("measure", "--server", url, "--json")
    check_whole(done, quick=False)
    assert done.json["session"]["mode"] == "measure"
    assert sorted(path.name for path in omega.home.rglob("*")) == ["lock"]


@pytest.mark.slow
def test_people_get_a_table_and_progress_beside_it(site: Site) -> None:
    done = site.device("person").run("measure", "--server", site.url, "--quick", "--lang", "fr")
    assert done.code == 0, done.stderr
    assert "Mbit/s" in done.stdout
    assert "{" not in done.stdout
    assert "Débit" in done.stderr or "débit" in done.stderr


def test_the_picture_of_a_deep_buffer_shows_the_delay_climbing_by_it(tmp_path: Path) -> None:
    deep = access_link(down_bps=20_000_000, up_bps=5_000_000, rtt_us=25_000, buffer_ms=500)
    picture = tmp_path / "session.svg"
    (tmp_path / "site").mkdir()
    with Lab(deep) as lab, site_over(lab, tmp_path / "site") as site:
        done = site.device("plotter").run(
            "measure", "--server", site.url, "--json", "--plot", str(picture)
        )
    assert done.code == 0, done.stderr
    for way in ("down", "up"):
        found = done.json["metrics"][f"working_rtt_us_p95_{way}"]["value"]
        assert abs(found - 525_000) <= 52_500, way
    root = ET.fromstring(picture.read_text("utf-8"))  # noqa: S314 - our own picture
    heights = {
        kind: [float(y) for _, y in re.findall(r"(-?[0-9.]+) (-?[0-9.]+)", path.get("d", ""))]
        for kind in ("idle", "working_down", "load_down", "rate_down")
        for path in root.iter("{http://www.w3.org/2000/svg}path")
        if path.get("class") == kind
    }
    climbs = min(heights["idle"]) - min(heights["working_down"])
    assert climbs > 150, "of a panel 196 high, whose largest value is the full buffer's"
    plateau = heights["load_down"][len(heights["load_down"]) // 2 :]
    assert max(plateau) - min(plateau) < 20, "and the rate stays where it got to"
