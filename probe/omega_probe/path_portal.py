"""Who answers plain HTTP in the Controller's place: the Controller, a portal, or nobody.

Theory of operation. Only one question is asked, `GET /v1/address`, whose answer no portal makes up:
a JSON object with an address and a token. Anything else that is HTTP is somebody else's: a login
page, a redirect to one, a box that says "pay first". Nothing is followed and nothing is believed.

A Controller behind https is asked on port 80 as well, for that is where portals answer. There a
redirect to the same host is what a web server does that sends people to https, and no portal.
"""

from __future__ import annotations

import select
import socket
from typing import Final
from urllib.parse import urlsplit

from omega_core.facts import Family
from omega_core.path import NotObserved, PortalAnswer, PortalCheck, Unobserved
from omega_probe.attempts import (
    AttemptFailedError,
    connect,
    has_default_route,
    literal_address,
    lookup,
    reason_of,
)
from omega_probe.control_reach import FAMILIES
from omega_probe.plan import ControlTarget
from omega_probe.waiting import Waiter

PATH: Final = "/v1/address"
HTTP_PORT: Final = 80
ANSWER_OCTETS_MAX: Final = 4_096
_LOCATION_CHARS_MAX: Final = 200
_MARKS: Final = (b'"address"', b'"server_address"', b'"token"')
_READ_OCTETS: Final = 2_048


def check_portal(
    target: ControlTarget | None, waiter: Waiter, deadline_ns: int
) -> PortalCheck | Unobserved:
    """Return who answered. Raises StoppedError."""
    if target is None:
        return Unobserved(not_observed=NotObserved.NO_TARGET)
    port = target.port if target.scheme == "http" else HTTP_PORT
    try:
        answer = _ask(target.host, port, waiter, deadline_ns)
    except AttemptFailedError as error:
        return _nobody(error.reason)
    except OSError as error:
        return _nobody(reason_of(error))
    return read_answer(answer, target.host)


def read_answer(data: bytes, host: str) -> PortalCheck:
    """Return whose answer this is."""
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    status = _status(lines[0])
    if status is None:
        return _nobody("not_http")
    location = _location(lines[1:])
    if status == 200 and all(mark in body for mark in _MARKS):
        return _check(PortalAnswer.OMEGA, status, location)
    if location is not None and 300 <= status < 400 and _host_of(location) == host.lower():
        return _check(PortalAnswer.NONE, status, location, "redirect_to_itself")
    return _check(PortalAnswer.OTHER, status, location)


def _ask(host: str, port: int, waiter: Waiter, deadline_ns: int) -> bytes:
    family, address = _address_of(host, waiter)
    with connect(address, port, family, waiter) as connection:
        shown = f"[{host}]" if ":" in host else host
        request = f"GET {PATH} HTTP/1.1\r\nHost: {shown}:{port}\r\nConnection: close\r\n\r\n"
        connection.send(request.encode("ascii", "replace"))
        return _read(connection, waiter, deadline_ns)


def _address_of(host: str, waiter: Waiter) -> tuple[Family, str]:
    literal = literal_address(host)
    if literal is not None:
        return literal
    reason = "name_not_found"
    for family in FAMILIES:
        if not has_default_route(family):
            continue
        try:
            return family, lookup(host, family, waiter)[0]
        except AttemptFailedError as error:
            reason = error.reason
            if reason == "name_timeout":
                break
    raise AttemptFailedError(reason)


def _read(connection: socket.socket, waiter: Waiter, deadline_ns: int) -> bytes:
    """Return the beginning of the answer: until it ends, is long enough, or time is up."""
    data = bytearray()
    while len(data) < ANSWER_OCTETS_MAX:
        if not waiter.ready(connection, select.POLLIN, deadline_ns):
            break
        part = connection.recv(_READ_OCTETS)
        if not part:
            break
        data += part
    if not data:
        raise AttemptFailedError("closed")
    return bytes(data)


def _status(line: bytes) -> int | None:
    version, _, rest = line.partition(b" ")
    digits = rest[:3]
    if not version.startswith(b"HTTP/1.") or len(digits) != 3 or not digits.isdigit():
        return None
    return int(digits)


def _location(lines: list[bytes]) -> str | None:
    for line in lines:
        name, colon, value = line.partition(b":")
        if colon and name.strip().lower() == b"location":
            return value.strip().decode("ascii", "replace")[:_LOCATION_CHARS_MAX]
    return None


def _host_of(location: str) -> str | None:
    try:
        return urlsplit(location).hostname
    except ValueError:
        return None


def _nobody(reason: str) -> PortalCheck:
    return PortalCheck(answer=PortalAnswer.NONE, status=None, location=None, reason=reason)


def _check(
    answer: PortalAnswer, status: int, location: str | None, reason: str | None = None
) -> PortalCheck:
    return PortalCheck(answer=answer, status=status, location=location, reason=reason)
