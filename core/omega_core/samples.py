"""Packet samples and the order statistics drawn from them.

A *singleton* is the fate of one test packet, a *sample* is the ordered singletons of one test
stream, and a *statistic* is computed from a whole sample (RFC 2330 section 11). The code keeps the
three apart: nothing here averages until the sample is complete.

A sample of round trips is the sequence of them in sending order, None where no reply came within
the waiting time: that delay is undefined, not zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise


class Way(StrEnum):
    """Where a packet was lost, as far as it is known."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"


def nearest_rank_percentile(values: Sequence[int], percent: int) -> int:
    """Return the smallest observed value x with F(x) >= percent (RFC 2330 section 11.3).

    Never interpolated, so what is quoted to a customer is a delay some packet really had. Not the
    median: for an even sample that is the mean of two values, and p50 is not. Raises ValueError for
    an empty sample or a percent outside 1..100.
    """
    if not values:
        raise ValueError("an empty sample has no percentiles")
    if not 1 <= percent <= 100:
        raise ValueError(f"percent must be in 1..100, not {percent}")
    rank = -(-percent * len(values) // 100)  # ceiling division, exact in integers
    return sorted(values)[rank - 1]


def ipdv_us(rtt_us: Sequence[int | None]) -> Iterator[int]:
    """Yield the signed delay variation of each pair of neighbours (RFC 5481 section 4.1).

    A pair with a lost member is undefined (RFC 3393 section 2.4) and yields nothing; bridging the
    gap would compare packets that were not neighbours.
    """
    for before_us, after_us in pairwise(rtt_us):
        if before_us is not None and after_us is not None:
            yield after_us - before_us


def pdv_us(rtt_us: Sequence[int | None]) -> Iterator[int]:
    """Yield each delay less the smallest of the sample, never negative (RFC 5481 section 4.2)."""
    delays_us = [each for each in rtt_us if each is not None]
    least_us = min(delays_us, default=0)
    for delay_us in delays_us:
        yield delay_us - least_us


def mean_magnitude(values: Iterable[int]) -> int | None:
    """Return the mean of absolute values, cut off; None of nothing.

    The signed mean of IPDV is always nearly zero (RFC 5481 section 4.1), so it says nothing.
    """
    magnitudes = [abs(value) for value in values]
    return sum(magnitudes) // len(magnitudes) if magnitudes else None


@dataclass(slots=True)
class ArrivalOrder:
    """Counts reordering and duplicates at one receiver, packet by packet.

    A packet is reordered when its number is below the next one expected, which it then leaves as it
    is (RFC 4737 section 3.3). Further copies are counted apart and are never a second arrival
    (RFC 5560 section 2), so the two counts don't overlap.
    """

    received: int = 0
    reordered: int = 0
    duplicates: int = 0
    next_expected: int = 0

    def arrived(self, sequence: int, *, seen_before: bool) -> None:
        """Count one arrival; the caller knows whether this number has arrived before."""
        if seen_before:
            self.duplicates += 1
            return
        self.received += 1
        if sequence < self.next_expected:
            self.reordered += 1
        else:
            self.next_expected = sequence + 1
