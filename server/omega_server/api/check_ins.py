"""What waiting agents call: the check-in that is held, and the reports on what they were told."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from fastapi import APIRouter, Request
from fastapi.responses import Response

from omega_core.clock import Clock
from omega_core.envelope import PayloadType
from omega_core.instruction import CheckIn, InstructionReport, ReportTaken
from omega_core.units import US_PER_S
from omega_server.addresses import Proved, plain
from omega_server.api.exchange import ENVELOPE_BODY, REFUSALS, answer, sealed_answer, services_of
from omega_server.api.services import Services
from omega_server.instructing.check_ins import Found
from omega_server.instructing.sender import said_by_agent
from omega_server.refusals import Code, RefusalError
from omega_server.store.instruction_port import PresenceRow

router = APIRouter(responses=REFUSALS)

_DAY_US = 86_400 * US_PER_S


@router.post("/v1/check-ins", openapi_extra=ENVELOPE_BODY)
async def check_in(request: Request) -> Response:
    """Wait for instructions: a sealed CheckIn; the sealed CheckInAnswer may take long."""
    services = services_of(request)
    services.hub.admit()
    proved = _proved(request)
    data = await request.body()
    said = await services.workers.run(lambda: services.check_ins.checked(data))
    row = await _noted(services, said, proved)
    with services.hub.waiting(said.agent_id) as something:
        found = await services.workers.run(lambda: services.check_ins.find(said))
        if not found.is_news and said.wait_s:
            try:
                await _until(something, request, seconds=said.wait_s)
            except ConnectionAbortedError:
                services.hub.book.gone(row, services.clock.unix_us())
                return Response(status_code=204)  # to nobody
            found = await services.workers.run(lambda: services.check_ins.find(said))
    sealed = await _sealed(services, said, found, proved, row)
    services.metrics.accepted(request.url.path)
    return sealed_answer(sealed, 200)


@router.post("/v1/instruction-reports", response_model=ReportTaken, openapi_extra=ENVELOPE_BODY)
async def report(request: Request) -> Response:
    """Say what became of an instruction: a sealed InstructionReport; again changes nothing."""
    services, data = services_of(request), await request.body()

    def take() -> ReportTaken:
        said = said_by_agent(
            services.store,
            services.clock,
            data,
            InstructionReport,
            PayloadType.INSTRUCTION_REPORT,
        )
        return services.desk.take(said)

    taken = await services.workers.run(take)
    services.metrics.accepted(request.url.path)
    return answer(taken)


async def _noted(services: Services, said: CheckIn, proved: Proved) -> PresenceRow:
    """Write down who is there; a daemon that is new here is looked for in the store."""
    stored = None
    if not services.hub.book.known(said.agent_id, said.instance):
        stored = await services.workers.run(
            lambda: services.check_ins.stored_presence(said.agent_id)
        )
    now = services.clock.unix_us()
    row = services.hub.book.note(said, address=proved.address, now_unix_us=now, stored=stored)
    if row.seen_twice_unix_us == now:
        services.check_ins.say_seen_twice(row, stored)
    return row


async def _until(something: asyncio.Event, request: Request, *, seconds: int) -> None:
    """Wait until there is something or time is up; raises ConnectionAbortedError."""
    woken = asyncio.ensure_future(something.wait())
    gone = asyncio.ensure_future(_hung_up(request))
    try:
        done, _ = await asyncio.wait(
            {woken, gone}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
        )
        if gone in done and woken not in done:
            raise ConnectionAbortedError
    finally:
        for task in (woken, gone):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _hung_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _sealed(
    services: Services, said: CheckIn, found: Found, proved: Proved, row: PresenceRow
) -> bytes:
    spread_s = services.hub.return_spread_s
    return await services.workers.run(
        lambda: services.check_ins.answer(
            said,
            found,
            proved,
            return_spread_s=spread_s,
            is_seen_twice=_recently(row, services.clock),
        )
    )


def _recently(row: PresenceRow, clock: Clock) -> bool:
    """Say whether two devices with the agent's key were seen within the last day."""
    seen_us = row.seen_twice_unix_us
    return seen_us is not None and clock.unix_us() - seen_us < _DAY_US


def _proved(request: Request) -> Proved:
    client, host = request.client, request.scope["server"]
    try:
        return Proved(plain(client.host if client else ""), plain(host[0] if host else ""))
    except ValueError as error:
        raise RefusalError(Code.ADDRESS_NOT_PROVED, "the question came from no address") from error
