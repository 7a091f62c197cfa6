"""The UDP load of a capacity measurement (RFC 9097): what is ordered, what is counted, and pacing.

Theory of operation. Whoever sends is told a `LoadRate` and asks a `Pacer` how many packets are due;
whoever receives hands what arrives to a `LoadCounter` and takes a `LoadTick` every feedback
interval. `LoadSeries` keeps the ticks of a run. Nothing here has a socket or a clock.

Arrival times are the kernel's. The kernel gives packets that it read together one time, that of the
last of them (generic receive offload), so a batch is counted as if all of it had arrived then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from omega_core import limits
from omega_core.facts import Between, Count, Fact, Length
from omega_core.units import NS_PER_MS, NS_PER_S, NS_PER_US

BURST_NS: Final = NS_PER_MS
"""A burst has no more than the rate carries in this time, or one packet."""
STEP_NS: Final = BURST_NS // 2
"""How far apart bursts are, where packets are closer together than this."""
CATCH_UP_NS: Final = 10 * NS_PER_MS
"""What was missed longer ago than this is not sent later: it would be a burst."""
WINDOW_PACKETS: Final = 1 << 17  # 1.6 s of 1500-octet packets at a gigabit per second

_BITS = 8
_ONES = bytes([1]) * 256


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadRate:
    """What a sender is told.

    `number` counts commands from 1. `rate_bps` is of the IP layer, 0 is a pause. With
    `train_packets` so many packets are sent at that rate and then none; 0 means to go on.
    """

    number: int
    rate_bps: int
    train_packets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadTick:
    """What a receiver has counted since the run began; octets are of the IP layer, first copies.

    `at_us` is when the last packet counted arrived, since the first one. `highest` is the highest
    sequence number and one more, so `highest - packets` are lost so far. `command_octets` is what
    arrived of the present command later than its first packet (which arrived at
    `command_first_us`), and `command_sent_us` what passed at the sender between the first and the
    last packet of it that arrived. `delay_us` is the one-way delay of the last packet less the
    smallest of the run, `delay_us_max` the largest since the tick before. `host_drops` are packets
    that arrived and found no room at this host.
    """

    tick: int
    at_us: int
    octets: int
    packets: int
    highest: int
    reordered: int
    duplicates: int
    host_drops: int
    command: int
    command_first_us: int
    command_octets: int
    command_sent_us: int
    delay_us: int
    delay_us_max: int


_TickColumn = Annotated[tuple[Count, ...], Length(0, limits.LOAD_TICKS_MAX)]
_CommandColumn = Annotated[tuple[Count, ...], Length(0, limits.LOAD_COMMANDS_MAX)]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadCounts(Fact):
    """What one end of a load counted, in parallel columns.

    A receiver has an entry for each tick within which something arrived, and the arrival of the
    first packet of each command; its `sent_*` are 0. A sender has the `sent_*` alone. `late_sends`
    are bursts that left more than a burst's time late.
    """

    at_us: _TickColumn = ()
    octets: _TickColumn = ()
    packets: _TickColumn = ()
    highest: _TickColumn = ()
    delay_us_max: _TickColumn = ()
    commands: _CommandColumn = ()
    command_first_us: _CommandColumn = ()
    reordered: Annotated[int, Between(0, 2**32)] = 0
    duplicates: Annotated[int, Between(0, 2**32)] = 0
    host_drops: Annotated[int, Between(0, 2**32)] = 0
    sent_packets: Count = 0
    sent_octets: Count = 0
    late_sends: Count = 0

    def __post_init__(self) -> None:
        columns = (self.octets, self.packets, self.highest, self.delay_us_max)
        if any(len(column) != len(self.at_us) for column in columns):
            raise ValueError("the columns of a load's ticks are of one length")
        if len(self.commands) != len(self.command_first_us):
            raise ValueError("each command of a load has one first arrival")


class LoadSeries:
    """The ticks of a run, as they come; a tick without news adds nothing."""

    def __init__(self) -> None:
        self._ticks: list[LoadTick] = []
        self._firsts: dict[int, int] = {}
        self._last: LoadTick | None = None

    @property
    def last(self) -> LoadTick | None:
        """The newest tick, None before the first."""
        return self._last

    def add(self, tick: LoadTick) -> bool:
        """Take a tick; return whether it is newer than all before."""
        if self._last is not None and tick.tick <= self._last.tick:
            return False
        moved = tick.packets > (0 if self._last is None else self._last.packets)
        self._last = tick
        if moved:
            if len(self._ticks) == limits.LOAD_TICKS_MAX:
                self._ticks.pop()  # so the end of a run is never lost
            self._ticks.append(tick)
        if tick.command and len(self._firsts) < limits.LOAD_COMMANDS_MAX:
            self._firsts.setdefault(tick.command, tick.command_first_us)
        return True

    def counts(self) -> LoadCounts:
        """Return the columns so far."""
        last = self._last
        return LoadCounts(
            at_us=tuple(tick.at_us for tick in self._ticks),
            octets=tuple(tick.octets for tick in self._ticks),
            packets=tuple(tick.packets for tick in self._ticks),
            highest=tuple(tick.highest for tick in self._ticks),
            delay_us_max=tuple(tick.delay_us_max for tick in self._ticks),
            commands=tuple(self._firsts),
            command_first_us=tuple(self._firsts.values()),
            reordered=0 if last is None else last.reordered,
            duplicates=0 if last is None else last.duplicates,
            host_drops=0 if last is None else last.host_drops,
        )


class LoadCounter:
    """Counts a run's load packets at the receiver.

    Which of the last `window` sequence numbers have arrived is known one by one; a packet older
    than that is taken for a duplicate, so nothing is ever counted twice.
    """

    def __init__(self, *, window: int = WINDOW_PACKETS) -> None:
        self.host_drops = 0
        """Packets this host received and dropped; written by the driver."""
        self.octets = self.packets = self.highest = 0
        self.reordered = self.duplicates = 0
        self.command = 0
        """The newest command whose packets have arrived."""
        self._window = window
        self._seen = bytearray(window)
        self._ticks = 0
        self._epoch_ns = self._at_ns = 0
        self._command_first_ns = self._command_octets = 0
        self._command_sent_first_ns = self._command_sent_last_ns = 0
        self._delay_ns = self._delay_ns_min = 0
        self._delay_ns_max: int | None = None

    def received(
        self,
        first: int,
        count: int,
        *,
        ip_octets: int,
        command: int,
        sent_ns: int,
        arrival_ns: int,
    ) -> None:
        """Take `count` packets with sequence numbers from `first` on, each of `ip_octets`.

        `sent_ns` is when the last of them was sent, on the sender's clock; `arrival_ns` when it
        arrived, on this end's. Arrivals must not run backwards.
        """
        place = first % self._window
        if first == self.highest and count <= len(_ONES) and place + count <= self._window:
            self._seen[place : place + count] = _ONES[:count]  # nothing unusual: the fast way
            self.highest, fresh = first + count, count
        elif first < self.highest:
            fresh = sum(map(self._late, range(first, min(first + count, self.highest))))
            beyond = first + count - self.highest
            if beyond > 0:
                fresh += beyond
                self._advance(self.highest, beyond)
        else:
            fresh = count
            self._advance(first, count)
        if fresh:
            self._count(fresh * ip_octets, fresh, command, sent_ns, arrival_ns)

    def tick(self) -> LoadTick:
        """Return what has been counted so far."""
        self._ticks += 1
        worst_ns = self._delay_ns if self._delay_ns_max is None else self._delay_ns_max
        self._delay_ns_max = None
        return LoadTick(
            tick=self._ticks,
            at_us=(self._at_ns - self._epoch_ns) // NS_PER_US,
            octets=self.octets,
            packets=self.packets,
            highest=self.highest,
            reordered=self.reordered,
            duplicates=self.duplicates,
            host_drops=self.host_drops,
            command=self.command,
            command_first_us=(self._command_first_ns - self._epoch_ns) // NS_PER_US,
            command_octets=self._command_octets,
            command_sent_us=(self._command_sent_last_ns - self._command_sent_first_ns) // NS_PER_US,
            delay_us=(self._delay_ns - self._delay_ns_min) // NS_PER_US,
            delay_us_max=(worst_ns - self._delay_ns_min) // NS_PER_US,
        )

    def _count(self, octets: int, fresh: int, command: int, sent_ns: int, arrival_ns: int) -> None:
        delay_ns = arrival_ns - sent_ns
        if not self.packets:
            self._epoch_ns = arrival_ns
            self._delay_ns_min = delay_ns
        self.octets += octets
        self.packets += fresh
        self._at_ns = arrival_ns
        self._delay_ns = delay_ns
        self._delay_ns_min = min(self._delay_ns_min, delay_ns)
        if self._delay_ns_max is None or delay_ns > self._delay_ns_max:
            self._delay_ns_max = delay_ns
        if command == self.command:
            if arrival_ns > self._command_first_ns:
                self._command_octets += octets
            self._command_sent_last_ns = max(self._command_sent_last_ns, sent_ns)
        elif command > self.command:
            self.command = command
            self._command_first_ns = arrival_ns
            self._command_octets = 0
            self._command_sent_first_ns = self._command_sent_last_ns = sent_ns

    def _advance(self, first: int, count: int) -> None:
        """Move the window on to the end of a batch that begins at or beyond it."""
        gap = min(first - self.highest, self._window)
        if gap:
            self._mark(first - gap, gap, bytes(gap))
        done = max(count - self._window, 0)
        while done < count:
            step = min(count - done, len(_ONES))
            self._mark(first + done, step, _ONES[:step])
            done += step
        self.highest = first + count

    def _mark(self, first: int, count: int, marks: bytes) -> None:
        start = first % self._window
        end = start + count
        if end <= self._window:
            self._seen[start:end] = marks
        else:
            until_wrap = self._window - start
            self._seen[start:] = marks[:until_wrap]
            self._mark(first + until_wrap, count - until_wrap, marks[until_wrap:])

    def _late(self, sequence: int) -> bool:
        """Take one packet below the highest; return whether it is a first copy."""
        place = sequence % self._window
        if self.highest - sequence > self._window or self._seen[place]:
            self.duplicates += 1
            return False
        self._seen[place] = 1
        self.reordered += 1
        return True


class Pacer:
    """Says when which packets of a load are due.

    Packet k of a command is due at its start plus k packet times, exactly, so rounding never adds
    up. A new command starts one packet time, at its own rate, after the last packet that was due:
    orders may come faster than packets. After a late call at most `CATCH_UP_NS` are made up for, at
    no more than twice the rate; the rest is left out.
    """

    def __init__(self, ip_octets: int) -> None:
        self.late_sends = 0
        """Bursts that were asked for more than `BURST_NS` after they were due."""
        self.command = 0
        """Number of the command that packets are sent under."""
        self._bits_ns = ip_octets * _BITS * NS_PER_S  # over the rate: nanoseconds a packet
        self._rate_bps = 0
        self._left: int | None = 0
        self._start_ns = 0
        self._sent = 0
        self._previous_due_ns: int | None = None
        self._resume_ns = 0

    def order(self, rate: LoadRate, now_ns: int) -> None:
        """Take an order; one that is not newer than the present changes nothing."""
        if rate.number <= self.command:
            return
        self.command = rate.number
        self._rate_bps = rate.rate_bps
        self._left = rate.train_packets or None
        self._start_ns = now_ns
        self._sent = 0
        self._resume_ns = now_ns
        if rate.rate_bps and self._previous_due_ns is not None:
            next_ns = self._previous_due_ns + self._bits_ns // rate.rate_bps
            self._start_ns = max(now_ns, next_ns)

    def due(self, now_ns: int) -> int:
        """Return how many packets to send now; then say with `sent` how many were."""
        if not self._rate_bps or self._left == 0 or now_ns < self._resume_ns:
            return 0
        late_ns = now_ns - self._due_ns(self._sent)
        if late_ns < 0:
            return 0
        if late_ns > BURST_NS + STEP_NS:
            self.late_sends += 1
        if late_ns > CATCH_UP_NS:
            self._start_ns += late_ns - CATCH_UP_NS
        passed_ns = now_ns - self._start_ns
        behind = passed_ns * self._rate_bps // self._bits_ns + 1 - self._sent
        count = min(behind, max(BURST_NS * self._rate_bps // self._bits_ns, 1))
        return count if self._left is None else min(count, self._left)

    def sent(self, count: int, now_ns: int) -> None:
        """Take that so many of the packets that were due have been sent, or given up."""
        if not count:
            return
        self._sent += count
        self._previous_due_ns = self._due_ns(self._sent - 1)
        self._resume_ns = now_ns
        if self._due_ns(self._sent) <= now_ns:  # behind: half the time of these packets from now on
            self._resume_ns += count * self._bits_ns // (2 * self._rate_bps)
        if self._left is not None:
            self._left -= count

    def wakeup_ns(self) -> int | None:
        """Return when packets are due next; None while paused."""
        if not self._rate_bps or self._left == 0:
            return None
        gathered = STEP_NS * self._rate_bps // self._bits_ns  # beyond the first of a burst
        if self._left is not None:
            gathered = min(gathered, self._left)
        return max(self._due_ns(self._sent + max(gathered - 1, 0)), self._resume_ns)

    def _due_ns(self, packet: int) -> int:
        return self._start_ns - (-packet * self._bits_ns // self._rate_bps)  # rounded up
