"""The queue model held to its definition: properties, and an oracle in fractions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.link import Direction, Fate, Held
from lab.spec import HOLE_BYTES_MIN, DirectionSpec
from omega_core.units import BITS_PER_OCTET, NS_PER_MS, NS_PER_S, PPM

START_NS = 1_000_000_000_000
FOREVER_NS = START_NS + 10**15
FULL = 1_500


def emptied(direction: Direction[int]) -> list[Held[int]]:
    return direction.due(FOREVER_NS)


def due_after_ns(direction: Direction[int]) -> dict[int, int]:
    """Frame number to the time after the start at which it came out."""
    return {held.frame: held.due_ns - START_NS for held in emptied(direction)}


def feed(
    spec: DirectionSpec, arrivals: Sequence[tuple[int, int]]
) -> tuple[Direction[int], list[Fate]]:
    """Offer (time after the start, octets); frames are numbered from 0."""
    direction: Direction[int] = Direction(spec, start_ns=START_NS)
    fates = [
        direction.arrive(START_NS + after_ns, ip_bytes, number)
        for number, (after_ns, ip_bytes) in enumerate(arrivals)
    ]
    return direction, fates


arrivals_strategy = st.lists(
    st.tuples(st.integers(0, 20 * NS_PER_MS), st.integers(1, FULL)), max_size=60
).map(sorted)
rates = st.integers(100_000, 2_000_000_000)


@dataclass
class Oracle:
    """The bottleneck, from its definition: serve in order, drop what does not fit."""

    rate_bps: int
    buffer_octets: int

    def sent_at(self, arrivals: Sequence[tuple[int, int]]) -> list[Fraction | None]:
        free = Fraction(0)
        times: list[Fraction | None] = []
        for arrived_ns, octets in arrivals:
            backlog = max(free - arrived_ns, Fraction(0)) * self.rate_bps / (8 * NS_PER_S)
            if backlog > 0 and backlog + octets > self.buffer_octets:
                times.append(None)
                continue
            start = max(free, Fraction(arrived_ns))
            free = start + Fraction(octets * BITS_PER_OCTET * NS_PER_S, self.rate_bps)
            times.append(free)
        return times


@given(arrivals=arrivals_strategy, rate_bps=rates)
def test_departures_are_those_of_the_definition_cut_to_nanoseconds(
    arrivals: list[tuple[int, int]], rate_bps: int
) -> None:
    spec = DirectionSpec(rate_bps=rate_bps, buffer_bytes=10**8, delay_us=3)
    direction, _ = feed(spec, arrivals)
    out_ns = due_after_ns(direction)
    expected = Oracle(rate_bps, 10**8).sent_at(arrivals)
    for number, exact in enumerate(expected):
        assert exact is not None
        # A bottleneck that falls idle forgets less than a nanosecond, once per idle spell
        assert 0 <= floor(exact) + 3_000 - out_ns[number] <= 1


@given(arrivals=arrivals_strategy, rate_bps=rates, buffer_bytes=st.integers(1, 20_000))
def test_drops_are_those_of_the_definition_but_for_a_nanosecond(
    arrivals: list[tuple[int, int]], rate_bps: int, buffer_bytes: int
) -> None:
    spec = DirectionSpec(rate_bps=rate_bps, buffer_bytes=buffer_bytes)
    direction, fates = feed(spec, arrivals)
    dropped = [number for number, fate in enumerate(fates) if fate is Fate.DROPPED]
    # Frames next to the limit by less than rounding may fall either way, so compare with both
    tolerance = 2 * rate_bps // (8 * NS_PER_S) + 1
    for room in (buffer_bytes - tolerance, buffer_bytes, buffer_bytes + tolerance):
        times = Oracle(rate_bps, room).sent_at(arrivals)
        if [number for number, time in enumerate(times) if time is None] == dropped:
            break
    else:
        pytest.fail(f"no oracle drops {dropped}")
    longest_ns = buffer_bytes * BITS_PER_OCTET * NS_PER_S // rate_bps
    alone_ns = FULL * BITS_PER_OCTET * NS_PER_S // rate_bps
    for held in emptied(direction):
        assert held.due_ns - held.arrived_ns <= max(longest_ns, alone_ns) + 1


@given(
    arrivals=arrivals_strategy,
    spec=st.builds(
        DirectionSpec,
        rate_bps=st.none() | rates,
        delay_us=st.integers(0, 5_000),
        jitter_us=st.integers(0, 5_000),
        reorder=st.booleans(),
        loss_ppm=st.integers(0, PPM),
        loss_burst=st.integers(1, 10),
        seed=st.integers(0, 100),
        buffer_bytes=st.integers(1, 30_000),
        outages_ms=st.sampled_from([(), ((5, 10),), ((0, 1), (15, 100))]),
        swallow_above_bytes=st.none() | st.integers(HOLE_BYTES_MIN, FULL),
    ),
    look_ns=st.lists(st.integers(0, 40 * NS_PER_MS), max_size=5).map(sorted),
    cut_ns=st.none() | st.integers(0, 20 * NS_PER_MS),
    new_rate_bps=st.none() | rates,
)
def test_no_frame_is_lost_from_the_books(
    arrivals: list[tuple[int, int]],
    spec: DirectionSpec,
    look_ns: list[int],
    cut_ns: int | None,
    new_rate_bps: int | None,
) -> None:
    direction: Direction[int] = Direction(spec, start_ns=START_NS)
    out: list[Held[int]] = []
    changed = False
    for number, (after_ns, octets) in enumerate(arrivals):
        while look_ns and look_ns[0] <= after_ns:
            out += direction.due(START_NS + look_ns.pop(0))
        if cut_ns is not None and cut_ns <= after_ns:
            direction.cut(START_NS + cut_ns)
        if number == len(arrivals) // 2:
            direction.change(START_NS + after_ns, replace(spec, rate_bps=new_rate_bps))
            changed = True
        direction.arrive(START_NS + after_ns, octets, number)
        assert_books_balance(direction, out)
    out += emptied(direction)
    assert_books_balance(direction, out)
    assert direction.frames_held() == 0
    assert changed == bool(arrivals)
    assert len({held.frame for held in out}) == len(out)
    if not spec.reorder:
        assert [held.frame for held in out] == sorted(held.frame for held in out)
    assert all(held.due_ns >= held.sent_ns >= held.arrived_ns for held in out)


def assert_books_balance(direction: Direction[int], out: Sequence[Held[int]]) -> None:
    counters = direction.counters
    assert counters.frames_delivered == len(out)
    assert counters.bytes_delivered == sum(held.ip_bytes for held in out)
    assert counters.frames_in == (
        counters.frames_lost
        + counters.frames_dropped
        + counters.frames_cut
        + counters.frames_swallowed
        + counters.frames_delivered
        + direction.frames_held()
    )


@given(
    octets=st.lists(st.integers(1, FULL), min_size=1, max_size=40),
    changes=st.lists(st.tuples(st.integers(1, 50 * NS_PER_MS), rates), max_size=4),
    first_bps=rates,
)
def test_work_is_kept_when_the_rate_changes(
    octets: list[int], changes: list[tuple[int, int]], first_bps: int
) -> None:
    """All frames arrive at time 0; frame k is sent when the rate has carried k's bits."""
    spec = DirectionSpec(rate_bps=first_bps, buffer_bytes=10**8)
    direction, _ = feed(spec, [(0, each) for each in octets])
    at = sorted(dict(changes).items())
    for time_ns, rate_bps in at:
        direction.change(START_NS + time_ns, replace(spec, rate_bps=rate_bps))
    out_ns = due_after_ns(direction)
    bits = 0
    for number, each in enumerate(octets):
        bits += each * BITS_PER_OCTET
        exact = time_to_carry(bits, [(0, first_bps), *at])
        assert abs(out_ns[number] - exact) <= 2 * (1 + len(at)) * ratio_of_rates(first_bps, at)


def time_to_carry(bits: int, steps: list[tuple[int, int]]) -> Fraction:
    """When a line with these (start, rate) steps has carried so many bits since time 0."""
    left = Fraction(bits)
    for (start_ns, rate_bps), (end_ns, _) in pairwise(steps):
        carried = Fraction((end_ns - start_ns) * rate_bps, NS_PER_S)
        if carried >= left:
            return start_ns + left * NS_PER_S / rate_bps
        left -= carried
    start_ns, rate_bps = steps[-1]
    return start_ns + left * NS_PER_S / rate_bps


def ratio_of_rates(first_bps: int, at: list[tuple[int, int]]) -> int:
    """A nanosecond cut off at the fastest rate is so many at the slowest."""
    all_bps = [first_bps, *(rate_bps for _, rate_bps in at)]
    return max(all_bps) // min(all_bps) + 1
