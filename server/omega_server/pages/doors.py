"""Who may see a page: asked before anything is looked up, and answered by whoever keeps accounts.

    visit = await door.visit(request, Right.READ_TICKETS)      a page
    visit, fields = await door.acted(request, Right...)        a form: its token is checked as well

Somebody who is not logged in is led to the login page and back; somebody who is, and may not, is
told so, and who can mend it.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote

from fastapi import Request

from omega_core.clock import Clock
from omega_server.pages.forms import sent
from omega_server.pages.frame import Place, Visit, wording_of
from omega_server.pages.languages import Language
from omega_server.people.roles import Person
from omega_server.refusals import Code, RefusalError


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Somebody who is logged in: `name` is what the log says, `csrf` the token of their session."""

    name: str
    level: int
    csrf: str
    language: Language | None
    places: tuple[Place, ...]
    person: Person | None = None


class Doorman(Protocol):
    """Knows who comes. What it raises is a RefusalError."""

    def who(self, request: Request) -> Visitor | None:
        """Return who is logged in; None where nobody is. Blocks."""
        ...

    def let_in(self, visitor: Visitor, right: str) -> None:
        """Raise RefusalError where the person has not this right."""
        ...


class LoginNeededError(Exception):
    """Nobody is logged in: `address` is where to go, and comes back here afterwards."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.address = address


class Door:
    """The door of all pages."""

    def __init__(self, doorman: Doorman, clock: Clock, zone_name: str) -> None:
        self._doorman = doorman
        self._clock = clock
        self._zone_name = zone_name

    def anybody(self, request: Request) -> Visit:
        """Return a visit of a page that everybody may see."""
        return self.visit_of(request, self._doorman.who(request))

    def visit(self, request: Request, right: str) -> Visit:
        """Return a visit of somebody who may; raises LoginNeededError, RefusalError."""
        visitor = self.known(request)
        self._doorman.let_in(visitor, right)
        return self.visit_of(request, visitor)

    def known(self, request: Request) -> Visitor:
        """Return who is logged in; raises LoginNeededError where nobody is."""
        visitor = self._doorman.who(request)
        if visitor is None:
            raise LoginNeededError(f"/login?to={quote(_place_of(request), safe='')}")
        return visitor

    def check_form(self, visit: Visit, fields: dict[str, str]) -> None:
        """Raise RefusalError unless the form is one of ours, made for this session."""
        token = fields.pop("csrf", "")
        if not visit.csrf or not secrets.compare_digest(token.encode(), visit.csrf.encode()):
            raise RefusalError(
                Code.NOT_AUTHORISED, "this form is not of your session: load the page again"
            )

    async def fields(self, request: Request, visit: Visit) -> dict[str, str]:
        """Return the fields of a form of ours; raises RefusalError."""
        found = await sent(request)
        self.check_form(visit, found)
        return found

    def visit_of(self, request: Request, visitor: Visitor | None) -> Visit:
        """Return the visit of somebody, or of nobody."""
        return Visit(
            request=request,
            wording=wording_of(request, self._zone_name, visitor and visitor.language),
            now_unix_us=self._clock.unix_us(),
            name=visitor.name if visitor else None,
            level=visitor.level if visitor else 0,
            csrf=visitor.csrf if visitor else "",
            places=visitor.places if visitor else (),
        )


def safe_return(to: str) -> str:
    """Return where to go after the login: an address of this server, whatever was asked."""
    is_ours = to.startswith("/") and not to.startswith(("//", "/\\")) and "\\" not in to
    return to if is_ours and to.isprintable() else "/"


def _place_of(request: Request) -> str:
    query = request.url.query
    return request.url.path + (f"?{query}" if query else "")
