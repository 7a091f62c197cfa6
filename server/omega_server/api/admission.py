"""Who may come to an endpoint: asked once, before anything of the endpoint runs.

    install(app, people)     before routers are put in: every route of theirs asks `admit` first
    person_of(request)       who was let in; for endpoints and pages

Theory of operation. `admit` looks the route up in `people.matrix`; what has no entry is closed.
People show a session's cookie or the operator's token. A cookie is sent by a browser whoever made
the page, so what changes something needs the session's CSRF token as well, in a header or in a
form's field; the operator's token is never sent by itself, and needs none. Then the right is asked
over what the request is about, found here from path, query or body, so that an endpoint can't
forget to. Whoever is named in a body as doing it (`by`, `actor`) must be who is logged in, and not
at a higher level than they have.

What people change, what they are refused, and what they read of personal data is written to the
audit log. The operator's token is for programs: its requests are in the logs of what they change.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import parse_qsl

from fastapi import Depends, FastAPI, Request
from fastapi.responses import Response

from omega_core.canonical import NotPlainJsonError, parse_plain
from omega_server.addresses import plain
from omega_server.api.exchange import authorization, services_of
from omega_server.identity import is_same_secret
from omega_server.people.entrance import Entered, Session, is_csrf
from omega_server.people.matrix import ENTRIES, Door, Entry, Of
from omega_server.people.opening import People
from omega_server.people.roles import (
    NOTHING,
    OPERATOR,
    About,
    Caller,
    Person,
    demand,
    level_of,
    may,
)
from omega_server.people.subjects import Subjects
from omega_server.refusals import Code, RefusalError

CSRF_HEADER = "X-Omega-CSRF"
CSRF_FIELD = "csrf"
_SECURE_COOKIE = "__Host-omega"  # browsers take it over TLS only, from this host, for every path
_PLAIN_COOKIE = "omega"  # plain http is served on private addresses only; see `TlsGuard`
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_FORM = "application/x-www-form-urlencoded"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")


def install(app: FastAPI, people: People) -> None:
    """Let every route that is put in from now on ask who comes."""
    app.state.people = people
    app.router.dependencies.append(Depends(admit))


def people_at(request: Request) -> People:
    """Return what `install` was given."""
    return cast("People", request.app.state.people)


def person_of(request: Request) -> Person:
    """Return who was let in; raises RefusalError `not_authorised` where nobody had to be."""
    person = getattr(request.state, "person", None)
    if person is None:
        raise RefusalError(Code.NOT_AUTHORISED, "log in, or use the operator's token")
    return cast("Person", person)


def session_of(request: Request) -> Session | None:
    """Return the session that was let in; None for the operator's token."""
    return cast("Session | None", getattr(request.state, "session", None))


def caller_of(request: Request) -> Caller:
    """Return who was let in, and from where."""
    return Caller(person=person_of(request), address=address_of(request))


def address_of(request: Request) -> str:
    """Return the address a request came from; empty where there is none."""
    try:
        return plain(request.client.host) if request.client else ""
    except ValueError:
        return ""


def cookie_name(request: Request) -> str:
    """Return what the session's cookie is called on this connection."""
    return _SECURE_COOKIE if request.url.scheme == "https" else _PLAIN_COOKIE


def give_cookie(request: Request, response: Response, entered: Entered) -> None:
    """Put a session's token into the answer: out of reach of scripts and of other sites."""
    response.set_cookie(
        cookie_name(request),
        entered.token,
        httponly=True,
        secure=request.url.scheme == "https",
        samesite="lax",
        path="/",
    )


def take_cookie(request: Request, response: Response) -> None:
    """Let the browser forget the session."""
    response.delete_cookie(
        cookie_name(request),
        httponly=True,
        secure=request.url.scheme == "https",
        samesite="lax",
        path="/",
    )


async def admit(request: Request) -> None:
    """Let a request through to its endpoint; raises RefusalError."""
    route = request.scope.get("route")
    endpoint = (request.method, str(getattr(route, "path", "")))
    entry = ENTRIES.get(endpoint)
    if entry is None:
        raise RefusalError(Code.NOT_ALLOWED, "this address is open to nobody yet")
    if entry.door is Door.ANYBODY:
        _refuse_other_sites(request)
    if entry.door in {Door.ANYBODY, Door.DEVICE} or _is_proving_device(request, entry):
        return
    session = await _who(request)
    person = OPERATOR if session is None else session.person
    request.state.session, request.state.person = session, person
    if session is None:
        return
    body = await _body(request)
    if request.method not in _SAFE:
        _check_csrf(request, session, body)
    try:
        _check_names(person, body)
        await _check_right(request, person, entry, body)
    except RefusalError as refused:
        if refused.code is Code.NOT_ALLOWED:
            await _note(request, "refused")
        raise
    if request.method not in _SAFE:
        await _note(request, "asked")
    elif entry.shows_personal:
        await _note(request, "read")


