"""The application: routes, guards, error answers, and the services they call.

Endpoints are asynchronous only to read the body; what verifies, judges or stores runs in `Workers`.
Bodies are taken as bytes and checked by the service: FastAPI parses nothing but names in paths.
Fields that come back are models of `omega_core.control`, written in canonical JSON.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from fastapi import FastAPI

from omega_server.api import (
    admission,
    agents,
    check_ins,
    fleet,
    instructions,
    lines,
    log,
    operators,
    people,
    problems,
    provider,
    schedules,
    tickets,
    tmf,
)
from omega_server.api.guards import BodyLimit, Deadline, TlsGuard
from omega_server.api.services import Services

_log = structlog.get_logger(__name__)


def create_app(services: Services, *, insecure: bool) -> FastAPI:
    """Return the ASGI application."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        passing_on = asyncio.create_task(services.hub.run())
        passing_on.add_done_callback(_end_if_broken)
        yield
        passing_on.cancel()
        await asyncio.gather(passing_on, return_exceptions=True)
        services.workers.close()

    app = FastAPI(
        title="Omega server",
        version="1",
        lifespan=lifespan,
        docs_url=None,  # the pages load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.services = services
    admission.install(app, services.people)
    app.include_router(agents.router)
    app.include_router(check_ins.router)
    app.include_router(fleet.router)
    app.include_router(instructions.router)
    app.include_router(lines.router)
    app.include_router(log.router)
    app.include_router(operators.router)
    app.include_router(people.router)
    app.include_router(provider.router)
    app.include_router(schedules.router)
    app.include_router(tickets.router)
    app.include_router(tmf.router)
    problems.install(app, count=services.metrics.refused)
    # The last one added sees a request first.
    app.add_middleware(BodyLimit)
    app.add_middleware(Deadline)
    app.add_middleware(TlsGuard, insecure=insecure)
    return app


def _end_if_broken(passing_on: asyncio.Task[None]) -> None:
    """End a server whose hub has ended by a defect: it would hold agents that nothing reaches."""
    error = None if passing_on.cancelled() else passing_on.exception()
    if error is not None:
        _log.critical("hub_broken", exc_info=error)
        signal.raise_signal(signal.SIGTERM)
