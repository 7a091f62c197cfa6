"""A refusal on the wire: problem JSON (RFC 9457), from wherever it was raised."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from omega_core.models import model_bytes
from omega_server.refusals import Code, RefusalError
from omega_server.store.errors import StoreUnavailableError

PROBLEM_JSON = "application/problem+json"

_log = structlog.get_logger(__name__)


def _uncounted(_path: str, _code: str) -> None:
    """Nobody counts."""


def problem(refused: RefusalError) -> Response:
    """Return the answer that says no."""
    headers = {}
    if refused.retry_after_s is not None:
        headers["Retry-After"] = str(refused.retry_after_s)
    if refused.code is Code.NOT_AUTHORISED:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(
        content=model_bytes(refused.refusal()),
        status_code=refused.kind.status,
        media_type=PROBLEM_JSON,
        headers=headers,
    )


def install(app: FastAPI, *, count: Callable[[str, str], None] = _uncounted) -> None:
    """Let every error of the application leave as problem JSON; `count` is told path and code."""
    app.state.count_refusal = count
    app.add_exception_handler(RefusalError, _refused)
    app.add_exception_handler(StoreUnavailableError, _store_unavailable)
    app.add_exception_handler(RequestValidationError, _not_a_name)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _defect)


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, RefusalError):  # FastAPI hands over only what was registered
        raise error
    _log.info("refused", path=request.url.path, code=error.code.value, detail=str(error))
    _count(request, error.code)
    return problem(error)


async def _store_unavailable(request: Request, error: Exception) -> Response:
    # What the database says may name hosts and files: it is for our log, not for the client.
    _log.error("store_unavailable", path=request.url.path, detail=str(error))
    _count(request, Code.STORE_UNAVAILABLE)
    return problem(RefusalError(Code.STORE_UNAVAILABLE, "nothing was stored; try again later"))


async def _not_a_name(request: Request, error: Exception) -> Response:
    # FastAPI parses names in paths, where one that is no name of ours names nothing, and queries.
    places = error.errors() if isinstance(error, RequestValidationError) else ()
    asked = [place for place in places if place["loc"][0] != "path"]
    if asked and len(asked) == len(places):
        name = str(asked[0]["loc"][-1])
        detail = f"the parameter {name} is not one of those that are taken"
        _count(request, Code.SCHEMA_INVALID)
        return problem(RefusalError(Code.SCHEMA_INVALID, detail))
    return problem(RefusalError(Code.NOT_FOUND, "there is nothing under such a name"))


async def _http(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    code = Code.METHOD_NOT_ALLOWED if status == 405 else Code.NOT_FOUND
    detail = "not by this method" if status == 405 else "there is nothing at this address"
    return problem(RefusalError(code, detail))


async def _defect(request: Request, error: Exception) -> Response:
    _log.error("defect", path=request.url.path, exc_info=error)
    _count(request, Code.INTERNAL)
    return problem(
        RefusalError(Code.INTERNAL, "the server failed; nothing is known about the request")
    )


def _count(request: Request, code: Code) -> None:
    request.app.state.count_refusal(request.url.path, code.value)
