"""Who looks at a page: whoever `api.admission` has let in, and how they are talked to.

    visit = door.visit(request)                     a page of people: its right was asked already
    visit = await door.anybody(request)             a page that everybody may see
    fields = await door.fields(request)             a form: its token was checked already

Which right a page needs stands in `people.matrix`, as for every endpoint. Somebody who is not
logged in is led to the login page and back; somebody who is, and may not, is told so, and who can
mend it.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from fastapi import Request

from omega_server.api.admission import CSRF_FIELD, cookie_name, person_of, session_of
from omega_server.api.services import Services
from omega_server.pages.forms import sent
from omega_server.pages.frame import Place, Visit, wording_of
from omega_server.pages.languages import LANGUAGES, Language
from omega_server.pages.wording import later
from omega_server.people.entrance import Session
from omega_server.people.roles import Person, Right, Scope, level_of, scope_of
from omega_server.refusals import RefusalError

_PLACES: Final = (
    (Right.TICKET_READ, Place("/helpdesk", later("Tickets"))),
    (Right.NETWORK_READ, Place("/noc", later("The network"))),
)
_OWN: Final = Place("/me", later("Me"))


class Door:
    """The door of all pages."""

    def __init__(self, services: Services, zone_name: str) -> None:
        self._services = services
        self._zone_name = zone_name

    def visit(self, request: Request) -> Visit:
        """Return the visit of who was let in; raises RefusalError where nobody had to be."""
        return self._of(request, person_of(request), session_of(request))

    async def anybody(self, request: Request) -> Visit:
        """Return a visit of a page that everybody may see, logged in or not."""
        if getattr(request.state, "person", None) is not None:
            return self.visit(request)
        token = request.cookies.get(cookie_name(request))
        session = None
        if token is not None:
            session = await self._services.workers.run(lambda: self._session(token))
        person = None if session is None else session.person
        return self._of(request, person, session)

    async def fields(self, request: Request) -> dict[str, str]:
        """Return the fields of a form; raises RefusalError."""
        found = await sent(request)
        found.pop(CSRF_FIELD, None)
        return found

    def _session(self, token: str) -> Session | None:
        try:
            return self._services.people.entrance.session(token)
        except RefusalError:
            return None

    def _of(self, request: Request, person: Person | None, session: Session | None) -> Visit:
        preferred = None if person is None else _language(person)
        return Visit(
            request=request,
            wording=wording_of(request, self._zone_name, preferred),
            now_unix_us=self._services.clock.unix_us(),
            person=person,
            level=1 if person is None else level_of(person) or _HIGHEST,
            csrf="" if session is None else session.csrf,
            places=() if person is None else places_of(person),
        )


_HIGHEST: Final = 3  # of ours; level 4 is the vendor


def places_of(person: Person) -> tuple[Place, ...]:
    """Return the menu that somebody has."""
    held = [place for right, place in _PLACES if scope_of(person, right) is Scope.ANY]
    return (*held, _OWN)


def login_address(request: Request) -> str:
    """Return where to log in, to come back here."""
    query = request.url.query
    place = request.url.path + (f"?{query}" if query else "")
    return f"/login?to={quote(place, safe='')}"


def safe_return(to: str) -> str:
    """Return where to go after the login: an address of this server, whatever was asked."""
    is_ours = to.startswith("/") and not to.startswith(("//", "/\\")) and "\\" not in to
    return to if is_ours and to.isprintable() else "/"


def _language(person: Person) -> Language | None:
    return next((each for each in LANGUAGES if each == person.language), None)
