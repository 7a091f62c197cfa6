"""`omega campaign` against a real server: begun, run, refused, cut off, reported, stopped."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from omega_acceptance.rules.codes import NotEvaluated
from omega_acceptance.rules.reading import builtin
from omega_acceptance.rules.report import CampaignReport
from omega_acceptance.rules.standing import Phase, Why
from omega_agent.campaign_status import CampaignStatus
from omega_core.bundle import parse_bundle
from omega_core.envelope import parse_envelope
from omega_core.models import parse_model
from omega_core.record import Record
from support.main_job import Omega, Site
from support.morning import hour_in_berlin
from support.rules import BNETZA, RTR, rule

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]  # processes that measure

PLAN = "LAB-CAMPAIGN"
BEGIN = ("campaign", "start", "--rule", BNETZA, "--plan", PLAN)
RUN = ("campaign", "run", "--progress", "none")
TAKEN = {0: 1, 12: 0}  # valid runs by exit code: a busy machine makes a run over loopback invalid


@pytest.fixture(autouse=True)
def in_the_morning(tmp_path: Path) -> Iterator[None]:
    with hour_in_berlin(tmp_path / "zones"):
        yield


def status(omega: Omega) -> CampaignStatus:
    done = omega.run("campaign", "status", "--json")
    assert done.code == 0, done.stderr
    return parse_model(CampaignStatus, done.stdout.encode())


def reported(omega: Omega) -> CampaignReport:
    done = omega.run("campaign", "report", "--json")
    assert done.code == 0, done.stderr
    return parse_model(CampaignReport, done.stdout.encode())


def begun(site: Site, name: str) -> Omega:
    omega = site.enrolled(name)
    done = omega.run(*BEGIN)
    assert done.code == 0, done.stderr
    return omega


def test_a_campaign_from_its_first_run_to_its_end(site: Site) -> None:
    omega = begun(site, "campaigner")
    assert len(status(omega).planned_unix_us) == 30
    ran = omega.run(*RUN, "--json")
    assert ran.code in TAKEN, ran.stderr
    counted = TAKEN[ran.code]
    record = record_of(omega, ran.json["record_digest"])
    assert record.session.campaign is not None
    assert (record.session.campaign.rule, record.session.campaign.attempt) == (rule(BNETZA).ref, 1)
    assert record.session.campaign.id == status(omega).id
    # Every command is a process of its own: all it knows of the first run stands on the disk.
    again = omega.run(*RUN)
    assert (again.code, again.stdout) == (64, "")
    assert "too early, not before 20" in again.stderr
    assert "the pause between two runs is not over" in again.stderr
    found = status(omega)
    assert (found.phase, found.why, found.done, found.attempts) == (
        Phase.TOO_EARLY,
        Why.GAP,
        counted,
        1,
    )
    report = reported(omega)
    assert (report.valid, report.regulatory.because) == (counted, NotEvaluated.CAMPAIGN_OPEN)
    assert [part.runs for part in report.statistical] == [1, 1] * counted
    assert [part.deviates_ppm for part in report.risks] == [352_561, 60_772, 11_905]
    told = omega.run("campaign", "report", "--lang", "fr")
    assert "35,2561\u00a0%" in told.stdout
    stopped = omega.run("campaign", "stop")
    assert stopped.code == 0
    (kept,) = (omega.home / "campaigns").glob("*.json")
    assert kept.name in stopped.stdout
    assert omega.run("campaign", "status").code == 64


def test_late_in_the_evening_no_day_of_runs_is_begun(site: Site, tmp_path: Path) -> None:
    omega = begun(site, "night owl")
    with hour_in_berlin(tmp_path / "evening", second_of_day=23 * 3_600):
        done = omega.run(*RUN)
    assert (done.code, done.stdout) == (64, "")
    assert "the runs of a day no longer fit into this one" in done.stderr
    assert status(omega).attempts == 0


def test_its_record_is_verified_like_any_other(site: Site, tmp_path: Path) -> None:
    omega = begun(site, "verified")
    file = tmp_path / "run.json"
    assert omega.run(*RUN, "--save", file).code in TAKEN
    assert omega.run("verify", file).code == 0


def test_power_that_goes_in_the_middle_leaves_an_attempt_that_does_not_count(site: Site) -> None:
    omega = begun(site, "power cut")
    run = omega.start("campaign", "run")
    run.await_phase("idle")
    run.signal(signal.SIGKILL)
    run.finish()
    found = status(omega)
    assert (found.phase, found.done, found.attempts) == (Phase.TOO_EARLY, 0, 1)


def test_a_server_that_is_away_makes_no_attempt_and_leaves_a_record(site: Site) -> None:
    omega = begun(site, "dead line")
    site.stop()
    try:
        done = omega.run(*RUN)
        assert done.code == 69
        assert "this was no run of the campaign" in done.stdout
        offline = omega.run("campaign", "status", "--json")
        assert "times go by this device's clock" in offline.stderr
        assert (offline.code, json.loads(offline.stdout)["attempts"]) == (0, 0)
        assert len(omega.outbox()) == 1
    finally:
        site.start()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["start", "--rule", "DE-BNetz"], "no rule is called 'DE-BNetz'", id="no rule"),
        pytest.param(["start", "--rule", BNETZA], "which plan?", id="no plan"),
        pytest.param(
            ["start", "--rule", "DE-BNetzA-2026-mobile", "--plan", PLAN], "a draft", id="a draft"
        ),
        pytest.param(
            ["start", "--rule", "US-FCC-high-cost", "--plan", PLAN],
            "nobody has confirmed in the text when its runs are taken: hours,",
            id="a rule whose hours nobody has confirmed",
        ),
        pytest.param(
            ["start", "--rule", "RS-pravilnik-2023", "--plan", PLAN],
            "it fixes neither the number nor the time of its runs",
            id="a rule that one could stop at will",
        ),
        pytest.param(
            ["start", "--rule", "IT-AGCOM-nemesys", "--plan", PLAN],
            "what no measurement makes: certificate-below-guaranteed, complaint",
            id="a rule that waits for events",
        ),
        pytest.param(
            ["start", "--rule", "EU-2015-2120-contract", "--plan", PLAN],
            "it looks at the contract alone",
            id="a rule about the contract",
        ),
        pytest.param(["start", "--rule", BNETZA, "--plan", "a plan"], "no name of a", id="a name"),
        pytest.param(["run"], "no campaign is under way", id="run without a campaign"),
        pytest.param(["report"], "no campaign is under way", id="report without one"),
        pytest.param(["stop"], "no campaign is under way", id="nothing to stop"),
    ],
)
def test_what_can_not_be_done_is_one_line_and_64(
    omega: Omega, arguments: list[str], words: str
) -> None:
    done = omega.run("campaign", *arguments)
    assert (done.code, done.stdout, done.stderr.count("\n")) == (64, "", 1)
    assert words in done.stderr


def test_the_rules_that_are_known_are_listed_and_told(omega: Omega) -> None:
    listed = omega.run("campaign", "rules").stdout.splitlines()
    assert len(listed) == len({each.id for each in builtin().rules})
    (draft,) = (line for line in listed if line.startswith("DE-BNetzA-2026-mobile (1)"))
    assert "draft: not evaluated" in draft
    assert [line.split()[0] for line in listed if "omega campaign takes it" in line] == [
        RTR,
        BNETZA,
    ]
    told = omega.run("campaign", "rules", "--rule", BNETZA, "--lang", "fr")
    assert "Trente mesures par câble" in told.stdout
    (content,) = json.loads(omega.run("campaign", "rules", "--rule", BNETZA, "--json").stdout)
    assert content["digest"] == rule(BNETZA).digest


def test_a_device_has_one_campaign_at_a_time(site: Site) -> None:
    omega = begun(site, "two at once")
    done = omega.run("campaign", "start", "--rule", RTR, "--plan", PLAN)
    assert done.code == 64
    assert "is under way; a device has one at a time" in done.stderr
    assert status(omega).rule == rule(BNETZA).ref


def test_a_rule_that_is_another_here_is_not_gone_on_with(site: Site) -> None:
    omega = begun(site, "other program")
    file = omega.home / "campaign.json"
    file.write_text(file.read_text().replace(rule(BNETZA).digest, "0" * 64))
    done = omega.run(*RUN)
    assert (done.code, "is another here" in done.stderr) == (64, True)
    file.write_text(file.read_text().replace(BNETZA, "DE-BNetzA-2031"))
    assert "no rule is called 'DE-BNetzA-2031'" in omega.run("campaign", "report").stderr


def record_of(omega: Omega, digest: str) -> Record:
    bundle = parse_bundle((omega.home / "records" / f"{digest}.json").read_bytes())
    return parse_model(Record, parse_envelope(bundle.record.encode()).payload)
