"""What operators call to have agents measure by themselves."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from omega_server.api.exchange import REFUSALS, CaseName, answer, check_operator, services_of
from omega_server.api.schemas import body_of
from omega_server.envelopes import content
from omega_server.instructing.scheduling import Ending, SchedulesView, ScheduleView, ScheduleWish

router = APIRouter(responses=REFUSALS)


@router.get("/v1/schedules", response_model=SchedulesView)
async def list_schedules(request: Request) -> Response:
    """Return every schedule, oldest first."""
    check_operator(request)
    services = services_of(request)
    return answer(await services.workers.run(services.schedules.every))


@router.post(
    "/v1/schedules",
    status_code=201,
    response_model=ScheduleView,
    openapi_extra=body_of(ScheduleWish),
)
async def begin(request: Request) -> Response:
    """Let agents of a tag, or all, measure by themselves from now on."""
    check_operator(request)
    wish, services = content(ScheduleWish, await request.body()), services_of(request)
    return answer(await services.workers.run(lambda: services.schedules.begin(wish)), 201)


@router.post(
    "/v1/schedules/{schedule_id}/ending",
    response_model=ScheduleView,
    openapi_extra=body_of(Ending),
)
async def end(request: Request, schedule_id: CaseName) -> Response:
    """End a schedule: agents hear of it with their next check-in."""
    check_operator(request)
    said, services = content(Ending, await request.body()), services_of(request)
    return answer(await services.workers.run(lambda: services.schedules.end(schedule_id, said.by)))
