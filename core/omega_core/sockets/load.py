"""UDP load: many packets a system call, both ways, with what the host can do for it.

Theory of operation. A `LoadSender` keeps a block of up to 64 packets whose headers it rewrites by
column (one strided copy a field, whatever the number of packets) and hands to the kernel in one
call, which cuts it into datagrams (`UDP_SEGMENT`). A `LoadReceiver` reads as many packets at once
as the kernel has put together (`UDP_GRO`), and looks at their headers by column too: a batch whose
numbers run on from its first is counted as a whole, anything else packet by packet. Either end
falls back to one datagram a call where its kernel can't do the other.

Packets are never fragmented (RFC 9097 s5.2): they are sent with Don't Fragment, and what is too
large for the path is refused by the kernel, or lost.
"""

from __future__ import annotations

import array
import errno
import os
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from omega_core.clock import Clock
from omega_core.load import LoadCounter
from omega_core.sockets.datagrams import SocketAddress, timespec_ns
from omega_core.sockets.linux import (
    IP_MTU_DISCOVER,
    IPV6_MTU_DISCOVER,
    PMTUDISC_DO,
    SO_RCVBUFFORCE,
    SO_RXQ_OVFL,
    SO_SNDBUFFORCE,
    SO_TIMESTAMPNS,
    UDP_GRO,
    UDP_SEGMENT,
)
from omega_core.units import NS_PER_MS, NS_PER_S, NS_PER_US
from omega_core.wire.load import (
    DATAGRAM_OCTETS_MAX as OTHER_OCTETS_MAX,
)
from omega_core.wire.load import (
    COMMAND_OFFSET,
    LOAD_HEADER,
    SENT_OFFSET,
    SEQUENCE_OFFSET,
    UDP_IP_OCTETS,
    UINT32_MAX,
    LoadKeys,
    decode_load,
    prefix_of,
)

RECEIVE_BUFFER_OCTETS: Final = 32 << 20  # 10 ms of 10 Gbit/s, small packets cost the kernel 4 times
SEND_BUFFER_OCTETS: Final = 1 << 20  # more would be a queue in this host that nobody asked for
SEGMENTS_MAX: Final = 64  # of a call; newer kernels take 128
DATAGRAM_OCTETS_MAX: Final = 65_507  # all segments of a call together
_ANCILLARY_OCTETS = 128
_NO_GSO_ERRORS = {errno.EINVAL, errno.EIO, errno.EOPNOTSUPP, errno.EMSGSIZE, errno.ENOPROTOOPT}
_OFFSET_NS = 100 * NS_PER_MS  # how long the wall clock's offset is believed
_TRIES = 3
_CLEAN_NS = 20 * NS_PER_US
_LOW_HALF = SEQUENCE_OFFSET // 2 + 1
_UNSIGNED = struct.Struct("@I")
_INT = struct.Struct("@i")
_NUMBERS = struct.Struct("!IIQ")  # sequence, command, send time

# Low halves of sequence numbers as they stand on the wire, for any run of up to 64 of them.
_LOW = array.array("H", [number & 0xFFFF for number in range(0x10000 + SEGMENTS_MAX)])
if sys.byteorder == "little":
    _LOW.byteswap()
_LOW_VIEW: Final = memoryview(_LOW)
_LOW_OCTETS: Final = _LOW.tobytes()


