"""The receiving end of a UDP load; `load` tells how it works."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, Self

from omega_core.clock import Clock
from omega_core.load import LoadCounter
from omega_core.sockets.datagrams import SocketAddress, timespec_ns
from omega_core.sockets.linux import SO_RXQ_OVFL, SO_TIMESTAMPNS, UDP_GRO
from omega_core.sockets.load import LOW_HALF, LOW_VIEW, SEGMENTS_MAX
from omega_core.units import NS_PER_MS, NS_PER_S, NS_PER_US
from omega_core.wire.load import (
    DATAGRAM_OCTETS_MAX,
    LOAD_HEADER,
    SEQUENCE_OFFSET,
    TOKEN_OCTETS,
    TOKEN_OFFSET,
    UDP_IP_OCTETS,
    UINT32_MAX,
    LoadKeys,
    prefix_of,
)

_ANCILLARY_OCTETS: Final = 128
_OFFSET_NS: Final = 100 * NS_PER_MS  # how long the wall clock's offset is believed
_TRIES: Final = 3
_CLEAN_NS: Final = 20 * NS_PER_US
_UNSIGNED = struct.Struct("@I")
_INT = struct.Struct("@i")
_NUMBERS = struct.Struct("!IIQ")  # sequence, command, send time
_PACKETS_MAX: Final = 2 * SEGMENTS_MAX  # of a batch that is looked at as a whole
_SHAPES_MAX: Final = 256  # batches of one size come in as many shapes as they have packets


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
        self._arrivals = Arrivals(clock)
        self._prefix = prefix_of(keys)
        self._ip_udp = UDP_IP_OCTETS[6 if endpoint.family == socket.AF_INET6 else 4]
        self._buffer = bytearray(1 << 16)
        self._view = memoryview(self._buffer)
        self._columns: dict[tuple[int, int], _Columns] = {}
        self._high = 0
        self._highs = memoryview(bytes(2) * _PACKETS_MAX).cast("H")
        self._trusted: SocketAddress | None = None
        self._drops_told = self._drops_counted = 0
        self._batch_max = 1
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
                    self._drops_told = _UNSIGNED.unpack_from(value)[0]
            elif level == socket.IPPROTO_UDP and kind == UDP_GRO:
                size = _INT.unpack_from(value)[0] or octets
        arrival_ns = self._arrivals.arrival_ns(stamp_ns)
        if size == octets:
            self._take_one(0, octets, arrival_ns, address)
            return
        whole, rest = divmod(octets, size)
        if whole == 1 or not self._take_batch(whole, size, arrival_ns):
            for number in range(whole):
                self._take_one(number * size, size, arrival_ns, address)
        if rest:
            self._take_one(whole * size, rest, arrival_ns, address)

    def _take_batch(self, count: int, size: int, arrival_ns: int) -> bool:
        """Count packets whose numbers run on; False, with nothing counted, when they don't."""
        columns = self._columns.get((count, size))
        if columns is None:
            if size % 4 or size < LOAD_HEADER.size or count > _PACKETS_MAX:
                return False
            columns = self._columns_of(count, size)
        first, command, _ = _NUMBERS.unpack_from(self._buffer, SEQUENCE_OFFSET)
        last, last_command, sent_ns = _NUMBERS.unpack_from(self._buffer, columns.last)
        low = first & 0xFFFF
        if (
            last - first != count - 1
            or last_command != command
            or columns.high != self._high_column(first, count)
            or columns.low != LOW_VIEW[low : low + count]
            or columns.tokens != columns.right
        ):
            return False
        if self._drops_told != self._drops_counted:
            self._count_drops(first)
        self._batch_max = max(self._batch_max, count)
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

    def _columns_of(self, count: int, size: int) -> _Columns:
        """Return the columns of a shape of batch, kept for the next one."""
        if len(self._columns) == _SHAPES_MAX:
            self._columns.clear()
        token = self._prefix[TOKEN_OFFSET:SEQUENCE_OFFSET]
        columns = self._columns[count, size] = _Columns.of(self._view, token, count, size)
        return columns

    def _high_column(self, first: int, count: int) -> memoryview:
        """Return the upper halves of numbers from `first` on; wrong where they differ."""
        if first >> 16 != self._high:
            self._high = first >> 16
            half = self._high.to_bytes(2, "big")
            self._highs = memoryview(half * _PACKETS_MAX).cast("H")
        return self._highs[:count]

    def _count_drops(self, first: int) -> None:
        """Count what this host dropped before the packet numbered `first`.

        The kernel counts buffers, the gap in the numbers is of packets, and some of these the line
        may have lost: a buffer held no more of them than the largest that was read.
        """
        buffers = self._drops_told - self._drops_counted & UINT32_MAX
        self._drops_counted = self._drops_told
        gap = max(first - self._counter.highest, buffers)
        self._counter.host_drops += min(gap, buffers * self._batch_max)

    def _take_one(self, start: int, size: int, arrival_ns: int, address: SocketAddress) -> None:
        body = start + len(self._prefix)
        if size < LOAD_HEADER.size or self._buffer[start:body] != self._prefix:
            if size <= DATAGRAM_OCTETS_MAX:
                self._other(bytes(self._view[start : start + size]), address)
            else:
                self.strangers += 1
            return
        sequence, command, sent_ns = _NUMBERS.unpack_from(self._buffer, body)
        if self._drops_told != self._drops_counted:
            self._count_drops(sequence)
        ip_octets = size + self._ip_udp
        self.octets += ip_octets
        self._counter.received(
            sequence,
            1,
            ip_octets=ip_octets,
            command=command,
            sent_ns=sent_ns,
            arrival_ns=arrival_ns,
        )


