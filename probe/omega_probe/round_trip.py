"""Session-Sender of a STAMP test session (RFC 8762), without socket and clock.

Theory of operation. The driver owns the socket and the clock; this machine owns the schedule and
the bookkeeping. The driver sends what `datagram_to_send` returns, says with `departed` when that
was, hands arrivals to `datagram_received`, and calls again at `next_wakeup_ns`. Once that is None
the sample is complete and nothing can change it. All times are the driver's monotonic clock in
nanoseconds; the wall clock only goes on the wire as T1, where it serves to know a reply of ours.

    driver                              machine
    datagram_to_send(now, unix) ----->  the packet that is due, or None
    departed(at)                ----->  T1 as it really was; again when better known
    datagram_received(data, at) ----->  T4; T2 and T3 are in the packet
    next_wakeup_ns()            ----->  when to come back, None when complete

    round trip = (T4 - T1) - (T3 - T2)

The first packet leaves a random phase after the first call, so that streams of many probes don't
march in step; each further one a period later. A packet that a late driver sends late is sent once
and counted, and the next keeps half a period of distance: a burst would measure its own queue.

A packet counts as lost after the waiting time Tmax (RFC 7680 section 2.4). The sample is complete
as soon as every packet is answered. At its end what is missing gets ten times the longest round
trip seen, a second at least and Tmax at most; `outcome` states the waiting time that every packet
really had, and no reply in the sample took longer. A `hurried` stream gives half as long again as
the longest: one that ends with the load beside it, where ten times would cut off seconds, and one
whose answer is wanted soon. `end_sending` ends a stream in good order, `stop` cuts it off.

Datagrams come from the network: malformed, forged, late and duplicated ones are expected events
and end nothing. A reply is taken for ours when its SSID, its sender sequence number and the T1 it
returns are; a further copy of one is counted apart and never a second success (RFC 5560 section 2).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from omega_core import limits
from omega_core.samples import ArrivalOrder
from omega_core.units import NS_PER_MS, NS_PER_S, NS_PER_US
from omega_core.wire.stamp import (
    AUTHENTICATED_OCTETS,
    BASE_OCTETS,
    NotStampError,
    ReflectorPacket,
    SenderPacket,
    decode_reflector,
    encode_sender,
)

PATIENCE_NS_MIN = NS_PER_S  # a second: what TCP grants a packet before it sends it again (RFC 6298)
PATIENCE_PERCENT = 1_000
HURRIED_NS_MIN = 200 * NS_PER_MS  # beside a load: what comes later was sent behind the load's end
HURRIED_PERCENT = 150  # of the longest round trip: once a load has ended its queue only drains
LATE_SHARE = 10  # a tenth of the period: 2 ms of the default 20
REPLIES_A_PACKET_MAX = 4  # beyond it a flood of copies would only fill the memory


class StreamOutcome(NamedTuple):
    """What became of every packet of a stream, before anyone says which way a lost one was lost.

    `rtt_us[i]` is the round trip of sequence number i, None where no reply came within
    `waiting_time_us`. `reflected` maps the reflector's own number of each reply that arrived, late
    ones too, to the sender's number in it. `strange` counts datagrams that were not replies to this
    stream.
    """

    rtt_us: tuple[int | None, ...]
    waiting_time_us: int
    replies_received: int
    duplicates_down: int
    reordered_down: int
    late_sends: int
    strange: int
    reflected: Mapping[int, int]

    def is_silent_at_the_end(self, period_ns: int) -> bool:
        """Whether nothing sent in the last waiting time was answered: the line may be down."""
        last = max(1, self.waiting_time_us * NS_PER_US // period_ns)
        return all(rtt_us is None for rtt_us in self.rtt_us[-last:])


class StampSender:
    """Send `count` packets, one each `period_ns`, and record what becomes of each."""

    def __init__(
        self,
        *,
        count: int,
        period_ns: int,
        ssid: int,
        key: bytes | None = None,
        phase_ns: int = 0,
        waiting_time_ns: int = limits.WAITING_TIME_NS,
        hurried: bool = False,
    ) -> None:
        """Raise ValueError for a stream beyond the limits; with `key` packets are authenticated."""
        if not 1 <= count <= limits.STREAM_PACKETS_MAX:
            raise ValueError(f"count must be in 1..{limits.STREAM_PACKETS_MAX}, not {count}")
        if period_ns <= 0 or waiting_time_ns <= 0 or phase_ns < 0:
            raise ValueError("period and waiting time are positive, the phase is not negative")
        self.packet_octets = BASE_OCTETS if key is None else AUTHENTICATED_OCTETS
        """UDP payload of each packet and each reply."""
        self._count = count
        self._period_ns = self._wanted_period_ns = period_ns
        self._spacings = [(0, period_ns)]
        self._phase_ns = phase_ns
        self._waiting_time_ns = waiting_time_ns
        self._patience = (
            (HURRIED_PERCENT, HURRIED_NS_MIN) if hurried else (PATIENCE_PERCENT, PATIENCE_NS_MIN)
        )
        self._ssid = ssid
        self._key = key
        self._start_ns: int | None = None
        self._sent_ns: list[int] = []
        self._stamped_unix_ns: list[int] = []
        self._rtt_ns: dict[int, int] = {}
        self._latest_rtt_ns: int | None = None
        self._reflected: dict[int, int] = {}
        self._order = ArrivalOrder()
        self._late_sends = 0
        self._strange = 0
        self._complete = False
        self._ending = False
        self._settled = 0
        self._waited_ns = waiting_time_ns

    @property
    def sent(self) -> int:
        """How many packets have been handed to the driver so far."""
        return len(self._sent_ns)

    @property
    def left_ns(self) -> int:
        """For how long packets are still to be sent."""
        return 0 if self.has_sent_all else (self._count - self.sent) * self._period_ns

    @property
    def spacings_us(self) -> tuple[tuple[int, int], ...]:
        """From which number on packets followed each other how far apart."""
        return tuple((number, period_ns // NS_PER_US) for number, period_ns in self._spacings)

    def end_sending(self) -> None:
        """Send no more; what is on its way is waited for. Any thread may say so."""
        self._ending = True

    def respace(self, period_ns: int) -> None:
        """Send packets this far apart after the next one; any thread may say so."""
        if period_ns <= 0:
            raise ValueError("a period is positive")
        self._wanted_period_ns = period_ns

    @property
    def first_sent_ns(self) -> int | None:
        """When the first packet was sent; None of none."""
        return self._sent_ns[0] if self._sent_ns else None

    @property
    def latest_rtt_us(self) -> int | None:
        """The round trip that became known last, for whoever shows progress."""
        return None if self._latest_rtt_ns is None else self._latest_rtt_ns // NS_PER_US

    def datagram_to_send(self, now_ns: int, unix_ns: int) -> bytes | None:
        """Return the next packet if one is due, as sent now; call it at each wake-up."""
        if self._start_ns is None:
            self._start_ns = now_ns + self._phase_ns
        sequence = len(self._sent_ns)
        if self._complete or self.has_sent_all or now_ns < self._due_ns(self._start_ns):
            self._complete = self._complete or self._is_over(now_ns)
            return None
        lateness_ns = now_ns - (self._start_ns + sequence * self._period_ns)
        self._late_sends += lateness_ns > self._period_ns // LATE_SHARE
        self._sent_ns.append(now_ns)
        self._stamped_unix_ns.append(unix_ns)
        self._take_spacing(sequence)
        return encode_sender(SenderPacket(sequence, unix_ns, self._ssid), key=self._key)

    def departed(self, at_ns: int, sequence: int | None = None) -> None:
        """Set a packet's time of sending, better known by now; of the latest one without number."""
        number = len(self._sent_ns) - 1 if sequence is None else sequence
        if not 0 <= number < len(self._sent_ns):  # cut off by `stop` meanwhile
            return
        later_ns = at_ns - self._sent_ns[number]
        self._sent_ns[number] = at_ns
        if number in self._rtt_ns:
            self._rtt_ns[number] = max(0, self._rtt_ns[number] - later_ns)

    def datagram_received(self, data: bytes, arrived_ns: int) -> None:
        """Credit a reply to the packet that caused it; ignore everything else."""
        if self._complete:
            return
        reply = self._reply_of_ours(data)
        if reply is None:
            self._strange += 1
            return
        sequence, number = reply.sender_sequence, reply.sequence
        elapsed_ns = max(0, arrived_ns - self._sent_ns[sequence])
        copy = number in self._reflected
        if not copy and len(self._reflected) < REPLIES_A_PACKET_MAX * self._count:
            self._reflected[number] = sequence
        if elapsed_ns > self._waiting_time_ns:
            return
        self._order.arrived(number, seen_before=copy)
        if sequence not in self._rtt_ns:
            self._rtt_ns[sequence] = elapsed_ns - _turnaround_ns(reply, elapsed_ns)
            self._latest_rtt_ns = self._rtt_ns[sequence]
        self._complete = self.has_sent_all and len(self._rtt_ns) == len(self._sent_ns)

    def next_wakeup_ns(self) -> int | None:
        """Return when to call `datagram_to_send` again, or None once the sample is complete."""
        if self._complete:
            return None
        if self._start_ns is None:
            return 0
        if not self.has_sent_all:
            return self._due_ns(self._start_ns)
        if len(self._rtt_ns) == len(self._sent_ns):
            return 0
        return self._sent_ns[self._last_unanswered()] + self._patience_ns() + 1

    def stop(self, now_ns: int) -> None:
        """End the sample early.

        Packets are cut off from the first that may still be answered: in flight is not lost.
        """
        if self._complete:
            return
        self._complete = True
        self._waited_ns = self._patience_ns()
        undecided = [
            sequence
            for sequence, sent_ns in enumerate(self._sent_ns)
            if sequence not in self._rtt_ns and now_ns - sent_ns <= self._waited_ns
        ]
        if undecided:
            del self._sent_ns[undecided[0] :]

    def outcome(self) -> StreamOutcome:
        """Return what became of the packets; RuntimeError while any may still be answered."""
        if not self._complete:
            raise RuntimeError("the sample is not complete; ask next_wakeup_ns")
        return self._outcome(len(self._sent_ns), self._waited_ns)

    def settled(self, now_ns: int) -> int:
        """Return of how many packets, from the first on, the fate is known: answered, or lost.

        For one thread, which need not be the driver's; call it as often as you like.
        """
        sent_ns = self._sent_ns
        while self._settled < len(sent_ns) and (
            self._settled in self._rtt_ns or now_ns - sent_ns[self._settled] > self._waiting_time_ns
        ):
            self._settled += 1
        return self._settled

    def so_far(self, packets: int) -> StreamOutcome:
        """Return what became of the first packets, all of them settled, while the stream goes on.

        What is counted over replies is counted over all that have come.
        """
        return self._outcome(packets, self._waiting_time_ns)

    def _outcome(self, packets: int, waited_ns: int) -> StreamOutcome:
        rtt_ns = [self._rtt_ns.get(sequence) for sequence in range(packets)]
        return StreamOutcome(
            rtt_us=tuple(None if each is None else each // NS_PER_US for each in rtt_ns),
            waiting_time_us=waited_ns // NS_PER_US,
            replies_received=self._order.received,
            duplicates_down=self._order.duplicates,
            reordered_down=self._order.reordered,
            late_sends=self._late_sends,
            strange=self._strange,
            reflected=self._reflected.copy(),
        )

    def _take_spacing(self, sequence: int) -> None:
        """Let what follows this packet follow at the spacing wanted; its own time stays."""
        wanted_ns = self._wanted_period_ns
        if wanted_ns == self._period_ns or self._start_ns is None:
            return
        self._start_ns += sequence * (self._period_ns - wanted_ns)
        self._period_ns = wanted_ns
        if self._spacings[-1][0] == sequence:
            self._spacings.pop()
        self._spacings.append((sequence, wanted_ns))

    def _due_ns(self, start_ns: int) -> int:
        """When the next packet leaves: on schedule, or half a period after one that left late."""
        on_schedule_ns = start_ns + len(self._sent_ns) * self._period_ns
        if not self._sent_ns:
            return on_schedule_ns
        return max(on_schedule_ns, self._sent_ns[-1] + self._period_ns // 2)

    @property
    def has_sent_all(self) -> bool:
        """Whether only replies are still to come."""
        return self._ending or len(self._sent_ns) == self._count

    def _is_over(self, now_ns: int) -> bool:
        """Whether everything was sent and nothing that is missing may still come in time."""
        if not self.has_sent_all:
            return False
        if len(self._rtt_ns) == len(self._sent_ns):
            return True
        waiting_ns = now_ns - self._sent_ns[self._last_unanswered()]
        patience_ns = self._patience_ns()
        if waiting_ns <= patience_ns:
            return False
        full = waiting_ns > self._waiting_time_ns
        self._waited_ns = self._waiting_time_ns if full else patience_ns
        return True

    def _last_unanswered(self) -> int:
        """Return the number of the last packet without a reply; there is one while incomplete."""
        return next(
            sequence
            for sequence in range(len(self._sent_ns) - 1, -1, -1)
            if sequence not in self._rtt_ns
        )

    def _patience_ns(self) -> int:
        if not self._rtt_ns:
            return self._waiting_time_ns
        percent, least_ns = self._patience
        patience_ns = max(least_ns, max(self._rtt_ns.values()) * percent // 100)
        return min(patience_ns, self._waiting_time_ns)

    def _reply_of_ours(self, data: bytes) -> ReflectorPacket | None:
        try:
            reply = decode_reflector(data, key=self._key)
        except NotStampError:
            return None
        known = reply.ssid == self._ssid and reply.sender_sequence < len(self._sent_ns)
        if not known or reply.sender_sent_unix_ns != self._stamped_unix_ns[reply.sender_sequence]:
            return None
        return reply


def _turnaround_ns(reply: ReflectorPacket, elapsed_ns: int) -> int:
    """Return how long the reflector held the packet, T3 - T2, on its own clock.

    A clock that was set in between gives a span that can't be; then nothing is subtracted.
    """
    turnaround_ns = reply.replied_unix_ns - reply.received_unix_ns
    return turnaround_ns if 0 <= turnaround_ns <= elapsed_ns else 0
