"""Who may still come in: a machine without sockets and without a clock.

Theory of operation. Each session commits a rate each way: what its grant expects of the line, and
where nobody knows that, what it has been seen to do, `UNKNOWN_BPS` at least. A newcomer gets in
while everything that is taken, and what it commits itself, fits into the capacity; taken by a
session is the larger of what it has committed and what it really moves. That is sampled and
smoothed over `SMOOTHING_NS`, so one burst refuses nobody. A processor that has been busy for
`SUSTAINED_NS` without a break refuses newcomers too.

Refusals protect running tests, so a test point that has none refuses nobody: a line faster than the
test point gets it to itself, and the observation says what came of that. A session that is in stays
in, whatever comes; its runs are never refused for the load, for a test that was begun and can't be
ended is worth nothing to anybody.

Whoever is refused is told when to come back: when so many of the running sessions have ended, by
the time in their grants, that there is room. They may end sooner, never later. Times are
nanoseconds of one monotonic clock, rates bit/s at the IP layer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from omega_core.saturation import CPU_BUSY_PPM_MAX
from omega_core.units import BITS_PER_OCTET, NS_PER_S
from omega_server.testpoint.load import SUSTAINED_NS

SMOOTHING_NS: Final = NS_PER_S
UNKNOWN_BPS: Final = 20_000_000  # what `limits.SESSIONS_AT_ONCE_MAX` of them fill a gigabit with


class BothWays(NamedTuple):
    """Rates or octets, towards the probe and from it."""

    down: int
    up: int

    @property
    def most(self) -> int:
        """The larger of the two."""
        return max(self)

    def fits(self, capacity: int) -> bool:
        """Whether neither way takes more than the capacity."""
        return self.most <= capacity


NOTHING: Final = BothWays(0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomer:
    """A session that wants to come in; `until_ns` is when it ends at the latest.

    Rates are None where nobody knows them. One that is not `counted` crosses no link: it takes a
    place and nothing else.
    """

    session: str
    down_bps: int | None
    up_bps: int | None
    until_ns: int
    counted: bool = True


@dataclass(frozen=True, slots=True)
class Busy:
    """No, why, and when to come back. `ground` is a label for operators' counters."""

    ground: str
    detail: str
    retry_after_s: int


@dataclass(slots=True)
class _Inside:
    came: Newcomer
    moved: BothWays = NOTHING
    smoothed: BothWays = NOTHING
    seen: BothWays = NOTHING

    @property
    def committed(self) -> BothWays:
        came = self.came
        return BothWays(
            max(UNKNOWN_BPS, self.seen.down) if came.down_bps is None else came.down_bps,
            max(UNKNOWN_BPS, self.seen.up) if came.up_bps is None else came.up_bps,
        )

    @property
    def taken(self) -> BothWays:
        return _larger(self.committed, self.smoothed)

    def sample(self, elapsed_ns: int) -> None:
        rates = BothWays(_rate(self.moved.down, elapsed_ns), _rate(self.moved.up, elapsed_ns))
        self.smoothed = smoothed(self.smoothed, rates, elapsed_ns)
        self.moved = NOTHING
        self.seen = _larger(self.seen, self.smoothed)


