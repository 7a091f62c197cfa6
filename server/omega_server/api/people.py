"""What people call to come in and go, administrators to keep accounts, auditors to read the log."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from omega_core.limits import ACCOUNTS_PAGE_MAX, AUDIT_PAGE_MAX
from omega_core.models import model_bytes
from omega_server.api.admission import (
    address_of,
    caller_of,
    cookie_name,
    give_cookie,
    people_at,
    person_of,
    session_of,
    take_cookie,
)
from omega_server.api.exchange import JSON, REFUSALS, CaseName, answer, services_of
from omega_server.api.schemas import body_of
from omega_server.envelopes import content
from omega_server.people.entrance import Entered, Session
from omega_server.people.journal import AuditView
from omega_server.people.messages import (
    AddedView,
    EnterWish,
    LinksView,
    LinkView,
    LinkWish,
    LoginWish,
    MeView,
    NewPerson,
    PasswordWish,
    PeopleView,
    PersonView,
    PinWish,
    RoleWish,
    SecretView,
    SettingWish,
)
from omega_server.people.roles import Person, Right, scope_of

router = APIRouter(responses=REFUSALS)

_Account: TypeAlias = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
_After: TypeAlias = Annotated[str, Query(pattern=r"^[a-z0-9._-]{0,64}$")]
_Text: TypeAlias = Annotated[str | None, Query(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]
_Before: TypeAlias = Annotated[int | None, Query(ge=1, le=2**53)]
_AuditCount: TypeAlias = Annotated[int, Query(ge=1, le=AUDIT_PAGE_MAX)]
_PeopleCount: TypeAlias = Annotated[int, Query(ge=1, le=ACCOUNTS_PAGE_MAX)]


@router.post("/v1/login", response_model=MeView, openapi_extra=body_of(LoginWish))
async def login(request: Request) -> Response:
    """Log in with name and password; the answer sets the session's cookie."""
    wish, entrance = content(LoginWish, await request.body()), people_at(request).entrance
    address = address_of(request)
    entered = await services_of(request).workers.run(
        lambda: entrance.login(wish.name, wish.password, address)
    )
    return _entered(request, entered)


@router.post("/v1/enter", response_model=MeView, openapi_extra=body_of(EnterWish))
async def enter(request: Request) -> Response:
    """Come in to one's own line by a private link's secret, or by a code."""
    wish, entrance = content(EnterWish, await request.body()), people_at(request).entrance
    address = address_of(request)
    entered = await services_of(request).workers.run(
        lambda: entrance.enter(wish.secret, address, language=wish.language)
    )
    return _entered(request, entered)


@router.post("/v1/reset", response_model=PersonView, openapi_extra=body_of(SettingWish))
async def set_by_link(request: Request) -> Response:
    """Set a password by the secret of a one-time link; then log in with it."""
    wish, desk = content(SettingWish, await request.body()), people_at(request).desk
    address = address_of(request)
    return answer(
        await services_of(request).workers.run(
            lambda: desk.set_by_link(wish.secret, wish.password, address)
        )
    )


@router.post("/v1/logout", status_code=204)
async def logout(request: Request) -> Response:
    """End the session; the operator's token has none."""
    token, caller = request.cookies.get(cookie_name(request)), caller_of(request)
    left = Response(status_code=204)
    if token is not None and session_of(request) is not None:
        entrance = people_at(request).entrance
        await services_of(request).workers.run(lambda: entrance.logout(token, caller))
        take_cookie(request, left)
    return left


@router.get("/v1/me", response_model=MeView)
async def me(request: Request) -> Response:
    """Return who is logged in, and what they may do."""
    return answer(_me(person_of(request), session_of(request)))


@router.put("/v1/me/password", response_model=PersonView, openapi_extra=body_of(PasswordWish))
async def set_password(request: Request) -> Response:
    """Change one's own password; every session of the account ends."""
    wish, caller = content(PasswordWish, await request.body()), caller_of(request)
    desk = people_at(request).desk
    return answer(await services_of(request).workers.run(lambda: desk.set_password(caller, wish)))


@router.put("/v1/me/pin", response_model=PersonView, openapi_extra=body_of(PinWish))
async def set_pin(request: Request) -> Response:
    """Set one's own PIN, with the password."""
    wish, caller = content(PinWish, await request.body()), caller_of(request)
    desk = people_at(request).desk
    return answer(await services_of(request).workers.run(lambda: desk.set_pin(caller, wish)))


