"""Campaigns of cycles: a test every interval for some hours, on so many days. Pure.

A cycle that a test is missing from ends there and counts for nothing; another may begin at once, on
the same day too. Only one cycle a day counts. Where the days spread too far the first ones drop out
and later ones take their place, so such a campaign is never lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta, tzinfo

from omega_acceptance.rules.days import begin_of, day_at
from omega_acceptance.rules.facts import cycles_of, days_together
from omega_acceptance.rules.rule import CampaignShape
from omega_acceptance.rules.standing import Phase, Standing, Taken, Why
from omega_core.units import US_PER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class ByCycle:
    """The calendar of one such campaign."""

    shape: CampaignShape
    zone: tzinfo

    def standing(self, taken: Sequence[Taken], now_unix_us: int) -> Standing:
        """Return what may be done now; `taken` are all attempts in the order of time."""
        now = max([now_unix_us, *(each.ended_unix_us for each in taken[-1:])])
        tests = [
            (day_at(each.started_unix_us, self.zone), each.started_unix_us)
            for each in taken
            if each.valid
        ]
        cycles = cycles_of(self.shape, tests)
        counted = {cycle.day for cycle in cycles if cycle.counts}
        done = len(days_together(self.shape, counted))
        if done >= (self.shape.cycles or 0):
            return self._at(Phase.COMPLETE, done)
        if cycles and not cycles[-1].counts:
            # Where it is too late for that test another cycle begins, which may be at once as well.
            due = cycles[-1].started_unix_us + cycles[-1].length_us + self._interval_us
            return self._from(due, Why.INTERVAL, done, now)
        return self._new_cycle(counted, done, now)

    @property
    def _interval_us(self) -> int:
        return (self.shape.interval_s or 0) * US_PER_S

    def _new_cycle(self, counted: set[date], done: int, now: int) -> Standing:
        today = day_at(now, self.zone)
        if today not in counted:
            return self._at(Phase.READY, done)
        return self._from(begin_of(today + timedelta(days=1), self.zone), Why.DAY_DONE, done, now)

    def _from(self, begin: int, why: Why, done: int, now: int) -> Standing:
        if now >= begin:
            return self._at(Phase.READY, done)
        return self._at(Phase.TOO_EARLY, done, why, begin)

    def _at(
        self,
        phase: Phase,
        done: int,
        why: Why | None = None,
        not_before_unix_us: int | None = None,
    ) -> Standing:
        return Standing(
            phase=phase,
            done=done,
            needed=self.shape.cycles or 0,
            why=why,
            not_before_unix_us=not_before_unix_us,
        )
