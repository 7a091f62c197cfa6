"""Rules of facts, of events and of contracts at their boundaries."""

from __future__ import annotations

from dataclasses import fields
from datetime import date, timedelta

import pytest

from omega_acceptance.rules.codes import NotEvaluated, RuleOutcome
from omega_acceptance.rules.completeness import evaluate_completeness
from omega_acceptance.rules.facts import evaluate_facts
from omega_acceptance.rules.results import FactsResult, RunFacts, Situation
from omega_acceptance.rules.sequence import Event, evaluate_sequence
from omega_core.metrics import Direction
from omega_core.verdict import Verdict
from support.rules import FIRST_DAY, MAX_BPS, RTR, changed, contract, rule, run_at

DAY_S = 86_400


def cycle(day: int, *, length_s: int = 7_200, step_s: int = 900) -> list[RunFacts]:
    """Tests from ten o'clock of a day on, the last exactly `length_s` after the first."""
    starts = [*range(0, length_s, step_s), length_s]
    on = FIRST_DAY + timedelta(days=day)
    return [run_at(day * DAY_S + 36_000 + start, on, MAX_BPS) for start in starts]


class TestFacts:
    @pytest.mark.parametrize(
        ("cycles", "outcome"),
        [
            pytest.param([cycle(0), cycle(1), cycle(2)], "complete", id="three cycles"),
            pytest.param(
                [cycle(0), cycle(1), cycle(2, length_s=7_199)], "incomplete", id="7,199 s"
            ),
            pytest.param([cycle(0), cycle(1)], "incomplete", id="two cycles"),
            pytest.param([cycle(0), cycle(1), cycle(13)], "complete", id="within 14 days"),
            pytest.param([cycle(0), cycle(1), cycle(14)], "incomplete", id="over 15 days"),
            pytest.param(
                [cycle(0), cycle(4), cycle(9), cycle(14)], "complete", id="the last three count"
            ),
            pytest.param(
                [cycle(0), cycle(1), cycle(2, step_s=1_799)], "complete", id="1,799 s between"
            ),
            pytest.param(
                [cycle(0), cycle(1), cycle(2, step_s=1_800)], "incomplete", id="a test left out"
            ),
        ],
    )
    def test_cycles_on_days(self, cycles: list[list[RunFacts]], outcome: str) -> None:
        result = evaluate_facts(rule(RTR), [run for each in cycles for run in each])
        assert result.outcome == outcome

    def test_three_cycles_on_two_days_are_incomplete(self) -> None:
        evening = [
            run_at(run.started_unix_us // 10**6 + 36_000, run.day, MAX_BPS) for run in cycle(1)
        ]
        result = evaluate_facts(rule(RTR), [*cycle(0), *cycle(1), *evening])
        assert (result.outcome, len(result.cycles)) == (RuleOutcome.INCOMPLETE, 3)
        assert all(each.counts for each in result.cycles)

    def test_it_states_facts_and_has_no_word_for_a_verdict(self) -> None:
        result = evaluate_facts(rule(RTR), [*cycle(0), *cycle(1), *cycle(2)])
        assert [each.tests for each in result.cycles] == [9, 9, 9]
        assert [each.length_us for each in result.cycles] == [7_200_000_000] * 3
        assert not {each.name for each in fields(FactsResult)} & {"verdict", "predicates"}
        assert result.outcome not in {*Verdict, RuleOutcome.DEVIATION, RuleOutcome.COMPLIANT}

    def test_nothing_to_state(self) -> None:
        assert evaluate_facts(rule(RTR), []).because is NotEvaluated.NO_RUNS
        retired = changed(rule(RTR), status="retired")
        assert evaluate_facts(retired, cycle(0)).because is NotEvaluated.RETIRED


def italy(*, second_on_day: int) -> list[Event]:
    certificate = "certificate-below-guaranteed"
    return [
        Event(kind=certificate, day=FIRST_DAY),
        Event(kind="complaint", day=FIRST_DAY + timedelta(days=1)),
        Event(kind=certificate, day=FIRST_DAY + timedelta(days=second_on_day)),
    ]


def britain(*, again_on_day: int, bps: int | None = 49_999_999) -> list[Event]:
    return [
        Event(kind="run", day=FIRST_DAY, down_bps=49_999_999),
        Event(kind="report", day=FIRST_DAY),
        Event(kind="run", day=FIRST_DAY + timedelta(days=again_on_day), down_bps=bps),
    ]


class TestSequence:
    ITALY, BRITAIN = rule("IT-AGCOM-nemesys"), rule("UK-Ofcom-speeds-codes")
    KNOWN = contract(guaranteed_min=50_000_000)

    @pytest.mark.parametrize(
        ("day", "outcome"), [(29, "not_reached"), (30, "reached"), (31, "reached")]
    )
    def test_second_certificate(self, day: int, outcome: str) -> None:
        result = evaluate_sequence(
            self.ITALY, italy(second_on_day=day), self.KNOWN, on=date(2026, 12, 24)
        )
        assert result.outcome == outcome
        leads_out = "exit-without-penalty" if outcome == "reached" else None
        assert result.consequence == leads_out

    @pytest.mark.parametrize(("day", "outcome"), [(30, "not_reached"), (31, "reached")])
    def test_thirty_days_to_restore_the_minimum(self, day: int, outcome: str) -> None:
        result = evaluate_sequence(
            self.BRITAIN, britain(again_on_day=day), self.KNOWN, on=date(2026, 12, 24)
        )
        assert result.outcome == outcome

    def test_what_it_waits_for_and_from_when_on(self) -> None:
        result = evaluate_sequence(
            self.BRITAIN, britain(again_on_day=3), self.KNOWN, on=date(2026, 12, 24)
        )
        assert result.reached == (("below", FIRST_DAY), ("report", FIRST_DAY))
        assert (result.waits_for, result.not_before) == ("still-below", date(2026, 12, 3))

    @pytest.mark.parametrize(
        "bps",
        [
            pytest.param(50_000_000, id="exactly the guaranteed minimum is not below it"),
            pytest.param(None, id="a run that found no rate"),
        ],
    )
    def test_a_run_that_is_no_breach_changes_nothing(self, bps: int | None) -> None:
        result = evaluate_sequence(
            self.BRITAIN, britain(again_on_day=40, bps=bps), self.KNOWN, on=date(2026, 12, 24)
        )
        assert result.outcome is RuleOutcome.NOT_REACHED

    def test_the_first_step_may_come_at_once(self) -> None:
        result = evaluate_sequence(self.ITALY, [], self.KNOWN, on=FIRST_DAY)
        assert (result.waits_for, result.not_before) == ("first", None)

    def test_a_contract_without_the_rate_and_a_rule_not_in_force(self) -> None:
        bare = evaluate_sequence(self.BRITAIN, britain(again_on_day=40), contract(), on=FIRST_DAY)
        assert bare.because is NotEvaluated.CONTRACT_INCOMPLETE
        early = evaluate_sequence(self.BRITAIN, [], self.KNOWN, on=date(2022, 12, 20))
        assert early.because is NotEvaluated.NOT_IN_FORCE


class TestCompleteness:
    RULE = rule("EU-2015-2120-contract")

    def test_a_contract_that_names_every_rate(self) -> None:
        whole = contract(advertised=MAX_BPS)
        result = evaluate_completeness(self.RULE, whole, access="fixed", on=FIRST_DAY)
        assert (result.outcome, result.missing) == (RuleOutcome.COMPLETE, ())

    def test_one_rate_that_is_missing_in_one_direction(self) -> None:
        whole = contract(advertised=MAX_BPS)
        up = dict(whole.up)
        del up["normal"]
        known = Situation(down=whole.down, up=up)
        result = evaluate_completeness(self.RULE, known, access="fixed", on=FIRST_DAY)
        assert (result.outcome, result.missing) == (
            RuleOutcome.INCOMPLETE,
            ((Direction.UP, "normal"),),
        )

    def test_a_mobile_contract_names_others(self) -> None:
        known = contract(estimated_max=MAX_BPS, advertised=MAX_BPS)
        result = evaluate_completeness(self.RULE, known, access="mobile", on=FIRST_DAY)
        assert result.outcome is RuleOutcome.COMPLETE

    def test_a_retired_rule_asks_for_nothing(self) -> None:
        retired = changed(self.RULE, status="retired")
        result = evaluate_completeness(retired, contract(), access="fixed", on=FIRST_DAY)
        assert result.because is NotEvaluated.RETIRED
