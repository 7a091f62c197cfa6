"""Schedules: what agents of a tag, or all, measure by themselves, also while the server is away.

    begun --> told with an agent's next check-in --> kept there --> ended: told the same way

Of several that meet an agent the newest holds, so a change is a new schedule. Nothing is sent to
anybody when one is made: an agent asks once a minute, and a schedule has time.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from omega_acceptance.catalogue import Catalogue
from omega_core import limits
from omega_core.clock import Clock
from omega_core.instruction import Schedule
from omega_core.models import Id, StrictModel, UnixUs
from omega_core.verdict import Mode
from omega_server.ids import uuid7
from omega_server.instructing.desk import demand_of
from omega_server.refusals import Code, RefusalError
from omega_server.store.errors import NotThereError
from omega_server.store.port import Store
from omega_server.store.schedule_port import ScheduleRow

_CALM_S = 300  # nobody waits for it: the line may be in use for a while


class ScheduleWish(StrictModel):
    """Agents of a tag, or all, measure by themselves: `POST /v1/schedules`."""

    by: Id
    every_s: Annotated[int, Field(ge=limits.SCHEDULE_S_MIN, le=limits.SCHEDULE_S_MAX)]
    mode: Literal["quick", "standard"] = "quick"
    tag: Id | None = None
    plan_id: Id
    calm_s: Annotated[int, Field(ge=0, le=limits.CALM_S_MAX)] = _CALM_S


class Ending(StrictModel):
    """A schedule ends: `POST /v1/schedules/{schedule_id}/ending`."""

    by: Id


class ScheduleView(StrictModel):
    """One schedule; it holds while `is_in_force`, for those whom no newer one meets."""

    schedule_id: str
    tag: str | None
    every_s: int
    mode: str
    plan_id: str
    bytes_down: int
    bytes_up: int
    calm_s: int
    said_by: str
    since_unix_us: UnixUs
    ended_unix_us: UnixUs | None
    ended_by: str | None
    is_in_force: bool


class SchedulesView(StrictModel):
    """Every schedule, oldest first: `GET /v1/schedules`."""

    schedules: tuple[ScheduleView, ...]


class ScheduleDesk:
    """Begins and ends schedules, and lists them."""

    def __init__(self, *, store: Store, catalogue: Catalogue, clock: Clock) -> None:
        self._store = store
        self._catalogue = catalogue
        self._clock = clock

    def begin(self, wish: ScheduleWish) -> ScheduleView:
        """Keep a schedule from now on; raises RefusalError `plan_unknown`, `mode_unknown`."""
        now = self._clock.unix_us()
        demand = demand_of(self._catalogue, wish.plan_id, Mode(wish.mode), now)
        row = ScheduleRow(
            schedule_id=uuid7(now),
            tag=wish.tag,
            every_s=wish.every_s,
            mode=wish.mode,
            plan_id=wish.plan_id,
            bytes_down=demand.bytes_down,
            bytes_up=demand.bytes_up,
            calm_s=wish.calm_s,
            said_by=wish.by,
            since_unix_us=now,
        )
        self._store.schedules.begin(row)
        return _view(row)

    def end(self, schedule_id: str, by: str) -> ScheduleView:
        """End a schedule; raises RefusalError `schedule_unknown`."""
        now = self._clock.unix_us()
        try:
            return _view(self._store.schedules.end(schedule_id, by=by, at_unix_us=now))
        except NotThereError as error:
            raise RefusalError(Code.SCHEDULE_UNKNOWN, str(error)) from error

    def every(self) -> SchedulesView:
        """Return every schedule there ever was."""
        rows = self._store.schedules.schedules()
        return SchedulesView(schedules=tuple(_view(row) for row in rows))


def in_force(store: Store, agent_id: str) -> Schedule | None:
    """Return the schedule that an agent is to keep: the newest that meets it."""
    current = store.schedules.schedules(in_force=True)
    if not current:
        return None
    tags = store.presence.tags_of(agent_id)
    mine = [row for row in current if row.tag is None or row.tag in tags]
    if not mine:
        return None
    newest = mine[-1]
    return Schedule(
        schedule_id=newest.schedule_id,
        every_s=newest.every_s,
        mode=Mode(newest.mode),
        plan_id=newest.plan_id,
        bytes_down=newest.bytes_down,
        bytes_up=newest.bytes_up,
        calm_s=newest.calm_s,
    )


def _view(row: ScheduleRow) -> ScheduleView:
    return ScheduleView(
        schedule_id=row.schedule_id,
        tag=row.tag,
        every_s=row.every_s,
        mode=row.mode,
        plan_id=row.plan_id,
        bytes_down=row.bytes_down,
        bytes_up=row.bytes_up,
        calm_s=row.calm_s,
        said_by=row.said_by,
        since_unix_us=row.since_unix_us,
        ended_unix_us=row.ended_unix_us,
        ended_by=row.ended_by,
        is_in_force=row.ended_unix_us is None,
    )
