"""A line that goes down when it is told, watched by the tracker at times that are told too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from omega_core.availability import Gap, SeenOutage, Watched
from omega_probe.availability_tracker import AvailabilityTracker, Standing, watched

Down = tuple[int, int]
"""From when to before when the line carries nothing, in microseconds."""


@dataclass(frozen=True)
class SimulatedLine:
    """Loses what passes its near end while it is down; an answer passes a round trip later."""

    downs: Sequence[Down]
    round_trip_us: int
    lost: frozenset[int] = frozenset()

    def answers(self, number: int, sent_us: int) -> bool:
        passes = (sent_us, sent_us + self.round_trip_us)
        is_down = any(start <= at < end for start, end in self.downs for at in passes)
        return not is_down and number not in self.lost


def watch(line: SimulatedLine, sendings_us: Iterable[int], started_us: int = 0) -> Watched:
    """Return what a watch sees that sends at these times."""
    tracker = AvailabilityTracker(Standing(reached_us=started_us))
    over: list[SeenOutage | Gap] = []
    at_us = started_us
    for number, at_us in enumerate(sendings_us):
        tracker.settle(at_us)
        over += tracker.take_over()
        tracker.sent(number, at_us)
        if line.answers(number, at_us):
            tracker.answered(number, at_us + line.round_trip_us)
    tracker.settle(at_us + 10_000_000)
    over += tracker.take_over()
    return watched(tuple(over), tracker.standing, started_us, at_us)