def _refuse_other_sites(request: Request) -> None:
    """Keep other sites' pages from logging a browser in as somebody else.

    Browsers say where a request comes from; what is no browser says nothing.
    """
    from_where = request.headers.get("sec-fetch-site", "none")
    if request.method not in _SAFE and from_where not in {"same-origin", "none"}:
        raise RefusalError(Code.CSRF_MISSING, "this came from another site's page")


def _is_proving_device(request: Request, entry: Entry) -> bool:
    return entry.door is Door.EITHER and authorization(request)[0] == "omega"


async def _who(request: Request) -> Session | None:
    """Return the session that came with a request; None for the operator's token."""
    scheme, credentials = authorization(request)
    if scheme:
        if scheme == "bearer" and is_same_secret(credentials, services_of(request).operator_token):
            return None
        raise RefusalError(Code.NOT_AUTHORISED, "this needs the operator's token")
    token = request.cookies.get(cookie_name(request))
    if token is None:
        raise RefusalError(Code.NOT_AUTHORISED, "log in, or use the operator's token")
    entrance = people_at(request).entrance
    return await services_of(request).workers.run(lambda: entrance.session(token))


async def _body(request: Request) -> dict[str, Any]:
    """Return the fields of a body, as far as it has some; what is wrong with it, its endpoint says.

    An endpoint that takes JSON reads it by the same strict rules, so nothing is seen there that was
    not seen here.
    """
    if request.method in _SAFE:
        return {}
    data = await request.body()
    if _is_form(request):
        return dict(parse_qsl(data.decode("utf-8", "replace"), keep_blank_values=True))
    try:
        content = parse_plain(data)
    except NotPlainJsonError:
        return {}
    return content if isinstance(content, dict) else {}


def _is_form(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == _FORM


def _check_csrf(request: Request, session: Session, body: dict[str, Any]) -> None:
    given = request.headers.get(CSRF_HEADER)
    if given is None:
        given = str(body.get(CSRF_FIELD, "")) if _is_form(request) else ""
    if not is_csrf(session, given):
        raise RefusalError(Code.CSRF_MISSING, f"{CSRF_HEADER} is not that of this session")


def _check_names(person: Person, body: dict[str, Any]) -> None:
    """Raise RefusalError unless whoever is named as doing it is who is logged in."""
    told = body.get("actor")
    actor: dict[str, Any] = told if isinstance(told, dict) else {}
    named = (body.get("by"), actor.get("name"))
    if any(isinstance(name, str) and name != person.name for name in named):
        raise RefusalError(Code.NOT_ALLOWED, "nobody does anything in another's name")
    level, level_max = actor.get("level"), level_of(person)
    if isinstance(level, int) and level_max is not None and level > level_max:
        detail = f"this is level {level}, and {person.name} has level {level_max}"
        raise RefusalError(Code.NOT_ALLOWED, detail)


async def _check_right(
    request: Request, person: Person, entry: Entry, body: dict[str, Any]
) -> None:
    if entry.right is None:
        return
    right = entry.right
    about = await services_of(request).workers.run(lambda: _about(request, entry.of, body))
    is_bare = request.query_params.getlist("level") == ["4"]
    if entry.bare_right is not None and is_bare and not may(person, right, about):
        right = entry.bare_right
    demand(person, right, about)


def _about(request: Request, of: Of, body: dict[str, Any]) -> About:
    """Return what a request is about; what is no name of ours is nobody's."""
    find, name = _finder(people_at(request).subjects, of)
    if of is Of.CASE_TOLD:
        subjects = people_at(request).subjects
        return subjects.case(_name(body.get("sheet_id")), _name(body.get("ticket_id")))
    places: dict[Of, Any] = {Of.LINE_ASKED: request.query_params, Of.LINE_TOLD: body}
    named = _name(places.get(of, request.path_params).get(name))
    return NOTHING if named is None else find(named)


def _finder(subjects: Subjects, of: Of) -> tuple[Callable[[str], About], str]:
    """Return what finds whose something is, and the parameter that names it."""
    match of:
        case Of.LINE | Of.LINE_TOLD:
            return subjects.line, "subscriber_ref"
        case Of.LINE_ASKED:
            return subjects.line, "subscriber"
        case Of.SHEET:
            return subjects.sheet, "sheet_id"
        case Of.TICKET:
            return subjects.ticket, "ticket_id"
        case Of.RECORD:
            return subjects.record, "digest"
        case Of.INSTRUCTION:
            return subjects.instruction, "instruction_id"
        case Of.NOTHING | Of.CASE_TOLD:
            return lambda _: NOTHING, ""


def _name(told: object) -> str | None:
    return told if isinstance(told, str) and _NAME.fullmatch(told) else None


async def _note(request: Request, what: str) -> None:
    """Write to the audit log what was asked for and is, or is not, let through."""
    caller, path = caller_of(request), str(request.scope["route"].path)
    subject_id = _name(next(iter(request.path_params.values()), None)) or ""
    journal = people_at(request).journal
    await services_of(request).workers.run(
        lambda: journal.write(
            caller, what, request.method.lower(), subject_id, f"{request.method} {path}"
        )
    )