def prepare(endpoint: socket.socket) -> None:
    """Give a socket large buffers, receive times and a drop counter; nothing is fragmented."""
    endpoint.setblocking(False)  # noqa: FBT003 - the standard library's signature
    for force, ask, octets in (
        (SO_RCVBUFFORCE, socket.SO_RCVBUF, RECEIVE_BUFFER_OCTETS),
        (SO_SNDBUFFORCE, socket.SO_SNDBUF, SEND_BUFFER_OCTETS),
    ):
        try:
            endpoint.setsockopt(socket.SOL_SOCKET, force, octets)
        except OSError:  # only root may have more than the host's usual most
            endpoint.setsockopt(socket.SOL_SOCKET, ask, octets)
    endpoint.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    endpoint.setsockopt(socket.SOL_SOCKET, SO_RXQ_OVFL, 1)
    with suppress(OSError):  # not fatal: larger packets would only be counted by their fragments
        if endpoint.family == socket.AF_INET6:
            endpoint.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, PMTUDISC_DO)
        else:
            endpoint.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_DO)


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
        self._ones = memoryview(array.array("I", [0] * self._segments))
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
        first, end = self.packets, count * self._payload
        now_ns = self._now_ns()
        stride = self._payload // 4
        low = first & 0xFFFF
        sent = self._column(now_ns & UINT32_MAX, count)
        self._halves[_LOW_HALF : end // 2 : stride * 2] = _LOW_VIEW[low : low + count]
        self._words[SENT_OFFSET // 4 + 1 : end // 4 : stride] = sent
        if first >> 16 != self._high:
            self._high = first >> 16
            self._fill(SEQUENCE_OFFSET // 2, self._high)
        if now_ns >> 32 != self._sent_high:
            self._sent_high = now_ns >> 32
            self._fill_word(SENT_OFFSET, self._sent_high)
        if command != self._command:
            self._command = command
            self._fill_word(COMMAND_OFFSET, command)

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


class LoadReceiver:
    """Reads load packets into a counter, and hands on whatever else comes."""

    def __init__(
        self,
        endpoint: socket.socket,
        keys: LoadKeys,
        counter: LoadCounter,
        *,
        clock: Clock,
        other: Callable[[bytes, SocketAddress], None],
        allowed: Callable[[SocketAddress], bool] = lambda _: True,
        gro: bool = True,
    ) -> None:
        self.octets = 0
        """IP octets of all load packets of this stream that were read, copies included."""
        self.strangers = 0
        """Datagrams that were neither load of this stream nor short enough to be anything else."""
        self._endpoint = endpoint
        self._counter = counter
        self._other = other
        self._allowed = allowed
        self._arrivals = _Arrivals(clock)
        self._prefix = prefix_of(keys)
        self._ip_udp = UDP_IP_OCTETS[6 if endpoint.family == socket.AF_INET6 else 4]
        self._buffer = bytearray(1 << 16)
        self._view = memoryview(self._buffer)
        self._words = self._view.cast("I")
        self._halves = self._view.cast("H")
        self._columns = [
            self._prefix[offset : offset + 4] * SEGMENTS_MAX * 2 for offset in range(0, 16, 4)
        ]
        self._trusted: SocketAddress | None = None
        self.gro = gro and _batches_by_kernel(endpoint)
        """Whether the kernel puts packets together."""

    def drain(self, reads_max: int) -> int:
        """Read what is waiting, `reads_max` times at most; return how often there was something."""
        buffers = [self._view]
        receive = self._endpoint.recvmsg_into
        for reads in range(reads_max):
            try:
                octets, ancillary, _, address = receive(buffers, _ANCILLARY_OCTETS)
            except BlockingIOError:
                return reads
            except OSError:  # ICMP: an answer of a kind; the packet it belongs to is lost
                continue
            if address == self._trusted or self._trust(address):
                self._take(octets, ancillary, address)
        return reads_max

    def _trust(self, address: SocketAddress) -> bool:
        if not self._allowed(address):
            return False
        self._trusted = address
        return True

    def _take(
        self, octets: int, ancillary: list[tuple[int, int, bytes]], address: SocketAddress
    ) -> None:
        stamp_ns, size = None, octets
        for level, kind, value in ancillary:
            if level == socket.SOL_SOCKET:
                if kind == SO_TIMESTAMPNS:
                    stamp_ns = timespec_ns(value)
                elif kind == SO_RXQ_OVFL:
                    self._counter.host_drops = _UNSIGNED.unpack_from(value)[0]
            elif level == socket.IPPROTO_UDP and kind == UDP_GRO:
                size = _INT.unpack_from(value)[0]
        arrival_ns = self._arrivals.arrival_ns(stamp_ns)
        whole, rest = divmod(octets, size) if size > 0 else (0, octets)
        if whole == 1 or not self._take_batch(whole, size, arrival_ns):
            for number in range(whole):
                self._take_one(number * size, size, arrival_ns, address)
        if rest:
            self._take_one(whole * size, rest, arrival_ns, address)

    def _take_batch(self, count: int, size: int, arrival_ns: int) -> bool:
        """Count packets whose numbers run on; False, with nothing counted, when they don't."""
        end = count * size
        if size % 4 or size < LOAD_HEADER.size or count > SEGMENTS_MAX * 2:
            return False
        stride, words = size // 4, self._words
        first, command, _ = _NUMBERS.unpack_from(self._buffer, SEQUENCE_OFFSET)
        last, last_command, sent_ns = _NUMBERS.unpack_from(
            self._buffer, end - size + SEQUENCE_OFFSET
        )
        low = first & 0xFFFF
        if (
            last - first != count - 1
            or last_command != command
            or self._halves[_LOW_HALF : end // 2 : stride * 2].tobytes()
            != _LOW_OCTETS[2 * low : 2 * (low + count)]
            or any(
                words[place : end // 4 : stride].tobytes() != column[: 4 * count]
                for place, column in enumerate(self._columns)
            )
        ):
            return False
        ip_octets = size + self._ip_udp
        self.octets += count * ip_octets
        self._counter.received(
            first,
            count,
            ip_octets=ip_octets,
            command=command,
            sent_ns=sent_ns,
            arrival_ns=arrival_ns,
        )
        return True

    def _take_one(self, start: int, size: int, arrival_ns: int, address: SocketAddress) -> None:
        data = self._view[start : start + size]
        header = decode_load(data, self._prefix)
        if header is None:
            if size <= OTHER_OCTETS_MAX:
                self._other(bytes(data), address)
            else:
                self.strangers += 1
            return
        ip_octets = size + self._ip_udp
        self.octets += ip_octets
        self._counter.received(
            header.sequence,
            1,
            ip_octets=ip_octets,
            command=header.command,
            sent_ns=header.sent_ns,
            arrival_ns=arrival_ns,
        )


class _Arrivals:
    """Moves the kernel's receive times from the wall clock to the monotonic one.

    The distance of the clocks is read anew ten times a second, so a step of the wall clock spoils
    no more than that; times never run backwards and are never in the future.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset_ns = 0
        self._until_ns = 0
        self._latest_ns = 0

    def arrival_ns(self, stamp_ns: int | None) -> int:
        now_ns = self._clock.monotonic_ns()
        arrival_ns = now_ns
        if stamp_ns is not None:
            if now_ns >= self._until_ns:
                self._measure()
                now_ns = self._clock.monotonic_ns()
            moved_ns = stamp_ns + self._offset_ns
            arrival_ns = moved_ns if now_ns - NS_PER_S < moved_ns < now_ns else now_ns
        self._latest_ns = max(self._latest_ns, arrival_ns)
        return self._latest_ns

    def _measure(self) -> None:
        for _ in range(_TRIES):
            before_ns = self._clock.monotonic_ns()
            unix_ns = self._clock.unix_us() * NS_PER_US
            after_ns = self._clock.monotonic_ns()
            self._offset_ns = before_ns - unix_ns
            if after_ns - before_ns < _CLEAN_NS:
                break
        self._until_ns = after_ns + _OFFSET_NS


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


def _batches_by_kernel(endpoint: socket.socket) -> bool:
    try:
        endpoint.setsockopt(socket.IPPROTO_UDP, UDP_GRO, 1)
    except OSError:
        return False
    return True
