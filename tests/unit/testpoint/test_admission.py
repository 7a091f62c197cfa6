"""Who may come in: by what is committed, by what is really moved, by the processor; and when."""

from __future__ import annotations

import pytest

from omega_core.saturation import CPU_BUSY_PPM_MAX
from omega_core.units import NS_PER_MS, NS_PER_S
from omega_server.testpoint.admission import UNKNOWN_BPS, Admission, BothWays, Newcomer
from omega_server.testpoint.load import SUSTAINED_NS, Sustained

MBIT = 1_000_000
SAMPLE_NS = 100 * NS_PER_MS


def comer(
    name: str,
    down: int | None = 0,
    up: int | None = 0,
    *,
    until_s: int = 60,
    counted: bool = True,
) -> Newcomer:
    return Newcomer(
        session=name, down_bps=down, up_bps=up, until_ns=until_s * NS_PER_S, counted=counted
    )


def holding(*inside: Newcomer, capacity: int | None = 100 * MBIT, places: int = 64) -> Admission:
    admission = Admission(capacity_bps=capacity, sessions_max=places)
    for each in inside:
        assert admission.admit(each, now_ns=0) is None
    return admission


@pytest.mark.parametrize(
    ("inside", "wanted", "ground"),
    [
        pytest.param([60], 40, None, id="the last bit of it"),
        pytest.param([60], 41, "rate", id="more than is left"),
        pytest.param([], 400, None, id="a line faster than the test point, alone"),
        pytest.param([400], 1, "rate", id="nobody beside that one"),
        pytest.param([30, 30, 30], 10, None, id="several"),
        pytest.param([30, 30, 30], 11, "rate", id="one too many"),
    ],
)
@pytest.mark.parametrize("way", ["down", "up"])
def test_by_what_is_committed_each_way(
    inside: list[int], wanted: int, ground: str | None, way: str
) -> None:
    def one_way(name: str, mbit: int) -> Newcomer:
        return comer(name, down=mbit * MBIT) if way == "down" else comer(name, up=mbit * MBIT)

    others = [one_way(str(index), mbit) for index, mbit in enumerate(inside)]
    busy = holding(*others).admit(one_way("new", wanted), now_ns=0)
    assert (busy and busy.ground) == ground


def test_the_two_ways_of_a_link_do_not_add_up() -> None:
    assert holding(comer("a", down=90 * MBIT)).admit(comer("b", up=90 * MBIT), now_ns=0) is None


def test_without_a_capacity_rates_bound_nothing() -> None:
    admission = holding(comer("a", down=900 * MBIT), capacity=None)
    assert admission.admit(comer("b", down=900 * MBIT), now_ns=0) is None


def test_what_crosses_no_link_takes_a_place_alone() -> None:
    admission = holding(comer("local", down=900 * MBIT, counted=False), places=2)
    assert admission.committed == BothWays(0, 0)
    assert admission.admit(comer("b", down=100 * MBIT), now_ns=0) is None
    busy = admission.admit(comer("c", counted=False), now_ns=0)
    assert busy is not None
    assert busy.ground == "places"


