"""What operators call to tell agents what to do, and to see who is there to be told."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias, TypeVar

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from omega_core.models import StrictModel
from omega_server.api.exchange import (
    REFUSALS,
    CaseName,
    answer,
    check_operator,
    services_of,
)
from omega_server.envelopes import content
from omega_server.instructing import roll, suppressing
from omega_server.instructing.wishes import (
    AgentsView,
    AgentView,
    DiagnosisWish,
    InstructionView,
    InstructionWish,
    Lifting,
    SuppressionsView,
    SuppressionView,
    SuppressionWish,
    TagsWish,
    Withdrawal,
)

router = APIRouter(responses=REFUSALS)

_WishT = TypeVar("_WishT", bound=StrictModel)
_Name: TypeAlias = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]


def _body(model: type[StrictModel]) -> dict[str, Any]:
    """Return the body that a path takes, for the description of the API."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


async def _wish(request: Request, model: type[_WishT]) -> _WishT:
    check_operator(request)
    return content(model, await request.body())


@router.post(
    "/v1/instructions",
    status_code=201,
    response_model=InstructionView,
    openapi_extra=_body(InstructionWish),
)
async def instruct(request: Request) -> Response:
    """Tell an agent what to do; 200 where the same is under way already."""
    return await _issued(request, await _wish(request, InstructionWish))


@router.post(
    "/v1/tickets/{ticket_id}/diagnosis",
    status_code=201,
    response_model=InstructionView,
    openapi_extra=_body(DiagnosisWish),
)
async def diagnose(request: Request, ticket_id: CaseName) -> Response:
    """Let the line of a ticket be diagnosed by its own agent; 200 where that is under way."""
    return await _issued(request, (await _wish(request, DiagnosisWish)).of(ticket_id))


@router.get("/v1/instructions/{instruction_id}", response_model=InstructionView)
async def instruction(request: Request, instruction_id: _Name) -> Response:
    """Return what became of an instruction so far."""
    check_operator(request)
    services = services_of(request)
    return answer(await services.workers.run(lambda: services.desk.view(instruction_id)))


@router.post(
    "/v1/instructions/{instruction_id}/withdrawal",
    response_model=InstructionView,
    openapi_extra=_body(Withdrawal),
)
async def withdraw(request: Request, instruction_id: _Name) -> Response:
    """Withdraw an instruction; one that has ended stays as it is."""
    said, services = await _wish(request, Withdrawal), services_of(request)
    view = await services.workers.run(
        lambda: services.desk.withdraw(instruction_id, by=said.by, reason=said.reason)
    )
    services.hub.wake(view.agent_id)
    return answer(view)


@router.get("/v1/agents", response_model=AgentsView)
async def agents(request: Request) -> Response:
    """Return every agent: connected or not, when it was last seen, what it is and can do."""
    check_operator(request)
    services = services_of(request)
    now = services.clock.unix_us()
    return answer(await services.workers.run(lambda: roll.call(services.store, now)))


@router.put("/v1/agents/{agent_id}/tags", response_model=AgentView, openapi_extra=_body(TagsWish))
async def tag(request: Request, agent_id: _Name) -> Response:
    """Give an agent the tags that it is called together with others by."""
    said, services = await _wish(request, TagsWish), services_of(request)
    now = services.clock.unix_us()
    return answer(
        await services.workers.run(lambda: roll.tag(services.store, agent_id, said.tags, now))
    )


@router.get("/v1/suppressions", response_model=SuppressionsView)
async def list_suppressions(request: Request) -> Response:
    """Return every suppression, oldest first."""
    check_operator(request)
    services = services_of(request)
    now = services.clock.unix_us()
    return answer(await services.workers.run(lambda: suppressing.every(services.store, now)))


@router.post(
    "/v1/suppressions",
    status_code=201,
    response_model=SuppressionView,
    openapi_extra=_body(SuppressionWish),
)
async def suppress(request: Request) -> Response:
    """Let agents of a tag, or all, measure nothing from now on."""
    said, services = await _wish(request, SuppressionWish), services_of(request)
    now = services.clock.unix_us()
    view = await services.workers.run(lambda: suppressing.suppress(services.store, said, now))
    return answer(view, 201)


@router.post(
    "/v1/suppressions/{suppression_id}/lifting",
    response_model=SuppressionView,
    openapi_extra=_body(Lifting),
)
async def lift(request: Request, suppression_id: _Name) -> Response:
    """End a suppression."""
    said, services = await _wish(request, Lifting), services_of(request)
    now = services.clock.unix_us()
    return answer(
        await services.workers.run(
            lambda: suppressing.lift(services.store, suppression_id, said.by, now)
        )
    )


async def _issued(request: Request, wish: InstructionWish) -> Response:
    services = services_of(request)
    view = await services.workers.run(lambda: services.desk.issue(wish))
    services.hub.wake(view.agent_id)
    return answer(view, 201 if view.is_new else 200)
