"""A load run without a network: a sender, one way of a path, a receiver, and its reports.

Deterministic: everything random comes from the seed. Nothing sleeps; a simulated second takes some
hundredths of one. Packets move in groups of at most `_GROUP_US` of sending time, which is how real
senders send; loss strikes packets inside a group, and the bottleneck serves a group as the stream
of packets it is, so the first and the last packet of a group have their own times.

    machine --command--> sender -> loss -> policer -> FIFO bottleneck -> delay -> receiver
       ^                                                                            |
       +--------------------------- report each 50 ms ------------------------------+

Downwards the sender is remote and the receiver at the machine; upwards it is the other way round.
The way of commands or reports loses, delays and duplicates on its own.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

from omega_core.evidence import CapacityRun, Ended
from omega_core.load import LoadRate, LoadTick
from omega_core.metrics import Direction
from omega_core.units import BITS_PER_OCTET, NS_PER_US, PPM, US_PER_MS, US_PER_S

_GROUP_US = 500
_FEEDBACK_US = 50 * US_PER_MS
_DRIVER_US = 10 * US_PER_MS
_REPEAT_US = 50 * US_PER_MS
_END_US = 60 * US_PER_S
_OPENING_US = 100 * US_PER_MS
_HOST_BUFFER_OCTETS = 4 << 20


class Machine(Protocol):
    """The part of `CapacitySearch` that a driver uses."""

    ended: Ended | None

    def wanted(self) -> LoadRate: ...
    def feedback(self, tick: LoadTick, *, now_ns: int) -> None: ...
    def advance(self, now_ns: int) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PathSpec:
    """One path. Loss is before the bottleneck, delay variation after it; both ways alike."""

    rate_bps: int = 20_000_000
    rtt_us: int = 20 * US_PER_MS
    buffer_us: int = 100 * US_PER_MS
    loss_ppm: int = 0
    jitter_us: int = 0
    keep_order: bool = True
    overtaken_ppm: int = 0
    """So many packets (groups, on a fast line) take 5 ms longer than their neighbours."""
    direction: Direction = Direction.DOWN
    bucket_octets: int = 0
    bucket_bps: int = 0
    """A token bucket in front of the bottleneck; 0 for none."""
    policer: bool = True
    """The bucket drops what it has no tokens for; otherwise it queues it (a shaper)."""
    changes: tuple[tuple[int, int], ...] = ()
    """(time, rate_bps): the bottleneck's rate changes then."""
    sender_bps_max: int = 10**12
    """The sending host goes no faster, whatever it is told."""
    receiver_bps_max: int = 10**12
    """The receiving host takes in no more; what its buffer does not hold then, it drops."""
    reader_pauses_us: tuple[int, int] = (0, 0)
    """Between these times the receiving host takes in nothing."""
    cut_us: tuple[int, int] | None = None
    """Nothing at all comes through between these times."""
    late_feedback_ppm: int = 0
    """So many reports (and commands) take 200 ms longer; so many again arrive twice."""
    seed: int = 1


@dataclass(slots=True)
class _Group:
    command: int
    sequence: int
    packets: int
    first_sent_us: int
    last_sent_us: int


