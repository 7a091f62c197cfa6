"""What a record carries so that anyone can compute its metrics and its verdict again.

Everything here is a count, a time in integers, or a reason. Long lists are kept as parallel
arrays: a session of minutes must stay well under `limits.RECORD_BYTES_MAX`. Offsets
(`*_offset_us`) are from the start of the session, on the clock of whoever counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from omega_core import facts, limits
from omega_core.facts import Between, Count, Fact, Length, Name, Text
from omega_core.metrics import Direction
from omega_core.units import PPM, US_PER_S

if TYPE_CHECKING:
    from omega_core.path import PathFacts
else:

    class _PathChecker:
        """Stands for `PathFacts`, a fifth of this module's load, which most sessions never need.

        Pydantic asks for its schema when a checker is built, where that is loaded anyway.
        """

        def __get_pydantic_core_schema__(self, _source: Any, handler: Any) -> Any:  # noqa: ANN401 - as in `facts`
            from omega_core.path import PathFacts  # noqa: PLC0415 - see the class

            return handler.generate_schema(PathFacts)

    PathFacts = Annotated[Any, _PathChecker()]

Family: TypeAlias = facts.Family
SequenceRange: TypeAlias = tuple[Count, Count]
"""First and last sequence number of an unbroken run of packets, both included.

