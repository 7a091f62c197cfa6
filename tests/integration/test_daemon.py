"""The daemon on this machine: a real server, the real `omega run`, a clerk who presses diagnose."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from omega_core.errors import ExitCode
from support.daemons import Daemon, diagnosed, resident
from support.main_job import PLAN, Here, Omega, Site, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


MANY = "tests_an_hour_max = 1000\n"
"""One device stands for all tests of this module, which are more than an owner's twelve."""


@pytest.fixture(scope="module")
def device(site: Site) -> Omega:
    box = resident(site, "box")
    (box.home / "limits.toml").write_text(MANY)
    return box


@pytest.fixture
def daemon(device: Omega) -> Iterator[Daemon]:
    with Daemon(device) as daemon:
        daemon.await_said("daemon_answered")
        yield daemon


def states(told: dict[str, Any]) -> list[str]:
    return [each["state"] for each in told["events"]]


def test_a_clerk_presses_diagnose(site: Site, daemon: Daemon, device: Omega) -> None:
    ticket = site.ticket()
    told = diagnosed(site, ticket)
    assert (told["state"], told["has_ended"]) == ("done", True)
    assert states(told) == ["issued", "handed_out", "accepted", "done"]
    case = site.case("tickets", ticket)
    (record,) = case["records"]
    assert record["digest"] == told["record_digest"]
    log = [each["content"].get("step", each["kind"]) for each in case["events"]]
    assert log[:3] == ["opened", "asked", "begun"]
    assert {"done", "record"} <= set(log)
    assert case["counts"]["missing"] == 0
    assert device.outbox() == []
    daemon.await_said("daemon_said", state="done")
    assert list((device.home / "instructions").iterdir()) == []


def test_who_is_connected_is_seen(site: Site, daemon: Daemon) -> None:
    assert daemon.process.poll() is None
    deadline = time.monotonic() + 30
    while True:
        listed: Any = site.operate("agent", "list")
        box = next(each for each in listed if each["is_connected"] or each["seen_unix_us"])
        if box["is_connected"]:
            break
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert box["kinds"] == ["availability", "measure"]
    assert box["seen_twice_unix_us"] is None


def test_while_it_is_away_nothing_is_lost(site: Site, device: Omega) -> None:
    ticket = site.ticket()
    told = diagnosed(site, ticket, "--wait", "0")
    assert (told["state"], told["exit_code"]) == ("issued", ExitCode.UNAVAILABLE)
    with Daemon(device) as daemon:
        daemon.await_said("daemon_said", state="done", id=told["instruction_id"])
    assert len(site.case("tickets", ticket)["records"]) == 1


def test_what_is_withdrawn_is_stopped(site: Site, daemon: Daemon, device: Omega) -> None:
    ticket = site.ticket()
    name = diagnosed(site, ticket, "--mode", "standard", "--wait", "0")["instruction_id"]
    daemon.await_said("daemon_began", id=name)
    site.operate("instruction", "withdraw", name, "--reason", "the caller hung up")
    daemon.await_said("daemon_ended", id=name)
    assert list((device.home / "instructions").iterdir()) == []
    shown = site.operate("instruction", "show", name)
    assert shown["state"] == "withdrawn"


def test_suppressed_it_measures_nothing(site: Site, daemon: Daemon) -> None:
    begun = site.operate("suppression", "begin", "--reason", "planned work", "--duration", "3600")
    daemon.await_said("daemon_suppressed")
    told = diagnosed(site, site.ticket(), "--wait", "10")
    assert (told["state"], told["events"][-1]["code"]) == ("refused", "suppressed")
    site.operate("suppression", "lift", begun["suppression_id"])
    daemon.await_said("daemon_unsuppressed")


def test_more_than_the_owner_allows_is_refused(site: Site, device: Omega) -> None:
    limits = device.home / "limits.toml"
    limits.write_text('targets = ["198.51.100.0/24"]\n')
    try:
        with Daemon(device) as daemon:
            daemon.await_said("daemon_answered")
            told = diagnosed(site, site.ticket())
            barred = daemon.await_said("daemon_barred")
    finally:
        limits.write_text(MANY)
    assert (told["state"], told["events"][-1]["code"]) == ("failed", "target_not_allowed")
    assert barred["addresses"] == site.host, "nor is the line watched: that is said too"


def test_a_file_of_limits_that_is_wrong_stops_it(device: Omega) -> None:
    limits = device.home / "limits.toml"
    limits.write_text("tests_a_minute = 3\n")
    try:
        done = device.run("run")
    finally:
        limits.write_text(MANY)
    assert done.code == ExitCode.USAGE
    assert "limits.toml" in done.last_line


def test_one_at_a_time(device: Omega, daemon: Daemon) -> None:
    assert daemon.process.poll() is None
    done = device.run("run")
    assert (done.code, "another omega run" in done.last_line) == (ExitCode.USAGE, True)


