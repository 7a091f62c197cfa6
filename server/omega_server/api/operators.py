"""What operators read with their token; a device may read a record of its own."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from omega_core.bundle import Bundle
from omega_server import records
from omega_server.api.exchange import (
    REFUSALS,
    CaseName,
    RecordName,
    answer,
    authorization,
    check_operator,
    services_of,
)
from omega_server.views import SheetView, judged_sheet_view

router = APIRouter(responses=REFUSALS)


@router.get("/v1/sheets/{sheet_id}", response_model=SheetView)
async def sheet(request: Request, sheet_id: CaseName) -> Response:
    """Return an installation sheet with its attempts and records."""
    check_operator(request)
    services = services_of(request)
    return answer(await services.workers.run(lambda: judged_sheet_view(services.store, sheet_id)))


@router.get("/v1/records/{digest}", response_model=Bundle)
async def record(request: Request, digest: RecordName) -> Response:
    """Return a record with everything that is needed to check it offline."""
    services = services_of(request)
    scheme, credentials = authorization(request)
    if scheme != "omega":
        check_operator(request)

    def bundle() -> Bundle:
        if scheme == "omega":
            records.check_reader(services.store, credentials, digest, services.clock)
        return records.bundle_of(
            services.store, records.known(services.store, digest), services.key
        )

    return answer(await services.workers.run(bundle))


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(request: Request) -> Response:
    """Return the counters of server and test point, for Prometheus."""
    check_operator(request)
    services = services_of(request)
    text = await services.workers.run(services.metrics.text)
    return Response(content=text, media_type=CONTENT_TYPE_LATEST)
