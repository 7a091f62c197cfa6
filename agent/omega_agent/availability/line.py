"""The line as a watch uses it: packets leave for one address, and what answers comes in.

A socket is opened with the first packet, and again with the next one after `close`: what comes then
comes by another route or from another address of this host. Everything here returns at once.
"""

from __future__ import annotations

import contextlib
import socket
from typing import Protocol

from omega_core.sockets.datagrams import Datagram, prepare, receive


class Line(Protocol):
    """The way to one test point and back."""

    def fileno(self) -> int:
        """Return the descriptor to wait on, -1 while there is none."""
        ...

    def send(self, data: bytes) -> bool:
        """Return whether the packet has left; a full queue of this host has taken it too.

        Where it has not, the line is of no use any more and is to be closed.
        """
        ...

    def receive(self) -> Datagram | None:
        """Return the next packet that has come, None where none has yet."""
        ...

    def leads_elsewhere(self) -> bool:
        """Whether this host would send from another address now than it did until now."""
        ...

    def close(self) -> None:
        """Let go of what is held; the next packet begins anew."""
        ...


class UdpLine:
    """A connected UDP socket."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._endpoint: socket.socket | None = None

    def fileno(self) -> int:
        """See `Line.fileno`."""
        return -1 if self._endpoint is None else self._endpoint.fileno()

    def send(self, data: bytes) -> bool:
        """See `Line.send`."""
        for _ in range(2):
            try:
                if self._endpoint is None:
                    self._endpoint = _connected(self._address)
                self._endpoint.send(data)
            except BlockingIOError:
                return True  # the line is slow or stuck, and the packet is lost there
            except ConnectionRefusedError:
                continue  # the error of an earlier packet, told instead of sending this one
            except OSError:  # no route, no address, no interface: a new socket finds what is next
                return False
            else:
                return True
        return True

    def receive(self) -> Datagram | None:
        """See `Line.receive`."""
        if self._endpoint is None:
            return None
        for _ in range(2):
            try:
                return receive(self._endpoint)
            except ConnectionRefusedError:
                continue  # of a packet that has been sent; what has come stands behind it
            except OSError:
                return None
        return None

    def leads_elsewhere(self) -> bool:
        """See `Line.leads_elsewhere`."""
        if self._endpoint is None:
            return False
        try:
            with contextlib.closing(_connected(self._address)) as now:
                return bool(now.getsockname()[0] != self._endpoint.getsockname()[0])
        except OSError:
            return False

    def close(self) -> None:
        """See `Line.close`."""
        if self._endpoint is not None:
            with contextlib.suppress(OSError):
                self._endpoint.close()
        self._endpoint = None


def _connected(address: tuple[str, int]) -> socket.socket:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    endpoint = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        prepare(endpoint)
        endpoint.connect(address)
    except OSError:
        endpoint.close()
        raise
    return endpoint