@router.get("/v1/people", response_model=PeopleView)
async def every(request: Request, after: _After = "", limit: _PeopleCount = 100) -> Response:
    """Return accounts by name, after the one named."""
    desk = people_at(request).desk
    return answer(
        await services_of(request).workers.run(lambda: desk.every(after=after, count=limit))
    )


@router.post(
    "/v1/people", status_code=201, response_model=AddedView, openapi_extra=body_of(NewPerson)
)
async def add(request: Request) -> Response:
    """Make an account; the answer tells, once, the secret by which its owner sets a password."""
    wish, caller = content(NewPerson, await request.body()), caller_of(request)
    desk = people_at(request).desk
    return answer(await services_of(request).workers.run(lambda: desk.add(caller, wish)), 201)


@router.put("/v1/people/{name}/role", response_model=PersonView, openapi_extra=body_of(RoleWish))
async def set_role(request: Request, name: _Account) -> Response:
    """Give somebody another role; their sessions end."""
    wish, caller = content(RoleWish, await request.body()), caller_of(request)
    desk = people_at(request).desk
    return answer(await services_of(request).workers.run(lambda: desk.set_role(caller, name, wish)))


@router.post("/v1/people/{name}/locking", response_model=PersonView)
async def lock(request: Request, name: _Account) -> Response:
    """Keep somebody out from now on."""
    caller, desk = caller_of(request), people_at(request).desk
    return answer(await services_of(request).workers.run(lambda: desk.lock(caller, name)))


@router.post("/v1/people/{name}/unlocking", response_model=PersonView)
async def unlock(request: Request, name: _Account) -> Response:
    """Let somebody in again."""
    caller, desk = caller_of(request), people_at(request).desk
    return answer(await services_of(request).workers.run(lambda: desk.unlock(caller, name)))


@router.post("/v1/people/{name}/reset", status_code=201, response_model=SecretView)
async def reset(request: Request, name: _Account) -> Response:
    """Make a one-time link by which somebody sets a new password."""
    caller, desk = caller_of(request), people_at(request).desk
    return answer(await services_of(request).workers.run(lambda: desk.reset(caller, name)), 201)


@router.get("/v1/lines/{subscriber_ref}/links", response_model=LinksView)
async def links(request: Request, subscriber_ref: CaseName) -> Response:
    """Return the private links to a line, newest first, without their secrets."""
    entrance = people_at(request).entrance
    return answer(await services_of(request).workers.run(lambda: entrance.links(subscriber_ref)))


@router.post(
    "/v1/lines/{subscriber_ref}/links",
    status_code=201,
    response_model=SecretView,
    openapi_extra=body_of(LinkWish),
)
async def make_link(request: Request, subscriber_ref: CaseName) -> Response:
    """Make a private link, or a code to read out, by which a customer sees their line."""
    wish, caller = content(LinkWish, await request.body()), caller_of(request)
    entrance = people_at(request).entrance
    made = await services_of(request).workers.run(
        lambda: entrance.customer_link(caller, subscriber_ref, as_code=wish.kind == "code")
    )
    return answer(made, 201)


@router.post("/v1/links/{link_id}/revocation", response_model=LinkView)
async def revoke(request: Request, link_id: CaseName) -> Response:
    """Revoke a private link, and end the sessions it opened."""
    caller, entrance = caller_of(request), people_at(request).entrance
    return answer(await services_of(request).workers.run(lambda: entrance.revoke(caller, link_id)))


@router.get("/v1/audit", response_model=AuditView)
async def audit(
    request: Request,
    before: _Before = None,
    who: _Text = None,
    subject: _Text = None,
    *,
    subject_id: _Text = None,
    limit: _AuditCount = 100,
) -> Response:
    """Return the audit log, newest first."""
    journal = people_at(request).journal
    return answer(
        await services_of(request).workers.run(
            lambda: journal.page(
                before=before, count=limit, who=who, subject=subject, subject_id=subject_id
            )
        )
    )


def _entered(request: Request, entered: Entered) -> Response:
    session = Session(person=entered.person, csrf=entered.csrf, ends_unix_us=entered.ends_unix_us)
    response = Response(content=model_bytes(_me(entered.person, session)), media_type=JSON)
    response.headers["Cache-Control"] = "no-store"
    give_cookie(request, response, entered)
    return response


def _me(person: Person, session: Session | None) -> MeView:
    held = {right: scope_of(person, right) for right in Right}
    return MeView(
        name=person.name,
        role=person.role,
        level=person.level,
        subscriber_ref=person.subscriber_ref,
        language=person.language,
        rights={right.value: scope.value for right, scope in held.items() if scope is not None},
        csrf=None if session is None else session.csrf,
        ends_unix_us=None if session is None else session.ends_unix_us,
    )
