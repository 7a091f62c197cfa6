"""The sockets the API listens on: IPv4 and IPv6 by one address, and errors that name it."""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
from pathlib import Path

from omega_core.errors import UsageError

_BACKLOG = 1_024


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; `::` takes IPv4 as well, and is 0.0.0.0 on a host without IPv6.

    Raises UsageError when the address or port can't be had.
    """
    if host == "::" and not socket.has_dualstack_ipv6():
        host = "0.0.0.0"  # noqa: S104 - every address is what was asked for
    is_ipv6 = ipaddress.ip_address(host).version == 6
    family = socket.AF_INET6 if is_ipv6 else socket.AF_INET
    try:
        listener = socket.create_server(
            (host, port), family=family, backlog=_BACKLOG, dualstack_ipv6=host == "::"
        )
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise UsageError(f"can't listen on {host} port {port}: {why}") from error
    # Taken over by each connection, for asyncio leaves out sockets whose protocol is not named: an
    # answer's body would wait for the acknowledgement of its head, a round trip more for each.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def url_of(listener: socket.socket, *, has_tls: bool) -> str:
    """Return the URL under which this machine reaches the listener."""
    host, port = listener.getsockname()[:2]
    address = ipaddress.ip_address(host)
    if address.is_unspecified:
        address = ipaddress.ip_address("127.0.0.1")
    name = f"[{address}]" if address.version == 6 else str(address)
    return f"{'https' if has_tls else 'http'}://{name}:{port}"


def check_tls(certificate: Path, key: Path) -> None:
    """Raise UsageError unless the two files are a certificate and its key."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"{certificate} and {key}: {why}") from error
