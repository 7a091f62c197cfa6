"""Logging in and out, setting a password by a link, and one's own page.

GET /login, POST                name and password; afterwards back to where one wanted to go
GET /password/{secret}, POST    set a password by a one-time link
POST /logout
GET /me, POST /me/pin           who one is here; the PIN that a technician signs with
GET /                           the first place of the menu
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final, TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from omega_core.limits import PASSWORD_CHARS_MIN, PIN_DIGITS_MAX, PIN_DIGITS_MIN
from omega_server.api.admission import (
    address_of,
    caller_of,
    cookie_name,
    give_cookie,
    person_of,
    take_cookie,
)
from omega_server.api.services import Services
from omega_server.envelopes import content
from omega_server.pages.doors import Door, safe_return
from omega_server.pages.forms import Form
from omega_server.pages.frame import Frame, Visit
from omega_server.pages.refused import told
from omega_server.pages.wording import later
from omega_server.people.messages import PinWish
from omega_server.people.roles import Role
from omega_server.refusals import Code, RefusalError

_SEE_OTHER: Final = 303
_T = TypeVar("_T")

ROLE_NAMES: Final = {
    Role.TECHNICIAN: later("technician"),
    Role.HELPDESK: later("helpdesk"),
    Role.NOC: later("network operations"),
    Role.BACK_OFFICE: later("back office"),
    Role.ADMINISTRATOR: later("administrator"),
    Role.AUDITOR: later("auditor"),
    Role.CUSTOMER: later("customer"),
}


def router_of(frame: Frame, door: Door, services: Services) -> APIRouter:
    """Return the routes of these pages."""
    return _Pages(frame, door, services).router()


class _Pages:
    def __init__(self, frame: Frame, door: Door, services: Services) -> None:
        self._frame = frame
        self._door = door
        self._services = services
        self._people = services.people

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter(include_in_schema=False)
        router.add_api_route("/", self.first, methods=["GET"])
        router.add_api_route("/login", self.login, methods=["GET"])
        router.add_api_route("/login", self.log_in, methods=["POST"])
        router.add_api_route("/logout", self.log_out, methods=["POST"])
        router.add_api_route("/password/{secret}", self.password, methods=["GET"])
        router.add_api_route("/password/{secret}", self.set_password, methods=["POST"])
        router.add_api_route("/me", self.me, methods=["GET"])
        router.add_api_route("/me/pin", self.set_pin, methods=["POST"])
        return router

    async def first(self, request: Request) -> Response:
        """Go to the first place of the menu."""
        visit = await self._door.anybody(request)
        to = visit.places[0].address if visit.places else "/login"
        return RedirectResponse(to, _SEE_OTHER)

    async def login(self, request: Request) -> Response:
        """Show the login."""
        visit = await self._door.anybody(request)
        to = safe_return(request.query_params.get("to", "/"))
        return self._login(visit, Form("login", {"to": to}))

    async def log_in(self, request: Request) -> Response:
        """Let somebody in; a form of another site's was turned away before."""
        fields = await self._door.fields(request)
        name, password = fields.get("name", ""), fields.get("password", "")
        entrance, address = self._people.entrance, address_of(request)
        try:
            entered = await self._run(lambda: entrance.login(name, password, address))
        except RefusalError as error:
            kept = {key: text for key, text in fields.items() if key in {"name", "to"}}
            return self._login(await self._door.anybody(request), Form("login", kept), error)
        answer = RedirectResponse(safe_return(fields.get("to", "/")), _SEE_OTHER)
        give_cookie(request, answer, entered)
        return answer

    def _login(self, visit: Visit, form: Form, error: RefusalError | None = None) -> Response:
        has_provider = self._people.provider is not None
        return self._page(visit, "login.html", error, form=form, has_provider=has_provider)

    async def log_out(self, request: Request) -> Response:
        """End the session."""
        token, caller = request.cookies.get(cookie_name(request)), caller_of(request)
        answer = RedirectResponse("/login", _SEE_OTHER)
        if token is not None:
            await self._run(lambda: self._people.entrance.logout(token, caller))
            take_cookie(request, answer)
        return answer

    async def password(self, request: Request, secret: str) -> Response:
        """Show where a password is set."""
        return self._password(await self._door.anybody(request), secret)

    async def set_password(self, request: Request, secret: str) -> Response:
        """Set a password, and go to the login."""
        fields = await self._door.fields(request)
        password, address = fields.get("password", ""), address_of(request)
        try:
            _check_same(password, fields.get("again", ""))
            await self._run(lambda: self._people.desk.set_by_link(secret, password, address))
        except RefusalError as error:
            return self._password(await self._door.anybody(request), secret, error)
        return RedirectResponse("/login", _SEE_OTHER)

    def _password(self, visit: Visit, secret: str, error: RefusalError | None = None) -> Response:
        return self._page(
            visit,
            "password.html",
            error,
            form=Form("password"),
            secret=secret,
            chars_min=PASSWORD_CHARS_MIN,
        )

    async def me(self, request: Request) -> Response:
        """Show who one is here."""
        return self._me(request)

    async def set_pin(self, request: Request) -> Response:
        """Set the PIN that one signs with."""
        fields = await self._door.fields(request)
        caller = caller_of(request)
        typed = {"password": fields.get("password", ""), "pin": fields.get("pin", "")}
        try:
            wish = content(PinWish, json.dumps(typed).encode())
            await self._run(lambda: self._people.desk.set_pin(caller, wish))
        except RefusalError as error:
            return self._me(request, error)
        return RedirectResponse("/me", _SEE_OTHER)

    def _me(self, request: Request, error: RefusalError | None = None) -> Response:
        person = person_of(request)
        return self._page(
            self._door.visit(request),
            "me.html",
            error,
            form=Form("pin"),
            person=person,
            role=ROLE_NAMES[person.role],
            signs=person.role is Role.TECHNICIAN,
            digits=(PIN_DIGITS_MIN, PIN_DIGITS_MAX),
        )

    def _page(
        self, visit: Visit, template: str, error: RefusalError | None, **shown: object
    ) -> Response:
        """Return a page; where something was refused, the page that asked, with the reason."""
        refusal = None if error is None else told(error, visit.wording)
        status = 200 if error is None else error.kind.status
        answer = self._frame.page(visit, template, status=status, refusal=refusal, **shown)
        if error is not None and error.retry_after_s is not None:
            answer.headers["Retry-After"] = str(error.retry_after_s)
        return answer

    async def _run(self, work: Callable[[], _T]) -> _T:
        return await self._services.workers.run(work)


def _check_same(password: str, again: str) -> None:
    if password != again:
        raise RefusalError(Code.PASSWORD_UNFIT, "the two passwords are not the same")
