"""What follows from the facts is made again: metrics, and the verdict by the rules of its time."""

from __future__ import annotations

from typing import Any

import pytest

from omega_core.verdict import Verdict
from support.agent_story import Story
from support.facts import evidence, idle_stream
from support.verified import checked, content, record_with


@pytest.mark.parametrize("value", [0, 300_000_000])
def test_a_metric_that_is_less_or_more_than_the_evidence_gives_is_found(value: int) -> None:
    plain = content()
    plain["metrics"]["goodput_bps_down"]["value"] = value
    assert checked(record_with(plain)).failed == "metrics_mismatch"


def judged_by(rules: int | None) -> Any:  # noqa: ANN401 - JSON
    plain = content()
    plain["preview"]["rules"] = rules
    return plain


@pytest.mark.parametrize("rules", [1, 2])
def test_a_record_is_judged_again_by_the_rules_it_was_judged_by(rules: int) -> None:
    report = checked(record_with(judged_by(rules), rules=rules))
    assert (report.failed, report.verdict) == (None, Verdict.INCONCLUSIVE)


def test_a_judgement_that_names_no_rules_was_made_by_the_first() -> None:
    older = judged_by(None)
    del older["preview"]["rules"]
    assert checked(record_with(older)).failed is None


def test_rules_of_a_newer_program_are_not_guessed() -> None:
    report = checked(record_with(judged_by(99)))
    assert report.failed == "verdict_mismatch"
    assert "rules 99 need a newer program" in str(report.detail)


def test_a_receipt_by_other_rules_is_judged_again_by_those() -> None:
    """The server may be a version behind: six of a hundred packets are late, and five allowed."""
    late = [500_000 if at % 16 == 0 else 20_000 for at in range(1_000)]
    made = Story(evidence=evidence(idle=(idle_stream(rtt_us=late),)))
    stated = made.sealed_record().record.preview
    assert stated is not None
    assert (stated.rules, stated.verdict) == (2, Verdict.INCONCLUSIVE)
    assert checked(made.bundle(rules=1, verdict=Verdict.FAIL)).failed is None
    for rules, verdict in ((1, Verdict.INCONCLUSIVE), (2, Verdict.FAIL)):
        found = checked(made.bundle(rules=rules, verdict=verdict))
        assert found.failed == "verdict_mismatch"