class SimulatedLoad:
    """One run of a machine over one path."""

    def __init__(
        self,
        spec: PathSpec,
        machine_at: Callable[[int], Machine],
        *,
        ip_octets: int,
        tamper: Callable[[LoadTick], LoadTick] = lambda tick: tick,
    ) -> None:
        self.spec = spec
        self.ip_octets = ip_octets
        self.machine = machine_at(0)
        self.ticks: list[LoadTick] = []
        """What the receiver reported, before anything happened to it."""
        self.now_us = 0
        self.rate_bps_max = 0
        self.rates_bps: dict[int, int] = {0: 0}
        self._tamper = tamper
        self._random = Random(f"path {spec.seed}")  # noqa: S311 - a repeatable draw is wanted
        self._events: list[tuple[int, int, Callable[[Any], None], Any]] = []
        self._pushed = 0
        self.sender = _Sender(spec, ip_octets)
        self._bottleneck = _Bottleneck(spec, ip_octets)
        self._receiver = _Receiver(spec, ip_octets)
        self._told = 0
        self._last_due_us = 0.0

    def run(self) -> None:
        """Run until the machine has ended, and the sender has heard of it or used up its train."""
        self._at(0, self._drive, None)
        self._at(_OPENING_US, self._report, None)
        heard_us = None
        while self._events:
            self.now_us, _, action, argument = heapq.heappop(self._events)
            action(argument)
            if self.machine.ended is not None:
                heard_us = heard_us or self.now_us + self.spec.rtt_us + 500 * US_PER_MS
                if self.now_us >= heard_us:
                    return
            assert self.now_us < _END_US, "the machine does not end"

    @property
    def sent_octets(self) -> int:
        return self.sender.sequence * self.ip_octets

    def _drive(self, _: object) -> None:
        """Tell the machine the time, and the sender what is wanted: at once, and each 50 ms."""
        self._advance()
        self._at(self.now_us + _DRIVER_US, self._drive, None)
        if self.now_us % _REPEAT_US == 0:
            self._told = 0
            self._tell()

    def _advance(self) -> None:
        self.machine.advance(self.now_us * NS_PER_US)
        self._tell()

    def _tell(self) -> None:
        wanted = self.machine.wanted()
        if wanted.number == self._told:
            return
        self._told = wanted.number
        self.rates_bps[wanted.number] = wanted.rate_bps
        self.rate_bps_max = max(self.rate_bps_max, wanted.rate_bps)
        if self.spec.direction is Direction.UP:
            self._command(wanted)
        else:
            self._control(self._command, wanted)

    def _command(self, wanted: LoadRate) -> None:
        if self.sender.take(wanted, self.now_us):
            self._at(self.now_us, self._send, wanted.number)

    def _send(self, number: int) -> None:
        sender, spec = self.sender, self.spec
        group = sender.next_group(number, self.now_us)
        if group is None:
            return
        self._at(sender.next_us, self._send, number)
        if spec.cut_us and spec.cut_us[0] <= self.now_us < spec.cut_us[1]:
            return
        kept = group.packets - self._lost(group.packets)
        kept = self._bottleneck.room(kept, group) if kept else 0
        if not kept:
            return
        first_us, last_us = self._bottleneck.serve(kept, group)
        extra_us = spec.rtt_us // 2 + self._jitter_us()
        if spec.overtaken_ppm and self._random.random() * PPM < spec.overtaken_ppm:
            due_us = last_us + extra_us + 5 * US_PER_MS
        else:
            due_us = last_us + extra_us
            if spec.keep_order:
                due_us = self._last_due_us = max(self._last_due_us, due_us)
        first_due_us = due_us - (last_us - first_us)
        self._at(due_us, self._arrive, (group, kept, first_due_us))

    def _arrive(self, arrival: tuple[_Group, int, int]) -> None:
        self._receiver.arrive(*arrival, self.now_us)

    def _report(self, _: object) -> None:
        self._at(self.now_us + _FEEDBACK_US, self._report, None)
        tick = self._receiver.tick()
        if tick is None:
            return
        self.ticks.append(tick)
        if self.spec.direction is Direction.DOWN:
            self._feedback(tick)
        else:
            self._control(self._feedback, tick)

    def _feedback(self, tick: LoadTick) -> None:
        if self.machine.ended is None:
            self.machine.feedback(self._tamper(tick), now_ns=self.now_us * NS_PER_US)
        self._tell()

    def _control(self, action: Callable[[Any], None], message: object) -> None:
        """Carry a command or a report to the far end."""
        spec = self.spec
        for _ in range(2 if self._random.random() * PPM < spec.late_feedback_ppm else 1):
            if self._random.random() * PPM < spec.loss_ppm:
                continue
            if spec.cut_us and spec.cut_us[0] <= self.now_us < spec.cut_us[1]:
                continue
            late = self._random.random() * PPM < spec.late_feedback_ppm
            delay_us = spec.rtt_us // 2 + self._jitter_us() + (200 * US_PER_MS if late else 0)
            self._at(self.now_us + delay_us, action, message)

    def _jitter_us(self) -> int:
        return self._random.randint(0, self.spec.jitter_us) if self.spec.jitter_us else 0

    def _lost(self, packets: int) -> int:
        if not self.spec.loss_ppm:
            return 0
        share, draw = self.spec.loss_ppm / PPM, self._random.random
        return sum(draw() < share for _ in range(packets))

    def _at(self, at_us: float, action: Callable[[Any], None], argument: object) -> None:
        self._pushed += 1
        heapq.heappush(self._events, (int(at_us), self._pushed, action, argument))


