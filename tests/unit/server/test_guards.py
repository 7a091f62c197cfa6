"""What a request passes before the application sees it, driven by hand without a socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse, Response

from omega_core.limits import ENVELOPE_BYTES_MAX, REQUEST_BYTES_MAX
from omega_server.api import problems
from omega_server.api.guards import BodyLimit, Deadline, TlsGuard


def application() -> FastAPI:
    """Return an application that says how many octets it was sent."""
    app = FastAPI()
    problems.install(app)

    async def count(request: Request) -> Response:
        return PlainTextResponse(str(len(await request.body())))

    for path in ("/v1/records", "/v1/sessions"):
        app.add_route(path, count, methods=["POST"])
    return app


def call(
    app: Any,  # noqa: ANN401 - any ASGI application
    chunks: Iterable[bytes] = (),
    *,
    path: str = "/v1/records",
    server: tuple[str, int] = ("127.0.0.1", 80),
    scheme: str = "http",
    length: int | None = None,
    stalls: bool = False,
) -> tuple[int, dict[str, Any] | str]:
    """Send one request; return status and body."""
    pieces = [*chunks, b""]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if not pieces or (stalls and len(pieces) == 1):
            await asyncio.Event().wait()
        body = pieces.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(pieces)}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    headers = [] if length is None else [(b"content-length", str(length).encode())]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": scheme,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": server,
    }
    asyncio.run(app(scope, receive, send))
    body = b"".join(message.get("body", b"") for message in sent).decode()
    return sent[0]["status"], json.loads(body) if body.startswith("{") else body


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        pytest.param("/v1/records", ENVELOPE_BYTES_MAX, id="a record"),
        pytest.param("/v1/sessions", REQUEST_BYTES_MAX, id="anything else"),
    ],
)
@pytest.mark.parametrize("stated", [True, False])
def test_a_body_has_a_limit_by_path(path: str, limit: int, *, stated: bool) -> None:
    app = BodyLimit(application())
    fits = [b"x" * (limit - 1), b"x"]
    assert call(app, fits, path=path, length=limit if stated else None) == (200, str(limit))
    status, body = call(app, [*fits, b"x"], path=path, length=limit + 1 if stated else None)
    assert status == 413
    assert isinstance(body, dict)
    assert body["code"] == "too_large"
    assert str(limit) in body["detail"]


def test_an_endless_body_is_given_up() -> None:
    app = BodyLimit(application())
    many = [b"x" * REQUEST_BYTES_MAX] * 100
    assert call(app, many, path="/v1/sessions")[0] == 413


def test_a_client_that_stalls_is_given_up() -> None:
    app = Deadline(application(), seconds=0.05)
    status, body = call(app, [b"half"], stalls=True)
    assert status == 503
    assert isinstance(body, dict)
    assert body["code"] == "deadline_exceeded"
    assert body["retry_after_s"] >= 1


@pytest.mark.parametrize(
    ("server", "scheme", "insecure", "passes"),
    [
        pytest.param("127.0.0.1", "http", False, True, id="loopback"),
        pytest.param("::ffff:10.0.0.1", "http", False, True, id="private, by a dual socket"),
        pytest.param("8.8.8.8", "http", False, False, id="public in the clear"),
        pytest.param("::ffff:8.8.8.8", "http", False, False, id="the same by a dual socket"),
        pytest.param("8.8.8.8", "https", False, True, id="public with TLS"),
        pytest.param("8.8.8.8", "http", True, True, id="public, as was asked for"),
    ],
)
def test_plain_http_stays_on_private_addresses(
    server: str, scheme: str, *, insecure: bool, passes: bool
) -> None:
    app = TlsGuard(application(), insecure=insecure)
    status, body = call(app, server=(server, 80), scheme=scheme)
    assert (status == 200) is passes
    if not passes:
        assert isinstance(body, dict)
        assert (status, body["code"]) == (403, "tls_required")
