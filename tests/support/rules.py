"""Rules to start from, contracts they are held against, and runs at exact rates."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from omega_acceptance.rules import reading
from omega_acceptance.rules.reading import RULES_DIRECTORY, builtin
from omega_acceptance.rules.results import RunFacts, Situation
from omega_acceptance.rules.rule import Rule
from omega_acceptance.toml_content import read_content
from omega_core.units import US_PER_S

BNETZA, RTR, FCC = "DE-BNetzA-2021-fixed", "AT-RTR-certified", "US-FCC-high-cost"
MAX_BPS, NORMAL_BPS, MIN_BPS = 100_000_000, 80_000_000, 50_000_000
FIRST_DAY = date(2026, 11, 2)
_NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


def rule(rule_id: str) -> Rule:
    """Return the newest version of a shipped rule."""
    return builtin().newest(rule_id)


def file_of(of: Rule) -> str:
    """Return the text of a shipped rule's file."""
    return (RULES_DIRECTORY / f"{of.id}.{of.version}.toml").read_text()


def changed(of: Rule, **values: Any) -> Rule:  # noqa: ANN401 - any JSON value
    """Return a rule with other values; None takes a key out."""
    content = {**copy.deepcopy(of.content()), **values}
    return read_content(reading.FORM, {k: v for k, v in content.items() if v is not None})


def contract(**changes: int | None) -> Situation:
    """Return a contract of 100, 80 and 50 Mbit/s both ways; None takes a rate out."""
    rates: dict[str, int | None] = {"max": MAX_BPS, "normal": NORMAL_BPS, "min": MIN_BPS, **changes}
    named: Any = {base: bps for base, bps in rates.items() if bps is not None}
    return Situation(down=named, up=named)


def runs_on(*days: Sequence[int]) -> list[RunFacts]:
    """Return runs at these rates both ways, one list a day, every second day, six minutes apart."""
    found = []
    for index, rates in enumerate(days):
        day = date.fromordinal(FIRST_DAY.toordinal() + 2 * index)
        for run, bps in enumerate(rates):
            start = int(_NOON.timestamp()) + index * 2 * 86_400 + run * 360
            found.append(run_at(start, day, bps))
    return found


def run_at(start_s: int, day: date, bps: int | None, up_bps: int | None = None) -> RunFacts:
    """Return a run of a minute that found this rate, both ways unless told otherwise."""
    return RunFacts(
        day=day,
        started_unix_us=start_s * US_PER_S,
        ended_unix_us=(start_s + 60) * US_PER_S,
        down_bps=bps,
        up_bps=bps if up_bps is None else up_bps,
    )
