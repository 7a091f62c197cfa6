"""What the records of a simulated watch say, against what was.

    truth = truth_of(rig)
    assert truth.faults == []

Compared by each run of the machine, on the watch's own time line. Whatever lies in a time of which
the records say that nobody looked need not be told; but such a time must be one in which nobody
could, or a watch that never looked would be right.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from omega_core import limits
from omega_core.availability import Gap, SeenOutage, Watched, joined
from omega_core.availability_record import AvailabilityRecord
from omega_core.units import US_PER_S
from support.simulated_line import Down
from support.watch_rig import Boot, WatchRig

_BLIND_BEFORE_US = 5 * US_PER_S  # attempts that waited when nobody looked any more
_BLIND_AFTER_US = 8 * US_PER_S  # until the first attempt again; a hello or two after a restart
_UNWRITTEN_US = limits.WATCH_CHECKPOINT_US + 10 * US_PER_S


@dataclass(frozen=True, slots=True)
class Truth:
    """`looked_at` counts the outages through which somebody looked: all of them must be told."""

    faults: list[str]
    looked_at: int
    records: int
    whole: Watched


def truth_of(rig: WatchRig) -> Truth:
    """Compare what was kept with what was, when all is over."""
    records = rig.records()
    first, last = records[0][1].watched, records[-1][1].watched
    whole = joined((each.watched for _, each in records), first.started_us, last.ended_us)
    faults = list(_chain_faults(records))
    looked_at = 0
    for boot in rig.boots:
        if boot.known_us <= boot.anchor_us:
            continue
        told = _Told(rig, boot, whole)
        looked_at += len(told.looked_at)
        faults += told.faults()
    return Truth(faults, looked_at, len(records), whole)


def _chain_faults(records: Sequence[tuple[str, AvailabilityRecord]]) -> Iterator[str]:
    digest, ended_us = None, records[0][1].watched.started_us
    for number, (own, record) in enumerate(records):
        if (record.seq, record.prev) != (number, digest):
            yield f"record {number} is number {record.seq} and follows {record.prev}"
        if record.watched.started_us != ended_us:
            yield f"record {number} begins {record.watched.started_us - ended_us} us after the last"
        digest, ended_us = own, record.watched.ended_us


class _Told:
    """What is told of one run of the machine, and what was."""

    def __init__(self, rig: WatchRig, boot: Boot, whole: Watched) -> None:
        seen = whole.within(boot.anchor_us, boot.known_us)
        self._boot = boot
        self._started_us, self._ended_us = seen.started_us, seen.ended_us
        self._gaps = seen.gaps
        self._outages = [each for each in seen.outages if self._most_us(each) > 0]
        self._lost_us = [boot.told_us(each) for each in rig.line.lost_us]
        self._blind = [(boot.told_us(start), boot.told_us(end)) for start, end in rig.blind]
        self._downs = [
            (boot.told_us(start), boot.told_us(end))
            for start, end in rig.line.downs
            if start < boot.ended_us and boot.began_us < end
        ]
        self.looked_at = [each for each in self._downs if self._is_looked_at(each)]

    def faults(self) -> list[str]:
        return [
            *self._late_faults(),
            *(fault for down in self.looked_at for fault in self._down_faults(down)),
            *(fault for outage in self._outages for fault in self._outage_faults(outage)),
            *(f"nobody looked, says {gap}" for gap in self._gaps if not self._is_blind(gap)),
            *self._sum_faults(),
        ]

    def _late_faults(self) -> Iterator[str]:
        unwritten_us = self._boot.told_us(self._boot.ended_us) - self._boot.known_us
        if unwritten_us > _UNWRITTEN_US:
            yield f"{unwritten_us} us were watched and not written"

    def _down_faults(self, down: Down) -> Iterator[str]:
        mine = [each for each in self._outages if self._meets(each, down)]
        if len(mine) != 1:
            yield f"{len(mine)} outages are told of {down}"
        elif self._most_us(mine[0]) < down[1] - down[0]:
            yield f"{down} is said to have lasted {self._most_us(mine[0])} us at most"

    def _outage_faults(self, outage: SeenOutage) -> Iterator[str]:
        downs = [each for each in self._downs if self._meets(outage, each)]
        lost_us = self._lost_us[
            bisect_left(self._lost_us, outage.since_us) : bisect_right(
                self._lost_us, self._until_us(outage)
            )
        ]
        edges = [*lost_us, *(edge for down in downs for edge in down)]
        least_us = outage.least_us(self._started_us, self._ended_us)
        if not edges:
            yield f"nothing was, and {outage} is told"
        elif least_us > max(edges) - min(edges):
            yield f"{downs} with {lost_us} is said to have lasted {least_us} us at least"
        if len(downs) > 1:
            yield f"{downs} are told as one"

    def _sum_faults(self) -> Iterator[str]:
        """The sum of upper bounds is more than what was, of which nothing is told twice."""
        down_us = sum(self._overlap_us(each, None) for each in self._downs)
        unseen_us = sum(self._overlap_us(each, gap) for each in self._downs for gap in self._gaps)
        most_us = sum(map(self._most_us, self._outages))
        if down_us - unseen_us > most_us:
            yield f"{down_us - unseen_us} us of outages were looked at, {most_us} us are told"
        observed_us = (
            self._ended_us
            - self._started_us
            - sum(each.ended_us - each.started_us for each in self._gaps)
        )
        if not 0 <= most_us <= observed_us:
            yield f"{most_us} us of outages are told in {observed_us} us observed"

    def _overlap_us(self, down: Down, gap: Gap | None) -> int:
        started_us = self._started_us if gap is None else gap.started_us
        ended_us = self._ended_us if gap is None else gap.ended_us
        return max(0, min(down[1], ended_us) - max(down[0], started_us))

    def _is_looked_at(self, down: Down) -> bool:
        is_inside = self._started_us < down[0] and down[1] < self._ended_us
        return is_inside and not any(
            gap.started_us <= down[1] and down[0] <= gap.ended_us for gap in self._gaps
        )

    def _is_blind(self, gap: Gap) -> bool:
        return any(
            start - _BLIND_BEFORE_US <= gap.started_us and gap.ended_us <= end + _BLIND_AFTER_US
            for start, end in self._blind
        )

    def _meets(self, outage: SeenOutage, down: Down) -> bool:
        return outage.since_us < down[1] and down[0] < self._until_us(outage)

    def _until_us(self, outage: SeenOutage) -> int:
        return self._ended_us if outage.until_us is None else outage.until_us

    def _most_us(self, outage: SeenOutage) -> int:
        return outage.most_us(self._started_us, self._ended_us)
