"""Campaigns of so many runs a day on so many days, with pauses. Pure.

    day 1                          no run      day 2                                 day 3
    r r r r r ---long gap--- r r r r r    |    r r r r r ---long gap--- r r r r r  |  ...
      ^ gap                          at least day_gap_min whole days                all in span

A day that has begun must be finished on that day, so it is begun only while all its runs still fit
in. A run lies within its day: what would cross midnight is not started. Pauses are kept from failed
attempts as well, but only valid runs make the campaign or break it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta, tzinfo
from itertools import groupby, pairwise

from omega_acceptance.rules.days import begin_of, day_at
from omega_acceptance.rules.rule import CampaignShape
from omega_acceptance.rules.standing import Phase, Standing, Taken, Why
from omega_core.units import US_PER_S

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ByDay:
    """The calendar of one such campaign; `run_s` is how long a run takes at most."""

    shape: CampaignShape
    zone: tzinfo
    run_s: int

    def standing(self, taken: Sequence[Taken], now_unix_us: int) -> Standing:
        """Return what may be done now; a clock that stands before the last attempt changes nothing.

        `taken` are all attempts in the order of time.
        """
        now = max([now_unix_us, *(each.ended_unix_us for each in taken[-1:])])
        valid = [each for each in taken if each.valid]
        days = self._by_day(valid)
        if void := self._broken(days):
            return self._void(void[0], valid, void[1])
        if len(valid) >= self._needed:
            return self._at(Phase.COMPLETE, valid)
        today = day_at(now, self.zone)
        for day, runs in days:
            if day != today and len(runs) < self._per_day:
                return self._void(Why.DAY_UNFINISHED, valid, day)
        if days and days[-1][0] == today and len(days[-1][1]) < self._per_day:
            return self._same_day(taken, days[-1][1], now)
        return self._next_day(taken, [day for day, _ in days], now)

    @property
    def _needed(self) -> int:
        return self.shape.n or 0

    @property
    def _per_day(self) -> int:
        return self.shape.per_day or 0

    def _by_day(self, valid: Sequence[Taken]) -> list[tuple[date, list[Taken]]]:
        grouped = groupby(valid, key=lambda each: day_at(each.started_unix_us, self.zone))
        return [(day, list(runs)) for day, runs in grouped]

    def _pause_us(self, after: int) -> int:
        """Return the least pause after so many runs of a day."""
        long = self.shape.long_gap
        pause_s = self.shape.gap_s_min or 0
        if long is not None and long.after == after:
            pause_s = max(pause_s, long.s_min)
        return pause_s * US_PER_S

    def _broken(self, days: Sequence[tuple[date, list[Taken]]]) -> tuple[Why, date] | None:
        """Return which of the rule's distances the valid runs do not keep, and on which day."""
        for day, runs in days:
            for after, (earlier, later) in enumerate(pairwise(runs), start=1):
                if later.started_unix_us - earlier.ended_unix_us < self._pause_us(after):
                    return Why.RUNS_TOO_CLOSE, day
        for (first, _), (second, _) in pairwise(days):
            if (second - first).days <= (self.shape.day_gap_min or 0):
                return Why.DAYS_TOO_CLOSE, second
        if days and self._spans_too_long(days[0][0], days[-1][0]):
            return Why.SPAN, days[-1][0]
        return None

    def _spans_too_long(self, first: date, last: date) -> bool:
        most = self.shape.span_days_max
        return most is not None and (last - first).days >= most

    def _fits(self, from_us: int, done: int) -> bool:
        """Say whether the runs of a day that are left fit into it when the next starts then."""
        rest = range(done + 1, self._per_day)
        last_us = from_us + sum(self.run_s * US_PER_S + self._pause_us(after) for after in rest)
        end_us = begin_of(day_at(from_us, self.zone) + _ONE_DAY, self.zone)
        return last_us + self.run_s * US_PER_S <= end_us

    def _same_day(self, taken: Sequence[Taken], runs: Sequence[Taken], now: int) -> Standing:
        valid = [each for each in taken if each.valid]
        done = len(runs)
        short = taken[-1].ended_unix_us + self._pause_us(0)
        not_before = max(short, runs[-1].ended_unix_us + self._pause_us(done))
        today = day_at(now, self.zone)
        earliest = max(now, not_before)
        if day_at(earliest, self.zone) != today or not self._fits(earliest, done):
            return self._void(Why.DAY_UNFINISHED, valid, today)
        if now >= not_before:
            return self._at(Phase.READY, valid)
        why = Why.LONG_GAP if self._pause_us(done) > self._pause_us(0) else Why.GAP
        return self._at(Phase.TOO_EARLY, valid, why, not_before)

    def _next_day(self, taken: Sequence[Taken], days: Sequence[date], now: int) -> Standing:
        """Return when the next day of measuring may begin."""
        valid = [each for each in taken if each.valid]
        apart = timedelta(days=1 + (self.shape.day_gap_min or 0))
        today = day_at(now, self.zone)
        pause_end = taken[-1].ended_unix_us + self._pause_us(0) if taken else now
        day = max([today, *(last + apart for last in days[-1:])])
        begin = max(now, pause_end, begin_of(day, self.zone))
        why = Why.GAP
        if day != today:
            why = Why.DAY_DONE if today == days[-1] else Why.DAY_GAP
        if not self._fits(begin, 0):
            begin = begin_of(day_at(begin, self.zone) + _ONE_DAY, self.zone)
            why = Why.DAY_TOO_SHORT
        last = day_at(begin, self.zone) + apart * ((self.shape.days or 0) - len(days) - 1)
        if days and self._spans_too_long(days[0], last):
            return self._void(Why.SPAN, valid, last)
        if begin <= now:
            return self._at(Phase.READY, valid)
        return self._at(Phase.TOO_EARLY, valid, why, begin)

    def _at(
        self,
        phase: Phase,
        valid: Sequence[Taken],
        why: Why | None = None,
        not_before_unix_us: int | None = None,
    ) -> Standing:
        return Standing(
            phase=phase,
            done=len(valid),
            needed=self._needed,
            why=why,
            not_before_unix_us=not_before_unix_us,
        )

    def _void(self, why: Why, valid: Sequence[Taken], day: date) -> Standing:
        return Standing(phase=Phase.VOID, done=len(valid), needed=self._needed, why=why, day=day)
