"""A line's page, and its availability judged by the plan: `GET /v1/lines/...`, `line show`.

What is judged is the plan's one criterion with bounds (`omega_acceptance.decision.availability`),
in the version of its profile that is in force on the last day asked for. A plan that promises
nothing of the kind, or that no profile knows, is said to be so: the figures are shown all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from omega_acceptance.catalogue import Catalogue
from omega_acceptance.decision.availability import Availability
from omega_acceptance.errors import PlanUnknownError
from omega_acceptance.profile import Statistic
from omega_acceptance.watched import availability
from omega_core.availability import Gap, SeenOutage, Unwatched, Watched
from omega_core.clock import Clock
from omega_core.limits import LINE_PAGE_MAX, LINE_RANGE_S_MAX
from omega_core.units import PPM, US_PER_S
from omega_core.verdict import Outcome
from omega_server import subscribers
from omega_server.ids import day_of
from omega_server.lines import watching
from omega_server.lines.page import page_of
from omega_server.lines.showing import outage_view, standing_views, window_views
from omega_server.lines.views import (
    CriterionView,
    GapView,
    HoleView,
    LineAvailabilityView,
    LineView,
    OutageView,
    OutcomeWord,
    UnobservedView,
    WhyOpen,
)
from omega_server.lines.watching import Seen
from omega_server.refusals import Code, RefusalError
from omega_server.store.port import Store

_DAY_US = 86_400 * US_PER_S
_DAYS = 30  # shown where the plan has no window of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The time asked for, None where the plan's is meant, and how much of it is listed.

    `sure_only` leaves out of the list the outages that may be a packet or two that were lost.
    """

    from_unix_us: int | None = None
    to_unix_us: int | None = None
    before_unix_us: int | None = None
    sure_only: bool = False
    limit: int = LINE_PAGE_MAX


@dataclass(frozen=True, slots=True)
class _Listed:
    outages: tuple[OutageView, ...]
    gaps: tuple[GapView, ...]
    next_before_unix_us: int | None


class LineDesk:
    """Answers what is known of a line."""

    def __init__(self, *, store: Store, catalogue: Catalogue, clock: Clock) -> None:
        self._store = store
        self._catalogue = catalogue
        self._clock = clock

    def page(self, subscriber_ref: str) -> LineView:
        """Return the line's page; raises RefusalError `subscriber_unknown`."""
        return page_of(self._store, subscriber_ref, self._clock.unix_us())

    def availability(self, subscriber_ref: str, asked: Asked) -> LineAvailabilityView:
        """Return what was watched of the line, judged.

        Raises RefusalError `subscriber_unknown`, `time_not_taken`.
        """
        now = self._clock.unix_us()
        plan_id = subscribers.known(self._store, subscriber_ref).plan_id
        to_us = now if asked.to_unix_us is None else asked.to_unix_us
        criterion = self._criterion(plan_id, to_us)
        plan_us = (criterion.window_days if criterion else _DAYS) * _DAY_US
        from_us = max(0, to_us - plan_us) if asked.from_unix_us is None else asked.from_unix_us
        _check_time(from_us, to_us)
        seen = watching.seen(self._store, subscriber_ref, from_us, to_us)
        found = availability(seen.watched)
        outcome, why_open = _judged(found, criterion)
        listed = _listed(seen, asked)
        is_watched = found.observed_us > 0
        return LineAvailabilityView(
            subscriber_ref=subscriber_ref,
            plan_id=plan_id,
            from_unix_us=from_us,
            to_unix_us=to_us,
            outcome=outcome,
            why_open=why_open,
            is_plan_window=criterion is not None and to_us - from_us == plan_us,
            criterion=criterion,
            low_ppm=_at_least(found.low) if is_watched else None,
            high_ppm=_at_most(found.high) if is_watched else None,
            pessimistic_ppm=_at_least(found.pessimistic),
            optimistic_ppm=_at_most(found.optimistic),
            observed_us=found.observed_us,
            unobserved_us=found.unobserved_us,
            unobserved=_unobserved(seen.watched),
            outages_count=len(seen.watched.outages),
            sure_outages_count=sum(each.is_sure for each in seen.watched.outages),
            gaps_count=len(seen.watched.gaps),
            outages=listed.outages,
            gaps=listed.gaps,
            next_before_unix_us=listed.next_before_unix_us,
            clock_step_us_largest=_largest_step(seen),
            holes=_holes(seen),
            records=window_views(self._store, seen.windows),
            agents=standing_views(self._store, seen.stands, now),
        )

    def _criterion(self, plan_id: str, on_unix_us: int) -> CriterionView | None:
        try:
            profile = self._catalogue.for_plan(plan_id, day_of(on_unix_us))
        except PlanUnknownError:
            return None
        for each in profile.criteria:
            if each.statistic is Statistic.BOUNDS and isinstance(each.limit, int):
                return CriterionView(
                    profile_id=profile.id,
                    profile_version=profile.version,
                    criterion_id=each.id,
                    limit_ppm=each.limit,
                    window_days=each.window_days or _DAYS,
                    observed_min_ppm=each.observed_min_ppm or 0,
                )
        return None


