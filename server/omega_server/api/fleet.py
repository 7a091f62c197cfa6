"""What the NOC reads of all lines together."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from omega_core.models import Id, StrictModel
from omega_server.api.exchange import REFUSALS, answer, services_of
from omega_server.api.schemas import body_of
from omega_server.envelopes import content
from omega_server.fleet.desk import (
    PAGE_MAX,
    FleetLinesPage,
    FleetView,
    SpreadView,
    WorsePage,
)

router = APIRouter(responses=REFUSALS)

_Name: TypeAlias = Annotated[str | None, Query(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]
_Metric: TypeAlias = Annotated[str, Query(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
_Week: TypeAlias = Annotated[int | None, Query(ge=0, le=100_000)]
_After: TypeAlias = Annotated[str | None, Query(max_length=100)]
_Count: TypeAlias = Annotated[int, Query(ge=1, le=PAGE_MAX)]
_Line: TypeAlias = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]


class SectorWish(StrictModel):
    """Of which sector a line is: `PUT /v1/lines/{subscriber_ref}/sector`."""

    sector: Id


@router.get("/v1/fleet", response_model=FleetView)
async def fleet(request: Request) -> Response:
    """Return lines and sectors by state."""
    services = services_of(request)
    return answer(await services.workers.run(services.fleet.overview))


@router.get("/v1/fleet/spread", response_model=SpreadView)
async def spread(
    request: Request,
    metric: _Metric,
    plan: _Name = None,
    sector: _Name = None,
    week: _Week = None,
) -> Response:
    """Return how a metric was spread over lines in a week, and what a plan promises of it."""
    services = services_of(request)
    return answer(
        await services.workers.run(
            lambda: services.fleet.spread(metric, plan_id=plan, sector=sector, week=week)
        )
    )


@router.get("/v1/fleet/worse", response_model=WorsePage)
async def worse(
    request: Request,
    metric: _Metric,
    sector: _Name = None,
    week: _Week = None,
    *,
    after: _After = None,
    limit: _Count = 50,
) -> Response:
    """Return the lines that got worse in a week, worst first."""
    services = services_of(request)
    return answer(
        await services.workers.run(
            lambda: services.fleet.worse(metric, sector=sector, week=week, after=after, count=limit)
        )
    )


@router.get("/v1/fleet/lines", response_model=FleetLinesPage)
async def fleet_lines(
    request: Request,
    sector: _Name = None,
    verdict: _Name = None,
    after: _Name = None,
    limit: _Count = 50,
) -> Response:
    """Return lines by name, with what they came to last."""
    services = services_of(request)
    return answer(
        await services.workers.run(
            lambda: services.fleet.lines(
                after=after or "", count=limit, sector=sector, verdict=verdict
            )
        )
    )


@router.put("/v1/lines/{subscriber_ref}/sector", status_code=204, openapi_extra=body_of(SectorWish))
async def place(request: Request, subscriber_ref: _Line) -> Response:
    """Say of which sector a line is: the base station, the exchange, the street."""
    wish, services = content(SectorWish, await request.body()), services_of(request)
    await services.workers.run(lambda: services.fleet.place(subscriber_ref, wish.sector))
    return Response(status_code=204)
