"""The helpdesk's pages: tickets, one ticket, diagnose, and every step with its guards explained.

GET  /helpdesk                       tickets by number
GET  /helpdesk/new, POST             open one
GET  /helpdesk/{ticket}              where it stands, what was found, what comes next
POST /helpdesk/{ticket}/diagnosis    let its line be measured
GET  /helpdesk/{ticket}/progress     the same page's news, as JSON, while that is under way
POST /helpdesk/{ticket}/{step}       take a step
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from omega_server.api.services import Services
from omega_server.envelopes import content
from omega_server.instructing.wishes import DiagnosisWish
from omega_server.pages.doors import Door
from omega_server.pages.forms import Form
from omega_server.pages.frame import Frame, Visit
from omega_server.pages.refused import told
from omega_server.pages.ticket_content import (
    Shown,
    progress_of,
    said_state,
    shown_ticket,
    states,
)
from omega_server.pages.ticket_steps import CHANNELS, STEP_FORMS, entry_of
from omega_server.refusals import Code, RefusalError
from omega_server.ticket_desk import NewTicket, TicketDesk, Wanted, step_model
from omega_server.ticket_life.life import Status
from omega_server.ticket_views import TicketPageView, line_view

_PAGE: Final = 50
_SEE_OTHER: Final = 303
_T = TypeVar("_T")


def router_of(frame: Frame, door: Door, services: Services) -> APIRouter:
    """Return the routes of these pages."""
    return _Helpdesk(frame, door, services).router()


class _Helpdesk:
    def __init__(self, frame: Frame, door: Door, services: Services) -> None:
        self._frame = frame
        self._door = door
        self._services = services

    def router(self) -> APIRouter:
        """Return the routes; the fixed ones before those with a ticket's number."""
        router = APIRouter(prefix="/helpdesk", include_in_schema=False)
        router.add_api_route("", self.tickets, methods=["GET"])
        router.add_api_route("/new", self.new, methods=["GET"])
        router.add_api_route("/new", self.open, methods=["POST"])
        router.add_api_route("/{ticket_id}", self.ticket, methods=["GET"])
        router.add_api_route("/{ticket_id}/progress", self.progress, methods=["GET"])
        router.add_api_route("/{ticket_id}/diagnosis", self.diagnose, methods=["POST"])
        router.add_api_route("/{ticket_id}/{step}", self.step, methods=["POST"])
        return router

    async def tickets(self, request: Request) -> Response:
        """Show tickets by number."""
        visit = self._door.visit(request)
        asked = request.query_params
        wanted = Wanted(status=_status(asked.get("status")), subscriber_ref=asked.get("subscriber"))

        def page() -> TicketPageView:
            found = self._desk.page(after=asked.get("after", ""), count=_PAGE, wanted=wanted)
            lines = tuple(line_view(each) for each in found.tickets)
            return TicketPageView(tickets=lines, next_after=found.next_after)

        return self._frame.page(
            visit,
            "tickets.html",
            page=await self._run(page),
            states=states(visit.wording),
            said_state=lambda state: said_state(visit.wording, state),
            wanted={"status": wanted.status, "subscriber": wanted.subscriber_ref},
        )

    async def new(self, request: Request) -> Response:
        """Show the form that opens a ticket."""
        visit = self._door.visit(request)
        values = {"subscriber_ref": request.query_params.get("subscriber", ""), "channel": "phone"}
        return self._new(visit, Form("new", values))

    async def open(self, request: Request) -> Response:
        """Open a ticket, and go there."""
        visit = self._door.visit(request)
        fields = await self._door.fields(request)
        try:
            asked = content(NewTicket, _json({**fields, "actor": _actor(visit)}))
            ticket = await self._run(lambda: self._services.ticket_opening.open(asked))
        except RefusalError as error:
            return self._new(visit, Form("new", fields, _faults(error)), error)
        return RedirectResponse(f"/helpdesk/{ticket.row.ticket_id}", _SEE_OTHER)

    def _new(self, visit: Visit, form: Form, error: RefusalError | None = None) -> Response:
        return self._frame.page(
            visit,
            "ticket_new.html",
            status=error.kind.status if error else 200,
            form=form,
            channels=[(value, visit.wording.say(said)) for value, said in CHANNELS],
            refusal=told(error, visit.wording) if error else None,
        )

    async def ticket(self, request: Request, ticket_id: str) -> Response:
        """Show a ticket."""
        visit = self._door.visit(request)
        return await self._shown(visit, ticket_id)

    async def progress(self, request: Request, ticket_id: str) -> Response:
        """Tell how far a diagnosis is; the page asks while one is under way."""
        visit = self._door.visit(request)
        shown = await self._run(lambda: self._content(visit, ticket_id))
        return JSONResponse(progress_of(shown), headers={"Cache-Control": "no-store"})

    async def diagnose(self, request: Request, ticket_id: str) -> Response:
        """Let the ticket's line be diagnosed; pressed twice it is one diagnosis."""
        visit = self._door.visit(request)
        fields = await self._door.fields(request)
        asked = {"by": visit.name or "-", "mode": fields.get("mode", "quick")}
        try:
            wish = content(DiagnosisWish, _json(asked)).of(ticket_id)
            view = await self._run(lambda: self._services.desk.issue(wish))
        except RefusalError as error:
            return await self._shown(visit, ticket_id, refusal=error)
        self._services.hub.wake(view.agent_id)
        return RedirectResponse(f"/helpdesk/{ticket_id}#diagnosis", _SEE_OTHER)

    async def step(self, request: Request, ticket_id: str, step: str) -> Response:
        """Take a step; one that is refused is shown again, with what stands in its way."""
        visit = self._door.visit(request)
        fields = await self._door.fields(request)
        known = STEP_FORMS.get(step)
        if known is None:
            raise RefusalError(Code.NOT_FOUND, "there is no such step")
        seen = fields.pop("seen", "")
        wanted = {
            "actor": _actor(visit),
            "entry": entry_of(known, fields, visit.wording.zone),
            "seen": int(seen) if seen.isascii() and seen.isdigit() else None,
        }
        try:
            asked: Any = content(step_model(step), _json(wanted))
            await self._run(lambda: self._desk.act(ticket_id, asked))
        except RefusalError as error:
            form = Form(step, fields, _faults(error))
            return await self._shown(visit, ticket_id, form=form, refusal=error)
        return RedirectResponse(f"/helpdesk/{ticket_id}#log", _SEE_OTHER)

    async def _shown(
        self,
        visit: Visit,
        ticket_id: str,
        *,
        form: Form | None = None,
        refusal: RefusalError | None = None,
    ) -> Response:
        shown = await self._run(lambda: self._content(visit, ticket_id))
        state = Status(shown.ticket.state)
        return self._frame.page(
            visit,
            "ticket.html",
            status=refusal.kind.status if refusal else 200,
            shown=shown,
            form_of=lambda step: form if form and form.id == step else Form(step),
            open_step=form.id if form else None,
            refusal=told(refusal, visit.wording, state) if refusal else None,
            progress=progress_of(shown),
            said_state=lambda state: said_state(visit.wording, state),
            said_choices=lambda field: [
                (value, visit.wording.say(said)) for value, said in field.choices
            ],
        )

    def _content(self, visit: Visit, ticket_id: str) -> Shown:
        return shown_ticket(self._services, ticket_id, visit.wording, visit.now_unix_us)

    @property
    def _desk(self) -> TicketDesk:
        return TicketDesk(self._services.store, self._services.clock)

    async def _run(self, work: Callable[[], _T]) -> _T:
        return await self._services.workers.run(work)


def _actor(visit: Visit) -> dict[str, Any]:
    return {"name": visit.name, "level": visit.level}


def _status(name: str | None) -> Status | None:
    return Status(name) if name in set(Status) else None


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _faults(error: Exception) -> dict[str, str]:
    """Return what is wrong with which field, where the refusal names one."""
    said = str(error)
    name = said.partition(":")[0].rpartition(".")[2].strip()
    return {name: said} if name.isidentifier() else {}
