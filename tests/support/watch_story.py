"""What befalls a line and the machine that watches it, drawn from a seed.

Outages last 2 to 200 s, some of them for hours, some come close together; each stands apart from
the next by more than the watch needs to see that the line is back. Everything else that befalls the
machine has a slot of its own, and half of it comes in the middle of an outage.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle

from omega_core.units import US_PER_S
from support.simulated_line import Down
from support.watch_rig import WatchRig

SHORTEST_S, LONGEST_S, VERY_LONG_S = 2.0, 200.0, 7_200.0
APART_US = 8 * US_PER_S
_QUIET_US = 120 * US_PER_S  # at the beginning, and before the end
_CLEAR_US = 60 * US_PER_S
_OLD_HELLO_US = 40 * US_PER_S  # a test point takes a hello for old no longer than this

Befalling = Callable[[WatchRig], None]
_Draw = Callable[[random.Random, int], Befalling]


@dataclass(frozen=True, slots=True)
class Event:
    """Something befalls the machine, or the test point, at a time or as soon as it can then."""

    at_us: int
    befalls: Befalling


@dataclass(frozen=True, slots=True)
class Story:
    """Outages ascend and lie apart; events ascend."""

    duration_us: int
    downs: tuple[Down, ...]
    events: tuple[Event, ...]

    def happen_to(self, rig: WatchRig) -> None:
        """Let it all happen."""
        for event in self.events:
            rig.run_to(event.at_us)
            event.befalls(rig)
        rig.run_to(max(self.duration_us, rig.at_us + _QUIET_US))
        rig.finish()


def drawn(
    seed: int,
    *,
    duration_s: int,
    outages: int,
    events: int,
    slot_s: int,
    longest_s: float = VERY_LONG_S,
) -> Story:
    """Draw a story. An event lasts half a slot at the most; there must be slots enough.

    One outage in fifty lasts longer than the others, up to `longest_s`.
    """
    rng = random.Random(seed)  # noqa: S311 - a drawn case, not a secret
    duration_us, slot_us = duration_s * US_PER_S, slot_s * US_PER_S
    downs = _downs(rng, duration_us, outages, longest_s)
    slots = sorted(rng.sample(range(1, duration_us // slot_us - 1), events))
    kinds = list(_KINDS)
    rng.shuffle(kinds)
    befalling = [
        _event(rng, downs, draw, slot * slot_us, slot_us)
        for slot, draw in zip(slots, cycle(kinds), strict=False)
    ]
    asked = [Event(sum(down) // 2, WatchRig.report) for down in downs if rng.random() < 0.05]
    return Story(duration_us, downs, tuple(sorted(befalling + asked, key=lambda each: each.at_us)))


def _downs(rng: random.Random, duration_us: int, count: int, longest_s: float) -> tuple[Down, ...]:
    lengths = [int(_length_s(rng, longest_s) * US_PER_S) for _ in range(count)]
    lengths[:2] = [int(SHORTEST_S * US_PER_S), int(LONGEST_S * US_PER_S)]
    rng.shuffle(lengths)
    starts = sorted(rng.randrange(_QUIET_US, duration_us - _QUIET_US) for _ in lengths)
    downs: list[Down] = []
    free_us = _QUIET_US
    for start_us, length_us in zip(starts, lengths, strict=True):
        close_us = rng.randrange(5 * US_PER_S)
        begun_us = free_us + close_us if rng.random() < 0.1 else max(start_us, free_us)
        ended_us = begun_us + length_us
        if ended_us > duration_us - _QUIET_US:
            break
        downs.append((begun_us, ended_us))
        free_us = ended_us + APART_US
    return tuple(downs)


def _length_s(rng: random.Random, longest_s: float) -> float:
    if rng.random() < 0.02:
        return rng.uniform(LONGEST_S, longest_s)
    return SHORTEST_S * math.pow(LONGEST_S / SHORTEST_S, rng.random())


def _event(
    rng: random.Random, downs: tuple[Down, ...], draw: _Draw, slot_start_us: int, slot_us: int
) -> Event:
    at_us = slot_start_us + rng.randrange(slot_us // 4)
    if draw is _restart:
        return Event(at_us, lambda rig: _restarted(rig, downs))
    within = [down for down in downs if at_us <= down[0] <= at_us + slot_us // 4]
    if within and rng.random() < 0.5:
        started_us, ended_us = within[0]
        at_us = started_us + min(ended_us - started_us, slot_us // 8) // 2
    return Event(at_us, draw(rng, slot_us // 2))


def _clear(at_us: int, downs: tuple[Down, ...]) -> int:
    """Return the first time from then on that is far from any outage.

    One in which the test point starts anew is not told from its restart: that is stated.
    """
    for started_us, ended_us in downs:
        if started_us - _CLEAR_US < at_us < ended_us + _CLEAR_US:
            at_us = ended_us + _CLEAR_US
    return at_us


def _lasting(rng: random.Random, least_us: int, longest_us: int) -> int:
    return rng.randrange(least_us, max(least_us + 1, longest_us))


def _stop(rng: random.Random, longest_us: int) -> Befalling:
    duration_us = _lasting(rng, _OLD_HELLO_US, longest_us)
    return lambda rig: rig.stop(duration_us)


def _cut(rng: random.Random, longest_us: int) -> Befalling:
    duration_us = _lasting(rng, _OLD_HELLO_US, longest_us)
    return lambda rig: rig.cut_power(duration_us, wakes_in_1970=False)


def _cut_and_1970(rng: random.Random, longest_us: int) -> Befalling:
    """Wake in 1970, and be told the time some minutes later."""
    duration_us = _lasting(rng, _OLD_HELLO_US, longest_us // 2)
    later_us = rng.randrange(longest_us // 2)

    def befalls(rig: WatchRig) -> None:
        rig.cut_power(duration_us, wakes_in_1970=True)
        rig.run_to(rig.at_us + later_us)
        rig.set_clock(off_by_us=0)

    return befalls


def _sleep(rng: random.Random, longest_us: int) -> Befalling:
    duration_us = _lasting(rng, 5 * US_PER_S, longest_us)
    return lambda rig: rig.sleep(duration_us)


def _stall(rng: random.Random, longest_us: int) -> Befalling:
    duration_us = _lasting(rng, 4 * US_PER_S, min(longest_us, 90 * US_PER_S))
    return lambda rig: rig.stall(duration_us)


def _full_disk(rng: random.Random, longest_us: int) -> Befalling:
    del rng
    return lambda rig: rig.fill_disk(longest_us)


def _no_route(rng: random.Random, longest_us: int) -> Befalling:
    duration_us = _lasting(rng, 3 * US_PER_S, longest_us)
    return lambda rig: rig.lose_route(duration_us)


def _step(rng: random.Random, longest_us: int) -> Befalling:
    off_by_us = rng.choice([-longest_us, -2_000_000, -300_000, 300_000, 2_000_000, longest_us])
    return lambda rig: rig.set_clock(off_by_us=off_by_us)


def _restart(rng: random.Random, longest_us: int) -> Befalling:
    """Stand in the list of kinds; what befalls then is `_restarted`."""
    del rng, longest_us
    return WatchRig.restart_far_end


def _restarted(rig: WatchRig, downs: tuple[Down, ...]) -> None:
    """Restart the test point as soon as no outage is near, whatever has delayed it."""
    rig.run_to(_clear(rig.at_us, downs))
    rig.restart_far_end()


_KINDS: tuple[_Draw, ...] = (
    _stop,
    _cut,
    _cut_and_1970,
    _sleep,
    _stall,
    _full_disk,
    _no_route,
    _step,
    _restart,
)