def _check_time(from_us: int, to_us: int) -> None:
    if from_us >= to_us:
        raise RefusalError(Code.TIME_NOT_TAKEN, "a time ends after it begins")
    if to_us - from_us > LINE_RANGE_S_MAX * US_PER_S:
        days = LINE_RANGE_S_MAX // 86_400
        raise RefusalError(Code.TIME_NOT_TAKEN, f"at most {days} days are looked at together")


def _judged(
    found: Availability, criterion: CriterionView | None
) -> tuple[OutcomeWord, WhyOpen | None]:
    if criterion is None:
        return "not_in_plan", None
    outcome = found.outcome(criterion.limit_ppm, observed_min_ppm=criterion.observed_min_ppm)
    if outcome is not Outcome.INCONCLUSIVE:
        return outcome, None
    observed_min = Fraction(criterion.observed_min_ppm, PPM) * found.window_us
    if found.observed_us == 0 or found.observed_us < observed_min:
        return outcome, "observed_time_too_short"
    return outcome, "inside_bounds"


def _at_least(share: Fraction) -> int:
    """Return a lower bound in whole parts, rounded down: it stays one."""
    return max(0, floor(share * PPM))


def _at_most(share: Fraction) -> int:
    return max(0, ceil(share * PPM))


def _unobserved(watched: Watched) -> tuple[UnobservedView, ...]:
    times: dict[Unwatched, int] = {}
    for gap in watched.gaps:
        times[gap.cause] = times.get(gap.cause, 0) + gap.ended_us - gap.started_us
    return tuple(UnobservedView(cause=cause, unobserved_us=times[cause]) for cause in sorted(times))


def _largest_step(seen: Seen) -> int | None:
    return max((row.clock_step_us for row in seen.windows), key=abs, default=None)


def _holes(seen: Seen) -> tuple[HoleView, ...]:
    return tuple(
        HoleView(
            agent_id=each.agent_id,
            after_seq=each.after_seq,
            before_seq=each.before_seq,
            why=each.why,
        )
        for each in seen.holes
    )


def _listed(seen: Seen, asked: Asked) -> _Listed:
    """Return the newest outages and gaps, together at most `limit`, and where the rest begins.

    Those that begin in the same moment as the last one listed are listed too, so none falls
    between two pages.
    """
    watched = seen.watched
    outages = [each for each in watched.outages if each.is_sure or not asked.sure_only]
    events: list[SeenOutage | Gap] = sorted([*outages, *watched.gaps], key=_begin_of, reverse=True)
    if asked.before_unix_us is not None:
        events = [each for each in events if _begin_of(each) < asked.before_unix_us]
    last_us = _begin_of(events[asked.limit - 1]) if len(events) > asked.limit else None
    shown = [each for each in events if last_us is None or _begin_of(each) >= last_us]
    last = watched.outages[-1] if watched.outages else None
    lasting = last if last and last.until_us in {None, seen.down_until_us} else None
    return _Listed(
        outages=tuple(
            outage_view(each, watched.started_us, watched.ended_us, is_over=each is not lasting)
            for each in shown
            if isinstance(each, SeenOutage)
        ),
        gaps=tuple(
            GapView(started_unix_us=each.started_us, ended_unix_us=each.ended_us, cause=each.cause)
            for each in shown
            if isinstance(each, Gap)
        ),
        next_before_unix_us=last_us if len(shown) < len(events) else None,
    )


def _begin_of(event: SeenOutage | Gap) -> int:
    return event.since_us if isinstance(event, SeenOutage) else event.started_us
