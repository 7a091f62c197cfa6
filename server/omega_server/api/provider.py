"""Logging in by the operator's provider: away to it, and back."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from omega_server.api.admission import address_of, cookie_name, give_cookie, people_at
from omega_server.api.exchange import REFUSALS, services_of
from omega_server.people.oidc.config import CALLBACK
from omega_server.people.oidc.flow import ProviderLogin
from omega_server.refusals import Code, RefusalError

router = APIRouter(responses=REFUSALS)

_Given: TypeAlias = Annotated[str, Query(max_length=2_048)]


@router.get("/v1/provider", status_code=303, response_class=Response)
async def leave(request: Request) -> Response:
    """Send the browser to the provider's page."""
    provider = _provider(request)
    leaving = await services_of(request).workers.run(provider.begin)
    answer = _sent_to(leaving.url)
    answer.set_cookie(
        _kept_name(request),
        leaving.kept,
        httponly=True,
        secure=request.url.scheme == "https",
        samesite="lax",
        path="/",
    )
    return answer


@router.get(CALLBACK, status_code=303, response_class=Response)
async def come_back(request: Request, state: _Given = "", code: _Given = "") -> Response:
    """Let in who comes back from the provider's page, and send them to ours."""
    provider, address = _provider(request), address_of(request)
    kept = request.cookies.get(_kept_name(request), "")
    if not code:
        raise RefusalError(Code.LOGIN_WRONG, "the provider did not log this person in")
    entered = await services_of(request).workers.run(
        lambda: provider.finish(kept, state=state, code=code, address=address)
    )
    answer = _sent_to("/")
    answer.delete_cookie(
        _kept_name(request), secure=request.url.scheme == "https", httponly=True, samesite="lax"
    )
    give_cookie(request, answer, entered)
    return answer


def _provider(request: Request) -> ProviderLogin:
    provider = people_at(request).provider
    if provider is None:
        raise RefusalError(Code.NOT_FOUND, "no provider is configured here")
    return provider


def _kept_name(request: Request) -> str:
    return f"{cookie_name(request)}-login"


def _sent_to(place: str) -> Response:
    return Response(status_code=303, headers={"Location": place, "Cache-Control": "no-store"})
