"""What every page tells the browser to refuse: pure ASGI, added to answers that are HTML.

Scripts and styles come from this server's own files, never from between the tags; nothing may be
framed, nothing is sent elsewhere, no referrer is told. A page that needs another place for its
connections (the test point that a browser measures against) names it, and only that.
"""

from __future__ import annotations

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONNECTS: Final = "omega_connects"
"""Where a request keeps the further places that its page connects to."""
_POLICY: Final = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data: blob:",
    "worker-src 'self'",
    "manifest-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
)
_OTHERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"geolocation=(), camera=(), microphone=()"),
    (b"cache-control", b"no-store"),
)


class PageHeaders:
    """Adds them to whatever is HTML and says nothing else of itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and its answer back with the headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start" and _is_page(message):
                state = scope.get("state", {})
                policy = policy_of(state.get(CONNECTS, ()))
                message["headers"] = _with(message["headers"], policy)
            await send(message)

        await self._app(scope, receive, send_guarded)


def policy_of(connects: tuple[str, ...] = ()) -> str:
    """Return the Content-Security-Policy of a page that connects to these places besides."""
    return "; ".join((*_POLICY, " ".join(("connect-src 'self'", *connects))))


def _with(headers: list[tuple[bytes, bytes]], policy: str) -> list[tuple[bytes, bytes]]:
    there = {name.lower() for name, _ in headers}
    wanted = ((b"content-security-policy", policy.encode("ascii")), *_OTHERS)
    return [*headers, *(each for each in wanted if each[0] not in there)]


def _is_page(message: Message) -> bool:
    return any(
        name.lower() == b"content-type" and value.startswith(b"text/html")
        for name, value in message["headers"]
    )
