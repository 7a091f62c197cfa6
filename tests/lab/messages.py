"""How the lab talks to its pumps: one JSON object at a time over a socket pair, octets behind it.

    0        4        8                            8 + n
    +--------+--------+----------------------------+---------------+
    | n u32  | m u32  | JSON object, n octets      | raw, m octets |
    +--------+--------+----------------------------+---------------+

The first message to a pump carries the descriptors of the three network namespaces. Both ends are
ours and of one version, so nothing is versioned or checked here.
"""

from __future__ import annotations

import json
import socket
import struct
from typing import Any

_SIZES = struct.Struct("=II")


def send_message(sock: socket.socket, fields: dict[str, Any], raw: bytes = b"") -> None:
    """Send one message; blocks until the other end has room."""
    text = json.dumps(fields).encode()
    sock.sendall(_SIZES.pack(len(text), len(raw)) + text + raw)


def receive_message(sock: socket.socket) -> tuple[dict[str, Any], bytes] | None:
    """Return the next message and the octets behind it, or None if the other end is gone."""
    head = _receive_exactly(sock, _SIZES.size)
    if head is None:
        return None
    text_octets, raw_octets = _SIZES.unpack(head)
    body = _receive_exactly(sock, text_octets + raw_octets)
    if body is None:
        return None
    return json.loads(body[:text_octets]), bytes(body[text_octets:])


def _receive_exactly(sock: socket.socket, octets: int) -> bytearray | None:
    received = bytearray()
    while len(received) < octets:
        try:
            part = sock.recv(min(octets - len(received), 1 << 20))
        except ConnectionResetError:
            return None
        if not part:
            return None
        received += part
    return received
