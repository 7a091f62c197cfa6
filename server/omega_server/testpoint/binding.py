"""The sockets a test point listens on: one TCP and one UDP port, the same at every address."""

from __future__ import annotations

import os
import socket

from omega_core.sockets import datagrams, load
from omega_server.testpoint.addresses import normalised
from omega_server.testpoint.errors import TestPointBindError

_ANY_V4, _ANY_V6 = "0.0.0.0", "::"  # noqa: S104 - a test point is there to be reached
_BACKLOG = 128


def listen(hosts: tuple[str, ...], port: int) -> list[socket.socket]:
    """Return TCP listeners, not blocking; raises TestPointBindError."""
    listeners = _bound(hosts, port, socket.SOCK_STREAM)
    for listener in listeners:
        listener.listen(_BACKLOG)
    return listeners


def endpoints(hosts: tuple[str, ...], port: int) -> list[socket.socket]:
    """Return UDP sockets prepared for a reflector, not blocking; raises TestPointBindError."""
    bound = _bound(hosts, port, socket.SOCK_DGRAM)
    for endpoint in bound:
        datagrams.prepare(endpoint, answers=True)
    return bound


def load_endpoint(connection: socket.socket) -> socket.socket:
    """Return a UDP socket for a load, at the address a control connection came to, any port.

    Raises OSError.
    """
    address = normalised(connection.getsockname()[0])
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    endpoint = socket.socket(family, socket.SOCK_DGRAM)
    try:
        load.prepare(endpoint)
        scope = connection.getsockname()[3:] if family == socket.AF_INET6 else ()
        endpoint.bind((address, 0, 0, *scope) if scope else (address, 0))
    except BaseException:
        endpoint.close()
        raise
    return endpoint


def port_of(bound: list[socket.socket]) -> int:
    """Return the port they all have."""
    port: int = bound[0].getsockname()[1]
    return port


def _bound(hosts: tuple[str, ...], port: int, kind: socket.SocketKind) -> list[socket.socket]:
    """Bind each address; the port the first one gets is the port of all."""
    bound: list[socket.socket] = []
    try:
        for host in hosts:
            bound.append(_bind(host, port_of(bound) if bound else port, kind, hosts))
    except OSError as error:
        for each in bound:
            each.close()
        protocol = "TCP" if kind is socket.SOCK_STREAM else "UDP"
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise TestPointBindError(
            f"cannot listen on {protocol} port {port} of {' '.join(hosts)}: {reason}"
        ) from error
    return bound


def _bind(host: str, port: int, kind: socket.SocketKind, hosts: tuple[str, ...]) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        endpoint = socket.socket(family, kind)
    except OSError:
        if host != _ANY_V6:
            raise
        return _bind(_ANY_V4, port, kind, hosts)  # a host without IPv6
    try:
        if family == socket.AF_INET6:
            endpoint.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(_ANY_V4 in hosts))
        if kind is socket.SOCK_STREAM:
            endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        endpoint.bind((host, port))
        endpoint.setblocking(False)  # noqa: FBT003 - the standard library's signature
    except BaseException:
        endpoint.close()
        raise
    return endpoint
