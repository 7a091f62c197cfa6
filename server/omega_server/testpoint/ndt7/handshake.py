"""The request that opens a WebSocket, and the answer to it (RFC 6455 section 4.2).

Read as far as a test needs it and no farther: one GET, within `HEAD_OCTETS_MAX`, of one of the known
paths, for one of the known subprotocols. Everything else is answered with the status that says what
is wrong, and the connection is closed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

HEAD_OCTETS_MAX: Final = 8_192  # a browser's cookies and headers of a page are below four thousand
_HEADERS_MAX: Final = 64
_GUID: Final = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3
_KEY_OCTETS: Final = 16
_VERSION: Final = "13"
_QUERY_MAX: Final = 32
_REQUEST: Final = re.compile(rb"([A-Z]{1,16}) (\S{1,4000}) HTTP/1\.[0-9]")
_NAME: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
NDT7: Final = "net.measurementlab.ndt.v7"
ECHO: Final = "net.omega.echo.v1"
PROTOCOLS: Final[Mapping[str, str]] = MappingProxyType(
    {"/ndt/v7/download": NDT7, "/ndt/v7/upload": NDT7, "/omega/v1/echo": ECHO}
)
_REASONS: Final = {
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    426: "Upgrade Required",
    431: "Request Header Fields Too Large",
    403: "Forbidden",
    503: "Service Unavailable",
}


class HandshakeError(Exception):
    """This request opens no test: the status that says why, and one sentence."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status

    def answer(self, *, retry_after_s: int | None = None) -> bytes:
        """Return the response that ends the connection."""
        text = f"{self}\n".encode("ascii", "replace")
        lines = [
            f"HTTP/1.1 {self.status} {_REASONS[self.status]}",
            "Connection: close",
            "Content-Type: text/plain; charset=us-ascii",
            f"Content-Length: {len(text)}",
        ]
        if self.status == 426:
            lines.append(f"Sec-WebSocket-Version: {_VERSION}")
        if retry_after_s is not None:
            lines.append(f"Retry-After: {retry_after_s}")
        return "\r\n".join([*lines, "", ""]).encode("ascii") + text


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrade:
    """A request that opens a test; `origin` is the page's, None of what is no browser."""

    path: str
    query: Mapping[str, str]
    key: str
    origin: str | None
    user_agent: str

    @property
    def protocol(self) -> str:
        """The subprotocol that is spoken at this path."""
        return PROTOCOLS[self.path]

    def answer(self) -> bytes:
        """Return the response after which both ends speak in frames."""
        digest = hashlib.sha1((self.key + _GUID).encode("ascii"), usedforsecurity=False).digest()
        return (
            "HTTP/1.1 101 Switching Protocols\r\n"
            "Upgrade: websocket\r\n"
            "Connection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {base64.b64encode(digest).decode('ascii')}\r\n"
            f"Sec-WebSocket-Protocol: {self.protocol}\r\n\r\n"
        ).encode("ascii")


def head_in(received: bytes) -> int | None:
    """Return how many octets the head of a request has; None while it is not all there.

    Raises HandshakeError where it is longer than any of ours.
    """
    end = received.find(b"\r\n\r\n", 0, HEAD_OCTETS_MAX)
    if end >= 0:
        return end + 4
    if len(received) >= HEAD_OCTETS_MAX:
        raise HandshakeError(431, f"a request has at most {HEAD_OCTETS_MAX} octets here")
    return None


def upgrade_in(head: bytes) -> Upgrade:
    """Return the upgrade that a head asks for; raises HandshakeError."""
    first, *rest = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    request = _REQUEST.fullmatch(first)
    if request is None:
        raise HandshakeError(400, "this is no request of HTTP/1.1")
    method, target = request.groups()
    headers = _headers(rest)
    place = urlsplit(target.decode("ascii", "replace"))
    path = unquote(place.path)
    if path not in PROTOCOLS:
        raise HandshakeError(404, "there is no test at this address")
    if method != b"GET":
        raise HandshakeError(405, "a test is opened by GET")
    _check_upgrade(headers)
    _check_protocol(headers, PROTOCOLS[path])
    return Upgrade(
        path=path,
        query=_query(place.query),
        key=_key(headers),
        origin=headers.get("origin"),
        user_agent=headers.get("user-agent", "")[:200],
    )


def _headers(lines: list[bytes]) -> dict[str, str]:
    if len(lines) > _HEADERS_MAX:
        raise HandshakeError(431, f"a request has at most {_HEADERS_MAX} headers here")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not _NAME.fullmatch(name):
            raise HandshakeError(400, "a header can't be read")
        key, text = name.decode("ascii").lower(), value.strip(b" \t").decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


def _check_upgrade(headers: Mapping[str, str]) -> None:
    upgrade = _tokens(headers.get("upgrade", ""))
    connection = _tokens(headers.get("connection", ""))
    if "websocket" not in upgrade or "upgrade" not in connection:
        raise HandshakeError(426, "a test is a WebSocket")
    if headers.get("sec-websocket-version") != _VERSION:
        raise HandshakeError(426, f"version {_VERSION} of WebSocket is spoken here")
    if "host" not in headers:
        raise HandshakeError(400, "a request names its host")


def _check_protocol(headers: Mapping[str, str], wanted: str) -> None:
    offered = [each.strip() for each in headers.get("sec-websocket-protocol", "").split(",")]
    if wanted not in offered:
        raise HandshakeError(400, f"the subprotocol {wanted} is spoken at this address")


def _key(headers: Mapping[str, str]) -> str:
    key = headers.get("sec-websocket-key", "")
    try:
        octets = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        octets = b""
    if len(octets) != _KEY_OCTETS:
        raise HandshakeError(400, "Sec-WebSocket-Key is no key")
    return key


def _query(text: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(text, max_num_fields=_QUERY_MAX, errors="strict"))
    except ValueError as error:
        raise HandshakeError(400, "the query can't be read") from error


def _tokens(value: str) -> set[str]:
    return {each.strip().lower() for each in value.split(",")}
