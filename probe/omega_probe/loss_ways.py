"""Which way a lost packet was lost.

The reflector's report decides: what it did not receive was lost on the way up, what it received and
was not answered was lost on the way down. Where the report never came, the reflector's own
numbering of its replies (a stateful reflector, RFC 8762 section 4.2) still tells some. Between two
replies that follow each other in both numberings, a packets and b replies are missing:

    sender     7   8   9  10          sender     7   8   9  10
    reflector  5   .   .   6          reflector  5   .   .   8
    a = 2, b = 0: both lost up        a = 2, b = 2: both lost down

and where b is neither 0 nor a the ways are mixed and left open: a guess would be worse than none.
So is everything after the last reply.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise

from omega_core.evidence import SequenceRange, StreamReport
from omega_core.samples import Way


def lost_ways(
    answered: set[int], sent: int, reflected: Mapping[int, int], report: StreamReport | None
) -> dict[int, Way]:
    """Return the way of each packet that was not answered, by its number in 0..sent-1.

    `reflected` maps the reflector's numbers of the replies that arrived to the sender's.
    """
    missing = [sequence for sequence in range(sent) if sequence not in answered]
    if report is not None:
        reached = {number for first, last in report.received for number in range(first, last + 1)}
        return {number: Way.DOWN if number in reached else Way.UP for number in missing}
    decided = _decided_by_numbering(answered, reflected)
    return {number: decided.get(number, Way.UNKNOWN) for number in missing}


def ranges_of(numbers: Iterable[int]) -> tuple[SequenceRange, ...]:
    """Return the numbers as unbroken runs, ascending."""
    ranges: list[SequenceRange] = []
    for number in sorted(numbers):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return tuple(ranges)


def _decided_by_numbering(answered: set[int], reflected: Mapping[int, int]) -> dict[int, Way]:
    decided: dict[int, Way] = {}
    before_the_first = (-1, -1)
    arrived = [before_the_first, *sorted(reflected.items())]
    reached = answered | set(reflected.values())
    decided.update((sequence, Way.DOWN) for sequence in set(reflected.values()) - answered)
    for (number, sequence), (next_number, next_sequence) in pairwise(arrived):
        between = range(sequence + 1, next_sequence)
        if any(each in reached for each in between):
            continue  # overtaken on the way up: the two numberings don't run in parallel here
        replies_missing = next_number - number - 1
        if replies_missing == 0:
            decided.update((each, Way.UP) for each in between)
        elif replies_missing == len(between):
            decided.update((each, Way.DOWN) for each in between)
    return decided
