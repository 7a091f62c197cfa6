"""All pages put into the application: routes, headers, and errors that people can read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response

from omega_server.api.services import Services
from omega_server.pages import accounts, helpdesk, noc, records, static_files
from omega_server.pages.doors import Door, Doorman, LoginNeededError
from omega_server.pages.frame import Frame
from omega_server.pages.headers import PageHeaders
from omega_server.pages.refused import told
from omega_server.pages.static_files import StaticFiles
from omega_server.refusals import RefusalError

_SEE_OTHER = 303
PREFIXES = ("/helpdesk", "/noc", "/records", "/login", "/logout", "/invited", "/me")
"""Where pages are; everything else answers in JSON."""


def install(app: FastAPI, services: Services, doorman: Doorman, zone_name: str = "UTC") -> None:
    """Add the pages to an application; `zone_name` is the time zone of the operator."""
    static = StaticFiles()
    frame, door = Frame(static), Door(doorman, services.clock, zone_name)
    app.include_router(static_files.router_of(static))
    app.include_router(accounts.router_of(frame, door, services))
    app.include_router(helpdesk.router_of(frame, door, services))
    app.include_router(noc.router_of(frame, door, services))
    app.include_router(records.router_of(frame, door, services))
    app.add_exception_handler(LoginNeededError, _to_login)
    before = app.exception_handlers[RefusalError]
    app.add_exception_handler(RefusalError, _refused(frame, door, before))
    app.add_middleware(PageHeaders)


def is_page(request: Request) -> bool:
    """Say whether somebody looks at a page, rather than a program at the API."""
    return request.url.path.startswith(PREFIXES)


async def _to_login(_: Request, error: Exception) -> Response:
    if not isinstance(error, LoginNeededError):
        raise error
    return RedirectResponse(error.address, _SEE_OTHER)


def _refused(
    frame: Frame, door: Door, otherwise: Callable[..., Awaitable[Response]]
) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def refused(request: Request, error: Exception) -> Response:
        if not isinstance(error, RefusalError) or not is_page(request):
            return await otherwise(request, error)
        visit = door.anybody(request)
        said = told(error, visit.wording)
        return frame.page(visit, "refused.html", status=said.status, said=said)

    return refused
