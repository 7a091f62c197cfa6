"""What the host and its children say to each other: JSON frames over a socket pair, and sockets.

Both ends are ours and on one machine, so nothing here is checked as a stranger's words would be.
When one end dies the other reads an end of file and leaves: no process is left behind.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from typing import Any

from omega_core.wire.frames import FrameReader, encode_frame

_READ_OCTETS = 256 * 1024
_DESCRIPTORS_MAX = 32
_SEND_TIMEOUT_S = 10  # the other end reads within milliseconds; this bounds a defect

Message = dict[str, Any]
READY: Message = {"op": "ready"}
"""A child's first word: everything is imported, so the first packet is answered as the others."""


class ChannelClosedError(Exception):
    """The other end is gone."""


class Channel:
    """One end of the pair."""

    def __init__(self, endpoint: socket.socket) -> None:
        self._endpoint = endpoint
        endpoint.settimeout(_SEND_TIMEOUT_S)
        self._reader = FrameReader()
        self.descriptors: deque[int] = deque()
        """Descriptors that came with messages, in their order; whoever takes one owns it."""

    def fileno(self) -> int:
        """Return the descriptor to wait on."""
        return self._endpoint.fileno()

    def send(self, message: Message, descriptors: Sequence[int] = ()) -> None:
        """Send a message, with copies of open descriptors; raises ChannelClosedError."""
        frame = encode_frame(json.dumps(message, separators=(",", ":")).encode())
        try:
            if descriptors:
                sent = socket.send_fds(self._endpoint, [frame], [*descriptors])
                frame = frame[sent:]
            self._endpoint.sendall(frame)
        except OSError as error:
            raise ChannelClosedError(str(error)) from error

    def receive(self) -> list[Message]:
        """Return the messages that have come; waits for at least some octets of one.

        Raises ChannelClosedError at the end.
        """
        try:
            data, descriptors, _, _ = socket.recv_fds(
                self._endpoint, _READ_OCTETS, _DESCRIPTORS_MAX
            )
        except OSError as error:
            raise ChannelClosedError(str(error)) from error
        self.descriptors.extend(descriptors)
        if not data:
            raise ChannelClosedError("end of file")
        return [json.loads(frame) for frame in self._reader.feed(data)]

    def close(self) -> None:
        """Close this end; the other one then leaves."""
        self._endpoint.close()


def start_child(module: str) -> tuple[subprocess.Popen[bytes], Channel]:
    """Start `python -m module DESCRIPTOR`; return the process and our end of its channel.

    A fresh interpreter holds no copy of our sockets, which a fork would. It gets our import path,
    so it runs the same code, installed or not.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-P", "-m", module, str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            start_new_session=True,  # Ctrl-C is for the host, which then closes the channel
        )
    return process, Channel(ours)


def channel_of_child(arguments: Sequence[str]) -> Channel:
    """Return the child's end, from its command line, after it has said that it is ready."""
    channel = Channel(socket.socket(fileno=int(arguments[1])))
    channel.send(READY)
    return channel