@dataclass(slots=True)
class Admission:
    """The machine. Without a capacity, places and the processor alone bound what comes in."""

    capacity_bps: int | None
    sessions_max: int
    _inside: dict[str, _Inside] = field(default_factory=dict)
    _sampled_ns: int | None = None
    _cpu_sustained_ppm: int = 0

    def __len__(self) -> int:
        return len(self._inside)

    @property
    def committed(self) -> BothWays:
        """What the sessions inside have committed together."""
        return _together(each.committed for each in self._counted())

    @property
    def sampled(self) -> BothWays:
        """What they really move together, smoothed."""
        return _together(each.smoothed for each in self._counted())

    def refusal(self, newcomer: Newcomer, *, now_ns: int) -> Busy | None:
        """Return why a session can't come in now; None when it can."""
        if len(self._inside) >= self.sessions_max:
            wait_s = self._wait_s(newcomer, now_ns)
            return Busy("places", "all places of this test point are taken", wait_s)
        if not self._inside:
            return None
        if self._cpu_sustained_ppm > CPU_BUSY_PPM_MAX:
            first_ns = min(each.came.until_ns for each in self._inside.values())
            wait_s = _whole_s(max(first_ns - now_ns, SUSTAINED_NS))
            return Busy("cpu", "the processor of this test point is busy", wait_s)
        if not self._fits(newcomer, self._counted()):
            wait_s = self._wait_s(newcomer, now_ns)
            return Busy("rate", "running tests have the rate of this test point", wait_s)
        return None

    def admit(self, newcomer: Newcomer, *, now_ns: int) -> Busy | None:
        """Let a session in; return why not, when it can't come in now."""
        busy = self.refusal(newcomer, now_ns=now_ns)
        if busy is None:
            self._inside[newcomer.session] = _Inside(newcomer)
        return busy

    def leave(self, session: str) -> None:
        """Take a session out; one that is not inside has left already."""
        self._inside.pop(session, None)

    def moved(self, session: str, octets: BothWays) -> None:
        """Take IP octets that a session has moved since it was told last."""
        inside = self._inside.get(session)
        if inside is not None:
            inside.moved = BothWays(inside.moved.down + octets.down, inside.moved.up + octets.up)

    def sample(self, *, now_ns: int) -> None:
        """Turn what was moved since the last sample into rates; call it every 100 ms or so."""
        elapsed_ns = 0 if self._sampled_ns is None else now_ns - self._sampled_ns
        self._sampled_ns = now_ns
        if elapsed_ns > 0:
            for inside in self._inside.values():
                inside.sample(elapsed_ns)

    def cpu_sampled(self, sustained_ppm: int) -> None:
        """Take what the processor has been busy with, without a break (`load.Sustained`)."""
        self._cpu_sustained_ppm = sustained_ppm

    def _counted(self) -> list[_Inside]:
        return [each for each in self._inside.values() if each.came.counted]

    def _fits(self, newcomer: Newcomer, others: list[_Inside]) -> bool:
        if self.capacity_bps is None or not newcomer.counted or not others:
            return True
        wanted = _Inside(newcomer).committed
        return _together([wanted, *(each.taken for each in others)]).fits(self.capacity_bps)

    def _wait_s(self, newcomer: Newcomer, now_ns: int) -> int:
        """Return after how many seconds enough sessions have ended for this one to come in."""
        staying = sorted(self._inside.values(), key=lambda each: each.came.until_ns)
        until_ns = now_ns
        while staying:
            counted = [each for each in staying if each.came.counted]
            if len(staying) < self.sessions_max and self._fits(newcomer, counted):
                break
            until_ns = staying.pop(0).came.until_ns
        return _whole_s(until_ns - now_ns)


def smoothed(before: BothWays, rates: BothWays, elapsed_ns: int) -> BothWays:
    """Return smoothed rates moved towards new ones, the further the longer those lasted."""
    share_of = elapsed_ns + SMOOTHING_NS
    return BothWays(
        (before.down * SMOOTHING_NS + rates.down * elapsed_ns) // share_of,
        (before.up * SMOOTHING_NS + rates.up * elapsed_ns) // share_of,
    )


def _together(each: Iterable[BothWays]) -> BothWays:
    every = [*each]
    return BothWays(sum(one.down for one in every), sum(one.up for one in every))


def _larger(one: BothWays, other: BothWays) -> BothWays:
    return BothWays(max(one.down, other.down), max(one.up, other.up))


def _rate(octets: int, elapsed_ns: int) -> int:
    return octets * BITS_PER_OCTET * NS_PER_S // elapsed_ns


def _whole_s(wait_ns: int) -> int:
    return max(1, -(-wait_ns // NS_PER_S))
