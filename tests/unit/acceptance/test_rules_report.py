"""A campaign from its first run to its report, over days of a clock that tests move."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from enum import StrEnum
from fractions import Fraction
from typing import get_args
from zoneinfo import ZoneInfo

import pytest

from omega_acceptance.figures import LANGUAGES, Language
from omega_acceptance.layers import Layer
from omega_acceptance.profile import RuleRef
from omega_acceptance.rules import words
from omega_acceptance.rules.campaign import NotPlanned
from omega_acceptance.rules.codes import NotEvaluated, RuleOutcome
from omega_acceptance.rules.reading import builtin
from omega_acceptance.rules.report import (
    CampaignReport,
    PredicatePart,
    campaign_report,
)
from omega_acceptance.rules.rule import Rule, Stat, Status
from omega_acceptance.rules.share_verdict import share_verdict
from omega_acceptance.rules.standing import Phase, Why
from omega_acceptance.rules.state import (
    Attempt,
    CampaignState,
    Contract,
    contract_of,
    in_contract_layer,
)
from omega_acceptance.rules.telling import (
    force_told,
    not_planned_told,
    reason,
    rule_told,
    told,
)
from omega_acceptance.sentences import Words
from omega_core.limits import CAMPAIGN_RUNS_MAX
from omega_core.metrics import Direction
from omega_core.models import model_bytes, parse_model
from omega_core.units import US_PER_S
from omega_core.verdict import Outcome
from support.profiles import changed as changed_profile
from support.profiles import home
from support.rules import BNETZA, FCC, MAX_BPS, MIN_BPS, NORMAL_BPS, RTR, changed, rule

BERLIN = ZoneInfo("Europe/Berlin")
RUN_US = 120 * US_PER_S
BEGIN = int(datetime(2026, 11, 2, 8, tzinfo=UTC).timestamp()) * US_PER_S
CONTRACT = Contract(
    profile=home().ref,
    rate_layer="ip",
    down={"max": MAX_BPS, "normal": NORMAL_BPS, "min": MIN_BPS},
    up={"max": MAX_BPS, "normal": NORMAL_BPS, "min": MIN_BPS},
)


def begun(of: Rule) -> CampaignState:
    return CampaignState(id="CA-1", rule=of.ref, plan_id="P-1", begun_unix_us=BEGIN)


def driven(
    of: Rule, *rates: int | None, up_bps: int | None = None
) -> tuple[CampaignState, int, list[Why | None]]:
    """Drive a campaign by its own calendar; every run finds the next rate, None fails."""
    state, now, waits = begun(of), BEGIN, list[Why | None]()
    for seq, bps in enumerate(rates, start=1):
        standing = state.standing(of, BERLIN, now)
        if standing.phase is Phase.TOO_EARLY:
            waits.append(standing.why)
            assert standing.not_before_unix_us is not None
            one_second_sooner = standing.not_before_unix_us - US_PER_S
            assert state.standing(of, BERLIN, one_second_sooner).phase is Phase.TOO_EARLY
            now = standing.not_before_unix_us
        assert state.standing(of, BERLIN, now).phase is Phase.READY
        state = rebooted(state.opened(seq, now))
        attempt = Attempt(
            seq=seq,
            started_unix_us=now,
            ended_unix_us=now + RUN_US,
            invalid_because="cross_traffic" if bps is None else None,
            down_bps=bps,
            up_bps=bps if up_bps is None else up_bps,
        )
        state = rebooted(state.closed(attempt, CONTRACT))
        now += RUN_US
    return state, now, waits


def rebooted(state: CampaignState) -> CampaignState:
    """The state after it went to the disk and came back."""
    return parse_model(CampaignState, model_bytes(state))


def report_of(of: Rule, state: CampaignState, now: int) -> CampaignReport:
    return campaign_report(state, of, BERLIN, now, builtin())


class TestBnetza:
    RULE = rule(BNETZA)

    def test_thirty_runs_over_three_days_with_their_pauses(self) -> None:
        state, now, waits = driven(self.RULE, *[MAX_BPS] * 30)
        assert waits.count(Why.LONG_GAP) == 3
        assert waits.count(Why.GAP) == 24
        assert waits.count(Why.DAY_DONE) == 2
        days = sorted({run.day for run in state.runs(BERLIN)})
        assert [(day - days[0]).days for day in days] == [0, 2, 4]
        assert state.standing(self.RULE, BERLIN, now).phase is Phase.COMPLETE

    @pytest.mark.parametrize(
        ("short", "outcome"), [(3, RuleOutcome.NO_DEVIATION), (4, RuleOutcome.DEVIATION)]
    )
    def test_the_result_stands_beside_the_verdict(self, short: int, outcome: RuleOutcome) -> None:
        rates = [MAX_BPS] * (30 - short) + [NORMAL_BPS - 1] * short
        state, now, _ = driven(self.RULE, *rates)
        report = report_of(self.RULE, state, now)
        assert (report.phase, report.regulatory.outcome) == (Phase.COMPLETE, outcome)
        for part in report.statistical:
            assert (part.predicate, part.bad_runs, part.runs) == ("normal", short, 30)
            assert part.p0_ppm == 100_000
            assert part.verdict == share_verdict(short, 30, Fraction(1, 10), whole=True)
        assert {part.direction for part in report.statistical} == {*Direction}

    def test_it_says_how_often_a_bare_comparison_is_wrong(self) -> None:
        report = report_of(self.RULE, begun(self.RULE), BEGIN)
        assert [(part.true_share_ppm, part.deviates_ppm) for part in report.risks] == [
            (900_000, 352_561),
            (950_000, 60_772),
            (970_000, 11_905),
        ]
        lines = told(report, self.RULE, "en")
        wrong = (
            "a deviation in 35.2561 % of all campaigns of 30 runs; at 95 %, in 6.0772 %; at 97 %"
        )
        assert any(wrong in line for line in lines)
        assert any("35,2561\u00a0%" in line for line in told(report, self.RULE, "fr"))

    def test_an_open_campaign_has_no_result_and_a_failed_attempt_is_counted(self) -> None:
        state, now, _ = driven(self.RULE, MAX_BPS, None, MAX_BPS)
        report = report_of(self.RULE, state, now)
        assert report.regulatory.because is NotEvaluated.CAMPAIGN_OPEN
        assert (report.attempts, report.valid, report.done) == (3, 2, 2)
        assert all(part.verdict.one_look is None for part in report.statistical)
        assert any("undecided so far" in line for line in told(report, self.RULE, "en"))
        assert (report.phase, report.why) == (Phase.TOO_EARLY, Why.GAP)

    def test_a_void_campaign_says_why_and_on_which_day(self) -> None:
        state, now, _ = driven(self.RULE, *[MAX_BPS] * 9)
        report = report_of(self.RULE, state, now + 2 * 86_400 * US_PER_S)
        assert report.regulatory.because is NotEvaluated.CAMPAIGN_VOID
        assert (report.phase, report.day) == (Phase.VOID, "2026-11-02")
        assert reason(report, "en").endswith("does not have all its runs (2026-11-02)")

    def test_power_that_goes_during_a_run_leaves_an_attempt_that_counts_for_nothing(self) -> None:
        state, now, _ = driven(self.RULE, MAX_BPS)
        state = rebooted(state.opened(2, now + 300 * US_PER_S))
        standing = state.standing(self.RULE, BERLIN, now + 400 * US_PER_S)
        assert (standing.phase, standing.done) == (Phase.TOO_EARLY, 1)
        assert standing.not_before_unix_us == now + (300 + 180 + 300) * US_PER_S
        assert len(state.runs(BERLIN)) == 1

    def test_rates_that_change_on_the_way_make_the_campaign_void(self) -> None:
        state, now, _ = driven(self.RULE, MAX_BPS)
        ended = Attempt(
            seq=2, started_unix_us=now, ended_unix_us=now + RUN_US, down_bps=1, up_bps=1
        )
        other = CONTRACT.model_copy(update={"down": {"max": 1}})
        state = state.opened(2, now).closed(ended, other)
        standing = state.standing(self.RULE, BERLIN, now)
        assert (standing.phase, standing.why) == (Phase.VOID, Why.CONTRACT_CHANGED)
        assert state.attempts[-1].invalid_because == "contract_changed"
        assert state.contract == CONTRACT

    def test_a_new_version_of_the_profile_with_the_same_rates_changes_nothing(self) -> None:
        state, now, _ = driven(self.RULE, MAX_BPS)
        ended = Attempt(
            seq=2, started_unix_us=now, ended_unix_us=now + RUN_US, down_bps=1, up_bps=1
        )
        newer = CONTRACT.model_copy(
            update={"profile": changed_profile(home(), ("version",), 7).ref}
        )
        assert state.opened(2, now).closed(ended, newer).attempts[-1].invalid_because is None

    @pytest.mark.parametrize(
        ("last_day", "void"),
        [
            pytest.param("2026-11-02", False, id="its last day"),
            pytest.param("2026-11-01", True, id="the day after"),
        ],
    )
    def test_a_rule_that_ends_on_the_way_ends_the_campaign(
        self, last_day: str, *, void: bool
    ) -> None:
        ending = changed(self.RULE, effective_until=last_day)
        state, now, _ = driven(self.RULE, MAX_BPS)
        found = state.standing(ending, BERLIN, now + 300 * US_PER_S)
        assert (found.phase is Phase.VOID, found.why is Why.NOT_IN_FORCE) == (void, void)
        assert (found.day == date(2026, 11, 2)) is void
        set_back = state.standing(ending, BERLIN, now - 9 * 86_400 * US_PER_S)
        assert (set_back.phase is Phase.VOID) is void, "the last attempt says which day it is"

    def test_a_rule_that_ends_after_the_last_run_takes_nothing_back(self) -> None:
        ending = changed(self.RULE, effective_until="2026-11-06")
        state, now, _ = driven(ending, *[MAX_BPS] * 30)
        report = report_of(ending, state, now + 90 * 86_400 * US_PER_S)
        assert (report.phase, report.regulatory.outcome) == (
            Phase.COMPLETE,
            RuleOutcome.NO_DEVIATION,
        )

    def test_attempts_without_end_are_too_many(self) -> None:
        failed = Attempt(
            seq=1, started_unix_us=BEGIN, ended_unix_us=BEGIN, invalid_because="tunnel"
        )
        most = begun(self.RULE).model_copy(update={"attempts": (failed,) * CAMPAIGN_RUNS_MAX})
        one_less = most.model_copy(update={"attempts": most.attempts[1:]})
        assert most.standing(self.RULE, BERLIN, BEGIN).why is Why.TOO_MANY
        assert one_less.standing(self.RULE, BERLIN, BEGIN).phase is Phase.TOO_EARLY

    def test_an_attempt_without_a_grant_brings_no_contract(self) -> None:
        state = begun(self.RULE).opened(1, BEGIN)
        ended = Attempt(
            seq=1, started_unix_us=BEGIN, ended_unix_us=BEGIN, invalid_because="no_grant"
        )
        assert state.closed(ended, None).contract is None


class TestRulesThatThePlanNames:
    RULE = rule(BNETZA)
    EU, OURS = RuleRef(id="EU-2015-2120-contract", version=1), RuleRef(id=BNETZA, version=1)

    def report(self, *refs: RuleRef) -> CampaignReport:
        named = CONTRACT.model_copy(update={"rule_refs": refs})
        state, now, _ = driven(self.RULE, MAX_BPS)
        return report_of(self.RULE, state.model_copy(update={"contract": named}), now)

    def test_the_others_stand_beside_the_campaigns_own(self) -> None:
        report = self.report(self.OURS, self.EU)
        assert report.named_by_plan is True
        (other,) = report.beside
        assert (other.id, other.outcome) == (self.EU.id, RuleOutcome.INCOMPLETE)
        lines = told(report, self.RULE, "en")
        assert "Other rules that the plan names:" in lines
        assert not any("does not name" in line for line in lines)

    def test_a_rule_that_the_plan_does_not_name_is_said_to_be_none_of_its(self) -> None:
        report = self.report(self.EU)
        assert (report.named_by_plan, len(report.beside)) == (False, 1)
        assert any("The plan does not name this rule" in x for x in told(report, self.RULE, "en"))

    def test_before_the_first_run_nobody_knows(self) -> None:
        report = report_of(self.RULE, begun(self.RULE), BEGIN)
        assert (report.named_by_plan, report.beside) == (None, ())
        assert not any("name this rule" in line for line in told(report, self.RULE, "en"))


def test_an_attempt_is_named_in_its_record_by_campaign_rule_and_number() -> None:
    state = begun(rule(BNETZA)).opened(1, BEGIN)
    assert (state.next_ref.id, state.next_ref.rule, state.next_ref.attempt) == (
        "CA-1",
        rule(BNETZA).ref,
        2,
    )


def test_a_rule_without_a_campaign_has_no_standing() -> None:
    with pytest.raises(ValueError, match="never begun"):
        begun(rule("EU-2015-2120-contract")).standing(rule("EU-2015-2120-contract"), BERLIN, BEGIN)


def test_a_rule_of_facts_is_told_without_a_verdict() -> None:
    rtr = rule(RTR)
    state, now, _ = driven(rtr, *[MAX_BPS] * 10)
    report = report_of(rtr, state, now)
    (cycle, begun_one) = report.regulatory.cycles
    assert (cycle.tests, cycle.whole, begun_one.tests, begun_one.whole) == (9, True, 1, False)
    text = "\n".join(told(report, rtr, "en"))
    assert "Cycle of 2026-11-02: 120 min, tests: 9\n" in text
    assert "0 min, tests: 1 (too short)" in text
    assert "incomplete" in text
    assert "verdict" not in text.lower()
    assert (report.statistical, report.risks) == ((), ())


def compliant(*predicates: Mapping[str, object]) -> Rule:
    return changed(rule(BNETZA), deviation_if_any=None, compliant_if_all=list(predicates))


def test_a_rule_of_compliance_is_told_in_its_own_words() -> None:
    rate = {"op": ">=", "share": "1/1", "base": "normal"}
    whole = {"id": "all", "stat": "share_of_runs", "run": rate, "op": ">=", "share": "1/1"}
    time = {"id": "time", "stat": "share_of_time", "run": rate, "op": ">=", "share": "9/10"}
    other = compliant(whole, time)
    state, now, _ = driven(other, *[MAX_BPS] * 30)
    report = report_of(other, state, now)
    assert (report.statistical, report.risks) == ((), ()), "a share of one leaves no error"
    lines = told(report, other, "en")
    named = "at least the normally available rate"
    assert f"  ✓ download, {named}: 30 of 30 runs (compliant: 100 % or more)" in lines
    assert f"  ✓ upload, {named}: 100 % of the time (compliant: 90 % or more)" in lines
    assert "Statistical verdict: no share of runs to judge" in lines


def line_of(of: Rule, **fields: object) -> str:
    """The line of a report about one predicate of a rule, in English."""
    (each,) = (each for each in of.predicates if each.id == fields["id"])
    whole = {"stat": each.stat, "op": each.op, "bound": str(each.bound), "direction": None}
    part = PredicatePart.model_validate({**whole, **fields})
    report = report_of(rule(BNETZA), begun(rule(BNETZA)), BEGIN)
    result = report.regulatory.model_copy(update={"predicates": (part,)})
    lines = told(report.model_copy(update={"regulatory": result, "risks": ()}), of, "en")
    return next(line for line in lines if line.startswith(("  ✓", "  ✗")))


def test_a_delay_has_no_direction() -> None:
    line = line_of(rule(FCC), id="delay", found=19, among=20, holds=True)
    assert line == "  ✓ at most 100 ms: 19 of 20 delay tests (compliant: 95 % or more)"


@pytest.mark.parametrize(
    ("found", "holds", "line"),
    [
        (
            1,
            True,
            "  ✗ at least 90 % of the maximum rate: 1 of 3 days (deviation: less than 2 days)",
        ),
        (
            2,
            False,
            "  ✓ at least 90 % of the maximum rate: 2 of 3 days (deviation: less than 2 days)",
        ),
    ],
)
def test_a_sign_says_which_predicate_makes_the_deviation(
    found: int, line: str, *, holds: bool
) -> None:
    assert line_of(rule(BNETZA), id="max", found=found, among=3, holds=holds) == line


def test_the_share_of_a_place_is_named() -> None:
    mobile = rule("DE-BNetzA-2026-mobile")
    line = line_of(mobile, id="est-max", found=3, among=5, holds=False)
    assert "at least the place's share of the estimated maximum rate: 3 of 5 days" in line


@pytest.mark.parametrize(
    ("short", "words"),
    [
        pytest.param(0, "proved by all 30 runs together, undecided if", id="sharper together"),
        pytest.param(4, ": undecided (error at most 5 %). 4 of 30 runs", id="both alike"),
        pytest.param(9, ": disproved (error", id="both certain"),
    ],
)
def test_statistics_say_what_is_proved_and_at_which_error(short: int, words: str) -> None:
    rates = [*[MAX_BPS] * (30 - short), *[NORMAL_BPS - 1] * short]
    state, now, _ = driven(rule(BNETZA), *rates)
    lines = told(report_of(rule(BNETZA), state, now), rule(BNETZA), "en")
    assert any(line.startswith("Statistical verdict") and words in line for line in lines)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_report_in_both_languages(lang: Language) -> None:
    of = rule(BNETZA)
    state, now, _ = driven(of, *[MAX_BPS] * 26, *[NORMAL_BPS - 1] * 4)
    text = "\n".join(told(report_of(of, state, now), of, lang))
    assert "{" not in text
    assert of.title.said(lang) in text
    deviation = {"fr": ": écart", "en": ": deviation"}[lang]
    assert deviation in text
    once = {"fr": " : indécis (erreur d'au plus 5", "en": ": undecided (error at most 5 %)"}[lang]
    assert once in text


@pytest.mark.parametrize(
    ("table", "codes"),
    [
        (words.STATUS, Status),
        (words.OUTCOME, RuleOutcome),
        (words.NOT_EVALUATED, NotEvaluated),
        (words.NOT_PLANNED, NotPlanned),
        (words.PHASE, Phase),
        (words.WHY, Why),
        (words.DIRECTION, Direction),
        (words.COUNTED, Stat),
        (words.STATISTICAL, Outcome),
    ],
)
def test_every_code_has_its_words(table: Mapping[object, Words], codes: type[StrEnum]) -> None:
    assert {*table} == {*codes}
    assert all(each.fr and each.en for each in table.values())


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("of", builtin().rules, ids=lambda each: each.id)
def test_a_rule_is_told_with_its_demands_and_what_is_not_sure(of: Rule, lang: Language) -> None:
    lines = rule_told(of, lang)
    assert lines[0] == of.title.said(lang)
    text = "\n".join(lines)
    assert of.source.act in text
    for said in (*of.demands, *(doubt.taken for doubt in of.doubts)):
        assert said.said(lang) in text
    assert all(each.value in text for each in of.unconfirmed)
    assert "{" not in text


def test_a_draft_is_shown_as_not_evaluated() -> None:
    told_lines = rule_told(builtin().newest("DE-BNetzA-2026-mobile"), "en")
    assert told_lines[1].startswith("DE-BNetzA-2026-mobile (1): draft: not evaluated, ")


@pytest.mark.parametrize(
    ("of", "because", "words"),
    [
        pytest.param(
            "DE-BNetzA-2026-mobile",
            NotPlanned.DRAFT,
            "nobody has confirmed in the text: campaign, est-max",
            id="what keeps a draft one",
        ),
        pytest.param(
            "UK-Ofcom-speeds-codes", NotPlanned.NOT_IN_FORCE, "from 2022-12-21 on", id="from when"
        ),
        pytest.param(
            "US-FCC-high-cost", NotPlanned.HOURS_UNKNOWN, "hours, deferral, delay-tests", id="hours"
        ),
        pytest.param(
            "IT-AGCOM-nemesys",
            NotPlanned.OTHER_EVENTS,
            "makes: certificate-below-guaranteed, complaint",
            id="each event once",
        ),
        pytest.param(
            "UK-Ofcom-speeds-codes", NotPlanned.OTHER_EVENTS, "makes: report", id="a run is ours"
        ),
    ],
)
def test_why_there_is_no_campaign_is_said_of_the_rule(
    of: str, because: NotPlanned, words: str
) -> None:
    assert words in not_planned_told(rule(of), because, "en")
    assert "{" not in not_planned_told(rule(of), because, "fr")


@pytest.mark.parametrize(
    ("begin", "end", "words"),
    [
        ("2021-12-13", "2027-01-31", "in force from 2021-12-13 to 2027-01-31"),
        ("2021-12-13", None, "in force from 2021-12-13 on"),
        (None, "2027-01-31", "in force until 2027-01-31"),
        (None, None, "without a first or a last day"),
    ],
)
def test_from_when_to_when_a_rule_is_in_force(
    begin: str | None, end: str | None, words: str
) -> None:
    of = changed(rule(BNETZA), effective_from=begin, effective_until=end)
    assert force_told(of, "en") == words
    assert words in rule_told(of, "en")[1]


def test_which_text_was_archived_is_told_and_that_none_was() -> None:
    of = rule(BNETZA)
    assert "No copy of the text has been archived" in rule_told(of, "en")
    source = {**of.content()["source"], "read": "original", "text_sha256": "ab" * 32}
    read = changed(of, source=source)
    assert f"Archived copy of the text: SHA-256 {'ab' * 32}" in rule_told(read, "en")
    assert read.digest != of.digest, "another text is another rule"


class TestContract:
    def test_the_rates_of_a_profile(self) -> None:
        contract = contract_of(home())
        assert (contract.profile, contract.rule_refs) == (home().ref, home().rule_refs)
        assert contract.down["normal"] == home().contracted.down.normal_bps
        assert {*contract.up} == {"advertised", "max", "normal", "min"}

    def test_goodput_is_compared_in_the_layer_of_the_contract(self) -> None:
        # 1400 octets of IP carry 1348 of TCP payload: 1,540,572 is the least that makes 1.6 Mbit/s
        assert home().layer is Layer.IP
        assert in_contract_layer(home(), 1_540_572, 4) == 1_600_000
        assert in_contract_layer(home(), 1_540_571, 4) == 1_599_999

    def test_every_layer_of_a_profile_has_a_place_in_the_contract(self) -> None:
        layers = get_args(Contract.model_fields["rate_layer"].annotation)
        assert {*layers} == {*Layer} - {Layer.UDP}