Lists of them ascend and don't overlap, so their size is bounded by the stream's and not by whoever
wrote them.
"""
_FlowClock: TypeAlias = Annotated[int, Between(0, limits.FLOW_CLOCK_US_MAX)]
_LoadClock: TypeAlias = Annotated[int, Between(0, limits.LOAD_CLOCK_US_MAX)]
_SubInterval: TypeAlias = Annotated[
    int, Between(limits.SUB_INTERVAL_US_MIN, limits.LOAD_CLOCK_US_MAX)
]
OfferedRate: TypeAlias = tuple[Count, Count, _LoadClock]
"""Number of a command, its rate in bit/s, and when its first packet reached the receiver."""


class Ended(StrEnum):
    """Why a task ended: every task of a session ends with one of these."""

    COMPLETED = "completed"
    DECIDED = "decided"  # the answer was known before the time was used up
    BUDGET = "budget"
    LINK_LOST = "link_lost"
    TEST_POINT_LOST = "test_point_lost"
    REFUSED = "refused"
    INTERRUPTED = "interrupted"
    SKIPPED = "skipped"  # the mode leaves it out, or a precondition stopped the run
    NO_GRANT = "no_grant"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskEnd(Fact):
    """How one measurement task ended, and when."""

    task: Name
    ended: Ended
    started_offset_us: Count
    duration_us: Count
    detail: Text = ""


class AttemptKind(StrEnum):
    """By which means a connectivity attempt tried to get an answer."""

    DNS = "dns"
    TCP = "tcp"
    HTTP = "http"
    UDP = "udp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt(Fact):
    """One connectivity attempt. `reason` is null when it succeeded.

    `family` is null for a name resolution that was not tied to one. `to_test_point` is false for an
    attempt on the Controller: only the others count into `reachable_ppm`.
    """

    kind: AttemptKind
    family: Family | None
    to_test_point: bool
    answered: bool
    elapsed_us: Count
    reason: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamReport(Fact):
    """What the reflector counted of one delay stream: `received` lists each number once."""

    received: Annotated[tuple[SequenceRange, ...], Length(0, limits.STREAM_PACKETS_MAX)]
    replies: Count
    duplicates: Count
    reordered: Count

    def __post_init__(self) -> None:
        _check_ranges(self.received, packets=limits.STREAM_PACKETS_MAX)


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleStream(Fact):
    """One delay stream, packet by packet.

    `rtt_us[i]` is the round trip of sequence number i, null when no reply came within the waiting
    time. `replies_received` counts every reply that arrived in time, so it exceeds the answered
    packets where packets were duplicated on the way up. `late_sends` and `host_drops` are the
    instrument's own faults. `timestamps` says whose T1 and T4 are ("kernel", "kernel-rx", "host",
    "mixed"), `timestamp_uncertainty_us` by how much both together may be wrong on this host's
    account, for 95 % of the packets; null where nobody kept it.
    """

    family: Family
    ip_octets: Count
    period_us: Count
    waiting_time_us: Count
    authenticated: bool
    started_offset_us: Count
    rtt_us: Annotated[tuple[Count | None, ...], Length(0, limits.STREAM_PACKETS_MAX)]
    lost_up: Annotated[tuple[SequenceRange, ...], Length(0, limits.STREAM_PACKETS_MAX)]
    lost_down: Annotated[tuple[SequenceRange, ...], Length(0, limits.STREAM_PACKETS_MAX)]
    replies_received: Count
    duplicates_down: Count
    reordered_down: Count
    late_sends: Count
    host_drops: Count
    timestamps: Name
    report: StreamReport | None
    timestamp_uncertainty_us: Count | None = None

    def __post_init__(self) -> None:
        """Refuse ranges that would make a reader count to 2^53, or count a packet twice.

        A packet is lost one way at most, and one that came back is not lost.
        """
        lost = sorted((*self.lost_up, *self.lost_down))
        for ranges in (self.lost_up, self.lost_down, lost):
            _check_ranges(ranges, packets=len(self.rtt_us))
        if any(self.rtt_us[first : last + 1].count(None) <= last - first for first, last in lost):
            raise ValueError("a packet that came back was not lost")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingStream(IdleStream):
    """A delay stream beside a load, packet by packet; `run` is the number of the load's run.

    Here `started_offset_us` is when the first packet was sent. `spacings` says how far apart the
    others followed: from each number on, so many microseconds, until the next entry; `period_us` is
    the last of them. Packets were sent then to within `late_sends`. `run_epoch_offset_us` is the
    zero of a TCP run's receiver's clock, which the probe knows to within a round trip of an upward
    run; null when no flow ever joined, and beside a search.
    """

    run: Count
    direction: Direction
    run_epoch_offset_us: Count | None
    spacings: Annotated[tuple[tuple[Count, Count], ...], Length(0, limits.WORKING_SPACINGS_MAX)]
    ended: Ended

    def sent_us(self) -> Iterator[int]:
        """Yield when each packet was sent, on the session's time."""
        at_us, upcoming = self.started_offset_us, [*reversed(self.spacings)]
        period_us = 0
        for number in range(len(self.rtt_us)):
            yield at_us
            while upcoming and upcoming[-1][0] <= number:
                period_us = upcoming.pop()[1]
            at_us += period_us


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderCounts(Fact):
    """What the sending end's kernel said of one flow; explains, never decides.

    Octets are TCP payload; `sent_octets` includes the retransmitted ones, as in RFC 6349 s4.2.
    """

    flow: Count
    sent_octets: Count
    retransmitted_octets: Count
    acked_octets: Count
    rtt_us_min: Count
    segments_out: Count
    busy_us: Count
    receive_window_limited_us: Count
    send_buffer_limited_us: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowCounts(Fact):
    """Cumulative payload octets of one flow, as the receiving application read them.

    `at_us` and `octets` run in parallel; times are the receiver's monotonic clock since the run's
    first flow was joined. The first entry is the moment the flow joined, with 0 octets.
    """

    flow: Count
    at_us: Annotated[tuple[_FlowClock, ...], Length(0, limits.TICKS_MAX + 4)]
    octets: Annotated[tuple[Count, ...], Length(0, limits.TICKS_MAX + 4)]

    def __post_init__(self) -> None:
        if len(self.at_us) != len(self.octets):
            raise ValueError("a counter has one time for each count")
        for series in (self.at_us, self.octets):
            _check_cumulative(series)


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodputRun(Fact):
    """One TCP run in one direction: the receiver's counters, and what the sender says of them.

    `growth_ended_us` is when the last flow was added, on the receiver's clock: the steady window
    can't begin before it. `base_rtt_us` is the smallest round trip known before the run.
    `ip_header_octets` is what each segment carries besides payload (IP and TCP, options included).
    `held_back` says that the sender could have sent faster, had the grant more octets for the run:
    the line carries at least what was measured. `carried_bps` is what a search before the run had
    found that the line carries at the IP layer, where that paced and ended the run.
    """

    run: Count
    family: Family
    direction: Direction
    started_offset_us: Count
    base_rtt_us: Count
    growth_ended_us: Count
    congestion_control: Name
    segment_octets: Annotated[int, Between(0, 65_535)]
    ip_header_octets: Annotated[int, Between(0, 255)]
    flows: Annotated[tuple[FlowCounts, ...], Length(0, limits.GOODPUT_FLOWS_MAX)]
    senders: Annotated[tuple[SenderCounts, ...], Length(0, limits.GOODPUT_FLOWS_MAX)]
    failed_flows: Count
    ended: Ended
    held_back: bool = False
    carried_bps: Count | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityRun(Fact):
    """One run of UDP load in one direction: what the receiver counted, and what was asked for.

    `at_us`, `octets`, `packets`, `highest` and `delay_us_max` run in parallel, one entry a report:
    cumulative since the first load packet, `at_us` the arrival of the last packet counted; octets
    are IP-layer and of first copies, `highest` is the highest sequence number seen plus one, and a
    delay is one-way, less the smallest of the run. `offered` has for each command that reached the
    receiver its number, its rate in bit/s (0 is a pause) and the arrival of its first packet.

    `idle_loss_ppm` is the loss of the idle stream in this direction and `idle_packets` its sample;
    null where none was taken. `sub_interval_us` is dt of RFC 9097. `host_drops` are the receiver's.
    `fixed_bps` is the IP rate in question of a run that asked whether the line carries it; null of
    a run that searched for the capacity.

    `held_us` is from when until when, on the session's time, the search was followed by a load that
    kept a queue standing, null where there was none; `filled` is whether the buffer was seen full.
    """

    run: Count
    family: Family
    direction: Direction
    started_offset_us: Count
    base_rtt_us: Count
    ip_octets: Annotated[int, Between(1, limits.LOAD_IP_OCTETS_MAX)]
    idle_loss_ppm: Annotated[int, Between(0, PPM)] | None
    idle_packets: Count | None = None
    sub_interval_us: _SubInterval = US_PER_S
    fixed_bps: Count | None = None
    at_us: Annotated[tuple[_LoadClock, ...], Length(0, limits.LOAD_TICKS_MAX)]
    octets: Annotated[tuple[Count, ...], Length(0, limits.LOAD_TICKS_MAX)]
    packets: Annotated[tuple[Count, ...], Length(0, limits.LOAD_TICKS_MAX)]
    highest: Annotated[tuple[Count, ...], Length(0, limits.LOAD_TICKS_MAX)]
    delay_us_max: Annotated[tuple[Count, ...], Length(0, limits.LOAD_TICKS_MAX)]
    offered: Annotated[tuple[OfferedRate, ...], Length(0, limits.LOAD_COMMANDS_MAX)]
    reordered: Count
    duplicates: Count
    host_drops: Count
    held_us: tuple[Count, Count] | None = None
    filled: bool = False
    ended: Ended

    def __post_init__(self) -> None:
        cumulative = (self.at_us, self.octets, self.packets, self.highest)
        if len({len(series) for series in (*cumulative, self.delay_us_max)}) != 1:
            raise ValueError("a receiver's report has one entry in each series")
        for series in cumulative:
            _check_cumulative(series)
        if any(got > sent for got, sent in zip(self.packets, self.highest, strict=True)):
            raise ValueError("no more packets are received than were sent")
        if any(
            octets != packets * self.ip_octets
            for octets, packets in zip(self.octets, self.packets, strict=True)
        ):
            raise ValueError("all load packets of a run have one size")
        for (number, _, at_us), (next_number, _, next_at_us) in pairwise(self.offered):
            if next_number <= number or next_at_us < at_us:
                raise ValueError("commands are told in the order in which they were given")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence(Fact):
    """Everything the judge needs.

    `path` is null where nobody asked for it, and in every record from before it could be had.
    """

    tasks: Annotated[tuple[TaskEnd, ...], Length(0, 64)] = ()
    attempts: Annotated[tuple[Attempt, ...], Length(0, limits.ATTEMPTS_OF_A_RECORD_MAX)] = ()
    idle: Annotated[tuple[IdleStream, ...], Length(0, limits.SESSION_STREAMS_MAX)] = ()
    goodput: Annotated[tuple[GoodputRun, ...], Length(0, limits.GOODPUT_RUNS_MAX)] = ()
    capacity: Annotated[tuple[CapacityRun, ...], Length(0, limits.CAPACITY_RUNS_MAX)] = ()
    working: Annotated[tuple[WorkingStream, ...], Length(0, limits.GOODPUT_RUNS_MAX)] = ()
    path: PathFacts | None = None


def _check_cumulative(series: Sequence[int]) -> None:
    if [*series] != sorted(series):
        raise ValueError("a cumulative counter never runs backwards")


def _check_ranges(ranges: Sequence[SequenceRange], *, packets: int) -> None:
    """Raise ValueError unless the ranges ascend, don't overlap, and lie within the stream."""
    free = 0
    for first, last in ranges:
        if not free <= first <= last < packets:
            raise ValueError("packets are told by ascending ranges within the stream")
        free = last + 1
