"""A line with an agent that watches it: records posted by the hour, events by the second.

watch = LineWatch(rig)    # a subscriber, and an agent that stands on the line from now on
watch.post(0, 3_600, outage(10, 20))
"""

from __future__ import annotations

from typing import Any

from omega_core import limits
from omega_core.availability import Attempts, Gap, SeenOutage, Unwatched, Watched
from omega_core.availability_record import AvailabilityRecord
from omega_core.envelope import PayloadType
from omega_core.units import NS_PER_US, US_PER_S
from omega_server.lines import placing
from support.builders import sealed
from support.instructions import presence_row
from support.server_rig import RIG_UNIX_US, Device, Rig, digest_of

DAY_S = 86_400


def at(second: int) -> int:
    """Return a second of the line's story, microseconds since 1970."""
    return RIG_UNIX_US + second * US_PER_S


def outage(since_s: int, until_s: int | None, *, last_s: int | None = None) -> SeenOutage:
    """Return an outage between two good attempts, all a second apart."""
    last = last_s if last_s is not None else (until_s or since_s + 2) - 1
    return SeenOutage(
        since_us=at(since_s),
        first_failed_us=at(since_s + 1),
        last_failed_us=at(last),
        until_us=None if until_s is None else at(until_s),
        round_trip_us=20_000,
    )


def gap(started_s: int, ended_s: int, cause: Unwatched = Unwatched.REBOOTED) -> Gap:
    """Return a time in which nobody looked."""
    return Gap(started_us=at(started_s), ended_us=at(ended_s), cause=cause)


class LineWatch:
    """An enrolled agent on a subscriber's line, and the chain of its records."""

    def __init__(self, rig: Rig, *, subscriber_ref: str | None = None, placed: bool = True) -> None:
        self.rig = rig
        self.device: Device = rig.enrolled()
        self.agent_id = str(self.device.agent_id)
        self.subscriber_ref = subscriber_ref or str(rig.subscriber().subscriber_ref)
        self.seq = 0
        self.prev: str | None = None
        if placed:
            self.place()

    def place(self, subscriber_ref: str | None = None) -> None:
        now = self.rig.clock.unix_us()
        placing.place(self.rig.store, self.agent_id, subscriber_ref or self.subscriber_ref, now)

    def check_in(self, *, connected_s: int = 60) -> None:
        """Let the agent be connected from now on for so long."""
        now = self.rig.clock.unix_us()
        row = presence_row(
            agent_id=self.agent_id,
            seen_unix_us=now,
            connected_until_unix_us=now + connected_s * US_PER_S,
        )
        self.rig.store.presence.seen([row])

    def sealed(
        self,
        started_s: int,
        ended_s: int,
        *events: SeenOutage | Gap,
        **changes: Any,  # noqa: ANN401 - fields of the model
    ) -> bytes:
        """Return the sealed record of a window, the next of the chain."""
        watched = Watched(
            started_us=at(started_s),
            ended_us=at(ended_s),
            outages=tuple(each for each in events if isinstance(each, SeenOutage)),
            gaps=tuple(each for each in events if isinstance(each, Gap)),
            attempts=Attempts(answered=1),
        )
        fields: dict[str, Any] = {
            "agent": self.rig.agent_ref(self.device),
            "test_point": "tp-1",
            "seq": self.seq,
            "prev": self.prev,
            "closed": "day",
            "period_us": limits.WATCH_PERIOD_US,
            "waiting_us": limits.WATCH_WAIT_US,
            "clock_step_us": 0,
            "watched": watched,
        }
        record = AvailabilityRecord(**{**fields, **changes})
        return sealed(record, PayloadType.AVAILABILITY, self.device.key)

    def post(self, started_s: int, ended_s: int, *events: SeenOutage | Gap, **changes: Any) -> str:  # noqa: ANN401 - fields of the model
        """Post a window, the next of the chain; return its digest."""
        data = self.sealed(started_s, ended_s, *events, **changes)
        self.lose(data)
        self.rig.services.availability.post(data, digest_of(data))
        return digest_of(data)

    def lose(self, data: bytes) -> None:
        """Let the chain go on after a record, whether it comes or not."""
        self.seq, self.prev = self.seq + 1, digest_of(data)

    def go_to(self, second: int) -> None:
        """Move the clock to a second of the story."""
        self.rig.clock.pass_ns((at(second) - self.rig.clock.unix_us()) * NS_PER_US)
