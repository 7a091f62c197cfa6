"""Somebody at the door of pages who knows people by a header: for tests of what is behind it."""

from __future__ import annotations

from dataclasses import dataclass, field

from fastapi import Request

from omega_server.pages.doors import Visitor
from omega_server.pages.frame import Place
from omega_server.refusals import Code, RefusalError

CSRF = "a-token-of-this-session"
HEADER = "x-test-person"


@dataclass
class KnownPeople:
    """Lets in whoever says a known name; each has some rights."""

    rights: dict[str, frozenset[str]] = field(default_factory=dict)

    def who(self, request: Request) -> Visitor | None:
        name = request.headers.get(HEADER)
        if name not in self.rights:
            return None
        places = (Place("/helpdesk", "Tickets"), Place("/noc", "The network"))
        return Visitor(name=name, level=1, csrf=CSRF, language=None, places=places)

    def let_in(self, visitor: Visitor, right: str) -> None:
        if right not in self.rights[visitor.name]:
            raise RefusalError(Code.NOT_AUTHORISED, f"{visitor.name} may not: {right}")
