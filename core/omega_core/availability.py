"""What a watch of a line saw of its availability: outages with bounds, and time nobody looked.

Theory of operation. An attempt is a packet that is answered within the waiting time, or not. An
outage begins somewhere between the last good attempt and the first failed one, and ends between
the last failed one and the first good one after:

    attempts   good     good      failed   failed   failed      good
               |        |         |        |        |           |
    least                         |<--- least ----->|
    most                |<----------------- most -------------->|

The first failed attempt may have left before the line went and have lost its answer. So `least`
begins when that answer was due, one round trip after the attempt left: without that the lower bound
would be too high about once in fifty outages on a 20 ms line. Nothing of the kind threatens `most`:
a good attempt saw the line work after it left and before it was answered.

A stretch in which nobody looked ends what is known: an outage beside one is bounded by its edge.
All times are microseconds since 1970 of the watch's own time line, which never steps (see
`omega_probe.availability_tracker`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated

from omega_core.facts import Count, Fact, Length
from omega_core.limits import WATCH_EVENTS_MAX


class Unwatched(StrEnum):
    """Why nobody looked. None of these says that the line was down, or that it was not."""

    STARTING = "starting"
    STOPPED = "stopped"
    REBOOTED = "rebooted"
    SUSPENDED = "suspended"
    STALLED = "stalled"
    NOT_GRANTED = "not_granted"
    NO_ROUTE = "no_route"
    TEST_POINT_SILENT = "test_point_silent"
    TEST_POINT_RESTARTED = "test_point_restarted"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenOutage(Fact):
    """One outage by the attempts around it.

    `since_us` is the last good attempt before it, or the beginning of looking; `until_us` the first
    good one after it, or the end of looking, and None while it lasts. `last_failed_us` is the last
    failed attempt that nothing but the line can have kept from an answer. `round_trip_us` is how
    long an answer took before. Attempts are dated by when they left.
    """

    since_us: Count
    first_failed_us: Count
    last_failed_us: Count
    until_us: Count | None
    round_trip_us: Count

    @property
    def is_sure(self) -> bool:
        """Whether it was more than a packet or two that were lost: it surely lasted for a time."""
        return self.last_failed_us > self.first_failed_us + self.round_trip_us

    def least_us(self, started_us: int, ended_us: int) -> int:
        """Return how long it surely lasted within a window."""
        begun_us = max(self.first_failed_us + self.round_trip_us, started_us)
        return max(0, min(self.last_failed_us, ended_us) - begun_us)

    def most_us(self, started_us: int, ended_us: int) -> int:
        """Return how long it may have lasted within a window."""
        until_us = ended_us if self.until_us is None else min(self.until_us, ended_us)
        return max(0, until_us - max(self.since_us, started_us))


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap(Fact):
    """A time in which nobody looked, and why."""

    started_us: Count
    ended_us: Count
    cause: Unwatched


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts(Fact):
    """How many attempts were decided.

    `failed` were not answered, also those that turned out later to be the test point's silence;
    `excused` had a witness, or waited when nobody looked any more.
    """

    answered: Count = 0
    failed: Count = 0
    excused: Count = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched(Fact):
    """All that was seen in one window. Outages and gaps ascend in time and do not overlap."""

    started_us: Count
    ended_us: Count
    outages: Annotated[tuple[SeenOutage, ...], Length(0, WATCH_EVENTS_MAX)]
    gaps: Annotated[tuple[Gap, ...], Length(0, WATCH_EVENTS_MAX)]
    attempts: Attempts

    @property
    def unobserved_us(self) -> int:
        """Return for how long nobody looked."""
        return sum(
            max(0, min(each.ended_us, self.ended_us) - max(each.started_us, self.started_us))
            for each in self.gaps
        )

    def within(self, started_us: int, ended_us: int) -> Watched:
        """Return what was seen in a part of the window: what reaches over an edge is cut there.

        How many attempts fell into the part is not known: those of the whole are kept.
        """
        from_us, to_us = max(started_us, self.started_us), min(ended_us, self.ended_us)
        return replace(
            self,
            started_us=from_us,
            ended_us=to_us,
            outages=tuple(
                _ended(_begun(each, from_us), to_us)
                for each in self.outages
                if _touches(each, from_us, to_us)
            ),
            gaps=tuple(_gaps_within(self.gaps, from_us, to_us)),
        )


def joined(windows: Iterable[Watched], started_us: int, ended_us: int) -> Watched:
    """Return several windows of one watch as one, cut to a time; what no window has is a gap.

    Windows that overlap (a record posted twice, a copy from a backup) count once: of two the
    earlier begun is believed, the later one from where the other ends. An outage that lasted over
    the end of a window stands in both and becomes one. Of one that reaches into time that no window
    has, what lies there is not known, and not counted.
    """
    outages: list[SeenOutage] = []
    gaps: list[Gap] = []
    attempts = Attempts()
    reached_us = started_us
    for window in sorted(windows, key=lambda each: (each.started_us, -each.ended_us)):
        from_us, to_us = max(window.started_us, reached_us), min(window.ended_us, ended_us)
        if from_us >= to_us:
            continue
        _end_last(outages, reached_us)
        if from_us > reached_us:
            gaps.append(Gap(started_us=reached_us, ended_us=from_us, cause=Unwatched.STOPPED))
        goes_on = from_us == started_us or window.started_us == reached_us
        part = window if goes_on else window.within(from_us, to_us)
        for outage in part.outages:
            if _touches(outage, from_us, to_us):
                _add_outage(outages, outage)
        gaps += _gaps_within(part.gaps, from_us, to_us)
        attempts = _sum(attempts, part.attempts)
        reached_us = to_us
    if reached_us < ended_us:
        _end_last(outages, reached_us)
        gaps.append(Gap(started_us=reached_us, ended_us=ended_us, cause=Unwatched.STOPPED))
    return Watched(
        started_us=started_us,
        ended_us=ended_us,
        outages=tuple(outages),
        gaps=tuple(gaps),
        attempts=attempts,
    )


def _touches(outage: SeenOutage, from_us: int, to_us: int) -> bool:
    is_over = outage.until_us is not None and outage.until_us < from_us
    return not is_over and outage.since_us <= to_us


def _add_outage(outages: list[SeenOutage], outage: SeenOutage) -> None:
    before = outages[-1] if outages else None
    if before is not None and before.first_failed_us == outage.first_failed_us:
        last_us = max(before.last_failed_us, outage.last_failed_us)
        outages[-1] = replace(before, last_failed_us=last_us, until_us=outage.until_us)
        return
    outages.append(outage)


def _end_last(outages: list[SeenOutage], at_us: int) -> None:
    """End the last outage where its window ended; the next window has it again if it goes on."""
    if outages:
        outages[-1] = _ended(outages[-1], at_us)


def _begun(outage: SeenOutage, at_us: int) -> SeenOutage:
    """Return what of an outage came after a moment."""
    if outage.since_us >= at_us:
        return outage
    first_us = max(outage.first_failed_us, at_us)
    due_us = outage.first_failed_us + outage.round_trip_us
    return replace(
        outage,
        since_us=at_us,
        first_failed_us=first_us,
        last_failed_us=max(outage.last_failed_us, at_us),
        round_trip_us=max(0, due_us - first_us),
    )


def _ended(outage: SeenOutage, at_us: int) -> SeenOutage:
    """Return what of an outage came before a moment."""
    if outage.until_us is not None and outage.until_us <= at_us:
        return outage
    return replace(
        outage,
        first_failed_us=min(outage.first_failed_us, at_us),
        last_failed_us=min(outage.last_failed_us, at_us),
        until_us=at_us,
    )


def _gaps_within(gaps: Sequence[Gap], from_us: int, to_us: int) -> list[Gap]:
    cut = (
        replace(each, started_us=max(each.started_us, from_us), ended_us=min(each.ended_us, to_us))
        for each in gaps
    )
    return [each for each in cut if each.started_us < each.ended_us]


def _sum(first: Attempts, second: Attempts) -> Attempts:
    return Attempts(
        answered=first.answered + second.answered,
        failed=first.failed + second.failed,
        excused=first.excused + second.excused,
    )
