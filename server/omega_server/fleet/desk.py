"""What the NOC asks of all lines: states of sectors, spreads against plans, what got worse."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from pydantic import BaseModel, ConfigDict

from omega_acceptance.catalogue import Catalogue
from omega_acceptance.errors import PlanUnknownError
from omega_acceptance.promise import first_limit
from omega_core.clock import Clock
from omega_core.metrics import METRICS, Better
from omega_core.units import PPM
from omega_server.fleet.bins import edges_of, is_complement
from omega_server.fleet.tally import moved, week_of, week_start_us
from omega_server.ids import day_of
from omega_server.refusals import Code, RefusalError
from omega_server.store.fleet_port import BinCount, LineRow, MetricRow
from omega_server.store.port import Store

PAGE_MAX: Final = 200
NEVER: Final = "never"
"""What a line is counted under that no judged record was seen of."""


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, from_attributes=True)


class SectorView(_View):
    """Lines of a sector by their last verdict; those of no sector have the empty name."""

    sector: str
    lines: int
    passed: int
    failed: int
    undecided: int
    never: int


class FleetView(_View):
    """Lines and sectors by state: `GET /v1/fleet`."""

    sectors: tuple[SectorView, ...]
    week: int
    week_start_unix_us: int


class BarView(_View):
    """So many lines had a value from `low` to below `high`, in the metric's unit."""

    low: int
    high: int
    lines: int


class SpreadView(_View):
    """How a metric was spread in a week: `GET /v1/fleet/spread`.

    `promise` is what the plan promises of it, `short_lines` how many lines were on its wrong side
    (counted by whole bars: those that the promise falls into are not among them).
    """

    metric: str
    unit: str
    plan_id: str | None
    sector: str | None
    week: int
    week_start_unix_us: int
    lines: int
    bars: tuple[BarView, ...]
    promise: int | None
    is_least: bool
    short_lines: int | None


class WorseView(_View):
    """A line that got worse; the last week's value beside the one of the week before it."""

    subscriber_ref: str
    metric: str
    unit: str
    sector: str
    plan_id: str
    value: int
    value_before: int | None
    worse_ppm: int | None
    digest: str


class WorsePage(_View):
    """Lines that got worse, worst first: `GET /v1/fleet/worse`. `next` is null at the end."""

    metric: str
    week: int
    lines: tuple[WorseView, ...]
    next: str | None


class FleetLineView(_View):
    """A line in a list."""

    subscriber_ref: str
    plan_id: str
    sector: str
    verdict: str | None
    digest: str
    seen_unix_us: int


class FleetLinesPage(_View):
    """Lines by name: `GET /v1/fleet/lines`."""

    lines: tuple[FleetLineView, ...]
    next_after: str | None


