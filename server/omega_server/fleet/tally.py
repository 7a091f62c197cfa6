"""What a batch of records changes: a pure function of what is kept and what they say.

    changes = tallied(what is kept of the lines, facts)

Facts come in the order of the log. One that is older than what is kept of its line (a device that
was without a server for weeks) changes no newer figure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from omega_core.metrics import METRICS, Better
from omega_core.units import PPM, US_PER_S
from omega_server.fleet.bins import bin_of, counted
from omega_server.store.fleet_port import Changes, Kept, LineRow, MetricRow, SpreadKey

WEEK_US: Final = 7 * 86_400 * US_PER_S
_FIRST_MONDAY_US: Final = 4 * 86_400 * US_PER_S  # 1970-01-05; what was before is week 0 as well
NO_SECTOR: Final = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFacts:
    """What one record says of its line."""

    subscriber_ref: str
    plan_id: str
    digest: str
    at_unix_us: int
    verdict: str | None
    metrics: Mapping[str, int]


def week_of(unix_us: int) -> int:
    """Return the number of the week, from Monday to Sunday in UTC, that a time is in."""
    return max(0, (unix_us - _FIRST_MONDAY_US) // WEEK_US)


def week_start_us(week: int) -> int:
    """Return when a week began."""
    return _FIRST_MONDAY_US + week * WEEK_US


def tallied(kept: Kept, facts: Iterable[LineFacts]) -> Changes:
    """Return what facts change in what is kept of their lines."""
    changes = Changes()
    for fact in facts:
        line = changes.lines.get(fact.subscriber_ref) or kept.lines.get(fact.subscriber_ref)
        if line is None or fact.at_unix_us >= line.seen_unix_us:
            changes.lines[fact.subscriber_ref] = _seen(line, fact)
        sector = NO_SECTOR if line is None else line.sector
        for name, value in fact.metrics.items():
            key = fact.subscriber_ref, name
            known = changes.metrics.get(key) or kept.metrics.get(key)
            after = _measured(known, fact, name, value, sector)
            if after is not None:
                _count(changes.spread, known, after)
                changes.metrics[key] = after
    return changes


def moved(kept: Kept, subscriber_ref: str, sector: str) -> Changes:
    """Return what changes when a line is said to be of a sector, whether it was measured or not."""
    changes = Changes()
    line = kept.lines.get(subscriber_ref) or LineRow(
        subscriber_ref=subscriber_ref,
        plan_id="",
        sector=sector,
        verdict=None,
        digest="",
        seen_unix_us=0,
    )
    changes.lines[subscriber_ref] = replace(line, sector=sector)
    for row in kept.metrics.values():
        after = replace(row, sector=sector)
        changes.spread[_key(row)] -= 1
        changes.spread[_key(after)] += 1
        changes.metrics[row.subscriber_ref, row.metric] = after
    return changes


def _seen(line: LineRow | None, fact: LineFacts) -> LineRow:
    verdict = fact.verdict
    if verdict in {None, "invalid"} and line is not None:
        verdict = line.verdict  # a run that says nothing changes nothing
    return LineRow(
        subscriber_ref=fact.subscriber_ref,
        plan_id=fact.plan_id,
        sector=NO_SECTOR if line is None else line.sector,
        verdict=None if verdict == "invalid" else verdict,
        digest=fact.digest,
        seen_unix_us=fact.at_unix_us,
    )


def _measured(
    known: MetricRow | None, fact: LineFacts, name: str, value: int, sector: str
) -> MetricRow | None:
    """Return a metric after one more value; None where what is kept is newer."""
    week = week_of(fact.at_unix_us)
    if known is not None and week < known.week:
        return None
    before = None
    if known is not None:
        before = known.value_before if known.week == week else known.value
    return MetricRow(
        subscriber_ref=fact.subscriber_ref,
        metric=name,
        week=week,
        plan_id=fact.plan_id,
        sector=sector if known is None else known.sector,
        value=value,
        digest=fact.digest,
        value_before=before,
        worse_ppm=None if before is None else worse_ppm(name, before, value),
    )


def worse_ppm(metric: str, before: int, now: int) -> int:
    """Return by how much a metric got worse, of what it was: below 0 where it got better.

    Of a share that counts by what it lacks, and of a loss, it is what is lacking or lost now beyond
    what was, of everything: twice nothing is no finding.
    """
    quantity = METRICS[metric]
    lost = now - before if quantity.better is Better.LOWER else before - now
    if quantity.unit == "ppm":
        return lost
    return lost * PPM // max(1, before)


def _count(spread: Counter[SpreadKey], known: MetricRow | None, after: MetricRow) -> None:
    if known is not None and known.week == after.week:
        spread[_key(known)] -= 1
    spread[_key(after)] += 1


def _key(row: MetricRow) -> SpreadKey:
    number = bin_of(counted(row.metric, row.value))
    return SpreadKey(row.week, row.plan_id, row.sector, row.metric, number)