class _Sender:
    """Obeys the newest command it has heard of."""

    def __init__(self, spec: PathSpec, ip_octets: int) -> None:
        self._bps_max = spec.sender_bps_max
        self._ip_bits_us = ip_octets * BITS_PER_OCTET * US_PER_S
        self._rate = LoadRate(number=0, rate_bps=0, train_packets=0)
        self.sequence = 0
        self.next_us = 0
        self._of_command = 0
        self._began_us = 0

    def take(self, wanted: LoadRate, now_us: int) -> bool:
        """Take a command; True if there is something to send under it."""
        if wanted.number <= self._rate.number:
            return False
        self._rate, self._of_command, self._began_us = wanted, 0, now_us
        return wanted.rate_bps > 0

    def next_group(self, number: int, now_us: int) -> _Group | None:
        """Return what leaves now; `next_us` says when to come again. None: nothing any more."""
        rate = self._rate
        if number != rate.number or rate.rate_bps == 0:
            return None
        bps = min(rate.rate_bps, self._bps_max)
        packets = max(_GROUP_US * bps // self._ip_bits_us, 1)
        if rate.train_packets:
            packets = min(packets, rate.train_packets - self._of_command)
        if packets <= 0:
            return None
        first_us = self._began_us + self._of_command * self._ip_bits_us // bps
        self._of_command += packets
        last_us = self._began_us + (self._of_command - 1) * self._ip_bits_us // bps
        self.next_us = self._began_us + self._of_command * self._ip_bits_us // bps
        group = _Group(number, self.sequence, packets, max(first_us, now_us), max(last_us, now_us))
        self.sequence += packets
        return group


class _Bottleneck:
    """A token bucket, and behind it a queue served at a rate; times in microseconds."""

    def __init__(self, spec: PathSpec, ip_octets: int) -> None:
        self._spec = spec
        self._bits = ip_octets * BITS_PER_OCTET
        self._ip_octets = ip_octets
        self._free_us = 0.0
        self._tokens = float(spec.bucket_octets)
        self._tokens_us = 0

    def room(self, packets: int, group: _Group) -> int:
        """Return how many of them are not dropped."""
        at_us = group.last_sent_us
        if self._spec.bucket_octets:
            self._refill(at_us)
            if self._spec.policer:
                packets = min(packets, int(self._tokens) // self._ip_octets)
        waiting_us = self._free_us - at_us
        if waiting_us <= 0:
            return packets
        fitting = int((self._spec.buffer_us - waiting_us) / self._packet_us(at_us))
        return max(min(packets, fitting), 0)

    def serve(self, packets: int, group: _Group) -> tuple[float, float]:
        """Return when the first and the last of them have left."""
        packet_us = self._packet_us(group.last_sent_us)
        start_us = max(self._free_us, group.first_sent_us)
        self._tokens -= packets * self._ip_octets
        last_us = max(start_us + packets * packet_us, group.last_sent_us + packet_us)
        self._free_us = last_us
        return start_us + packet_us, last_us

    def _refill(self, at_us: int) -> None:
        spec = self._spec
        gained = (at_us - self._tokens_us) * spec.bucket_bps / BITS_PER_OCTET / US_PER_S
        self._tokens = min(self._tokens + gained, spec.bucket_octets)
        self._tokens_us = at_us

    def _packet_us(self, at_us: int) -> float:
        spec = self._spec
        rate_bps = spec.rate_bps
        for from_us, changed_bps in spec.changes:
            if at_us >= from_us:
                rate_bps = changed_bps
        if spec.bucket_octets and not spec.policer and self._tokens < self._ip_octets:
            rate_bps = min(rate_bps, spec.bucket_bps)
        return self._bits * US_PER_S / rate_bps


class _ReceivingHost:
    """A buffer between the line and whoever reads it."""

    def __init__(self, spec: PathSpec, ip_octets: int) -> None:
        self._spec = spec
        self._bits = ip_octets * BITS_PER_OCTET
        self._room = _HOST_BUFFER_OCTETS // ip_octets
        self._waiting = 0.0
        self._now_us = 0.0
        self.drops = 0

    def room(self, packets: int, now_us: float) -> int:
        """Return how many of the packets that arrive now are not dropped."""
        from_us, until_us = self._spec.reader_pauses_us
        paused_us = max(min(now_us, until_us) - max(self._now_us, from_us), 0)
        read_us = now_us - self._now_us - paused_us
        read = read_us * self._spec.receiver_bps_max / (self._bits * US_PER_S)
        self._waiting, self._now_us = max(self._waiting - read, 0), now_us
        taken = max(min(packets, int(self._room - self._waiting)), 0)
        self._waiting += taken
        self.drops += packets - taken
        return taken


class _Receiver:
    """Counts as the test point and the probe do."""

    def __init__(self, spec: PathSpec, ip_octets: int) -> None:
        self._host = _ReceivingHost(spec, ip_octets)
        self._ip_octets = ip_octets
        self._epoch_us: int | None = None
        self._ticks = self._packets = self._highest = self._reordered = 0
        self._at_us = self._command = self._command_first_us = self._command_packets = 0
        self._command_first_sent_us = self._last_sent_us = 0
        self._least_us = self._delay_us = 0
        self._delay_us_max = 0

    def arrive(self, group: _Group, packets: int, first_us: float, now_us: float) -> None:
        packets = self._host.room(packets, now_us)
        if not packets:
            return
        if self._epoch_us is None:
            self._epoch_us = int(first_us)
            self._least_us = int(now_us) - group.last_sent_us
        at_us = int(now_us) - self._epoch_us
        if group.command > self._command:
            self._command = group.command
            self._command_first_us = max(int(first_us) - self._epoch_us, self._at_us)
            self._command_packets = -1
            self._command_first_sent_us = group.first_sent_us
        if group.command == self._command:
            self._command_packets += packets
        self._packets += packets
        if group.sequence < self._highest:
            self._reordered += packets
        self._highest = max(self._highest, group.sequence + group.packets)
        self._at_us = at_us
        self._last_sent_us = group.last_sent_us
        delay_us = int(now_us) - group.last_sent_us
        self._least_us = min(self._least_us, delay_us)
        self._delay_us = delay_us - self._least_us
        self._delay_us_max = max(self._delay_us_max, self._delay_us)

    def tick(self) -> LoadTick | None:
        if self._epoch_us is None:
            return None
        self._ticks += 1
        tick = LoadTick(
            tick=self._ticks,
            at_us=self._at_us,
            octets=self._packets * self._ip_octets,
            packets=self._packets,
            highest=self._highest,
            reordered=self._reordered,
            duplicates=0,
            host_drops=self._host.drops,
            command=self._command,
            command_first_us=self._command_first_us,
            command_octets=self._command_packets * self._ip_octets,
            command_sent_us=max(self._last_sent_us - self._command_first_sent_us, 0),
            delay_us=self._delay_us,
            delay_us_max=self._delay_us_max,
        )
        self._delay_us_max = 0
        return tick


def capacity_run(
    load: SimulatedLoad, *, idle_loss_ppm: int | None, idle_packets: int | None, dt_us: int
) -> CapacityRun:
    """Return what a record would keep of a run."""
    ticks = load.ticks
    firsts = {tick.command: tick.command_first_us for tick in reversed(ticks)}
    return CapacityRun(
        run=1,
        family=4,
        direction=load.spec.direction,
        started_offset_us=0,
        base_rtt_us=load.spec.rtt_us,
        ip_octets=load.ip_octets,
        idle_loss_ppm=idle_loss_ppm,
        idle_packets=idle_packets,
        sub_interval_us=dt_us,
        at_us=tuple(tick.at_us for tick in ticks),
        octets=tuple(tick.octets for tick in ticks),
        packets=tuple(tick.packets for tick in ticks),
        highest=tuple(tick.highest for tick in ticks),
        delay_us_max=tuple(tick.delay_us_max for tick in ticks),
        offered=tuple(
            (each, load.rates_bps[each], at_us) for each, at_us in sorted(firsts.items())
        ),
        reordered=ticks[-1].reordered if ticks else 0,
        duplicates=0,
        host_drops=ticks[-1].host_drops if ticks else 0,
        ended=load.machine.ended or Ended.INTERRUPTED,
    )
