"""Tickets and measurements as TM Forum's TMF621 v5 and TMF653 v4 have them.

A view of what is there, and the same guards: nothing can be done here that could not be done to the
ticket itself. A service test is a signed record: it is read, and never created or changed this way.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, TypeAlias

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import TypeAdapter

from omega_core.limits import TICKETS_PAGE_MAX
from omega_core.record import Record
from omega_core.verdict import Judgement
from omega_server import records, tickets
from omega_server.api.exchange import (
    JSON,
    REFUSALS,
    CaseName,
    RecordName,
    check_operator,
    services_of,
)
from omega_server.api.schemas import body_of
from omega_server.envelopes import stored
from omega_server.refusals import Code, RefusalError
from omega_server.store.port import Store
from omega_server.store.rows import AVAILABILITY_MODE, RecordRow
from omega_server.ticket_desk import Step, TicketDesk
from omega_server.ticket_life.entries import Body
from omega_server.ticket_life.priority import priority_of, rules_named
from omega_server.ticket_views import PriorityView
from omega_server.tickets import Ticket
from omega_server.tmf import service_test, trouble_ticket
from omega_server.tmf.words import Json, chosen

router = APIRouter(responses=REFUSALS)
JSON_PATCH = "application/json-patch+json"
_JUDGEMENT = TypeAdapter(Judgement)
_OFFSET_MAX = 1_000_000

_Fields: TypeAlias = Annotated[str | None, Query(pattern=r"^[A-Za-z@,]{1,512}$")]
_Offset: TypeAlias = Annotated[int, Query(ge=0, le=_OFFSET_MAX)]
_Limit: TypeAlias = Annotated[int, Query(ge=1, le=TICKETS_PAGE_MAX)]


@router.get(trouble_ticket.BASE)
async def list_trouble_tickets(
    request: Request, fields: _Fields = None, offset: _Offset = 0, limit: _Limit = 50
) -> Response:
    """List trouble tickets."""
    check_operator(request)
    services = services_of(request)

    def listed() -> Response:
        rows = services.store.cases.tickets(count=offset + limit)[offset:]
        found = [_ticket(tickets.load(services.store, row.ticket_id)) for row in rows]
        total = services.store.cases.count_tickets()
        return _list([chosen(each, fields) for each in found], total)

    return await services.workers.run(listed)


@router.post(
    trouble_ticket.BASE,
    status_code=201,
    openapi_extra=body_of(trouble_ticket.TroubleTicketCreate),
)
async def create_trouble_ticket(request: Request, fields: _Fields = None) -> Response:
    """Create a trouble ticket; a relatedEntity of role `subscriber` says whose it is."""
    check_operator(request)
    asked = trouble_ticket.new_ticket(await request.body())
    services = services_of(request)
    created = await services.workers.run(lambda: _ticket(services.ticket_opening.open(asked)))
    return _answer(chosen(created, fields), 201, {"Location": created["href"]})


@router.get(f"{trouble_ticket.BASE}/{{ticket_id}}")
async def read_trouble_ticket(
    request: Request, ticket_id: CaseName, fields: _Fields = None
) -> Response:
    """Return a trouble ticket."""
    check_operator(request)
    store = services_of(request).store
    found = await services_of(request).workers.run(lambda: _ticket(tickets.load(store, ticket_id)))
    return _answer(chosen(found, fields))


@router.patch(
    f"{trouble_ticket.BASE}/{{ticket_id}}",
    openapi_extra=body_of(trouble_ticket.TroubleTicketUpdate),
)
async def patch_trouble_ticket(
    request: Request, ticket_id: CaseName, fields: _Fields = None
) -> Response:
    """Add a note by JSON Patch, or change the status by a patch of either kind."""
    check_operator(request)
    data = await request.body()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    steps_of = (
        trouble_ticket.steps_of_operations if kind == JSON_PATCH else trouble_ticket.steps_of_merge
    )
    services = services_of(request)
    desk = TicketDesk(services.store, services.clock)

    def patched() -> Json:
        ticket = tickets.load(services.store, ticket_id)
        for actor, body in steps_of(data, ticket.life):
            step: Step[Body] = Step(actor=actor, entry=body)
            ticket = desk.act(ticket_id, step)
        return _ticket(ticket)

    return _answer(chosen(await services.workers.run(patched), fields))


@router.get(service_test.BASE)
async def list_service_tests(
    request: Request, fields: _Fields = None, offset: _Offset = 0, limit: _Limit = 50
) -> Response:
    """List service tests, in the order in which their records came in."""
    check_operator(request)
    services = services_of(request)

    def listed() -> Response:
        sessions = services.store.sessions
        rows = [
            row
            for digest in sessions.digests(skip=offset, count=limit)
            if (row := sessions.record(digest)) is not None
        ]
        found = [chosen(_test(services.store, row), fields) for row in rows]
        return _list(found, sessions.count_records())

    return await services.workers.run(listed)


@router.get(f"{service_test.BASE}/{{digest}}")
async def read_service_test(
    request: Request, digest: RecordName, fields: _Fields = None
) -> Response:
    """Return a service test: the record with this digest."""
    check_operator(request)
    store = services_of(request).store
    found = await services_of(request).workers.run(
        lambda: _test(store, records.known(store, digest))
    )
    return _answer(chosen(found, fields))


def _ticket(ticket: Ticket) -> Json:
    life = ticket.life
    priority = priority_of(life, rules_named(life.opened.rules))
    return trouble_ticket.trouble_ticket(ticket, PriorityView.model_validate(priority))


def _test(store: Store, row: RecordRow) -> Json:
    if row.mode == AVAILABILITY_MODE:
        raise RefusalError(Code.RECORD_UNKNOWN, "this record is of availability, not of a test")
    record = stored(Record, row.envelope)
    judgement = None if row.judgement is None else _JUDGEMENT.validate_json(row.judgement)
    return service_test.service_test(row, record, judgement, _subscriber(store, record))


def _subscriber(store: Store, record: Record) -> str | None:
    session = record.session
    if session.sheet_id is not None:
        sheet = store.cases.sheet(session.sheet_id)
        return None if sheet is None else sheet.subscriber_ref
    if session.ticket_id is not None:
        ticket = store.cases.ticket(session.ticket_id)
        return None if ticket is None else ticket.subscriber_ref
    return None


def _list(found: list[Json], total: int) -> Response:
    return _answer(found, 200, {"X-Total-Count": str(total), "X-Result-Count": str(len(found))})


def _answer(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:  # noqa: ANN401 - JSON
    body = json.dumps(content, ensure_ascii=False, sort_keys=True).encode()
    return Response(content=body, status_code=status, media_type=JSON, headers=headers)
