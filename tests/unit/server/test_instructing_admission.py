"""How many check-ins are taken in a second, and who comes back when."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_core.limits import RETURN_SPREAD_S_MAX
from omega_core.units import NS_PER_MS, NS_PER_S
from omega_server.instructing.admission import Admission

PER_S = 20


def admitted(admission: Admission, times_ns: list[int]) -> list[int]:
    return [at_ns for at_ns in times_ns if admission.wait_s(at_ns) == 0]


def most_in_a_second(times_ns: list[int]) -> int:
    return max(sum(begin <= at < begin + NS_PER_S for at in times_ns) for begin in times_ns)


def test_a_few_at_once_are_taken() -> None:
    admission = Admission(PER_S)
    assert len(admitted(admission, [0] * 6)) == 6  # a quarter of the ceiling, and the one due


def test_the_next_is_told_to_wait() -> None:
    admission = Admission(PER_S)
    admitted(admission, [0] * 6)
    assert admission.wait_s(0) == 1


def test_places_in_the_line_are_given_out_one_by_one() -> None:
    admission = Admission(PER_S)
    waits = [admission.wait_s(0) for _ in range(6 + 2 * PER_S)]
    assert waits[:6] == [0] * 6
    assert waits[6:] == sorted(waits[6:])
    assert 2 <= waits[-1] <= 3  # two seconds of agents stand before the last one


def test_at_the_ceiling_everybody_is_taken() -> None:
    admission = Admission(PER_S)
    times_ns = [number * NS_PER_S // PER_S for number in range(200)]
    assert admitted(admission, times_ns) == times_ns


def test_one_a_second() -> None:
    admission = Admission(1)
    assert [admission.wait_s(at * NS_PER_S) for at in range(3)] == [0, 0, 0]


@given(st.lists(st.integers(0, 5_000), min_size=1, max_size=300), st.integers(1, 50))
def test_never_more_than_the_ceiling_and_its_burst(at_ms: list[int], per_s: int) -> None:
    admission = Admission(per_s)
    taken = admitted(admission, sorted(each * NS_PER_MS for each in at_ms))
    assert most_in_a_second(taken) <= per_s + per_s // 4 + 2


def test_a_line_that_is_too_long_begins_again() -> None:
    admission = Admission(1)
    waits = [admission.wait_s(0) for _ in range(RETURN_SPREAD_S_MAX + 10)]
    assert max(waits) == RETURN_SPREAD_S_MAX
    assert waits[-1] < RETURN_SPREAD_S_MAX


@pytest.mark.parametrize(
    ("agents", "spread_s"),
    [
        pytest.param(0, 0, id="nobody needs no time"),
        pytest.param(1, 2, id="one is spread as well, with whoever else comes"),
        pytest.param(100, 7, id="five seconds at the ceiling, and a quarter"),
        pytest.param(10**7, RETURN_SPREAD_S_MAX, id="no longer than an hour"),
    ],
)
def test_the_spread_of_a_return(agents: int, spread_s: int) -> None:
    assert Admission(PER_S).return_spread_s(agents) == spread_s


@pytest.mark.parametrize("seed", range(5))
def test_the_return_of_two_thousand(seed: int) -> None:
    """They come spread as they were told, those refused when they were told."""
    rng, admission = random.Random(seed), Admission(200)  # noqa: S311 - no secret
    spread_s = admission.return_spread_s(2_000)
    coming = sorted(rng.uniform(0, spread_s) for _ in range(2_000))
    taken: list[int] = []
    while coming:
        at_ns = int(coming.pop(0) * NS_PER_S)
        wait_s = admission.wait_s(at_ns)
        if wait_s == 0:
            taken.append(at_ns)
        else:
            coming = sorted([*coming, at_ns / NS_PER_S + wait_s + rng.random()])
    assert len(taken) == 2_000
    assert most_in_a_second(taken) <= 1.5 * 200
    assert max(taken) <= 2 * spread_s * NS_PER_S