@dataclass(frozen=True, slots=True)
class _Columns:
    """Fields of all packets in a batch of one shape, as they stand in the buffer that is read into.

    Making such a view costs more than comparing it. `right` is what `tokens` must be: the token is
    one column of eight octets, or two of four where the packets' size is no multiple of eight.
    """

    last: int
    high: memoryview
    low: memoryview
    tokens: tuple[memoryview, ...]
    right: tuple[memoryview, ...]

    @classmethod
    def of(cls, view: memoryview, token: bytes, count: int, size: int) -> Self:
        end, halves = count * size, view.cast("H")
        width = 4 if size % TOKEN_OCTETS else TOKEN_OCTETS
        code: Literal["I", "Q"] = "I" if width == 4 else "Q"
        parts = range(0, TOKEN_OCTETS, width)
        return cls(
            last=end - size + SEQUENCE_OFFSET,
            high=halves[LOW_HALF - 1 : end // 2 : size // 2],
            low=halves[LOW_HALF : end // 2 : size // 2],
            tokens=tuple(
                view.cast(code)[(TOKEN_OFFSET + part) // width : end // width : size // width]
                for part in parts
            ),
            right=tuple(
                memoryview(token[part : part + width] * count).cast(code) for part in parts
            ),
        )


class Arrivals:
    """Moves the kernel's receive times from the wall clock to the monotonic one.

    The distance of the clocks is read anew ten times a second, so a step of the wall clock spoils
    no more than that; times never run backwards and are never in the future.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset_ns = 0
        self._until_ns = 0
        self._now_ns = 0
        self._latest_ns = 0

    def arrival_ns(self, stamp_ns: int | None) -> int:
        """Return when the packet with this receive time arrived; without one, the present."""
        if stamp_ns is None:
            arrival_ns = self._read()
        else:
            arrival_ns = stamp_ns + self._offset_ns
            if not self._now_ns - NS_PER_S < arrival_ns <= self._now_ns:  # later than the last look
                now_ns = self._read()
                arrival_ns = stamp_ns + self._offset_ns
                if not now_ns - NS_PER_S < arrival_ns < now_ns:
                    arrival_ns = now_ns
        self._latest_ns = max(self._latest_ns, arrival_ns)
        return self._latest_ns

    def _read(self) -> int:
        """Look at the clock."""
        self._now_ns = self._clock.monotonic_ns()
        if self._now_ns >= self._until_ns:
            self._measure()
        return self._now_ns

    def _measure(self) -> None:
        for _ in range(_TRIES):
            before_ns = self._clock.monotonic_ns()
            unix_ns = self._clock.unix_us() * NS_PER_US
            self._offset_ns = before_ns - unix_ns
            if self._clock.monotonic_ns() - before_ns < _CLEAN_NS:
                break
        self._until_ns = self._clock.monotonic_ns() + _OFFSET_NS


def _batches_by_kernel(endpoint: socket.socket) -> bool:
    try:
        endpoint.setsockopt(socket.IPPROTO_UDP, UDP_GRO, 1)
    except OSError:
        return False
    return True
