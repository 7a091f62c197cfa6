"""A STAMP session without a network: a sender machine, a path with chosen fates, a reflector.

The reflector numbers its replies from 0 (stateful, RFC 8762 section 4.2) and its clock has an
offset of its own, so that subtracting nothing for T3 - T2, or mixing two clocks, is seen.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field

from omega_core.evidence import StreamReport
from omega_core.samples import ArrivalOrder
from omega_core.units import NS_PER_MS
from omega_core.wire.stamp import (
    ReflectorPacket,
    decode_sender,
    encode_reflector,
)
from omega_probe.round_trip import StampSender
from support.clock import START_UNIX_US
from support.facts import ranges

SSID = 77
START_NS = 5_000_000_000
REFLECTOR_AHEAD_NS = 123_456_789


@dataclass(frozen=True)
class Fate:
    """What happens to one packet: delays of each copy that arrives; an empty tuple is a loss.

    `down_ns` is for the reply to the first copy; replies to further ones take the last of it.
    """

    up_ns: tuple[int, ...] = (10 * NS_PER_MS,)
    down_ns: tuple[int, ...] = (20 * NS_PER_MS,)
    held_ns: int = 50_000


@dataclass
class SimulatedPath:
    """Carries the packets of one machine and keeps what truly happened."""

    machine: StampSender
    fates: Mapping[int, Fate] = field(default_factory=dict)
    usual: Fate = Fate()
    key: bytes | None = None

    def __post_init__(self) -> None:
        self.now_ns = START_NS
        self.sent_ns: list[int] = []
        self.reached: set[int] = set()
        self.replies = 0
        self._order_up = ArrivalOrder()
        self._queue: list[tuple[int, int, bool, bytes]] = []
        self._pushed = 0

    def run(self, *, until_ns: int | None = None) -> None:
        """Run to the end of the machine, or to a time since the start."""
        limit_ns = None if until_ns is None else START_NS + until_ns
        while (wakeup_ns := self.machine.next_wakeup_ns()) is not None:
            next_ns = min([wakeup_ns, *(entry[0] for entry in self._queue[:1])])
            if limit_ns is not None and next_ns > limit_ns:
                self.now_ns = limit_ns
                return
            self.now_ns = max(self.now_ns, next_ns)
            self._deliver()
            self._send()

    @property
    def report(self) -> StreamReport:
        """What the reflector says at the end."""
        return StreamReport(
            received=ranges(self.reached),
            replies=self.replies,
            duplicates=self._order_up.duplicates,
            reordered=self._order_up.reordered,
        )

    def _send(self) -> None:
        unix_ns = START_UNIX_US * 1_000 + self.now_ns
        data = self.machine.datagram_to_send(self.now_ns, unix_ns)
        if data is None:
            return
        sequence = len(self.sent_ns)
        self.sent_ns.append(self.now_ns)
        for delay_ns in self.fates.get(sequence, self.usual).up_ns:
            self._push(self.now_ns + delay_ns, data, towards_reflector=True)

    def _deliver(self) -> None:
        while self._queue and self._queue[0][0] <= self.now_ns:
            at_ns, _, towards_reflector, data = heapq.heappop(self._queue)
            if towards_reflector:
                self._reflect(data, at_ns)
            else:
                self.machine.datagram_received(data, at_ns)

    def _reflect(self, data: bytes, at_ns: int) -> None:
        packet = decode_sender(data, key=self.key)
        fate = self.fates.get(packet.sequence, self.usual)
        again = packet.sequence in self.reached
        self._order_up.arrived(packet.sequence, seen_before=again)
        self.reached.add(packet.sequence)
        received_unix_ns = START_UNIX_US * 1_000 + at_ns + REFLECTOR_AHEAD_NS
        reply = ReflectorPacket(
            sequence=self.replies,
            replied_unix_ns=received_unix_ns + fate.held_ns,
            ssid=packet.ssid,
            received_unix_ns=received_unix_ns,
            sender_sequence=packet.sequence,
            sender_sent_unix_ns=packet.sent_unix_ns,
            sender_error_estimate=packet.error_estimate,
            ttl=60,
        )
        self.replies += 1
        for delay_ns in fate.down_ns[-1:] if again else fate.down_ns:
            arrives_ns = at_ns + fate.held_ns + delay_ns
            answer = encode_reflector(reply, key=self.key)
            self._push(arrives_ns, answer, towards_reflector=False)

    def _push(self, at_ns: int, data: bytes, *, towards_reflector: bool) -> None:
        self._pushed += 1
        heapq.heappush(self._queue, (at_ns, self._pushed, towards_reflector, data))


LOST_UP = Fate(up_ns=())
LOST_DOWN = Fate(down_ns=())


def sender(
    count: int, *, period_ns: int = 20 * NS_PER_MS, phase_ns: int = 0, hurried: bool = False
) -> StampSender:
    """Return a machine of the default spacing."""
    return StampSender(
        count=count, period_ns=period_ns, ssid=SSID, phase_ns=phase_ns, hurried=hurried
    )
