"""`omega-server schedule`: what agents measure by themselves."""

from __future__ import annotations

from typing import Annotated

import typer

from omega_core.clock import SystemClock
from omega_core.errors import UsageError
from omega_core.limits import SCHEDULE_S_MAX, SCHEDULE_S_MIN
from omega_core.models import content_of
from omega_server.cli.common import (
    AsJson,
    Data,
    DatabaseUrl,
    Plans,
    known_plans,
    moment,
    name,
    show,
    store_of,
)
from omega_server.instructing.scheduling import ScheduleDesk, ScheduleView, ScheduleWish
from omega_server.store.port import Store

schedules = typer.Typer(help="What agents measure by themselves.", no_args_is_help=True)

_OPERATOR = "operator"
_S_PER_HOUR = 3_600
_HOURS_MIN = SCHEDULE_S_MIN / _S_PER_HOUR
_HOURS_MAX = SCHEDULE_S_MAX / _S_PER_HOUR
_By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who wants it; kept in the log.")]


@schedules.command("begin")
def begin_schedule(
    every_hours: Annotated[
        float,
        typer.Option(
            "--every-hours",
            min=_HOURS_MIN,
            max=_HOURS_MAX,
            help="Each agent at a moment of its own within this time.",
        ),
    ],
    plan: Annotated[str, typer.Option("--plan", metavar="ID", help="Judge by this plan.")],
    *,
    mode: Annotated[
        str, typer.Option("--mode", metavar="quick|standard", help="How closely to look.")
    ] = "quick",
    tag: Annotated[
        str | None, typer.Option(metavar="TAG", help="Agents of this tag; else all.")
    ] = None,
    by: _By = _OPERATOR,
    data: Data = None,
    database: DatabaseUrl = None,
    plans: Plans = None,
    as_json: AsJson = False,
) -> None:
    """Let agents measure by themselves, also while the server is away."""
    if mode not in {"quick", "standard"}:
        raise UsageError("--mode is one of: quick, standard")
    wish = ScheduleWish(
        by=name(by),
        every_s=round(every_hours * _S_PER_HOUR),
        mode="quick" if mode == "quick" else "standard",
        tag=None if tag is None else name(tag),
        plan_id=name(plan),
    )
    with store_of(data, database) as store:
        desk = ScheduleDesk(store=store, catalogue=known_plans(plans, data), clock=SystemClock())
        view = desk.begin(wish)
    show(content_of(view), lambda: [_line(view)], as_json=as_json)


@schedules.command("end")
def end_schedule(
    schedule_id: str,
    by: _By = _OPERATOR,
    data: Data = None,
    database: DatabaseUrl = None,
    *,
    as_json: AsJson = False,
) -> None:
    """End a schedule."""
    with store_of(data, database) as store:
        view = _desk(store).end(name(schedule_id), name(by))
    show(content_of(view), lambda: [_line(view)], as_json=as_json)


@schedules.command("list")
def list_schedules(
    data: Data = None, database: DatabaseUrl = None, *, as_json: AsJson = False
) -> None:
    """List every schedule, oldest first."""
    with store_of(data, database) as store:
        view = _desk(store).every()
    lines = [_line(each) for each in view.schedules]
    show(content_of(view), lambda: lines, as_json=as_json)


def _desk(store: Store) -> ScheduleDesk:
    return ScheduleDesk(store=store, catalogue=known_plans(None, None), clock=SystemClock())


def _line(view: ScheduleView) -> str:
    state = "in force" if view.ended_unix_us is None else f"ended {moment(view.ended_unix_us)}"
    hours = f"every {view.every_s / _S_PER_HOUR:g} h"
    return "  ".join((view.schedule_id, view.tag or "all", hours, view.mode, view.plan_id, state))
