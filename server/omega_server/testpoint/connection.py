"""A probe's connection as the host sees it: frames in, frames out, never waiting for a peer.

Theory of operation. A read takes no octet beyond the frame under way: on a flow's connection the
octets after its one frame belong to a worker. A write that the peer doesn't take is kept up to a
bound. A connection that is to be closed first sends what is kept, then says that it is done and
reads on for a moment, because closing over unread octets would reset the answer away.
"""

from __future__ import annotations

import socket
from contextlib import suppress

from omega_core import limits
from omega_core.units import NS_PER_S
from omega_core.wire.frames import FrameReader
from omega_core.wire.testpoint import FromTestPoint, encode
from omega_server.testpoint.addresses import normalised

_READ_OCTETS = 64 * 1024
_LINGER_NS = 2 * NS_PER_S
_LINGER_READS = 16  # of `_READ_OCTETS`: whoever sends more than a mebibyte gets the reset


class PeerGoneError(Exception):
    """The peer closed, reset, or does not read what it is told."""


class Connection:
    """One accepted connection; the host owns and closes it."""

    def __init__(self, endpoint: socket.socket, *, now_ns: int) -> None:
        endpoint.setblocking(False)  # noqa: FBT003 - the standard library's signature
        with suppress(OSError):  # gone already: the first read will say so
            endpoint.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.endpoint = endpoint
        self.peer = normalised(endpoint.getpeername()[0])
        self.opened_ns = now_ns
        self.leave_by_ns: int | None = None
        """Until when a closing connection may linger; None while it is in use."""
        self._reader = FrameReader(limits.REQUEST_BYTES_MAX)
        self._unsent = bytearray()
        self._reads_left = _LINGER_READS

    def fileno(self) -> int:
        """Return the descriptor to wait on."""
        return self.endpoint.fileno()

    @property
    def has_unsent(self) -> bool:
        """Whether something waits to be written."""
        return bool(self._unsent)

    def receive(self) -> bytes | None:
        """Return the next whole frame, None when it is not all there yet.

        Raises PeerGoneError at the end, FrameError for what is no frame.
        """
        while True:
            wanted = min(self._reader.octets_missing, _READ_OCTETS)
            data = self._recv(wanted)
            if data is None:
                return None
            for frame in self._reader.feed(data):
                return frame  # one at most: no octet beyond it was read

    def send(self, message: FromTestPoint) -> None:
        """Send a message, now or when the peer takes it; raises PeerGoneError."""
        self._unsent += encode(message)
        if len(self._unsent) > limits.UNSENT_BYTES_MAX:
            raise PeerGoneError("does not read")
        self.flush()

    def flush(self) -> None:
        """Write what is kept, as far as the peer takes it; raises PeerGoneError."""
        while self._unsent:
            try:
                sent = self.endpoint.send(self._unsent)
            except BlockingIOError:
                return
            except OSError as error:
                raise PeerGoneError(str(error)) from error
            del self._unsent[:sent]
        if self.leave_by_ns is not None:
            with suppress(OSError):
                self.endpoint.shutdown(socket.SHUT_WR)

    def begin_to_leave(self, *, now_ns: int) -> None:
        """Send what is kept and then be done; raises PeerGoneError."""
        self.leave_by_ns = now_ns + _LINGER_NS
        self.flush()

    def linger(self) -> None:
        """Read and discard on a closing connection; raises PeerGoneError when it can be closed."""
        while self._recv(_READ_OCTETS) is not None:
            self._reads_left -= 1
            if self._reads_left <= 0:
                raise PeerGoneError("goes on sending")

    def _recv(self, octets: int) -> bytes | None:
        try:
            data = self.endpoint.recv(octets)
        except BlockingIOError:
            return None
        except OSError as error:
            raise PeerGoneError(str(error)) from error
        if not data:
            raise PeerGoneError("end of file")
        return data
