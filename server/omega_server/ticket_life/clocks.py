"""The clocks of a ticket: pure functions of its log and a calendar, so they can be replayed.

| clock | from | until | limit | stands still |
| --- | --- | --- | --- | --- |
| on_site | opened | somebody arrives; shown once somebody was sent | 24 h | while pending |
| solved | opened | resolved | 3 days of 24 h | while pending |
| solution_told | resolved | the customer is reached, or answers | 1 working day | never |

`pending` waits for the customer, so what was promised to them may wait too; `held` waits for a
third party or stock, which is the operator's own affair. A fault that returns begins nothing anew:
`solved` runs on from the opening. The estimate has notices of its own: an extension is named and
told before the old estimate has passed, else it is counted as late, or as missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from omega_server.ticket_life import entries as log
from omega_server.ticket_life.calendar import DAY_US, HOUR_US, Calendar, CalendarError
from omega_server.ticket_life.entry import Entry
from omega_server.ticket_life.life import Life, Status, StatusChange

ON_SITE_US = 24 * HOUR_US
SOLVED_US = 3 * DAY_US
SOLUTION_TOLD_WORKING_DAYS = 1
RECURRENCE_US = 7 * DAY_US
"""The same fault within this time belongs with the ticket before."""
REMINDERS_US = (DAY_US, 3 * DAY_US, 7 * DAY_US)
"""When a customer who has not answered is asked again, counted from the remedy."""
ATTEMPTS_BEFORE_UNREACHABLE = 3
_FINDING_US: Mapping[str, int] = MappingProxyType({"urgent": 3 * HOUR_US, "serious": 6 * HOUR_US})
_FINDING_WORKING_DAYS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockState:
    """One clock: when it is due, and when it was stopped; None while it runs.

    `due_unix_us` is None where the calendar does not speak of that day: nobody entered its year.
    """

    id: str
    started_unix_us: int
    due_unix_us: int | None
    stopped_unix_us: int | None
    stood_still_us: int
    missed: bool
    calendar: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EtaReport:
    """How well the customer was told: extensions in time, late, and missing altogether."""

    extensions: int
    late: int
    missing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder:
    """A customer is to be asked again; `done_unix_us` is the attempt that followed."""

    due_unix_us: int
    done_unix_us: int | None


def clocks_of(
    life: Life, entries: Sequence[Entry], calendar: Calendar, now_unix_us: int
) -> tuple[ClockState, ...]:
    """Return the ticket's clocks as they stand now."""
    ended = life.history[-1].at_unix_us if life.ended else None
    clocks = [
        _running("solved", life, SOLVED_US, _first(life.resolved_unix_us, ended), now_unix_us)
    ]
    if life.dispatched:
        arrived = next((e.at_unix_us for e in entries if isinstance(e.body, log.Arrived)), None)
        clocks.append(_running("on_site", life, ON_SITE_US, _first(arrived, ended), now_unix_us))
    if life.resolved_unix_us is not None:
        clocks.append(_told(life.resolved_unix_us, entries, calendar, now_unix_us))
    return tuple(clocks)


def eta_report(life: Life, now_unix_us: int) -> EtaReport:
    """Count the extensions of the estimate, and those that came late or not at all."""
    late = missing = 0
    until = life.resolved_unix_us
    if until is None:
        until = life.history[-1].at_unix_us if life.ended else now_unix_us
    for eta, following in zip(life.etas, (*life.etas, None)[1:], strict=True):
        if eta.eta_unix_us >= until:
            continue  # it was kept, or has not come yet
        told = None if following is None else following.notified_at_unix_us
        if told is None:
            missing += 1
        elif told > eta.eta_unix_us:
            late += 1
    return EtaReport(extensions=max(0, len(life.etas) - 1), late=late, missing=missing)


def reminders_of(life: Life, entries: Iterable[Entry]) -> tuple[Reminder, ...]:
    """Return when a customer who has not answered is asked again; empty once they have."""
    since = life.resolved_unix_us
    if since is None or life.status is not Status.RESOLVED or life.consent is not None:
        return ()
    tried = [e.at_unix_us for e in entries if _asks(e) and e.at_unix_us >= since]
    found = []
    for after_us in REMINDERS_US:
        due = since + after_us
        done = next((at for at in tried if at >= due), None)
        if done is not None:
            tried = [at for at in tried if at > done]
        found.append(Reminder(due_unix_us=due, done_unix_us=done))
    return tuple(found)


def finding_due_unix_us(
    grade: Literal["urgent", "serious", "ordinary"], at_unix_us: int, calendar: Calendar
) -> int:
    """Return when a finding has had its first response, at the latest."""
    if grade in _FINDING_US:
        return at_unix_us + _FINDING_US[grade]
    return calendar.due_unix_us(at_unix_us, _FINDING_WORKING_DAYS)


def is_unreachable(life: Life) -> bool:
    """Say whether a resolved ticket stands on the list of customers nobody could reach."""
    waits = life.status is Status.RESOLVED and life.consent is None
    return waits and len(life.unreached) >= ATTEMPTS_BEFORE_UNREACHABLE


def recurs(closed_unix_us: int, now_unix_us: int) -> bool:
    """Say whether a fault reported now is still the one of a ticket closed then."""
    return now_unix_us - closed_unix_us <= RECURRENCE_US


def _running(
    name: str, life: Life, limit_us: int, stopped: int | None, now_unix_us: int
) -> ClockState:
    until = now_unix_us if stopped is None else stopped
    stood_still = _pending_us(life.history, until)
    due = life.opened_unix_us + limit_us + stood_still
    return ClockState(
        id=name,
        started_unix_us=life.opened_unix_us,
        due_unix_us=due,
        stopped_unix_us=stopped,
        stood_still_us=stood_still,
        missed=until > due,
        calendar=None,
    )


def _told(
    resolved_unix_us: int, entries: Iterable[Entry], calendar: Calendar, now_unix_us: int
) -> ClockState:
    try:
        due = calendar.due_unix_us(resolved_unix_us, SOLUTION_TOLD_WORKING_DAYS)
    except CalendarError:
        due = None
    told = next(
        (e.at_unix_us for e in entries if _reaches(e) and e.at_unix_us >= resolved_unix_us), None
    )
    return ClockState(
        id="solution_told",
        started_unix_us=resolved_unix_us,
        due_unix_us=due,
        stopped_unix_us=told,
        stood_still_us=0,
        missed=due is not None and (now_unix_us if told is None else told) > due,
        calendar=calendar.name,
    )


def _pending_us(history: Sequence[StatusChange], until_unix_us: int) -> int:
    """Return how long the ticket waited for its customer."""
    total = 0
    ends = (*(change.at_unix_us for change in history[1:]), until_unix_us)
    for change, end in zip(history, ends, strict=True):
        if change.status is Status.PENDING:
            total += max(0, min(end, until_unix_us) - change.at_unix_us)
    return total


def _first(*moments: int | None) -> int | None:
    return min((each for each in moments if each is not None), default=None)


def _asks(entry: Entry) -> bool:
    return isinstance(entry.body, log.Contacted)


def _reaches(entry: Entry) -> bool:
    body = entry.body
    return isinstance(body, log.Consent) or (isinstance(body, log.Contacted) and body.reached)