class FleetDesk:
    """Answers from what the keeper has tallied."""

    def __init__(self, *, store: Store, catalogue: Catalogue, clock: Clock) -> None:
        self._store = store
        self._catalogue = catalogue
        self._clock = clock

    @property
    def this_week(self) -> int:
        """The week that it is."""
        return week_of(self._clock.unix_us())

    def overview(self) -> FleetView:
        """Return the sectors, by name."""
        counts: dict[str, Counter[str]] = {}
        for each in self._store.fleet.states():
            counts.setdefault(each.sector, Counter())[each.verdict or NEVER] += each.lines
        sectors = tuple(_sector(name, found) for name, found in sorted(counts.items()))
        week = self.this_week
        return FleetView(sectors=sectors, week=week, week_start_unix_us=week_start_us(week))

    def spread(
        self,
        metric: str,
        *,
        plan_id: str | None = None,
        sector: str | None = None,
        week: int | None = None,
    ) -> SpreadView:
        """Return how a metric is spread; raises RefusalError `schema_invalid`."""
        _check(metric)
        week = self.this_week if week is None else week
        counts = self._store.fleet.spread(week, metric, plan_id=plan_id, sector=sector)
        bars = _bars(metric, counts)
        promise, is_least = self._promise(metric, plan_id)
        short = None if promise is None else _short(bars, promise, is_least=is_least)
        return SpreadView(
            metric=metric,
            unit=METRICS[metric].unit,
            plan_id=plan_id,
            sector=sector,
            week=week,
            week_start_unix_us=week_start_us(week),
            lines=sum(each.lines for each in bars),
            bars=bars,
            promise=promise,
            is_least=is_least,
            short_lines=short,
        )

    def worse(
        self,
        metric: str,
        *,
        week: int | None = None,
        sector: str | None = None,
        after: str | None = None,
        count: int = 50,
    ) -> WorsePage:
        """Return what got worse; raises RefusalError `schema_invalid`."""
        _check(metric)
        week = self.this_week if week is None else week
        below = None if after is None else _place_of(after)
        found = self._store.fleet.worse(week, metric, below=below, count=count + 1, sector=sector)
        shown = found[:count]
        more = len(found) > count
        return WorsePage(
            metric=metric,
            week=week,
            lines=tuple(_worse(each) for each in shown),
            next=f"{shown[-1].worse_ppm}.{shown[-1].subscriber_ref}" if more else None,
        )

    def lines(
        self,
        *,
        after: str = "",
        count: int = 50,
        sector: str | None = None,
        verdict: str | None = None,
    ) -> FleetLinesPage:
        """Return lines by name."""
        found = self._store.fleet.lines(
            after=after, count=count + 1, sector=sector, verdict=verdict
        )
        shown: list[LineRow] = list(found[:count])
        return FleetLinesPage(
            lines=tuple(FleetLineView.model_validate(each) for each in shown),
            next_after=shown[-1].subscriber_ref if len(found) > count else None,
        )

    def place(self, subscriber_ref: str, sector: str) -> None:
        """Say of which sector a line is; raises RefusalError `subscriber_unknown`."""
        if self._store.cases.subscriber(subscriber_ref) is None:
            raise RefusalError(Code.SUBSCRIBER_UNKNOWN, f"subscriber {subscriber_ref} is not known")
        self._store.fleet.change(subscriber_ref, lambda kept: moved(kept, subscriber_ref, sector))

    def plans(self) -> tuple[str, ...]:
        """Return every plan that a profile speaks of, by name."""
        return self._catalogue.plan_ids

    def _promise(self, metric: str, plan_id: str | None) -> tuple[int | None, bool]:
        """Return what a plan promises of a metric, and whether that is the least it may be."""
        is_least = METRICS[metric].better is Better.HIGHER
        if plan_id is None:
            return None, is_least
        try:
            profile = self._catalogue.for_plan(plan_id, day_of(self._clock.unix_us()))
        except PlanUnknownError:
            return None, is_least
        found = first_limit(profile, metric)
        return (None, is_least) if found is None else (found[0], found[1] == "at_least")


def _check(metric: str) -> None:
    if metric not in METRICS:
        raise RefusalError(Code.SCHEMA_INVALID, f"{metric} is no metric")


def _sector(name: str, found: Counter[str]) -> SectorView:
    return SectorView(
        sector=name,
        lines=found.total(),
        passed=found["pass"],
        failed=found["fail"],
        undecided=found["inconclusive"],
        never=found[NEVER],
    )


def _bars(metric: str, counts: Iterable[BinCount]) -> tuple[BarView, ...]:
    """Return bars by value, plans together."""
    lines: Counter[int] = Counter()
    for each in counts:
        lines[each.bin] += each.lines
    bars = [_bar(metric, number, count) for number, count in lines.items()]
    return tuple(sorted(bars, key=lambda bar: bar.low))


def _bar(metric: str, number: int, lines: int) -> BarView:
    low, high = (round(edge) for edge in edges_of(number))
    if is_complement(metric):
        low, high = max(0, PPM + 1 - high), max(0, PPM + 1 - low)
    return BarView(low=low, high=max(high, low + 1), lines=lines)


def _short(bars: Iterable[BarView], promise: int, *, is_least: bool) -> int:
    return sum(
        bar.lines for bar in bars if (bar.high <= promise if is_least else bar.low > promise)
    )


def _worse(row: MetricRow) -> WorseView:
    return WorseView(
        subscriber_ref=row.subscriber_ref,
        metric=row.metric,
        unit=METRICS[row.metric].unit,
        sector=row.sector,
        plan_id=row.plan_id,
        value=row.value,
        value_before=row.value_before,
        worse_ppm=row.worse_ppm,
        digest=row.digest,
    )


def _place_of(after: str) -> tuple[int, str]:
    worse, _, line = after.partition(".")
    if not (worse.isascii() and worse.isdigit() and line):
        raise RefusalError(Code.SCHEMA_INVALID, "`after` is what the page before said")
    return int(worse), line
