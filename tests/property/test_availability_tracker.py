"""Whatever happens to a line, its true outages lie inside the bounds that the watch states."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from omega_core.units import US_PER_S
from support.simulated_line import SimulatedLine, watch

DAY_S = 86_400


def sendings(seed: int, duration_s: int, jitter_us: int) -> list[int]:
    draw = random.Random(seed)  # noqa: S311 - a drawn case, not a secret
    return [second * US_PER_S + draw.randrange(jitter_us + 1) for second in range(duration_s)]


@given(
    start_us=st.integers(20 * US_PER_S, 30 * US_PER_S),
    duration_us=st.integers(1_600_000, 60 * US_PER_S),
    round_trip_us=st.integers(0, 900_000),
    jitter_us=st.integers(0, 500_000),
    seed=st.integers(0, 1000),
    lost=st.frozensets(st.one_of(st.integers(0, 15), st.integers(100, 115))),
)
def test_a_true_duration_lies_inside_its_bounds(  # noqa: PLR0917 - drawn values
    start_us: int,
    duration_us: int,
    round_trip_us: int,
    jitter_us: int,
    seed: int,
    lost: frozenset[int],
) -> None:
    down = (start_us, start_us + duration_us)
    line = SimulatedLine((down,), round_trip_us, lost)
    seen = watch(line, sendings(seed, 120, jitter_us))
    met = [
        each
        for each in seen.outages
        if each.since_us < down[1] and (each.until_us is None or each.until_us > down[0])
    ]
    assert len(met) == 1
    bounds = met[0].least_us(0, seen.ended_us), met[0].most_us(0, seen.ended_us)
    assert bounds[0] <= duration_us <= bounds[1]
    assert seen.unobserved_us == 0
    assert seen.attempts.answered + seen.attempts.failed == 120


def test_every_outage_of_a_simulated_month_is_found_and_bounded() -> None:
    draw = random.Random(20261123)  # noqa: S311 - the same
    downs = []
    for day in range(30):
        for _ in range(12):
            start_us = (day * DAY_S + draw.randrange(24) * 3_600) * US_PER_S
            start_us += draw.randrange(3_000 * US_PER_S)
            downs.append((start_us, start_us + draw.randrange(2 * US_PER_S, 200 * US_PER_S)))
    downs = sorted(downs)
    downs = [
        each for each, before in zip(downs, [(0, 0), *downs], strict=False) if before[1] < each[0]
    ]
    month_s = 30 * DAY_S
    moments = sorted({s for a, b in downs for s in range(a // US_PER_S - 8, b // US_PER_S + 8)})
    seen_total = 0
    for down in downs:
        near = [s for s in moments if down[0] // US_PER_S - 8 <= s <= down[1] // US_PER_S + 8]
        line = SimulatedLine(downs, 23_000)
        times = [s * US_PER_S + draw.randrange(100_000) for s in near]
        seen = watch(line, times, times[0])
        hit = [
            each
            for each in seen.outages
            if each.first_failed_us < down[1] and each.last_failed_us + 30_000 >= down[0]
        ]
        assert len(hit) == 1
        least_us = hit[0].least_us(0, month_s * US_PER_S)
        assert least_us <= down[1] - down[0] <= hit[0].most_us(0, month_s * US_PER_S)
        seen_total += 1
    assert seen_total == len(downs) > 300
