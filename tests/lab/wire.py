"""The link's two ends in Linux: frames out of a mapped receive ring, frames into a packet socket.

Theory of operation. The kernel copies each frame that a host sends into the next slot of a ring
that this process has mapped (PACKET_MMAP, TPACKET_V2) and stamps it with the time of its arrival.
Reading costs no system call, and a frame that is read late is not late: the queue model gets the
kernel's time. What the ring has no room for is counted as an overrun; a test with overruns proves
nothing about the link.

    slot   tp_status u32 | tp_len u32 | tp_snaplen u32 | tp_mac u16 | tp_net u16 | tp_sec u32 |
           tp_nsec u32 | ...            the frame begins tp_mac octets into the slot

The kernel's stamps are of the wall clock. They are moved to CLOCK_MONOTONIC by a difference that is
read anew for each batch, and are held between the last look at the ring and now, so a step of the
wall clock cannot put a frame before its predecessor or into the future.
"""

from __future__ import annotations

import errno
import mmap
import socket
import struct
import time
from time import monotonic_ns  # noqa: TID251 - a driver, and this is asked for every frame

from lab.frames import ETHERNET_OCTETS
from omega_core.units import NS_PER_S

_SLOT_OCTETS = 2_048  # room for an Ethernet frame of 1514 octets behind a header of about 80
_BLOCK_OCTETS = 64 * 1_024
_BLOCKS = 128  # 4096 slots, 8 MiB: 50 ms of full frames at a gigabit per second
_SLOTS = _BLOCKS * _BLOCK_OCTETS // _SLOT_OCTETS
_BATCH_FRAMES = 256  # then let those out that have become due meanwhile
_SEND_BUFFER_OCTETS = 8 * 1_024 * 1_024

_ETH_P_ALL = 3
_SOL_PACKET = 263
_PACKET_RX_RING = 5
_PACKET_STATISTICS = 6
_PACKET_VERSION = 10
_PACKET_IGNORE_OUTGOING = 23
_TPACKET_V2 = 1
_SO_SNDBUFFORCE = 32
_STATUS_KERNEL = 0
_STATUS_USER = 1
_STATUS_NO_CHECKSUM = 1 << 3

_SLOT_HEADER = struct.Struct("=IIIHHII")
_RING_REQUEST = struct.Struct("=IIII")
_STATISTICS = struct.Struct("=II")
_OFFSET_READ_NS_MAX = 20_000  # a slower reading was interrupted half way: keep the one before


class RingReader:
    """Reads the frames that the host behind one interface sends."""

    def __init__(self, interface: str) -> None:
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.socket.setsockopt(_SOL_PACKET, _PACKET_VERSION, _TPACKET_V2)
        self.socket.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
        request = _RING_REQUEST.pack(_BLOCK_OCTETS, _BLOCKS, _SLOT_OCTETS, _SLOTS)
        self.socket.setsockopt(_SOL_PACKET, _PACKET_RX_RING, request)
        self._ring = mmap.mmap(self.socket.fileno(), _BLOCKS * _BLOCK_OCTETS)
        self._words = memoryview(self._ring).cast("I")
        self._slot = 0
        self._offset_ns = self._read_offset_ns() or time.time_ns() - monotonic_ns()
        self._looked_ns = monotonic_ns()
        self._overruns = 0
        self.unfinished = 0
        """Frames longer than the MTU or without checksum: a host's offloads were left on."""
        self.socket.bind((interface, _ETH_P_ALL))

    def take(self) -> list[tuple[int, bytes]]:
        """Return the oldest frames that have arrived, each with its time; at most one batch."""
        words, ring = self._words, self._ring
        frames: list[tuple[int, bytes]] = []
        earliest_ns, offset_ns, now_ns = self._looked_ns, self._refresh_offset_ns(), monotonic_ns()
        for _ in range(_BATCH_FRAMES):
            start = self._slot * _SLOT_OCTETS
            if not words[start >> 2] & _STATUS_USER:
                break
            status, length, kept, mac, _net, seconds, ns = _SLOT_HEADER.unpack_from(ring, start)
            if kept < length or status & _STATUS_NO_CHECKSUM:
                self.unfinished += 1
            else:
                arrived_ns = seconds * NS_PER_S + ns - offset_ns
                if arrived_ns > now_ns:  # it came while this loop ran
                    now_ns = monotonic_ns()
                earliest_ns = max(min(arrived_ns, now_ns), earliest_ns)
                frames.append((earliest_ns, ring[start + mac : start + mac + length]))
            words[start >> 2] = _STATUS_KERNEL
            self._slot = (self._slot + 1) % _SLOTS
        self._looked_ns = now_ns if len(frames) < _BATCH_FRAMES else earliest_ns
        return frames

    def overruns(self) -> int:
        """Return how many frames found the ring full, since the start."""
        raw = self.socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, _STATISTICS.size)
        _, dropped = _STATISTICS.unpack(raw)  # the kernel forgets what it has told
        self._overruns += dropped
        return self._overruns

    def _refresh_offset_ns(self) -> int:
        self._offset_ns = self._read_offset_ns() or self._offset_ns
        return self._offset_ns

    @staticmethod
    def _read_offset_ns() -> int | None:
        """Return wall clock minus monotonic clock, or None if the reading was interrupted."""
        before_ns = monotonic_ns()
        wall_ns = time.time_ns()
        after_ns = monotonic_ns()
        if after_ns - before_ns > _OFFSET_READ_NS_MAX:
            return None
        return wall_ns - (before_ns + after_ns) // 2


class FrameSender:
    """Hands frames to the host behind one interface."""

    def __init__(self, interface: str) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)  # 0: receive nothing
        widen_send_buffer(self._socket)
        self._socket.bind((interface, 0))
        self._socket.setblocking(False)  # noqa: FBT003 - socket's own signature
        self.send = self._socket.send
        self.refused = 0
        """Frames the kernel did not take: the receiving host was not keeping up."""

    def try_send(self, frame: bytes) -> bool:
        """Send one frame; False, and counted, if the kernel has no room for it."""
        try:
            self.send(frame)
        except OSError as error:
            if error.errno not in {errno.EAGAIN, errno.ENOBUFS}:
                raise
            self.refused += 1
            return False
        return True


def widen_send_buffer(sock: socket.socket) -> None:
    """Let a socket queue bursts that would otherwise make its sender wait."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_SNDBUFFORCE, _SEND_BUFFER_OCTETS)
    except PermissionError:  # not administrator of the first user namespace: take what is allowed
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_OCTETS)


def ip_octets(frame: bytes) -> int:
    """Return what a frame weighs on the link: everything behind the Ethernet header."""
    return len(frame) - ETHERNET_OCTETS
