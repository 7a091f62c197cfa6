"""No attempt can hide: of three, two that failed are kept back, and the good one is posted by hand.

A real server with its commands, and a device with the real `omega`: it enrols, asks for its
sessions, seals, and keeps the records in its outbox by itself. What the line was like is told to it
in place of a measurement.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from omega_agent.device import enrolled_device
from omega_agent.home import Home
from omega_agent.interrupts import Interrupts
from omega_agent.measuring import Held
from omega_agent.session_request import Wanted
from omega_agent.sessions import Kept, Workplace, ask_for, seal_and_keep
from omega_core.clock import SystemClock
from omega_core.derive import metrics_of
from omega_core.evidence import Evidence
from omega_core.metrics import Direction
from omega_core.units import US_PER_S
from omega_core.verdict import Mode
from support.agent_story import Story
from support.facts import evidence, goodput_run, idle_stream
from support.main_job import MIN_BPS_DOWN, SCRIPTS, Omega, Site

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]  # processes, and a server that starts
PROVED_PACKETS = 2_000


def line_of(down_bps: int) -> Evidence:
    """Return the facts of a standard test on a line of so much down, and 2 Mbit/s up."""
    runs = [
        goodput_run(direction, run=run, rate_bps=rate_bps, flows=1, duration_us=3 * US_PER_S)
        for direction, rate_bps in ((Direction.DOWN, down_bps), (Direction.UP, 1_900_000))
        for run in range(3)
    ]
    idle = idle_stream(packets=PROVED_PACKETS, period_us=5_000)
    return evidence(idle=(idle,), goodput=tuple(runs), working=())


def attempted(omega: Omega, sheet: str, facts: Evidence) -> Kept:
    """Ask the server for a session, and seal these facts as what came of it; nothing is posted."""
    place = Workplace(
        home=Home(omega.home),
        clock=SystemClock(),
        software="omega test",
        emit=lambda _: None,
        tell_first=lambda _: None,
        interrupts=Interrupts(),
    )
    device = enrolled_device(place.home)
    wanted = Wanted(purpose="install", mode=Mode.STANDARD, sheet_id=sheet)
    asked = ask_for(wanted, device, place)
    assert asked.granted is not None, asked.failure
    device.chain.use(asked.chain)
    result = Story(evidence=facts, has_observation=False).result()
    assert result.metrics == metrics_of(facts)
    held = Held(wanted=wanted, result=result, granted=asked.granted, failure=None)
    return seal_and_keep(held, asked.chain, device, place)


def shown(site: Site, sheet: str, *language: str) -> str:
    """Return what an operator reads of the sheet."""
    done = subprocess.run(
        [SCRIPTS / "omega-server", "sheet", "show", sheet, "--data", site.data, *language],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout


def test_the_sheet_shows_three_attempts_and_names_the_two_that_are_missing(site: Site) -> None:
    omega, sheet = site.enrolled("technician"), site.sheet()
    slow, good = line_of(MIN_BPS_DOWN * 60 // 100), line_of(3_800_000)
    kept = [attempted(omega, sheet, facts) for facts in (slow, slow, good)]
    previews = [each.sealed.record.preview for each in kept]
    assert [each.verdict if each else None for each in previews] == ["fail", "fail", "pass"]
    digests = [each.sealed.digest for each in kept]
    assert omega.outbox() == digests

    for file in omega.waiting_files()[:2]:
        file.unlink()
    sent = omega.run("outbox", "send", "--json")
    assert (sent.code, sent.json["posted"]) == (0, [digests[2]]), sent.stderr

    case = site.case("sheets", sheet)
    assert case["counts"] == {"attempts": 3, "missing": 2, "valid": 1, "invalid": 0}
    (device,) = {each["agent_id"] for each in case["attempts"]}
    assert [
        (each["seq"], each["purpose"], each["mode"], each["record_digest"])
        for each in case["attempts"]
    ] == [
        (1, "install", "standard", None),
        (2, "install", "standard", None),
        (3, "install", "standard", digests[2]),
    ]
    assert [(each["seq"], each["verdict"]) for each in case["records"]] == [(3, "pass")]

    said = shown(site, sheet)
    assert "attempts    3: 1 valid, 0 invalid, 2 without a record" in said
    row = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ +%d  install  standard  " + device + "  "
    for number in (1, 2):
        assert re.search(row % number + "no record\n", said)
    assert re.search(row % 3 + f"pass, one observer only  {digests[2][:12]}\n", said)
    assert f"Missing: no. 1 and 2 of {device}. Granted, and never reported" in said
    assert f"Manquent : n° 1 et 2 de {device}." in shown(site, sheet, "--lang", "fr")

    alone = omega.home / "records" / f"{digests[2]}.json"
    assert omega.run("verify", alone).code == 0, "the record itself is in order"


def test_what_was_kept_back_and_comes_later_is_no_longer_missing(
    site: Site, tmp_path: Path
) -> None:
    """The technician has moved the files away, and moves them back."""
    omega, sheet = site.enrolled("repentant"), site.sheet()
    for down_bps in (MIN_BPS_DOWN * 60 // 100, 3_800_000):
        attempted(omega, sheet, line_of(down_bps))
    hidden = omega.waiting_files()[0]
    away = hidden.rename(tmp_path / hidden.name)
    assert omega.run("outbox", "send").code == 0
    assert site.case("sheets", sheet)["counts"]["missing"] == 1
    away.rename(hidden)
    assert omega.run("outbox", "send").code == 0
    case = site.case("sheets", sheet)
    assert case["counts"] == {"attempts": 2, "missing": 0, "valid": 2, "invalid": 0}
    assert "Missing" not in shown(site, sheet)
    assert [each["verdict"] for each in case["records"]] == ["pass", "fail"], "as they came in"
