"""All pages put into the application: routes, headers, and errors that people can read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response

from omega_server.api.services import Services
from omega_server.pages import accounts, helpdesk, noc, records, static_files
from omega_server.pages.doors import Door, login_address
from omega_server.pages.frame import Frame
from omega_server.pages.headers import PageHeaders
from omega_server.pages.refused import told
from omega_server.pages.static_files import StaticFiles
from omega_server.refusals import Code, RefusalError

_SEE_OTHER = 303
PREFIXES = ("/helpdesk", "/noc", "/records", "/login", "/logout", "/password", "/me")
"""Where pages are; everything else answers in JSON."""
_NOBODY = frozenset({Code.NOT_AUTHORISED, Code.SESSION_ENDED})


def install(app: FastAPI, services: Services, zone_name: str = "UTC") -> None:
    """Add the pages to an application; `zone_name` is the time zone of the operator."""
    static = StaticFiles()
    frame, door = Frame(static), Door(services, zone_name)
    app.include_router(static_files.router_of(static))
    app.include_router(accounts.router_of(frame, door, services))
    app.include_router(helpdesk.router_of(frame, door, services))
    app.include_router(noc.router_of(frame, door, services))
    app.include_router(records.router_of(frame, door, services))
    before = app.exception_handlers[RefusalError]
    app.add_exception_handler(RefusalError, _refused(frame, door, before))
    app.add_middleware(PageHeaders)


def is_page(request: Request) -> bool:
    """Say whether somebody looks at a page, rather than a program at the API."""
    path = request.url.path
    return path == "/" or any(path == each or path.startswith(f"{each}/") for each in PREFIXES)


def _refused(
    frame: Frame, door: Door, otherwise: Callable[..., Any]
) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def refused(request: Request, error: Exception) -> Response:
        if not isinstance(error, RefusalError) or not is_page(request):
            answered: Response = await otherwise(request, error)
            return answered
        if error.code in _NOBODY and request.method in {"GET", "HEAD"}:
            return RedirectResponse(login_address(request), _SEE_OTHER)
        visit = await door.anybody(request)
        said = told(error, visit.wording)
        answer = frame.page(visit, "refused.html", status=said.status, said=said)
        if error.retry_after_s is not None:
            answer.headers["Retry-After"] = str(error.retry_after_s)
        return answer

    return refused
