"""A sample that is read while it grows: when it is decided, what bursts do, what comes after."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_acceptance.decision.bursts import (
    assumed_burst_ppm,
    design_effect_ppm,
    observed_burst_ppm,
    period_of,
)
from omega_acceptance.decision.reading import Looks, Reading, more_to_pass, read
from omega_acceptance.decision.shares import share_test
from omega_core.units import PPM
from omega_core.verdict import Outcome

LOSS = share_test(10_000, 50_000, 50_000)
EACH_SECOND = Looks(every=50)
PASS, FAIL, OPEN = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE


def told(reading: Reading) -> tuple[Outcome, int, int, int]:
    return reading.outcome, reading.events, reading.samples, reading.after_stop


@pytest.mark.parametrize(
    ("positions", "samples", "looks", "expected"),
    [
        pytest.param((), 0, EACH_SECOND, (OPEN, 0, 0, 0), id="nothing"),
        pytest.param((), 366, EACH_SECOND, (OPEN, 0, 366, 0), id="a packet too few"),
        pytest.param((), 367, EACH_SECOND, (PASS, 0, 367, 0), id="just enough, at the end"),
        pytest.param((), 1_000, EACH_SECOND, (PASS, 0, 400, 600), id="seen at the next look"),
        pytest.param(
            (), 1_000, Looks(every=50, n_min=401), (PASS, 0, 450, 550), id="not before n_min"
        ),
        pytest.param(
            (), 1_000, Looks(every=50, n_min=450), (PASS, 0, 450, 550), id="at n_min itself"
        ),
        pytest.param((), 1_000, Looks(every=50, n_max=366), (OPEN, 0, 366, 634), id="not beyond"),
        pytest.param(
            (), 1_000, Looks(every=50, n_min=1_001), (OPEN, 0, 1_000, 0), id="never enough"
        ),
        pytest.param(
            (), 1_000, Looks(every=2_000, joints=(380, 700)), (PASS, 0, 380, 620),
            id="where another session begins",
        ),
        pytest.param(
            (), 1_000, Looks(every=2_000, n_max=370, joints=(380,)), (PASS, 0, 370, 630),
            id="and that one is no longer read",
        ),
        pytest.param(
            (), 399, Looks(every=50, grows=True), (OPEN, 0, 350, 49), id="its end is none yet"
        ),
        pytest.param(
            (), 400, Looks(every=50, grows=True), (PASS, 0, 400, 0), id="unless it is a look's"
        ),
        pytest.param(
            (), 900, Looks(every=500, n_max=370, grows=True), (PASS, 0, 370, 530),
            id="or no more of it is read",
        ),
        pytest.param(
            (), 49, Looks(every=50, grows=True), (OPEN, 0, 0, 49), id="nothing to look at yet"
        ),
        pytest.param(
            (0, 2, 4), 1_000, Looks(every=3), (FAIL, 3, 6, 994), id="three of the first six lost"
        ),
        pytest.param(
            (0, 2, 4), 1_200, Looks(every=3, n_min=900), (PASS, 3, 1_080, 120),
            id="an early burst does not decide before n_min",
        ),
        pytest.param(
            tuple(range(0, 10, 2)), 10, Looks(every=5), (FAIL, 3, 5, 5), id="every other one lost"
        ),
        pytest.param(
            tuple(range(400, 1_000)), 1_000, EACH_SECOND, (PASS, 0, 400, 600),
            id="what comes after a pass does not take it back",
        ),
    ],
)  # fmt: skip
def test_the_first_look_that_decides_sticks(
    positions: tuple[int, ...],
    samples: int,
    looks: Looks,
    expected: tuple[Outcome, int, int, int],
) -> None:
    reading = read(LOSS, positions, samples, looks)
    assert told(reading) == expected
    assert reading.enough is (reading.samples >= looks.n_min)


def test_a_burst_as_long_as_assumed_counts_once() -> None:
    fives = Looks(every=50, burst_ppm=5 * PPM)
    clean = read(LOSS, (), 6_000, fives)
    assert clean.design_effect_ppm == 9 * PPM
    assert told(clean) == (PASS, 0, 3_300, 2_700)  # 367 x 9 = 3,303, and a fraction less
    one_burst = read(LOSS, tuple(range(100, 105)), 6_000, fives)
    assert one_burst.burst_ppm == 5 * PPM
    assert (one_burst.outcome, one_burst.samples > 4_000) == (PASS, True)


def test_runs_that_are_longer_than_assumed_correct_the_burst() -> None:
    bursts = tuple(at for start in (100, 300, 500) for at in range(start, start + 8))
    seen = read(LOSS, bursts, 1_000, EACH_SECOND)
    assert (seen.burst_ppm, seen.design_effect_ppm) == (7_808_000, 14_616_000)  # 8 x 976/1,000
    assert seen.outcome is OPEN
    naive = read(LOSS, bursts, 1_000, Looks(every=50, observe=False))
    assert (naive.burst_ppm, naive.outcome) == (PPM, FAIL)


def test_only_runs_before_the_look_are_known_to_it() -> None:
    late_burst = (100, *range(900, 920))
    reading = read(LOSS, late_burst, 800, EACH_SECOND)
    assert (reading.events, reading.burst_ppm) == (1, PPM)


def test_a_run_that_goes_on_beyond_the_look_has_begun_for_it() -> None:
    found = read(LOSS, range(46, 54), 1_000, Looks(every=50, n_max=50))
    assert (found.events, found.samples) == (4, 50)
    assert found.burst_ppm == observed_burst_ppm(4, 50, 1)


@pytest.mark.parametrize("looks", [EACH_SECOND, Looks(every=50, burst_ppm=9 * PPM)])
def test_the_evidence_that_is_told_is_that_of_what_was_read_divided_by_the_design_effect(
    looks: Looks,
) -> None:
    bursts = tuple(at for start in (100, 300, 500) for at in range(start, start + 8))
    reading = read(LOSS, bursts, 1_000, looks)
    effect = reading.design_effect_ppm / PPM
    assert effect > 14
    weighed = LOSS.weigh(reading.events / effect, reading.samples / effect)
    assert reading.evidence.pass_unats == pytest.approx(weighed.pass_unats, abs=1)
    assert reading.evidence.fail_unats == pytest.approx(weighed.fail_unats, abs=1)


def test_a_single_sample_is_read_where_the_plan_asks_for_no_more() -> None:
    """Evidence of 372,660 unats is enough at an error probability of 0.6889, and no sooner."""
    easy = share_test(400_000, 688_900, 1)
    assert told(read(easy, (), 3, Looks(every=1))) == (PASS, 0, 1, 2)
    assert told(read(easy, (), 3, Looks(every=1, n_min=2))) == (PASS, 0, 2, 1)


def test_a_single_sample_is_enough_and_none_is_not() -> None:
    assert read(LOSS, (), 1, EACH_SECOND).enough
    assert not read(LOSS, (), 0, EACH_SECOND).enough


@pytest.mark.parametrize(
    ("positions", "samples", "more"),
    [((), 366, 1), ((), 0, 367), ((), 400, 0), ((7,), 400, 257), ((7, 9), 600, 281)],
)
def test_how_many_more_without_an_event_would_pass(
    positions: tuple[int, ...], samples: int, more: int
) -> None:
    reading = read(LOSS, positions, samples, EACH_SECOND)
    assert more_to_pass(LOSS, reading) == more
    if more:
        assert told(read(LOSS, positions, samples + more, Looks(every=10_000)))[0] is PASS
        assert told(read(LOSS, positions, samples + more - 1, Looks(every=10_000)))[0] is OPEN


@given(st.lists(st.booleans(), max_size=300), st.integers(1, 60), st.integers(1, 100))
def test_reading_is_what_looking_by_hand_would_give(
    fates: list[bool], every: int, n_min: int
) -> None:
    test = share_test(200_000, 50_000, 50_000)
    positions = [at for at, lost in enumerate(fates) if lost]
    reading = read(test, positions, len(fates), Looks(every=every, n_min=n_min))
    expected: tuple[Outcome, int] = (OPEN, len(fates))
    for size in [*range(every, len(fates), every), len(fates)]:
        if not n_min <= size:
            continue
        seen = fates[:size]
        runs = sum(lost and not before for before, lost in zip([False, *seen], seen, strict=False))
        burst = max(1, sum(seen) / runs * (size - sum(seen)) / size) if runs else 1
        outcome = test.outcome(sum(seen) / (2 * burst - 1), size / (2 * burst - 1))
        if outcome is not OPEN:
            expected = (outcome, size)
            break
    assert (reading.outcome, reading.samples) == expected
    assert reading.samples + reading.after_stop == len(fates)


@pytest.mark.parametrize(
    ("burst_us", "pps", "burst", "effect"),
    [
        pytest.param(100_000, 50, 5, 9, id="WiMAX"),
        pytest.param(40_000, 50, 2, 3, id="ADSL"),
        pytest.param(20_000, 50, 1, 1, id="fibre"),
        pytest.param(1, 50, 1, 1, id="shorter than the gap between packets"),
        pytest.param(100_000, 200, 20, 39, id="sending faster meets more of it"),
    ],
)
def test_a_burst_lasts_milliseconds_and_not_packets(
    burst_us: int, pps: int, burst: int, effect: int
) -> None:
    found = assumed_burst_ppm(burst_us, period_us=period_of(pps))
    assert (found, design_effect_ppm(found)) == (burst * PPM, effect * PPM)


def test_what_does_not_divide_evenly_stays_a_whole_number() -> None:
    assert repr(period_of(30)) == "33333"
    assert repr(assumed_burst_ppm(100_000, period_us=30_000)) == "3333334", "rounded up"
    assert repr(assumed_burst_ppm(100_000, period_us=20_000)) == "5000000"


def test_a_stream_without_a_period_is_not_divided_by_it() -> None:
    assert assumed_burst_ppm(3, period_us=0) == 3 * PPM


@pytest.mark.parametrize(
    ("events", "samples", "runs", "burst_ppm"),
    [
        pytest.param(10, 1_000_000, 3, 3_333_300, id="few events: the length of their runs"),
        pytest.param(500, 1_000, 250, 1_000_000, id="half of all, in runs of two: chance"),
        pytest.param(100, 1_000, 90, 1_000_000, id="a tenth, in the runs that chance makes"),
        pytest.param(1_000, 1_000, 1, 0, id="nothing but events: no burst but a state"),
        pytest.param(0, 1_000, 0, 0, id="none"),
        pytest.param(1, 3, 1, 666_667, id="rounded up"),
    ],
)
def test_the_burst_that_runs_show(events: int, samples: int, runs: int, burst_ppm: int) -> None:
    assert observed_burst_ppm(events, samples, runs) == burst_ppm


def test_a_sample_of_nothing_but_events_fails() -> None:
    fives = Looks(every=50, n_min=1_000, burst_ppm=5 * PPM)
    reading = read(LOSS, range(3_501), 3_501, fives)
    assert told(reading) == (FAIL, 1_000, 1_000, 2_501)
