"""Logging in and out, setting a password by a link, and one's own page.

    GET /login, POST      name and password; afterwards back to where one wanted to go
    GET /invited/{token}, POST      set a password, once
    POST /logout
    GET /me, POST /me/pin      who one is here; the PIN that a technician signs with
    GET /                 the first place of the menu
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from omega_server.api.services import Services
from omega_server.pages.doors import Door, Visitor, safe_return
from omega_server.pages.forms import Form, sent
from omega_server.pages.frame import Frame, Place, Visit
from omega_server.pages.languages import LANGUAGES, Language
from omega_server.pages.refused import told
from omega_server.people.desk import SESSION_S, LoggedIn, PeopleDesk
from omega_server.people.roles import Person, Right
from omega_server.refusals import Code, RefusalError
from omega_server.pages.wording import later

_SEE_OTHER: Final = 303
_T = TypeVar("_T")


_PLACES: Final = (
    (Right.TICKETS_WORK, Place("/helpdesk", later("Tickets"))),
    (Right.FLEET_READ, Place("/noc", later("The network"))),
    (Right.PEOPLE, Place("/people", later("Accounts"))),
)
_OWN: Final = Place("/me", later("Me"))
_ROLES: Final = (
    later("technician"),
    later("helpdesk"),
    later("noc"),
    later("back_office"),
    later("administrator"),
    later("auditor"),
)
"""What roles are called; said where they are shown."""


class Accounts:
    """The doorman of the pages: knows people by the cookie of their session."""

    def __init__(self, people: PeopleDesk) -> None:
        self._people = people

    def who(self, request: Request) -> Visitor | None:
        """See `Doorman.who`."""
        token = request.cookies.get(cookie_name(request))
        known = None if token is None else self._people.session(token)
        if known is None:
            return None
        person = known.person
        language: Language | None = next((x for x in LANGUAGES if x == person.language), None)
        places = tuple(place for right, place in _PLACES if person.may(right))
        return Visitor(
            name=person.name,
            level=person.level,
            csrf=known.csrf,
            language=language,
            places=(*places, _OWN),
            person=person,
        )

    def let_in(self, visitor: Visitor, right: str) -> None:
        """See `Doorman.let_in`."""
        if visitor.person is None:
            raise RefusalError(Code.NOT_PERMITTED, "nobody is logged in")
        visitor.person.check(Right(right))


def cookie_name(request: Request) -> str:
    """Return what a session's cookie is called: over https one that no other host can set."""
    return "__Host-omega" if request.url.scheme == "https" else "omega"


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
        router.add_api_route("/invited/{token}", self.invited, methods=["GET"])
        router.add_api_route("/invited/{token}", self.accept, methods=["POST"])
        router.add_api_route("/me", self.me, methods=["GET"])
        router.add_api_route("/me/pin", self.set_pin, methods=["POST"])
        return router

    async def first(self, request: Request) -> Response:
        """Go to the first place of the menu."""
        visit = await self._run(lambda: self._door.anybody(request))
        to = visit.places[0].address if visit.places else "/login"
        return RedirectResponse(to, _SEE_OTHER)

    async def login(self, request: Request) -> Response:
        """Show the login."""
        visit = await self._run(lambda: self._door.anybody(request))
        to = safe_return(request.query_params.get("to", "/"))
        return self._frame.page(visit, "login.html", form=Form("login", {"to": to}), refusal=None)

    async def log_in(self, request: Request) -> Response:
        """Let somebody in.

        There is no session yet that a token of a form could belong to: the cookie is `SameSite`,
        and a form of another site is told by its `Origin` (see `_check_origin`).
        """
        _check_origin(request)
        fields = await sent(request)
        name, password = fields.get("name", ""), fields.get("password", "")
        address = _address_of(request)
        try:
            logged_in = await self._run(
                lambda: self._people.login(name, password, address=address)
            )
        except RefusalError as error:
            visit = await self._run(lambda: self._door.anybody(request))
            kept = {key: text for key, text in fields.items() if key in {"name", "to"}}
            return self._again(visit, "login.html", Form("login", kept), error)
        return _let_in(request, logged_in, safe_return(fields.get("to", "/")))

    async def log_out(self, request: Request) -> Response:
        """End the session."""
        visit = await self._run(lambda: self._door.anybody(request))
        await self._door.fields(request, visit)
        token = request.cookies.get(cookie_name(request), "")
        await self._run(lambda: self._people.logout(token))
        answer = RedirectResponse("/login", _SEE_OTHER)
        answer.delete_cookie(cookie_name(request), secure=_is_https(request), httponly=True)
        return answer

    async def invited(self, request: Request, token: str) -> Response:
        """Show where a password is set."""
        visit = await self._run(lambda: self._door.anybody(request))
        return self._frame.page(
            visit, "invited.html", form=Form("invited"), token=token, refusal=None
        )

    async def accept(self, request: Request, token: str) -> Response:
        """Set a password, and log in."""
        _check_origin(request)
        fields = await sent(request)
        password, address = fields.get("password", ""), _address_of(request)
        try:
            if password != fields.get("again", ""):
                raise RefusalError(Code.SCHEMA_INVALID, "the two passwords are not the same")
            logged_in = await self._run(
                lambda: self._people.accept(token, password, address=address)
            )
        except RefusalError as error:
            visit = await self._run(lambda: self._door.anybody(request))
            return self._again(visit, "invited.html", Form("invited"), error, token=token)
        return _let_in(request, logged_in, "/")

    async def me(self, request: Request) -> Response:
        """Show who one is here."""
        visit, person = await self._own(request)
        return self._frame.page(visit, "me.html", person=person, form=Form("pin"), refusal=None)

    async def set_pin(self, request: Request) -> Response:
        """Set the PIN that one signs with."""
        visit, person = await self._own(request)
        fields = await self._door.fields(request, visit)
        pin, password = fields.get("pin", ""), fields.get("password", "")
        address = _address_of(request)
        try:
            await self._run(
                lambda: self._people.set_pin(person.name, password, pin, address=address)
            )
        except RefusalError as error:
            return self._again(visit, "me.html", Form("pin"), error, person=person)
        return RedirectResponse("/me", _SEE_OTHER)

    async def _own(self, request: Request) -> tuple[Visit, Person]:
        visitor = await self._run(lambda: self._door.known(request))
        if visitor.person is None:
            raise RefusalError(Code.NOT_PERMITTED, "nobody is logged in")
        return self._door.visit_of(request, visitor), visitor.person

    def _again(
        self, visit: Visit, template: str, form: Form, error: RefusalError, **content: object
    ) -> Response:
        answer = self._frame.page(
            visit,
            template,
            status=error.kind.status,
            form=form,
            refusal=told(error, visit.wording),
            **content,
        )
        if error.retry_after_s is not None:
            answer.headers["Retry-After"] = str(error.retry_after_s)
        return answer

    async def _run(self, work: Callable[[], _T]) -> _T:
        return await self._services.workers.run(work)


def _let_in(request: Request, logged_in: LoggedIn, to: str) -> Response:
    answer = RedirectResponse(to, _SEE_OTHER)
    answer.set_cookie(
        cookie_name(request),
        logged_in.token,
        max_age=SESSION_S,
        path="/",
        secure=_is_https(request),
        httponly=True,
        samesite="lax",
    )
    return answer


def _is_https(request: Request) -> bool:
    return request.url.scheme == "https"


def _address_of(request: Request) -> str:
    return request.client.host if request.client else "-"


def _check_origin(request: Request) -> None:
    """Raise RefusalError where a page of another site has sent the form."""
    origin = request.headers.get("origin")
    own = f"{request.url.scheme}://{request.headers.get('host', '')}"
    if origin is not None and origin != own:
        raise RefusalError(Code.NOT_PERMITTED, "this form was sent by a page of another site")
