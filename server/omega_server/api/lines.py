"""What operators call about lines: a line's page, its availability, where an agent stands."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, TypeAlias

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from omega_core.facts import INTEGER_MAX
from omega_core.limits import LINE_PAGE_MAX
from omega_core.units import US_PER_S
from omega_server.api.exchange import REFUSALS, CaseName, answer, check_operator, services_of
from omega_server.api.schemas import body_of
from omega_server.envelopes import content
from omega_server.instructing import roll
from omega_server.instructing.wishes import AgentView
from omega_server.lines import placing
from omega_server.lines.desk import Asked
from omega_server.lines.views import LineAvailabilityView, LineView, LineWish
from omega_server.refusals import Code, RefusalError

router = APIRouter(responses=REFUSALS)

_MOMENT = "microseconds since 1970, or a moment with its zone such as 2026-11-03T14:00Z"
_MICROSECONDS = re.compile(r"[0-9]{1,16}")
_From: TypeAlias = Annotated[str | None, Query(alias="from", max_length=40, description=_MOMENT)]
_To: TypeAlias = Annotated[str | None, Query(alias="to", max_length=40, description=_MOMENT)]
_Before: TypeAlias = Annotated[str | None, Query(max_length=40, description=_MOMENT)]
_Count: TypeAlias = Annotated[int, Query(ge=1, le=LINE_PAGE_MAX)]


@router.get("/v1/lines/{subscriber_ref}", response_model=LineView)
async def line(request: Request, subscriber_ref: CaseName) -> Response:
    """Return a line's page: who stands there, what is known now, what happened last."""
    check_operator(request)
    services = services_of(request)
    return answer(await services.workers.run(lambda: services.lines.page(subscriber_ref)))


@router.get("/v1/lines/{subscriber_ref}/availability", response_model=LineAvailabilityView)
async def availability(
    request: Request,
    subscriber_ref: CaseName,
    since: _From = None,
    until: _To = None,
    *,
    before: _Before = None,
    sure_only: bool = False,
    limit: _Count = 100,
) -> Response:
    """Return what was watched of a line, judged by its plan; by default over the plan's window."""
    check_operator(request)
    asked = Asked(
        from_unix_us=_moment("from", since),
        to_unix_us=_moment("to", until),
        before_unix_us=_moment("before", before),
        sure_only=sure_only,
        limit=limit,
    )
    services = services_of(request)
    return answer(
        await services.workers.run(lambda: services.lines.availability(subscriber_ref, asked))
    )


@router.put("/v1/agents/{agent_id}/line", response_model=AgentView, openapi_extra=body_of(LineWish))
async def place(request: Request, agent_id: CaseName) -> Response:
    """Let an agent stand on a subscriber's line from now on, or on none."""
    check_operator(request)
    wish = content(LineWish, await request.body())
    services = services_of(request)
    now = services.clock.unix_us()

    def placed() -> AgentView:
        placing.place(services.store, agent_id, wish.subscriber_ref, now)
        return roll.one(services.store, agent_id, now)

    return answer(await services.workers.run(placed))


def _moment(name: str, text: str | None) -> int | None:
    """Return a moment of a query; raises RefusalError `time_not_taken`."""
    if text is None:
        return None
    if _MICROSECONDS.fullmatch(text) and int(text) <= INTEGER_MAX:
        return int(text)
    try:
        typed = datetime.fromisoformat(text)
        is_moment = typed.tzinfo is not None and typed.year >= 1970
        since = typed.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC) if is_moment else None
    except (ValueError, OverflowError):
        since = None
    if since is None or since.days < 0:
        raise RefusalError(Code.TIME_NOT_TAKEN, f"{name}: {_MOMENT}")
    return (since.days * 86_400 + since.seconds) * US_PER_S + since.microseconds
