"""A whole campaign through the agent's commands: thirty runs over days that a clock by hand passes.

Server, enrolment, grants, records, receipts and the campaign's file are the real ones. One thing
can't be: a line that is measured while the clock stands still. It answers in the probe's place,
with the facts of a session at the rates that the test gives it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from omega_acceptance.figures import Language
from omega_acceptance.rules.codes import NotEvaluated, RuleOutcome
from omega_acceptance.rules.report import CampaignReport
from omega_acceptance.rules.standing import Phase
from omega_agent import commands_campaign, commands_keep, measuring
from omega_agent.campaign_status import CampaignStatus
from omega_agent.errors import WrongUseError
from omega_agent.home import Home
from omega_agent.surroundings import Surroundings
from omega_agent.texts import Speaker
from omega_core.bundle import parse_bundle
from omega_core.clock import Clock
from omega_core.derive import metrics_of
from omega_core.envelope import parse_envelope
from omega_core.errors import ExitCode, RefusedError
from omega_core.evidence import Attempt
from omega_core.metrics import Direction
from omega_core.models import parse_model
from omega_core.record import Record
from omega_core.units import NS_PER_S, NS_PER_US, US_PER_S
from omega_core.verdict import Fault, Outcome
from omega_probe.events import Emitter
from omega_probe.guide import Guide
from omega_probe.plan import MeasurementPlan, TestPointAccess
from omega_probe.session import SessionResult
from omega_server import enrolment
from support import builders
from support.clock import HandClock
from support.facts import environment, evidence, goodput_run
from support.live_server import listening
from support.rules import BNETZA, rule
from support.server_rig import Rig, make_rig

PLANS = Path(__file__).parents[1] / "support" / "plans"
PLAN = "LAB-CAMPAIGN"  # normal: 3.2 and 1.6 Mbit/s of IP
BERLIN = ZoneInfo("Europe/Berlin")
RUN_S = 40
GOOD_BPS, SHORT_BPS, UP_BPS = 3_850_000, 2_500_000, 1_920_000  # of TCP


@dataclass
class Line:
    """What is measured: each session finds the next rate; None for one that other traffic spoils.

    Where the rates are used up the line is good.
    """

    rates: list[int | None] = field(default_factory=list)

    def run_session(
        self,
        plan: MeasurementPlan,
        access: TestPointAccess,
        *,
        earlier_attempts: Sequence[Attempt],
        clock: Clock,
        emit: Emitter,
        stop: threading.Event,
        guide: Guide | None,
    ) -> SessionResult:
        """Stand in for `omega_probe.session.run_session`; forty seconds pass."""
        assert (access.tcp_port, len(plan.goodput), stop.is_set()) == (8_701, 2, False)
        assert isinstance(clock, HandClock)
        assert emit is not None
        assert guide is None, "only standard sessions have one"
        found = self.rates.pop(0) if self.rates else GOOD_BPS
        started, monotonic_us = clock.unix_us(), clock.monotonic_ns() // NS_PER_US
        clock.pass_ns(RUN_S * NS_PER_S)
        facts = evidence(
            attempts=(*earlier_attempts, *evidence().attempts),
            goodput=(
                goodput_run(Direction.DOWN, rate_bps=found or GOOD_BPS),
                goodput_run(Direction.UP, rate_bps=UP_BPS, run=1),
            ),
        )
        return SessionResult(
            environment=environment(),
            faults=() if found else (Fault.TUNNEL,),
            bytes_down=2_000_000,
            bytes_up=1_000_000,
            duration_us=RUN_S * US_PER_S,
            started_unix_us=started,
            ended_unix_us=started + RUN_S * US_PER_S,
            monotonic_started_us=monotonic_us,
            monotonic_ended_us=monotonic_us + RUN_S * US_PER_S,
            clock_step_us=0,
            suspended_us=0,
            test_point_offset_us=0,
            address=builders.AGENT_ADDRESS,
            evidence=facts,
            metrics=metrics_of(facts),
            observation=None,
        )


@dataclass
class Site:
    """A server, a device enrolled with it, and the line between them."""

    rig: Rig
    home: Path
    line: Line
    capsys: pytest.CaptureFixture[str]

    def around(self, lang: Language = "en", *, as_json: bool = False) -> Surroundings:
        """Everything anew for each command, as after a reboot: what is known stands on the disk."""
        return Surroundings(
            home=Home(self.home),
            speaker=Speaker(lang),
            as_json=as_json,
            progress="none",
            clock=self.rig.clock,
        )

    def printed(self) -> str:
        return self.capsys.readouterr().out

    def begin(self) -> None:
        commands_campaign.start(self.around(), rule_id=BNETZA, plan_id=PLAN)
        self.printed()

    def status(self) -> CampaignStatus:
        self.printed()
        commands_campaign.status(self.around(as_json=True))
        return parse_model(CampaignStatus, self.printed().encode())

    def report(self) -> CampaignReport:
        self.printed()
        commands_campaign.report(self.around(as_json=True))
        return parse_model(CampaignReport, self.printed().encode())

    def told(self, lang: Language) -> str:
        commands_campaign.report(self.around(lang))
        return self.printed()

    def take(self) -> tuple[int, str]:
        code = commands_campaign.take(self.around(), save_to=None)
        return code, self.printed()

    def wait_for_next(self) -> None:
        """Let time pass until a run may be taken, and see that none may a second before."""
        found = self.status()
        if found.not_before_unix_us is None:
            return
        self.rig.clock.pass_ns((found.not_before_unix_us - self.now - US_PER_S) * NS_PER_US)
        with pytest.raises(WrongUseError, match="too early, not before 20"):
            self.take()
        self.rig.clock.pass_ns(NS_PER_S)

    @property
    def now(self) -> int:
        return self.rig.clock.unix_us()


@pytest.fixture
def site(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    line = Line()
    monkeypatch.setattr(measuring, "run_session", line.run_session)
    with make_rig(tmp_path / "server", plans=PLANS) as rig, listening(rig) as url:
        made = Site(rig, tmp_path / "device", line, capsys)
        commands_keep.enrol_device(
            made.around(),
            server=url,
            token=rig.token(),
            server_key=None,
            insecure=False,
            replace=False,
        )
        made.printed()
        yield made


def days(site: Site) -> list[date]:
    """The days in Berlin of the attempts that the campaign's file has."""
    content = json.loads((site.home / "campaign.json").read_text())
    return [
        datetime.fromtimestamp(each["started_unix_us"] // US_PER_S, UTC).astimezone(BERLIN).date()
        for each in content["attempts"]
    ]


@pytest.mark.slow
@pytest.mark.timeout(120)  # thirty grants, records and receipts
def test_thirty_runs_over_three_days_and_both_results_side_by_side(site: Site) -> None:
    site.begin()
    assert len(site.status().planned_unix_us) == 30
    site.line.rates = [None, *[SHORT_BPS] * 4]
    codes = []
    while site.status().phase is not Phase.COMPLETE:
        site.wait_for_next()
        codes.append(site.take()[0])
    assert codes == [ExitCode.INVALID, *[ExitCode.ACCEPTED] * 30]
    first, *_ = taken_on = days(site)
    assert [(day - first).days for day in taken_on] == [0] * 11 + [2] * 10 + [4] * 10
    with pytest.raises(WrongUseError, match="is complete"):
        site.take()
    report = site.report()
    assert (report.attempts, report.valid, report.rule) == (31, 30, rule(BNETZA).ref)
    assert (report.regulatory.outcome, report.named_by_plan) == (RuleOutcome.DEVIATION, True)
    (down, up) = report.statistical
    assert (down.bad_runs, up.bad_runs) == (4, 0)
    assert (down.verdict.one_look, up.verdict.one_look) == (Outcome.INCONCLUSIVE, Outcome.PASS)
    assert "  ✗ download, at least the normally available rate: 26 of 30 runs" in site.told("en")
    assert "  ✗ descendant, au moins le débit normalement disponible : 26 mes" in site.told("fr")


def test_too_early_is_refused_before_anything_is_asked_for(site: Site) -> None:
    site.begin()
    assert site.take()[0] == ExitCode.ACCEPTED
    with pytest.raises(WrongUseError, match="the pause between two runs is not over"):
        site.take()


def test_a_run_tells_how_much_of_the_campaign_there_is(site: Site) -> None:
    site.begin()
    site.take()
    site.wait_for_next()
    _, text = site.take()
    assert "The run counts: number 2 of campaign CA-" in text
    assert f"{BNETZA} (1): not evaluated - it takes a campaign: 2 of 30 runs so far" in text


def test_a_key_that_is_rotated_on_the_way_goes_on_with_the_campaign(site: Site) -> None:
    site.begin()
    site.take()
    before = (site.home / "identity.json").read_text()
    commands_keep.rotate_key(site.around())
    assert (site.home / "identity.json").read_text() != before
    site.printed()
    site.wait_for_next()
    assert site.take()[0] == ExitCode.ACCEPTED
    report = site.report()
    assert (report.attempts, report.valid) == (2, 2)
    kids = {record.agent.kid for record in posted(site)}
    assert len(kids) == 2, "each run by the key that the device had"
    assert {record.session.campaign.id for record in posted(site) if record.session.campaign} == {
        report.id
    }


def test_a_key_that_is_revoked_on_the_way_ends_it_and_what_there_is_can_be_read(site: Site) -> None:
    site.begin()
    site.take()
    (agent,) = site.rig.store.enrolment.agents()
    enrolment.revoke(site.rig.store, agent.agent_id, "stolen", site.now)
    site.wait_for_next()
    with pytest.raises(RefusedError) as refusal:
        site.take()
    assert refusal.value.exit_code is ExitCode.USAGE
    report = site.report()
    assert (report.attempts, report.valid) == (1, 1), "a refusal is no attempt"
    assert report.regulatory.because is NotEvaluated.CAMPAIGN_OPEN


def test_a_day_that_could_not_be_finished_makes_it_void(site: Site) -> None:
    site.begin()
    site.take()
    site.rig.clock.pass_ns(24 * 3_600 * NS_PER_S)
    with pytest.raises(WrongUseError, match="is void: a day that was begun does not have all"):
        site.take()
    report = site.report()
    assert (report.phase, report.regulatory.because) == (Phase.VOID, NotEvaluated.CAMPAIGN_VOID)
    assert site.status().planned_unix_us == ()


def posted(site: Site) -> list[Record]:
    """The records that the device has got a receipt for."""
    return [
        parse_model(Record, parse_envelope(parse_bundle(path.read_bytes()).record.encode()).payload)
        for path in sorted((site.home / "records").glob("*.json"))
    ]
