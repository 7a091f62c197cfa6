"""The zone that one record shows: the same to agent and server."""

from __future__ import annotations

from dataclasses import replace

from omega_acceptance.zone.codes import Zone
from omega_acceptance.zone.given import LineSeen
from omega_acceptance.zone.locate import locate
from omega_acceptance.zone.of_record import zone_of
from omega_core.metrics import Direction
from support.builders import record
from support.facts import evidence
from support.profiles import home
from support.zone_facts import path4, path_facts


def test_a_record_that_did_not_look_at_the_path_shows_none() -> None:
    assert zone_of(record(evidence()), None, None) is None


def test_a_record_of_a_good_path() -> None:
    found = zone_of(record(replace(evidence(), path=path_facts())), None, None)
    assert found is not None
    assert found.zone is Zone.NONE


def test_a_record_of_a_path_that_is_cut() -> None:
    facts = replace(evidence(), path=path_facts(path4(dead_from=2)))
    seen = LineSeen(evidence=facts, metrics=record(facts).metrics)
    assert zone_of(record(facts), None, None) == locate(seen)


def test_the_contracts_least_rate_is_known_where_there_is_a_plan() -> None:
    facts = replace(evidence(), path=path_facts())
    made, plan = record(facts), home()
    least = {each: plan.contracted.rates(each).min_bps for each in Direction}
    seen = LineSeen(
        evidence=made.evidence,
        metrics=made.metrics,
        validity=made.validity,
        least_bps=least,
    )
    assert zone_of(made, None, plan) == locate(seen)
