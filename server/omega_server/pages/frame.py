"""Templates put together with what every page has: words, addresses, who looks, where one is.

    frame.page(visit, "ticket.html", ticket=view)  -->  the answer

Templates fail where a name is missing; everything that is put into them is escaped. `Visit` is one
request of one person: nothing of it outlives the answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from omega_server.pages.languages import COOKIE, LANGUAGES, Language, language_of
from omega_server.pages.static_files import StaticFiles
from omega_server.pages.wording import Wording, translations
from omega_server.people.roles import Person

_YEAR_S: Final = 31_536_000
_LANG: Final = "lang"


@dataclass(frozen=True, slots=True)
class Place:
    """An entry of the menu."""

    address: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Who asks for a page, and how they are talked to.

    `csrf` goes into every form; empty where nobody is logged in. `places` is the menu that this
    person has.
    """

    request: Request
    wording: Wording
    now_unix_us: int
    person: Person | None = None
    level: int = 1
    csrf: str = ""
    places: Sequence[Place] = ()

    @property
    def name(self) -> str | None:
        """What the logs call this person."""
        return None if self.person is None else self.person.name


def wording_of(request: Request, zone_name: str, preferred: Language | None = None) -> Wording:
    """Return how to talk to whoever asks: `preferred` is what their account says."""
    asked = request.query_params.get(_LANG)
    remembered = request.cookies.get(COOKIE) or preferred
    accepts = request.headers.get("accept-language", "")
    return Wording.of(language_of(asked, remembered, accepts), zone_name)


class Frame:
    """All templates."""

    def __init__(self, static: StaticFiles) -> None:
        self._static = static
        # One for each language: overlays of one environment share what `_()` is.
        self._spoken = {language: _environment(language) for language in LANGUAGES}

    def text(self, visit: Visit, template: str, content: Mapping[str, Any]) -> str:
        """Return a page as text."""
        spoken = self._spoken[visit.wording.language]
        return spoken.get_template(template).render(
            {
                "visit": visit,
                "word": visit.wording,
                "static": self._static.address,
                "here": visit.request.url.path,
                **content,
            }
        )

    def page(self, visit: Visit, template: str, status: int = 200, **content: Any) -> Response:  # noqa: ANN401 - what the template names
        """Return a page; the language that was asked for is remembered."""
        answer = HTMLResponse(self.text(visit, template, content), status)
        asked = visit.request.query_params.get(_LANG)
        if asked is not None:
            answer.set_cookie(
                COOKIE, visit.wording.language, max_age=_YEAR_S, samesite="lax", httponly=True
            )
        return answer


def _environment(language: Language) -> Environment:
    """Return the templates in a language: `{% trans %}` and `_()` are looked up in it."""
    environment = Environment(
        loader=PackageLoader("omega_server.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        extensions=["jinja2.ext.i18n"],
    )
    environment.policies["json.dumps_function"] = _json
    catalogue = translations(language)
    # The extension puts the method there, so no type knows it.
    install: Any = getattr(environment, "install_gettext_callables")  # noqa: B009
    install(catalogue.gettext, catalogue.ngettext, newstyle=True)
    return environment


def _json(value: object, **_: object) -> str:
    """Return JSON for a `data-` attribute: canonical enough, and short."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
