"""Working days by their golden dates, and the clocks of a ticket."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import omega_server.ticket_life as package
from omega_server.ticket_life import entries as log
from omega_server.ticket_life.calendar import Calendar, CalendarError, calendar, calendar_of
from omega_server.ticket_life.clocks import (
    EtaReport,
    clocks_of,
    eta_report,
    finding_due_unix_us,
    is_unreachable,
    recurs,
    reminders_of,
)
from omega_server.ticket_life.entries import Body
from omega_server.ticket_life.life import life_of
from support.ticket_story import (
    DAY_US,
    HOUR_US,
    MINUTE_US,
    OPENED_UNIX_US,
    READY,
    RESOLVED,
    at,
    consent,
    eta,
    told,
    written,
)

TABLE = Path(package.__file__).parent / "calendars" / "fr-1.toml"
FR = calendar("fr-1")
PARIS = ZoneInfo("Europe/Paris")
TRIED = log.Contacted(channel=log.Channel.PHONE, reached=False, text="no answer")


def paris(text: str) -> int:
    """Return a local time of Paris in microseconds since 1970."""
    moment = datetime.fromisoformat(text).replace(tzinfo=PARIS)
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def with_holiday(day: date) -> Calendar:
    content = tomllib.loads(TABLE.read_text("utf-8"))
    return calendar_of({**content, "holidays": [*content["holidays"], day]})


@pytest.mark.parametrize(
    ("received", "days", "due"),
    [
        pytest.param("2026-11-20T16:00", 2, "2026-11-25T00:00", id="Friday, by internet"),
        pytest.param("2026-11-20T18:00", 2, "2026-11-25T00:00", id="at closing time"),
        pytest.param("2026-11-20T18:01", 2, "2026-11-26T00:00", id="after closing"),
        pytest.param("2026-11-21T10:00", 2, "2026-11-26T00:00", id="Saturday is as late"),
        pytest.param("2026-11-20T16:00", 5, "2026-11-28T00:00", id="in writing"),
        pytest.param("2026-11-10T09:00", 1, "2026-11-13T00:00", id="over Armistice Day"),
        pytest.param("2026-03-27T09:00", 1, "2026-03-31T00:00", id="over the start of summer time"),
        pytest.param("2026-12-31T09:00", 1, "2027-01-05T00:00", id="into the next year"),
    ],
)
def test_working_days(received: str, days: int, due: str) -> None:
    assert FR.due_unix_us(paris(received), days) == paris(due)


def test_a_holiday_moves_the_date() -> None:
    days = with_holiday(date(2026, 11, 23))
    assert days.due_unix_us(paris("2026-11-20T16:00"), 2) == paris("2026-11-26T00:00")
    assert days.digest != FR.digest


@pytest.mark.parametrize(
    ("grade", "found", "due"),
    [
        pytest.param("urgent", "2026-11-20T22:30", "2026-11-21T01:30", id="urgent, at night"),
        pytest.param("serious", "2026-11-20T22:30", "2026-11-21T04:30", id="serious"),
        pytest.param("ordinary", "2026-11-20T16:00", "2026-11-26T00:00", id="ordinary"),
    ],
)
def test_findings(grade: str, found: str, due: str) -> None:
    assert finding_due_unix_us(grade, paris(found), FR) == paris(due)  # type: ignore[arg-type]


def test_a_calendar_does_not_guess() -> None:
    with pytest.raises(CalendarError, match="2029-01-01"):
        FR.is_working(date(2029, 1, 1))
    for name in ("xx-1", "../fr-1"):
        with pytest.raises(CalendarError):
            calendar(name)
    content = tomllib.loads(TABLE.read_text("utf-8"))
    for change in ({"weekdays": 5}, {"first_day": "x"}, {"time_zone": "Nowhere/Here"}):
        with pytest.raises(CalendarError):
            calendar_of({**content, **change})
    with pytest.raises(CalendarError, match="hardly any"):
        calendar_of({**content, "weekdays": []}).working_day_after(date(2026, 1, 1), 1)


# The clocks


def clock(name: str, bodies: tuple[Body, ...], minutes: int) -> tuple[int | None, bool, int | None]:
    entries = written(*bodies)
    now = OPENED_UNIX_US + minutes * MINUTE_US
    found = {each.id: each for each in clocks_of(life_of(entries), entries, FR, now)}
    return found[name].due_unix_us, found[name].missed, found[name].stopped_unix_us


THREE_DAYS_MIN = 3 * 24 * 60


@pytest.mark.parametrize(
    ("minutes", "missed"),
    [
        pytest.param(THREE_DAYS_MIN, False, id="to the second"),
        pytest.param(THREE_DAYS_MIN + 1, True, id="a minute later"),
    ],
)
def test_three_days_to_solve(minutes: int, *, missed: bool) -> None:
    assert clock("solved", READY, minutes) == (OPENED_UNIX_US + 3 * DAY_US, missed, None)


def test_what_is_solved_in_time_stays_so() -> None:
    stopped = OPENED_UNIX_US + 5 * MINUTE_US
    assert clock("solved", RESOLVED, 10**6)[1:] == (False, stopped)


def test_waiting_for_the_customer_stops_the_clock_and_for_stock_does_not() -> None:
    pending = log.Waiting(status="pending", party="customer", reason="r")
    held = log.Waiting(status="held", party="depot", reason="r")
    entries = (*written(*READY), at(10, pending), at(70, log.Resumed(event="e")), at(80, held))
    (solved,) = clocks_of(life_of(entries), entries, FR, OPENED_UNIX_US + 200 * MINUTE_US)
    assert solved.stood_still_us == HOUR_US
    assert solved.due_unix_us == OPENED_UNIX_US + 3 * DAY_US + HOUR_US


def test_a_day_to_be_on_site() -> None:
    sent = (*READY, log.Dispatched(to="v", reason="r", no_remote_reason="r"))
    assert clock("on_site", sent, 24 * 60 + 1)[1:] == (True, None)
    arrived = (*sent, log.Arrived(place="p"))
    assert clock("on_site", arrived, 10**6)[1:] == (False, OPENED_UNIX_US + 6 * MINUTE_US)


def test_the_solution_is_told_within_a_working_day() -> None:
    due = FR.due_unix_us(OPENED_UNIX_US + 5 * MINUTE_US, 1)
    assert clock("solution_told", RESOLVED, 10) == (due, False, None)
    assert clock("solution_told", (*RESOLVED, TRIED), 60 * 24 * 9)[1:] == (True, None)
    answered = (*RESOLVED, consent(6))
    assert clock("solution_told", answered, 10**6)[1:] == (False, OPENED_UNIX_US + 6 * MINUTE_US)


def test_a_year_nobody_entered_gives_no_date() -> None:
    entries = (*written(*READY), at(2 * 366 * 24 * 60 + 60 * 24 * 300, log.Resolved(remedy="r")))
    late = clocks_of(life_of(entries), entries, FR, entries[-1].at_unix_us)[-1]
    assert (late.due_unix_us, late.missed) == (None, False)


# The estimate, its extensions, and their notices


@pytest.mark.parametrize(
    ("bodies", "now", "report"),
    [
        pytest.param((), 100, EtaReport(extensions=0, late=0, missing=0), id="none"),
        pytest.param((eta(60),), 60, EtaReport(extensions=0, late=0, missing=0), id="not yet due"),
        pytest.param((eta(60),), 61, EtaReport(extensions=0, late=0, missing=1), id="nothing told"),
        pytest.param(
            (eta(60), eta(90, told_by=log.Channel.PHONE)),
            61,
            EtaReport(extensions=1, late=0, missing=0),
            id="extended and told in time",
        ),
        pytest.param(
            (eta(60), eta(90)),
            61,
            EtaReport(extensions=1, late=0, missing=1),
            id="extended in time, and not told",
        ),
        pytest.param(
            (eta(2), log.Note(text="x"), eta(90, told_by=log.Channel.PHONE)),
            61,
            EtaReport(extensions=1, late=1, missing=0),
            id="told after it had passed",
        ),
        pytest.param(
            (eta(3), eta(4), log.EtaTold(channel=log.Channel.MAIL)),
            61,
            EtaReport(extensions=1, late=0, missing=1),
            id="told in the last moment, and the second one passed",
        ),
        pytest.param(RESOLVED, 10**6, EtaReport(extensions=0, late=0, missing=0), id="kept"),
    ],
)
def test_notices_are_counted(bodies: tuple[Body, ...], now: int, report: EtaReport) -> None:
    assert eta_report(told(*bodies), OPENED_UNIX_US + now * MINUTE_US) == report


# A customer who does not answer


def test_reminders_are_due_after_a_day_three_and_seven() -> None:
    entries = written(*RESOLVED)
    resolved = OPENED_UNIX_US + 5 * MINUTE_US
    due = [each.due_unix_us - resolved for each in reminders_of(life_of(entries), entries)]
    assert due == [DAY_US, 3 * DAY_US, 7 * DAY_US]
    tried = (*entries, at(6, TRIED), at(24 * 60 + 6, TRIED))
    done = [each.done_unix_us for each in reminders_of(life_of(tried), tried)]
    assert done == [OPENED_UNIX_US + (24 * 60 + 6) * MINUTE_US, None, None]
    answered = (*entries, at(6, consent(6)))
    assert reminders_of(life_of(answered), answered) == ()
    assert reminders_of(told(*READY), written(*READY)) == ()


def test_three_dated_attempts_put_a_ticket_on_the_list_and_do_not_close_it() -> None:
    assert not is_unreachable(told(*RESOLVED, TRIED, TRIED))
    listed = told(*RESOLVED, TRIED, TRIED, TRIED)
    assert is_unreachable(listed)
    assert listed.status == "resolved"
    assert not is_unreachable(told(TRIED, TRIED, *RESOLVED, TRIED)), "sought before the remedy"
    assert not is_unreachable(told(*RESOLVED, TRIED, TRIED, TRIED, consent(9)))


def test_a_fault_of_the_week_before_is_the_same() -> None:
    assert recurs(0, 7 * DAY_US)
    assert not recurs(0, 7 * DAY_US + 1)
