"""One direction of an access link as a queue model: no socket, no clock.

Theory of operation. Whoever owns the wire calls `arrive` for each frame, in order of arrival, and
learns at once whether the link loses it. What is kept comes out of `due` when its time has come;
`next_due_ns` says when to ask. `change` alters the link while it runs. Times are nanoseconds of
one clock that never goes back; a time before the last one seen is taken as that one.

    arrive -> outage? -> too large? -> random loss? -> buffer full? -> bottleneck -> delay -> due
              CUT        SWALLOWED     LOST            DROPPED         rate_bps      + jitter

The bottleneck serves frames one after another at `rate_bps`; the rest of a division is carried
along inside a busy period, so a thousand small frames take exactly as long as their sum. A frame is
dropped when what waits or is being sent, and itself, exceed the buffer; on an idle line it always
passes. So no frame spends longer in queue and serialisation than the buffer's time (or its own).

An outage cuts both ends: what arrives during it is lost, and so is what would come out during it. A
changed rate applies to what is still queued, including the rest of the frame in sending. A changed
delay applies to frames that arrive from then on.

What always holds: in = swallowed + lost + dropped + cut + delivered + held.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from dataclasses import dataclass, replace
from enum import StrEnum
from random import Random
from typing import Final, Generic, NamedTuple, TypeVar

from lab.spec import DirectionSpec, LinkSpecError
from omega_core.units import BITS_PER_OCTET, NS_PER_MS, NS_PER_S, NS_PER_US, PPM

FrameT = TypeVar("FrameT")

HELD_FRAMES_MAX = 200_000  # 300 MB of full frames: a link without rate must not eat the machine
_NS_BITS_PER_OCTET = BITS_PER_OCTET * NS_PER_S
_FIRST_NUMBER = 0


class Fate(StrEnum):
    """What becomes of a frame. HELD is the only one that can still change."""

    HELD = "held"
    DELIVERED = "delivered"
    LOST = "lost"
    DROPPED = "dropped"
    CUT = "cut"
    SWALLOWED = "swallowed"


_HELD: Final = Fate.HELD  # module names are found faster than members, and this runs per frame
_LOST: Final = Fate.LOST
_DROPPED: Final = Fate.DROPPED
_CUT: Final = Fate.CUT
_SWALLOWED: Final = Fate.SWALLOWED


class Held(NamedTuple, Generic[FrameT]):
    """A frame inside the link. Sorts by the time it is due, then by arrival."""

    due_ns: int
    number: int
    sent_ns: int
    """When its last bit leaves the bottleneck."""
    extra_ns: int
    """Delay and jitter drawn for it."""
    arrived_ns: int
    ip_bytes: int
    frame: FrameT


@dataclass(slots=True)
class Counters:
    """Frames, and octets at the IP layer, since the link came up."""

    frames_in: int = 0
    bytes_in: int = 0
    frames_lost: int = 0
    frames_dropped: int = 0
    frames_cut: int = 0
    frames_swallowed: int = 0
    frames_delivered: int = 0
    bytes_delivered: int = 0


class RandomLoss:
    """Decides frame by frame, in order of arrival: the same seed loses the same frames.

    Runs of mean length L come from a chain of two states (Gilbert): inside a run the next
    frame is lost with 1 - 1/L, outside with what makes the share of lost frames `loss_ppm`.
    """

    __slots__ = ("_enter", "_inside", "_random", "_stay")

    def __init__(self, *, loss_ppm: int, burst: int, seed: int) -> None:
        share = loss_ppm / PPM
        self._random = Random(f"loss {seed}").random  # noqa: S311 - a repeatable draw is wanted
        self._inside = False
        if burst == 1 or loss_ppm == PPM:
            self._stay = self._enter = share
        else:
            self._stay = 1 - 1 / burst
            self._enter = min(1.0, share / (burst * (1 - share)))

    def strikes(self) -> bool:
        """Say whether the next frame is lost."""
        self._inside = self._random() < (self._stay if self._inside else self._enter)
        return self._inside


class Direction(Generic[FrameT]):
    """The state of one direction. See the module for the rules."""

    __slots__ = (
        "_buffer_ns",
        "_delay_ns",
        "_free_ns",
        "_jitter",
        "_jitter_ns",
        "_keep_order",
        "_largest_bytes",
        "_last_due_ns",
        "_loss",
        "_now_ns",
        "_number",
        "_outages_ns",
        "_queue",
        "_rate_bps",
        "_rest",
        "counters",
        "severed",
        "spec",
    )

    def __init__(self, spec: DirectionSpec, *, start_ns: int) -> None:
        self.counters = Counters()
        self.severed: list[Held[FrameT]] = []
        """Frames that an outage destroyed inside the link; the caller empties it."""
        self._queue: deque[Held[FrameT]] = deque()
        self._now_ns = self._free_ns = self._last_due_ns = start_ns
        self._rest = 0
        self._number = _FIRST_NUMBER
        self._outages_ns: list[tuple[int, int | None]] = [
            (start_ns + from_ms * NS_PER_MS, start_ns + to_ms * NS_PER_MS)
            for from_ms, to_ms in spec.outages_ms
        ]
        self._jitter = Random(f"jitter {spec.seed}")  # noqa: S311 - a repeatable draw is wanted
        self._loss: RandomLoss | None = None
        self._take(spec)
        self._renew_loss()

    def arrive(self, arrived_ns: int, ip_bytes: int, frame: FrameT) -> Fate:
        """Take in a frame of `ip_bytes` octets without Ethernet header; HELD if it is kept."""
        now_ns = self._now_ns = max(arrived_ns, self._now_ns)
        counters = self.counters
        counters.frames_in += 1
        counters.bytes_in += ip_bytes
        if self._outages_ns and self._is_cut(now_ns):
            counters.frames_cut += 1
            return _CUT
        if self._largest_bytes is not None and ip_bytes > self._largest_bytes:
            counters.frames_swallowed += 1
            return _SWALLOWED
        if self._loss is not None and self._loss.strikes():
            counters.frames_lost += 1
            return _LOST
        sent_ns = self._send(now_ns, ip_bytes)
        if sent_ns is None:
            counters.frames_dropped += 1
            return _DROPPED
        self._hold(sent_ns, now_ns, ip_bytes, frame)
        return _HELD

    def due(self, now_ns: int) -> list[Held[FrameT]]:
        """Take out the frames whose time has come, in the order in which they come out."""
        queue = self._queue
        ready: list[Held[FrameT]] = []
        octets = 0
        while queue and queue[0].due_ns <= now_ns:
            held = queue.popleft()
            if self._outages_ns and self._is_cut(held.due_ns):
                self.counters.frames_cut += 1
                self.severed.append(held)
            else:
                ready.append(held)
                octets += held.ip_bytes
        self.counters.frames_delivered += len(ready)
        self.counters.bytes_delivered += octets
        return ready

    def next_due_ns(self) -> int | None:
        """Return when the next frame comes out; None when the link is empty."""
        return self._queue[0].due_ns if self._queue else None

    def frames_held(self) -> int:
        """Return how many frames are inside."""
        return len(self._queue)

    def shortest_ns(self) -> int:
        """Return the least time that any frame arriving from now on spends inside."""
        return self._delay_ns

    def change(self, now_ns: int, spec: DirectionSpec) -> None:
        """Go on as `spec` from now. Its `outages_ms` must be those it had: see `cut`."""
        if spec.outages_ms != self.spec.outages_ms:
            raise LinkSpecError("outages_ms counts from the start; cut and mend the link instead")
        now_ns = self._now_ns = max(now_ns, self._now_ns)
        before = self.spec
        self._take(spec)
        if self._queue and not spec.reorder:  # nothing may overtake what overtook others
            self._last_due_ns = max(self._last_due_ns, self._queue[-1].due_ns)
        if spec.rate_bps != before.rate_bps:
            self._serve_again(now_ns, before.rate_bps)
        if any(getattr(spec, name) != getattr(before, name) for name in _LOSS_FIELDS):
            self._renew_loss()

    def cut(self, now_ns: int) -> None:
        """Begin an outage; one that was begun already goes on."""
        now_ns = self._now_ns = max(now_ns, self._now_ns)
        if not any(end_ns is None for _, end_ns in self._outages_ns):
            self._outages_ns.append((now_ns, None))

    def mend(self, now_ns: int) -> None:
        """End the outage that `cut` began; nothing happens if there is none."""
        now_ns = self._now_ns = max(now_ns, self._now_ns)
        self._outages_ns = [
            (start_ns, now_ns if end_ns is None else end_ns)
            for start_ns, end_ns in self._outages_ns
        ]

    def _take(self, spec: DirectionSpec) -> None:
        self.spec = spec
        self._rate_bps = spec.rate_bps
        self._delay_ns = spec.delay_us * NS_PER_US
        self._jitter_ns = spec.jitter_us * NS_PER_US
        self._keep_order = not spec.reorder
        self._largest_bytes = spec.swallow_above_bytes
        octets = spec.buffer_octets()
        self._buffer_ns = (
            None
            if octets is None or spec.rate_bps is None
            else octets * _NS_BITS_PER_OCTET // spec.rate_bps
        )

    def _renew_loss(self) -> None:
        spec = self.spec
        self._loss = (
            RandomLoss(loss_ppm=spec.loss_ppm, burst=spec.loss_burst, seed=spec.seed)
            if spec.loss_ppm
            else None
        )

    def _is_cut(self, at_ns: int) -> bool:
        return any(
            start_ns <= at_ns and (end_ns is None or at_ns < end_ns)
            for start_ns, end_ns in self._outages_ns
        )

    def _send(self, now_ns: int, ip_bytes: int) -> int | None:
        """Return when the last bit leaves the bottleneck, or None if there is no room."""
        if len(self._queue) >= HELD_FRAMES_MAX:
            return None
        if self._rate_bps is None or self._buffer_ns is None:
            return now_ns
        idle = self._free_ns <= now_ns
        rest = 0 if idle else self._rest
        needed_ns, rest = divmod(ip_bytes * _NS_BITS_PER_OCTET + rest, self._rate_bps)
        sent_ns = (now_ns if idle else self._free_ns) + needed_ns
        if not idle and sent_ns - now_ns > self._buffer_ns:
            return None
        self._free_ns = sent_ns
        self._rest = rest
        return sent_ns

    def _hold(self, sent_ns: int, arrived_ns: int, ip_bytes: int, frame: FrameT) -> None:
        extra_ns = self._delay_ns
        if self._jitter_ns:
            extra_ns += self._jitter.randint(0, self._jitter_ns)
        self._number += 1
        self._enqueue(
            Held(sent_ns + extra_ns, self._number, sent_ns, extra_ns, arrived_ns, ip_bytes, frame)
        )

    def _enqueue(self, held: Held[FrameT]) -> None:
        if not self._keep_order:
            insort(self._queue, held)
        elif held.due_ns >= self._last_due_ns:
            self._last_due_ns = held.due_ns
            self._queue.append(held)
        else:
            self._queue.append(held._replace(due_ns=self._last_due_ns))

    def _serve_again(self, now_ns: int, old_bps: int | None) -> None:
        """Give every frame that has not left the bottleneck a new time at the new rate."""
        waiting = sorted((held for held in self._queue if held.sent_ns > now_ns), key=_number)
        beyond = [held for held in self._queue if held.sent_ns <= now_ns]
        self._queue = deque(beyond)
        self._last_due_ns = max((held.due_ns for held in beyond), default=now_ns)
        self._free_ns, self._rest = now_ns, 0
        for position, held in enumerate(waiting):
            bits_ns = held.ip_bytes * _NS_BITS_PER_OCTET
            if position == 0 and old_bps is not None:  # part of it is through already
                bits_ns = min(bits_ns, (held.sent_ns - now_ns) * old_bps)
            if self._rate_bps is not None:
                needed_ns, self._rest = divmod(bits_ns + self._rest, self._rate_bps)
                self._free_ns += needed_ns
            sent_ns = self._free_ns
            self._enqueue(held._replace(sent_ns=sent_ns, due_ns=sent_ns + held.extra_ns))


_LOSS_FIELDS = ("loss_ppm", "loss_burst", "seed")


def _number(held: Held[FrameT]) -> int:
    return held.number


def changed(spec: DirectionSpec, **fields: int | bool | None) -> DirectionSpec:
    """Return the direction with some fields replaced, checked like any other."""
    return replace(spec, **fields)  # type: ignore[arg-type] # replace() cannot type its keywords
