"""The availability record: one window of a watch, signed by the agent that watched.

It is sealed under a payload type of its own (`PayloadType.AVAILABILITY`): a reader of measurement
records never meets one, and bytes signed as the one never pass for the other. Windows of a watch
follow each other without a hole; `prev` is the digest of the record before, so that one which was
left out is missed. Times are of the watch's own time line, which never steps; `clock_step_us` is
how far the machine's UTC was from it at the end: corrections of the clock since the watch began.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from omega_core.availability import Gap, SeenOutage, Watched
from omega_core.facts import INTEGER_MAX, Version1
from omega_core.models import Digest, Id, StrictModel
from omega_core.record import AgentRef

_Count = Annotated[int, Field(ge=0, le=INTEGER_MAX)]
WhyClosed = Literal["day", "outage", "requested", "full", "stopped"]


class AvailabilityRecord(StrictModel):
    """What was seen of one line in one window."""

    schema_version: Version1 = 1
    agent: AgentRef
    test_point: Id
    seq: _Count
    prev: Digest | None
    closed: WhyClosed
    period_us: Annotated[int, Field(ge=100_000, le=60_000_000)]
    waiting_us: Annotated[int, Field(ge=100_000, le=60_000_000)]
    clock_step_us: Annotated[int, Field(ge=-INTEGER_MAX, le=INTEGER_MAX)]
    watched: Watched

    @model_validator(mode="after")
    def _times_follow(self) -> Self:
        """Refuse what no watch can have seen: the judge adds these times up."""
        watched = self.watched
        if watched.ended_us <= watched.started_us:
            raise ValueError("a window ends after it starts")
        for outage in watched.outages:
            if not outage.since_us <= outage.first_failed_us <= outage.last_failed_us:
                raise ValueError("an outage's attempts are not in their order")
            if outage.until_us is not None and outage.until_us < outage.last_failed_us:
                raise ValueError("an outage ends before its last failed attempt")
        outages = [_span(each, watched.ended_us) for each in watched.outages]
        gaps = [_span(each, watched.ended_us) for each in watched.gaps]
        _check_apart(outages, "outages")
        _check_apart(gaps, "gaps")
        _check_apart(sorted(outages + gaps), "an outage and a gap")
        return self


def _span(event: SeenOutage | Gap, window_ended_us: int) -> tuple[int, int]:
    if isinstance(event, Gap):
        return event.started_us, event.ended_us
    return event.since_us, window_ended_us if event.until_us is None else event.until_us


def _check_apart(spans: list[tuple[int, int]], what: str) -> None:
    reached_us = 0
    for started_us, ended_us in spans:
        if started_us < reached_us or ended_us < started_us:
            raise ValueError(f"{what} overlap, or are not in the order of time")
        reached_us = ended_us
