"""How urgent a ticket is: rules as data, and the version that a ticket keeps."""

from __future__ import annotations

from dataclasses import replace

import pytest

from omega_server.ticket_life import entries as log
from omega_server.ticket_life.entries import Body, Criticality
from omega_server.ticket_life.priority import (
    CURRENT_RULES,
    RulesError,
    priority_of,
    rules_named,
    rules_of,
)
from support.ticket_story import record, told, zone

RULES = rules_named(CURRENT_RULES)
BLOCKED = record(1, "fail", failed=("reachable_ppm",))
SLOW = record(1, "fail", failed=("goodput_bps_down",))
OVERRIDE = log.CriticalitySet(criticality=Criticality.BLOCKING, reason="a hospital")


@pytest.mark.parametrize(
    ("bodies", "criticality", "priority"),
    [
        pytest.param((), None, 3, id="not measured"),
        pytest.param((BLOCKED,), "blocking", 2, id="no connectivity"),
        pytest.param((record(None, None),), "blocking", 2, id="no session could be had"),
        pytest.param((SLOW,), "degraded", 3, id="a criterion fails"),
        pytest.param((record(1, "pass"),), "minor", 4, id="nothing fails"),
        pytest.param((record(1, "inconclusive"),), "minor", 4, id="nothing is proved"),
        pytest.param((SLOW, record(2, "invalid")), "degraded", 3, id="a spoiled run says nothing"),
        pytest.param((BLOCKED, SLOW), "degraded", 3, id="the newest speaks"),
        pytest.param((record(1, "pass"), OVERRIDE), "blocking", 2, id="a person knows better"),
        pytest.param((SLOW, zone(lines_alike=2)), "degraded", 3, id="two lines alike"),
        pytest.param((SLOW, zone(lines_alike=3)), "degraded", 2, id="three lines alike"),
        pytest.param((SLOW, zone(lines_alike=10)), "degraded", 1, id="ten lines alike"),
        pytest.param((BLOCKED, zone(lines_alike=99)), "blocking", 1, id="none before the first"),
    ],
)
def test_priorities(bodies: tuple[Body, ...], criticality: str | None, priority: int) -> None:
    found = priority_of(told(*bodies), RULES)
    assert (found.criticality, found.priority, found.rules) == (criticality, priority, "standard-1")
    assert found.reason


def test_other_rules_give_other_priorities_and_name_themselves() -> None:
    newer = replace(RULES, version=2, degraded=1)
    old, new = priority_of(told(SLOW), RULES), priority_of(told(SLOW), newer)
    assert (old.priority, new.priority) == (3, 1)
    assert (old.rules, new.rules) == ("standard-1", "standard-2")
    assert old.rules_digest != new.rules_digest


def test_a_ticket_older_than_the_rules_has_the_first() -> None:
    assert rules_named(None).name == "standard-1"


@pytest.mark.parametrize("name", ["standard-99", "../priorities/standard-1"])
def test_there_are_no_such_rules(name: str) -> None:
    with pytest.raises(RulesError):
        rules_named(name)


@pytest.mark.parametrize(
    "change",
    [{"blocking": 0}, {"minor": 5}, {"further": 1}, {"alike": [{"lines": 0, "raise_by": 1}]}],
)
def test_rules_are_checked(change: dict[str, object]) -> None:
    content = {"id": "x", "version": 1, "blocking": 1, "degraded": 2, "minor": 3, "not_known": 2}
    assert rules_of(content).name == "x-1"
    with pytest.raises(RulesError):
        rules_of({**content, **change})