def test_a_technician_measures_meanwhile(site: Site, daemon: Daemon, device: Omega) -> None:
    running = device.start("measure", "--json")
    running.await_phase("connectivity")
    told = diagnosed(site, site.ticket())
    running.finish()
    assert told["state"] == "done"
    assert any(each["code"] in {"another_measurement", "line_in_use"} for each in told["events"])
    daemon.await_said("daemon_said", state="done")


def test_it_keeps_its_schedule_while_the_server_is_away(site: Site, device: Omega) -> None:
    begun = site.operate(
        "schedule", "begin", "--every-hours", "24", "--plan", PLAN, "--plans", str(site.plans)
    )
    try:
        with Daemon(device) as daemon:
            daemon.await_said("daemon_scheduled")
        make_due(device)
        site.stop()
        with Daemon(device) as daemon:
            daemon.await_said("daemon_began", purpose="sweep")
            daemon.await_said("daemon_ended")
        (kept,) = device.outbox()
        site.start()
        make_due(device)
        with Daemon(device) as daemon:
            daemon.await_said("daemon_began", purpose="sweep")
            done = daemon.await_said("daemon_ended")["how"]
            wait_until(lambda: device.waiting_files() == [], 60)
        records = [site.call("GET", f"/v1/records/{digest}") for digest in (kept, done)]
        assert [record["grant"] is None for record in records] == [True, False]
    finally:
        site.operate("schedule", "end", begun["schedule_id"])


def make_due(device: Omega) -> None:
    """Let the device have looked at its schedule long ago, as if it had been off since."""
    file = device.home / "daemon.json"
    remembered = json.loads(file.read_text())
    file.write_text(json.dumps({**remembered, "scheduled_unix_us": 0}, separators=(",", ":")))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_in_good_order(device: Omega, number: signal.Signals) -> None:
    with Daemon(device) as daemon:
        daemon.await_said("daemon_answered")
        assert daemon.stop(number) == 0
    assert daemon.said[-1]["code"] == "daemon_stops"
    assert daemon.errors == ""


def test_killed_in_the_middle_of_a_measurement(site: Site, device: Omega) -> None:
    """It is begun once more by the next start; the ticket shows both attempts, one record."""
    ticket = site.ticket()
    with Daemon(device) as daemon:
        daemon.await_said("daemon_answered")
        name = diagnosed(site, ticket, "--wait", "0")["instruction_id"]
        daemon.await_said("daemon_began", id=name)
        time.sleep(2.0)
        daemon.stop(signal.SIGKILL)
    with Daemon(device) as daemon:
        daemon.await_said("daemon_said", state="done", id=name)
    case = site.case("tickets", ticket)
    done = [each for each in case["events"] if each["content"].get("step") == "done"]
    assert len(done) == 1
    assert len(case["records"]) >= 1


def test_a_copy_of_the_device_is_noticed(site: Site, device: Omega, tmp_path: Path) -> None:
    copy = Omega(device.place, tmp_path / "copy")
    shutil.copytree(device.home, copy.home)
    with Daemon(device) as first, Daemon(copy) as second:
        first.await_said("daemon_answered")
        second.await_said("daemon_answered")
        told = diagnosed(site, site.ticket())
        assert told["state"] == "done"
        assert len([each for each in told["events"] if each["state"] == "accepted"]) == 1
    assert "agent_seen_twice" in site.log()


def test_it_runs_as_nobody(site: Site, device: Omega, tmp_path: Path) -> None:
    """Nothing in it needs a privilege."""
    if os.getuid() != 0:
        pytest.skip("needs root, to become nobody")
    home = tmp_path / "nobodys"
    shutil.copytree(device.home, home)
    for path in (home, *home.rglob("*")):
        os.chown(path, 65_534, 65_534)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_mode & stat.S_IXOTH == 0:
            folder.chmod(folder.stat().st_mode | stat.S_IXOTH)
    nobody = Omega(_AsNobody(), home)
    with Daemon(nobody) as daemon:
        daemon.await_said("daemon_answered")
        told = diagnosed(site, site.ticket(), "--wait", "60")
        assert told["state"] == "done", daemon.errors


class _AsNobody(Here):
    """This machine, for who has no rights on it.

    Where the interpreter itself stands in a folder that nobody may enter, reading is the one right
    that is left to it.
    """

    READING = ("--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search")

    def popen(self, argv: Any, **streams: Any) -> Any:  # noqa: ANN401 - as Host.popen
        may = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
        again = "import subprocess, sys; subprocess.run([sys.executable, '-c', ''], check=True)"
        plain = subprocess.run(
            [*may, sys.executable, "-c", again], check=False, capture_output=True
        )
        if plain.returncode:
            may.extend(self.READING)
        return subprocess.Popen([*may, *argv], text=True, **streams)
