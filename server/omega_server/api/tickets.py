"""The helpdesk's interface: tickets are opened, read, listed, worked on, packed for others.

Each step has an address of its own, `POST /v1/tickets/{ticket_id}/{step}`, with the body of
`Step`: who does it, what, and the place they had seen. Routes are made from the table of entries,
so a step that is added there has its address, and its schema in the OpenAPI document.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeAlias

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from omega_core.limits import TICKETS_PAGE_MAX
from omega_core.models import StrictModel
from omega_server.api.exchange import REFUSALS, CaseName, answer, check_operator, services_of
from omega_server.api.schemas import body_of
from omega_server.envelopes import content
from omega_server.ticket_desk import NewTicket, TicketDesk, Wanted, step_model
from omega_server.ticket_life.entries import KINDS, STEPS
from omega_server.ticket_life.life import Status
from omega_server.ticket_package import package_of
from omega_server.ticket_views import (
    TicketLifeView,
    TicketPageView,
    life_view,
    line_view,
    shown,
)

router = APIRouter(responses=REFUSALS)
ZIP = "application/zip"

_CaseText: TypeAlias = Annotated[str | None, Query(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]
_Count: TypeAlias = Annotated[int, Query(ge=1, le=TICKETS_PAGE_MAX)]
_Level: TypeAlias = Annotated[int | None, Query(ge=1, le=4)]


@router.post(
    "/v1/tickets",
    response_model=TicketLifeView,
    status_code=201,
    openapi_extra=body_of(NewTicket),
)
async def open_ticket(request: Request) -> Response:
    """Open a ticket; its number is kept for ever."""
    check_operator(request)
    asked = content(NewTicket, await request.body())
    services = services_of(request)

    def opened() -> TicketLifeView:
        ticket = services.ticket_opening.open(asked)
        return life_view(services.store, ticket, services.clock.unix_us())

    return answer(await services.workers.run(opened), 201)


@router.get("/v1/tickets", response_model=TicketPageView)
async def list_tickets(
    request: Request,
    after: _CaseText = None,
    limit: _Count = 50,
    status: Status | None = None,
    subscriber: _CaseText = None,
    *,
    unreachable: bool | None = None,
) -> Response:
    """Return tickets by number, after the number that is named."""
    check_operator(request)
    services = services_of(request)
    desk = TicketDesk(services.store, services.clock)
    wanted = Wanted(status=status, unreachable=unreachable, subscriber_ref=subscriber)

    def page() -> TicketPageView:
        found = desk.page(after=after or "", count=limit, wanted=wanted)
        lines = tuple(line_view(each) for each in found.tickets)
        return TicketPageView(tickets=lines, next_after=found.next_after)

    return answer(await services.workers.run(page))


@router.get("/v1/tickets/{ticket_id}", response_model=TicketLifeView)
async def ticket(request: Request, ticket_id: CaseName) -> Response:
    """Return a ticket with its life and its diagnostics."""
    check_operator(request)
    services = services_of(request)
    now = services.clock.unix_us()
    return answer(await services.workers.run(lambda: shown(services.store, ticket_id, now)))


@router.get(
    "/v1/tickets/{ticket_id}/package",
    response_class=Response,
    responses={200: {"content": {ZIP: {"schema": {"type": "string", "format": "binary"}}}}},
)
async def package(request: Request, ticket_id: CaseName, level: _Level = None) -> Response:
    """Return the escalation package; for level 4 without anything personal."""
    check_operator(request)
    services = services_of(request)

    def packed() -> bytes:
        return package_of(services.store, ticket_id, services.key, level=level)

    return Response(
        content=await services.workers.run(packed),
        media_type=ZIP,
        headers={"Content-Disposition": f'attachment; filename="{ticket_id}.zip"'},
    )


def _step(kind: str) -> Callable[..., Awaitable[Response]]:
    model: type[StrictModel] = step_model(kind)

    async def act(request: Request, ticket_id: CaseName) -> Response:
        check_operator(request)
        step: Any = content(model, await request.body())
        services = services_of(request)
        desk = TicketDesk(services.store, services.clock)

        def acted() -> TicketLifeView:
            return life_view(services.store, desk.act(ticket_id, step), services.clock.unix_us())

        return answer(await services.workers.run(acted))

    return act


for _kind in STEPS:
    router.add_api_route(
        f"/v1/tickets/{{ticket_id}}/{_kind}",
        _step(_kind),
        methods=["POST"],
        name=f"ticket_{_kind}",
        summary=(KINDS[_kind].__doc__ or "").partition("\n")[0],
        response_model=TicketLifeView,
        openapi_extra=body_of(step_model(_kind)),
    )
