"""What every request passes before the application sees it: pure ASGI, no task of its own.

    TlsGuard    plain http must not have come in at a public address
    Deadline    an answer within `REQUEST_DEADLINE_S`, the reading of the body included, and
                what it may wait for
    BodyLimit   no more octets than what is at this path can need

A body that is too large is read to some depth before it is refused: a client that is still sending
when the connection closes sees a reset instead of the reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from fastapi.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from omega_core.limits import (
    CHECK_IN_WAIT_S_MAX,
    ENVELOPE_BYTES_MAX,
    REQUEST_BYTES_MAX,
    REQUEST_DEADLINE_S,
)
from omega_server.addresses import is_public, plain
from omega_server.api.problems import problem
from omega_server.refusals import Code, RefusalError

BODY_BYTES_MAX: Mapping[str, int] = {
    "/v1/records": ENVELOPE_BYTES_MAX,
    "/v1/availability": ENVELOPE_BYTES_MAX,
    "/v1/observations": ENVELOPE_BYTES_MAX,
}
WAITING_S: Mapping[str, int] = {"/v1/check-ins": CHECK_IN_WAIT_S_MAX}
"""How long an answer may wait at a path for something to happen, beside what it takes."""
_DRAINED_TIMES = 8


class TlsGuard:
    """Refuses plain http that came in at a public address, unless that was asked for."""

    def __init__(self, app: ASGIApp, *, insecure: bool) -> None:
        self._app = app
        self._insecure = insecure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] == "http" and not self._insecure and _is_exposed(scope):
            detail = "this server answers plain http only on private addresses"
            await problem(RefusalError(Code.TLS_REQUIRED, detail))(scope, receive, send)
            return
        await self._app(scope, receive, send)


class Deadline:
    """Gives up on a request that takes too long; what it does in a thread is finished there."""

    def __init__(self, app: ASGIApp, *, seconds: float = REQUEST_DEADLINE_S) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and answer in its place when time is up."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def send_noting(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        seconds = self._seconds + WAITING_S.get(scope["path"], 0)
        deadline = asyncio.timeout(seconds)
        try:
            async with deadline:
                await self._app(scope, receive, send_noting)
        except TimeoutError:
            if not deadline.expired() or started:
                raise
            detail = f"no answer within {seconds} s; it may have been done all the same"
            await problem(RefusalError(Code.DEADLINE_EXCEEDED, detail))(scope, receive, send)


class BodyLimit:
    """Bounds what a request may carry, by path."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a bounded body, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        octets_max = BODY_BYTES_MAX.get(scope["path"], REQUEST_BYTES_MAX)
        stated = _stated_length(scope)
        if stated is not None and stated > octets_max:
            await _drain(receive, _DRAINED_TIMES * octets_max)
            await _too_large(octets_max)(scope, receive, send)
            return
        await self._app(scope, _bounded(receive, octets_max), send)


def _bounded(receive: Receive, octets_max: int) -> Receive:
    """Return a `receive` that refuses what goes beyond; the application sees the refusal."""
    octets = 0

    async def receive_bounded() -> Message:
        nonlocal octets
        message = await receive()
        octets += len(message.get("body", b""))
        if octets > octets_max:
            if message.get("more_body", False):
                await _drain(receive, _DRAINED_TIMES * octets_max)
            raise RefusalError(Code.TOO_LARGE, f"at most {octets_max} octets are taken here")
        return message

    return receive_bounded


async def _drain(receive: Receive, octets_max: int) -> None:
    octets = 0
    while octets <= octets_max:
        message = await receive()
        octets += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False):
            return


def _too_large(octets_max: int) -> Response:
    return problem(RefusalError(Code.TOO_LARGE, f"at most {octets_max} octets are taken here"))


def _stated_length(scope: Scope) -> int | None:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else None
    return None


def _is_exposed(scope: Scope) -> bool:
    """Say whether a request came unencrypted to a public address of ours."""
    return scope["scheme"] == "http" and _of_server(scope, is_public)


def _of_server(scope: Scope, question: Callable[[str], bool]) -> bool:
    try:
        return question(plain(scope["server"][0]))
    except (TypeError, ValueError):  # not reached by an address: a UNIX socket, a test
        return False