def move(admission: Admission, session: str, mbit: int, *, samples: int, start: int = 0) -> int:
    """Let a session move at a rate; return the number of the last sample."""
    for index in range(start, start + samples):
        admission.moved(session, BothWays(mbit * MBIT * SAMPLE_NS // 8 // NS_PER_S, 0))
        admission.sample(now_ns=index * SAMPLE_NS)
    return start + samples


def test_who_expects_nothing_commits_what_it_was_seen_to_do() -> None:
    admission = holding(comer("a", None, None))
    assert admission.committed == BothWays(UNKNOWN_BPS, UNKNOWN_BPS)
    last = move(admission, "a", 90, samples=80)
    assert admission.committed.down == pytest.approx(90 * MBIT, rel=0.01)
    assert admission.committed.up == UNKNOWN_BPS
    move(admission, "a", 0, samples=80, start=last)
    assert admission.sampled.down < MBIT
    busy = admission.admit(comer("b", down=20 * MBIT), now_ns=0)
    assert busy is not None, "it may do so again: it is still there"


def test_what_is_really_moved_counts_where_it_is_more() -> None:
    admission = holding(comer("a", down=20 * MBIT))
    last = move(admission, "a", 70, samples=80)
    assert admission.refusal(comer("b", down=40 * MBIT), now_ns=0) is not None
    move(admission, "a", 20, samples=80, start=last)
    assert admission.refusal(comer("b", down=40 * MBIT), now_ns=0) is None


def test_one_burst_refuses_nobody() -> None:
    admission = holding(comer("a", down=20 * MBIT))
    last = move(admission, "a", 20, samples=50)
    move(admission, "a", 500, samples=1, start=last)
    assert admission.refusal(comer("b", down=30 * MBIT), now_ns=0) is None


def test_who_was_seen_stays_inside_whatever_comes() -> None:
    admission = holding(comer("a", None, None), comer("b", None, None))
    move(admission, "a", 500, samples=80)
    admission.cpu_sampled(1_000_000)
    assert len(admission) == 2


@pytest.mark.parametrize(
    ("busy_ppm", "inside", "ground"),
    [
        pytest.param(CPU_BUSY_PPM_MAX, 1, None, id="just not too much"),
        pytest.param(CPU_BUSY_PPM_MAX + 1, 1, "cpu", id="too much"),
        pytest.param(1_000_000, 0, None, id="nobody there whom it would disturb"),
    ],
)
def test_by_the_processor(busy_ppm: int, inside: int, ground: str | None) -> None:
    admission = holding(*[comer(str(index)) for index in range(inside)])
    admission.cpu_sampled(busy_ppm)
    busy = admission.refusal(comer("new"), now_ns=0)
    assert (busy and busy.ground) == ground


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        pytest.param([900_000] * 2, 0, id="not for long enough"),
        pytest.param([900_000] * 3, 900_000, id="for three seconds"),
        pytest.param([900_000, 100_000, 900_000], 100_000, id="with a break"),
        pytest.param([100_000, 950_000, 900_000, 920_000], 900_000, id="after a quiet time"),
    ],
)
def test_what_the_processor_never_fell_below(samples: list[int], expected: int) -> None:
    sustained, least = Sustained(0), 0
    for index, busy_ppm in enumerate(samples, 1):
        least = sustained.add(busy_ppm, now_ns=index * NS_PER_S)
    assert least == expected
    assert SUSTAINED_NS == 3 * NS_PER_S


@pytest.mark.parametrize(
    ("wanted", "retry_after_s"),
    [
        pytest.param(40, 10, id="when the first has ended"),
        pytest.param(70, 25, id="when the second has ended too"),
        pytest.param(100, 50, id="when all have"),
        pytest.param(500, 50, id="faster than the test point: alone then"),
    ],
)
def test_when_to_come_back(wanted: int, retry_after_s: int) -> None:
    admission = holding(
        comer("late", down=20 * MBIT, until_s=50),
        comer("first", down=30 * MBIT, until_s=10),
        comer("second", down=40 * MBIT, until_s=25),
    )
    busy = admission.refusal(comer("new", down=wanted * MBIT), now_ns=0)
    assert busy is not None
    assert busy.retry_after_s == retry_after_s


def test_when_to_come_back_for_a_place() -> None:
    admission = holding(comer("a", until_s=30), comer("b", until_s=7), places=2)
    busy = admission.refusal(comer("new"), now_ns=NS_PER_S // 2)
    assert busy is not None
    assert (busy.ground, busy.retry_after_s) == ("places", 7)


def test_never_at_once() -> None:
    busy = holding(comer("a", until_s=1), places=1).refusal(comer("b"), now_ns=5 * NS_PER_S)
    assert busy is not None
    assert busy.retry_after_s == 1
