"""The sending end of a UDP load; `load` tells how it works."""

from __future__ import annotations

import array
import errno
import os
import socket
import sys
from contextlib import suppress
from typing import Final

from omega_core.clock import Clock
from omega_core.load import Pacer
from omega_core.sockets.linux import UDP_SEGMENT
from omega_core.sockets.load import LOW_HALF, LOW_VIEW, SEGMENTS_MAX
from omega_core.wire.load import (
    COMMAND_OFFSET,
    LOAD_HEADER,
    SENT_OFFSET,
    SEQUENCE_OFFSET,
    UINT32_MAX,
    LoadKeys,
    prefix_of,
)

DATAGRAM_OCTETS_MAX: Final = 65_507  # all segments of a call together
_NO_GSO_ERRORS = {errno.EINVAL, errno.EIO, errno.EOPNOTSUPP, errno.EMSGSIZE, errno.ENOPROTOOPT}


class LoadSender:
    """Sends numbered load packets of one size over a connected socket."""

    def __init__(
        self,
        endpoint: socket.socket,
        keys: LoadKeys,
        *,
        payload_octets: int,
        clock: Clock,
        gso: bool = True,
    ) -> None:
        if payload_octets % 4 or payload_octets < LOAD_HEADER.size:
            raise ValueError(f"a load packet has a multiple of 4 octets, not {payload_octets}")
        self.packets = 0
        """Packets that the kernel took; also the next sequence number."""
        self.blocked = 0
        """Calls that the kernel did not take for want of buffer."""
        self.failure: OSError | None = None
        """The last error of a call, None when all went well."""
        self._endpoint = endpoint
        self._now_ns = clock.monotonic_ns
        self._payload = payload_octets
        self._segments = min(SEGMENTS_MAX, DATAGRAM_OCTETS_MAX // payload_octets)
        if not gso or not _segments_by_kernel(endpoint, payload_octets):
            self._segments = 1
        self._block = _block(keys, payload_octets, self._segments)
        self._view = memoryview(self._block)
        self._words = self._view.cast("I")
        self._halves = self._view.cast("H")
        self._full = self._columns(self._segments)
        self._high = self._command = self._sent_high = 0

    @property
    def gso(self) -> bool:
        """Whether the kernel cuts blocks into packets."""
        return self._segments > 1

    def send(self, count: int, command: int) -> int:
        """Send packets under a command; return how many the kernel took.

        Fewer than `count` when its buffer is full or the path is refused: nothing is sent twice.
        """
        left = count
        while left > 0:
            step = min(left, self._segments, 0x10000 - (self.packets & 0xFFFF))
            taken = self._send_once(step, command)
            left -= taken
            if not taken:
                break
        return count - left

    def _send_once(self, count: int, command: int) -> int:
        octets = count * self._payload
        self._write_headers(count, command)
        try:
            self._endpoint.send(self._view[:octets])
        except BlockingIOError:
            self.blocked += 1
            return 0
        except OSError as error:
            self.failure = error
            if self._segments > 1 and error.errno in _NO_GSO_ERRORS:
                self._give_gso_up()
                return self._send_once(1, command)
            return 0
        self.packets += count
        return count

    def _write_headers(self, count: int, command: int) -> None:
        """Write the fields of `count` packets whose numbers share their upper half."""
        first, now_ns = self.packets, self._now_ns()
        low = first & 0xFFFF
        numbers, sent = self._full if count == self._segments else self._columns(count)
        numbers[:] = LOW_VIEW[low : low + count]
        sent[:] = self._column(now_ns & UINT32_MAX, count)
        if first >> 16 != self._high:
            self._high = first >> 16
            self._fill(SEQUENCE_OFFSET // 2, self._high)
        if now_ns >> 32 != self._sent_high:
            self._sent_high = now_ns >> 32
            self._fill_word(SENT_OFFSET, self._sent_high)
        if command != self._command:
            self._command = command
            self._fill_word(COMMAND_OFFSET, command)

    def _columns(self, count: int) -> tuple[memoryview, memoryview]:
        """Return the lower halves of numbers and of send times of so many packets, in place."""
        end, stride = count * self._payload, self._payload // 4
        return (
            self._halves[LOW_HALF : end // 2 : stride * 2],
            self._words[SENT_OFFSET // 4 + 1 : end // 4 : stride],
        )

    def _column(self, value: int, count: int) -> memoryview:
        word = int.from_bytes(value.to_bytes(4, "big"), sys.byteorder)
        return memoryview(array.array("I", (word,)) * count)

    def _fill_word(self, offset: int, value: int) -> None:
        self._words[offset // 4 :: self._payload // 4] = self._column(value, self._segments)

    def _fill(self, half: int, value: int) -> None:
        swapped = int.from_bytes((value & 0xFFFF).to_bytes(2, "big"), sys.byteorder)
        column = array.array("H", (swapped,)) * self._segments
        self._halves[half :: self._payload // 2] = memoryview(column)

    def _give_gso_up(self) -> None:
        with suppress(OSError):
            self._endpoint.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 0)
        self._segments = 1
        self._view = self._view[: self._payload]
        self._words = self._view.cast("I")
        self._halves = self._view.cast("H")
        self._full = self._columns(self._segments)


class PacedSender:
    """A sender, what is due, and how many packets there may be in all."""

    def __init__(self, sender: LoadSender, pacer: Pacer, *, packets_max: int) -> None:
        self.sender = sender
        self.pacer = pacer
        self._packets_max = packets_max

    @property
    def exhausted(self) -> bool:
        """Whether no packet may be sent any more."""
        return self.sender.packets >= self._packets_max

    def step(self, now_ns: int) -> int:
        """Send what is due; return how many packets the kernel took.

        What it did not take is given up: sent later, it would be a burst.
        """
        due = min(self.pacer.due(now_ns), self._packets_max - self.sender.packets)
        if due <= 0:
            return 0
        taken = self.sender.send(due, self.pacer.command)
        self.pacer.sent(due, now_ns)
        return taken


def _block(keys: LoadKeys, payload_octets: int, segments: int) -> bytearray:
    """Return packets of random octets, which no compression on the way makes smaller."""
    block = bytearray(os.urandom(payload_octets * segments))
    prefix = prefix_of(keys) + bytes(LOAD_HEADER.size - SEQUENCE_OFFSET)
    for number in range(segments):
        start = number * payload_octets
        block[start : start + len(prefix)] = prefix
    return block


def _segments_by_kernel(endpoint: socket.socket, payload_octets: int) -> bool:
    try:
        endpoint.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, payload_octets)
    except OSError:
        return False
    return True
