"""The one door to ticket systems: HTTP requests, and what their answers mean.

What always holds: an address is asked that the operator wrote down and no other (no redirect is
followed, no proxy of the environment used); certificates are checked; an answer has a size and a
time that it may take, and all requests of one delivery have a time together. Then:

    2xx                               the answer
    401, 403                          stopped, the whole system: the secret is wrong
    408, 425, 429, 503, other 5xx     later; Retry-After where it says so
    3xx and any other 4xx             stopped: this request will never be right
    no connection                     later
    none or half an answer            later; unclear, if something was being posted

An answer of 5xx to something that was posted is unclear too: it may have been kept before it broke.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final

import httpx

from omega_core.clock import Clock
from omega_core.limits import (
    CONNECTOR_ANSWER_BYTES_MAX,
    CONNECTOR_ANSWER_S,
    CONNECTOR_CONNECT_S,
    CONNECTOR_DELIVERY_S,
)
from omega_core.units import NS_PER_S, US_PER_S
from omega_server.connectors.errors import LaterError, StoppedError

_LATER: Final = {408, 425, 429, 503}
_DETAIL_CHARS_MAX = 200
_DIGITS_MAX = 9

UploadedFile = tuple[str | None, bytes, str]
"""Name, content and media type of one part of a form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """How to reach one system: `base` has no slash at its end, `headers` carry the secret.

    `ca_file` holds the authorities of a system whose certificate the machine does not know.
    """

    base: str
    headers: Mapping[str, str]
    clock: Clock
    ca_file: Path | None = None
    answer_s: float = CONNECTOR_ANSWER_S
    transport: httpx.BaseTransport | None = None

    @contextmanager
    def open(self) -> Iterator[Talk]:
        """Hand out a connection for the requests of one delivery."""
        transport = self.transport or httpx.HTTPTransport(verify=self._tls(), trust_env=False)
        with httpx.Client(
            transport=transport,
            headers={"user-agent": "omega-server", "accept": "application/json", **self.headers},
            timeout=httpx.Timeout(self.answer_s, connect=CONNECTOR_CONNECT_S),
            trust_env=False,
            follow_redirects=False,
        ) as client:
            yield Talk(client, self)

    def _tls(self) -> ssl.SSLContext:
        """Return how certificates are checked: not loaded where there are none."""
        if self.base.startswith("http://"):
            return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            return ssl.create_default_context(cafile=self.ca_file)
        except (OSError, ssl.SSLError) as error:
            detail = f"the authorities in {self.ca_file} can't be read"
            raise StoppedError("ca_file", detail, whole_system=True) from error


class Talk:
    """Requests over one connection."""

    def __init__(self, client: httpx.Client, door: Door) -> None:
        self._client = client
        self._door = door
        self._end_ns = door.clock.monotonic_ns() + CONNECTOR_DELIVERY_S * NS_PER_S

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Any:  # noqa: ANN401 - JSON
        """Return the JSON that stands there."""
        return _parsed(self._send("GET", path, headers=headers))

    def post(
        self,
        path: str,
        content: object,
        headers: Mapping[str, str] | None = None,
        *,
        known: int | None = None,
    ) -> Any:  # noqa: ANN401 - JSON
        """Post JSON; return the JSON that came back. `known` is a status that says: had it."""
        return _parsed(self._send("POST", path, headers=headers, known=known, json=content))

    def post_bytes(self, path: str, body: bytes, headers: Mapping[str, str], *, known: int) -> None:
        """Post a body as it is; what comes back is not read as anything."""
        self._send("POST", path, headers=headers, known=known, content=body)

    def post_form(
        self, path: str, parts: Mapping[str, UploadedFile], headers: Mapping[str, str]
    ) -> Any:  # noqa: ANN401 - JSON
        """Post a form with files; return the JSON that came back."""
        return _parsed(self._send("POST", path, headers=headers, files=dict(parts)))

    def _send(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        known: int | None = None,
        **body: Any,  # noqa: ANN401 - what httpx takes
    ) -> bytes:
        posts = method != "GET"
        if self._door.clock.monotonic_ns() >= self._end_ns:
            raise LaterError("too_slow", f"more than {CONNECTOR_DELIVERY_S} s for one delivery")
        try:
            url = f"{self._door.base}{path}"
            with self._client.stream(method, url, headers=headers, **body) as answer:
                content = self._read(answer, posts=posts)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise LaterError("not_reached", _reason(error)) from error
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise LaterError("no_answer", _reason(error), unclear=posts) from error
        if answer.is_success or (known is not None and answer.status_code == known):
            return content
        raise _refusal(answer, posts=posts, now_unix_us=self._door.clock.unix_us)

    def _read(self, answer: httpx.Response, *, posts: bool) -> bytes:
        """Return the body; the bounds hold against a system that sends for ever, fast or slow."""
        clock = self._door.clock
        end_ns = clock.monotonic_ns() + int(self._door.answer_s * NS_PER_S)
        content = bytearray()
        for chunk in answer.iter_bytes():
            content += chunk
            if len(content) > CONNECTOR_ANSWER_BYTES_MAX:
                raise LaterError("answer_too_large", "the answer has no end", unclear=posts)
            if clock.monotonic_ns() > end_ns:
                raise LaterError("no_answer", "the answer was not finished in time", unclear=posts)
        return bytes(content)


def _refusal(
    answer: httpx.Response, *, posts: bool, now_unix_us: Callable[[], int]
) -> LaterError | StoppedError:
    status = answer.status_code
    said = f"HTTP {status}"
    if status in {401, 403}:
        detail = f"{said}: the secret is not accepted, or may not do this"
        return StoppedError("not_authorised", detail, whole_system=True)
    if status in _LATER or status >= 500:
        wait_s = _retry_after_s(answer.headers.get("retry-after"), now_unix_us)
        # 429 and 503 are said before anything is done; behind any other 5xx much may have happened.
        unclear = posts and status not in _LATER
        code = "busy" if status in _LATER else "broken"
        return LaterError(code, said, retry_after_s=wait_s, unclear=unclear)
    if 300 <= status < 400:
        detail = f"{said}: it sends us elsewhere; write the final address into the configuration"
        return StoppedError("redirected", detail, whole_system=True)
    if status in {404, 410}:
        return StoppedError("ticket_unknown", f"{said}: the ticket, or the address, is not there")
    return StoppedError("refused", said)


def _retry_after_s(text: str | None, now_unix_us: Callable[[], int]) -> int | None:
    """Return the seconds that a Retry-After asks for, in either of its forms (RFC 9110 10.2.3)."""
    if text is None:
        return None
    if text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX:
        return int(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0, int(moment.timestamp()) - now_unix_us() // US_PER_S)


def _parsed(content: bytes) -> Any:  # noqa: ANN401 - JSON
    """Return the JSON; a page of HTML with status 200 is a portal's or a proxy's, not an answer."""
    if not content.strip():
        return None
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise LaterError("not_understood", "the answer is not JSON", unclear=True) from error


def _reason(error: BaseException) -> str:
    deepest: BaseException = error
    while (cause := deepest.__cause__ or deepest.__context__) is not None:
        deepest = cause
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    if isinstance(deepest, ssl.SSLCertVerificationError):
        return f"certificate not accepted: {deepest.verify_message}"
    if isinstance(deepest, OSError) and deepest.strerror:
        return deepest.strerror
    return type(error).__name__[:_DETAIL_CHARS_MAX]
