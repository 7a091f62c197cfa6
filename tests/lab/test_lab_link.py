"""The queue model: what becomes of each frame, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest

from lab.link import Counters, Direction, Fate, Held, RandomLoss
from lab.spec import DirectionSpec, LinkSpecError
from omega_core.units import NS_PER_MS, NS_PER_US, PPM

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


@pytest.mark.parametrize(
    ("spec", "arrivals", "out_ns"),
    [
        pytest.param(
            DirectionSpec(), [(0, FULL)], {0: 0}, id="a link without limits passes at once"
        ),
        pytest.param(
            DirectionSpec(delay_us=12_500),
            [(7, FULL)],
            {0: 12_500_007},
            id="delay is added to the time of arrival",
        ),
        pytest.param(
            DirectionSpec(rate_bps=1_000_000),
            [(0, FULL)],
            {0: 12_000_000},
            id="1500 octets take 12 ms at 1 Mbit/s",
        ),
        pytest.param(
            DirectionSpec(rate_bps=1_000_000, delay_us=1_000),
            [(0, FULL), (0, 125)],
            {0: 13_000_000, 1: 14_000_000},
            id="a second frame waits for the first to be sent, not to be delivered",
        ),
        pytest.param(
            DirectionSpec(rate_bps=1_000_000),
            [(0, 125), (999_999, 125), (2_000_000, 125)],
            {0: 1_000_000, 1: 2_000_000, 2: 3_000_000},
            id="an idle bottleneck starts at once, a busy one a nanosecond later",
        ),
        pytest.param(
            DirectionSpec(rate_bps=3_000_000_000),
            [(0, 1), (0, 1), (0, 1)],
            {0: 2, 1: 5, 2: 8},
            id="thirds of a nanosecond are carried along",
        ),
    ],
)
def test_frames_come_out_after_queue_serialisation_and_delay(
    spec: DirectionSpec, arrivals: list[tuple[int, int]], out_ns: dict[int, int]
) -> None:
    direction, fates = feed(spec, arrivals)
    assert fates == [Fate.HELD] * len(arrivals)
    assert due_after_ns(direction) == out_ns


def test_nothing_comes_out_before_its_nanosecond() -> None:
    direction, _ = feed(DirectionSpec(delay_us=1), [(0, FULL)])
    assert direction.next_due_ns() == START_NS + 1_000
    assert direction.due(START_NS + 999) == []
    assert [held.frame for held in direction.due(START_NS + 1_000)] == [0]
    assert direction.next_due_ns() is None


def test_a_time_before_the_last_one_is_taken_as_the_last_one() -> None:
    direction, _ = feed(DirectionSpec(), [(500, FULL), (400, FULL)])
    assert due_after_ns(direction) == {0: 500, 1: 500}


@pytest.mark.parametrize(
    ("last_bytes", "fate"),
    [
        pytest.param(1_000, Fate.HELD, id="a frame that just fills the buffer stays"),
        pytest.param(1_001, Fate.DROPPED, id="one octet more is dropped"),
    ],
)
def test_buffer_counts_what_waits_and_is_sent_and_the_frame_itself(
    last_bytes: int, fate: Fate
) -> None:
    spec = DirectionSpec(rate_bps=8_000_000, buffer_bytes=3_000)
    _, fates = feed(spec, [(0, 1_000), (0, 1_000), (0, last_bytes)])
    assert fates[-1] is fate


def test_buffer_in_ms_is_octets_at_the_rate() -> None:
    assert DirectionSpec(rate_bps=8_000_000, buffer_ms=3).buffer_octets() == 3_000
    assert DirectionSpec(rate_bps=None, buffer_ms=3).buffer_octets() is None


def test_an_idle_line_takes_a_frame_larger_than_its_buffer() -> None:
    spec = DirectionSpec(rate_bps=8_000_000, buffer_bytes=1)
    _, fates = feed(spec, [(0, FULL), (0, 1), (FULL * 1_000, FULL)])
    assert fates == [Fate.HELD, Fate.DROPPED, Fate.HELD]


def test_room_in_the_buffer_comes_back_as_it_drains() -> None:
    spec = DirectionSpec(rate_bps=8_000_000, buffer_bytes=2_000)
    _, fates = feed(spec, [(0, 1_000), (0, 1_000), (999, 1_000), (1_000_000, 1_000)])
    assert fates == [Fate.HELD, Fate.HELD, Fate.DROPPED, Fate.HELD]


def test_a_dropped_frame_takes_no_rate() -> None:
    spec = DirectionSpec(rate_bps=8_000_000, buffer_bytes=1_000)
    direction, _ = feed(spec, [(0, 1_000), (0, 1_000), (1_000_000, 1_000)])
    assert due_after_ns(direction) == {0: 1_000_000, 2: 2_000_000}


class TestLoss:
    def test_everything_and_nothing(self) -> None:
        for loss_ppm, fate in ((0, Fate.HELD), (PPM, Fate.LOST)):
            _, fates = feed(DirectionSpec(loss_ppm=loss_ppm), [(0, 100)] * 1_000)
            assert set(fates) == {fate}

    def test_the_same_seed_loses_the_same_frames(self) -> None:
        spec = DirectionSpec(loss_ppm=100_000, seed=7)
        again, other = (
            feed(spec, [(0, 100)] * 500)[1],
            feed(replace(spec, seed=8), [(0, 100)] * 500),
        )
        assert feed(spec, [(0, 100)] * 500)[1] == again
        assert other[1] != again

    @pytest.mark.parametrize("seed", [1, 2, 3])
    @pytest.mark.parametrize("burst", [1, 4, 20])
    @pytest.mark.parametrize("loss_ppm", [5_000, 20_000, 200_000])
    def test_share_and_length_of_runs(self, loss_ppm: int, burst: int, seed: int) -> None:
        count = 50_000
        loss = RandomLoss(loss_ppm=loss_ppm, burst=burst, seed=seed)
        lost = [loss.strikes() for _ in range(count)]
        runs = sum(now and not before for before, now in pairwise([False, *lost]))
        share = loss_ppm / PPM
        # four standard deviations; those of a share grow with the mean run
        assert abs(sum(lost) / count - share) < 4 * (2 * burst * share / count) ** 0.5
        mean_run = burst if burst > 1 else 1 / (1 - share)
        assert sum(lost) / runs == pytest.approx(mean_run, rel=4 / runs**0.5)

    def test_strikes_before_the_bottleneck(self) -> None:
        spec = DirectionSpec(rate_bps=8_000_000, loss_ppm=500_000, buffer_ms=10_000)
        direction, fates = feed(spec, [(0, 1_000)] * 100)
        kept = fates.count(Fate.HELD)
        assert 0 < kept < 100
        assert emptied(direction)[-1].due_ns == START_NS + kept * NS_PER_MS

    def test_turning_jitter_on_does_not_move_the_losses(self) -> None:
        spec = DirectionSpec(loss_ppm=100_000)
        plain, jittery = (
            feed(each, [(0, 100)] * 500)[1] for each in (spec, replace(spec, jitter_us=5))
        )
        assert plain == jittery


class TestJitter:
    SPEC = DirectionSpec(delay_us=10_000, jitter_us=20_000)

    def test_is_uniform_from_nothing_to_its_width(self) -> None:
        direction, _ = feed(self.SPEC, [(number * 20 * NS_PER_MS, 100) for number in range(2_000)])
        extra_us = sorted((held.extra_ns - 10 * NS_PER_MS) / 1_000 for held in emptied(direction))
        assert extra_us[0] >= 0
        assert extra_us[-1] <= 20_000
        for percent in (5, 25, 50, 75, 95):
            observed = extra_us[len(extra_us) * percent // 100]
            assert observed == pytest.approx(200 * percent, abs=900)  # 4 sd of a quantile of 2000

    def test_keeps_order(self) -> None:
        direction, _ = feed(self.SPEC, [(number * NS_PER_MS, 100) for number in range(500)])
        assert [held.frame for held in emptied(direction)] == [*range(500)]

    def test_reorders_when_told(self) -> None:
        spec = replace(self.SPEC, reorder=True)
        direction, _ = feed(spec, [(number * NS_PER_MS, 100) for number in range(500)])
        out = emptied(direction)
        assert [held.due_ns for held in out] == sorted(held.due_ns for held in out)
        numbers = [held.frame for held in out]
        assert numbers != sorted(numbers)
        assert all(held.due_ns == held.arrived_ns + held.extra_ns for held in out)

    def test_nothing_overtakes_after_order_is_asked_for_again(self) -> None:
        direction, _ = feed(replace(self.SPEC, reorder=True), [(0, 100)] * 50)
        last_ns = max(held.due_ns for held in direction._queue)
        direction.change(START_NS, self.SPEC)
        direction.arrive(START_NS, 100, 50)
        assert emptied(direction)[-1].frame == 50
        assert last_ns <= FOREVER_NS


class TestOutage:
    SPEC = DirectionSpec(delay_us=1_000, outages_ms=((10, 20),))

    @pytest.mark.parametrize(
        ("after_us", "fate", "comes_out"),
        [
            pytest.param(8_999, Fate.HELD, True, id="out before the cut"),
            pytest.param(9_000, Fate.HELD, False, id="inside when the cut comes"),
            pytest.param(10_000, Fate.CUT, False, id="arrives as the cut begins"),
            pytest.param(19_999, Fate.CUT, False, id="would come out after, arrived during"),
            pytest.param(20_000, Fate.HELD, True, id="arrives as the cut ends"),
        ],
    )
    def test_cuts_both_ends(self, after_us: int, fate: Fate, *, comes_out: bool) -> None:
        direction, fates = feed(self.SPEC, [(after_us * NS_PER_US, 100)])
        assert fates == [fate]
        assert bool(emptied(direction)) is comes_out
        assert direction.counters.frames_cut == (0 if comes_out else 1)
        assert len(direction.severed) == (fate is Fate.HELD and not comes_out)

    def test_what_is_longer_on_the_way_than_the_outage_lasts_survives(self) -> None:
        direction, _ = feed(replace(self.SPEC, delay_us=15_000), [(9 * NS_PER_MS, 100)])
        assert len(emptied(direction)) == 1

    def test_is_switched_on_and_off(self) -> None:
        direction, _ = feed(DirectionSpec(delay_us=1_000), [(0, 100)])
        direction.cut(START_NS + 500)
        direction.cut(START_NS + 600)
        assert direction.arrive(START_NS + NS_PER_MS, 100, 1) is Fate.CUT
        assert direction.due(START_NS + 5 * NS_PER_MS) == []
        assert [held.frame for held in direction.severed] == [0]
        direction.mend(START_NS + 6 * NS_PER_MS)
        direction.mend(START_NS + 7 * NS_PER_MS)
        assert direction.arrive(START_NS + 6 * NS_PER_MS, 100, 2) is Fate.HELD
        assert len(emptied(direction)) == 1

    def test_outages_of_the_description_are_not_changed_later(self) -> None:
        direction, _ = feed(self.SPEC, [])
        with pytest.raises(LinkSpecError, match="cut and mend"):
            direction.change(START_NS, DirectionSpec())


class TestHole:
    SPEC = DirectionSpec(rate_bps=1_000_000, swallow_above_bytes=1_300)

    @pytest.mark.parametrize(
        ("octets", "fate"),
        [
            pytest.param(1_300, Fate.HELD, id="as large as it may be"),
            pytest.param(1_301, Fate.SWALLOWED, id="an octet larger"),
        ],
    )
    def test_swallows_what_is_larger(self, octets: int, fate: Fate) -> None:
        direction, fates = feed(self.SPEC, [(0, octets)])
        assert fates == [fate]
        assert direction.counters.frames_swallowed == (fate is Fate.SWALLOWED)

    def test_takes_no_rate_from_the_others(self) -> None:
        direction, _ = feed(self.SPEC, [(0, 1_400), (0, 125)])
        assert [held.due_ns - START_NS for held in emptied(direction)] == [NS_PER_MS]

    def test_is_mended_by_a_change(self) -> None:
        direction, _ = feed(self.SPEC, [])
        direction.change(START_NS, replace(self.SPEC, swallow_above_bytes=None))
        assert direction.arrive(START_NS, 1_400, 1) is Fate.HELD


class TestChange:
    def test_rate_applies_to_the_rest_of_the_frame_in_sending(self) -> None:
        direction, _ = feed(DirectionSpec(rate_bps=1_000_000), [(0, FULL), (0, FULL)])
        half_ns = 6 * NS_PER_MS
        direction.change(START_NS + half_ns, DirectionSpec(rate_bps=2_000_000))
        assert due_after_ns(direction) == {0: half_ns + 3 * NS_PER_MS, 1: half_ns + 9 * NS_PER_MS}

    def test_what_left_the_bottleneck_keeps_its_time(self) -> None:
        spec = DirectionSpec(rate_bps=1_000_000, delay_us=50_000)
        direction, _ = feed(spec, [(0, FULL), (0, FULL)])
        direction.change(START_NS + 12 * NS_PER_MS, replace(spec, rate_bps=12_000_000))
        assert due_after_ns(direction) == {0: 62 * NS_PER_MS, 1: 63 * NS_PER_MS}

    def test_no_rate_at_all_empties_the_queue_at_once(self) -> None:
        direction, _ = feed(DirectionSpec(rate_bps=1_000_000), [(0, FULL)] * 3)
        direction.change(START_NS + 1, DirectionSpec())
        assert due_after_ns(direction) == {0: 1, 1: 1, 2: 1}

    def test_a_new_delay_is_for_new_frames_and_keeps_order(self) -> None:
        direction, _ = feed(DirectionSpec(delay_us=5_000), [(0, 100)])
        direction.change(START_NS, DirectionSpec(delay_us=1_000))
        assert direction.shortest_ns() == NS_PER_MS
        direction.arrive(START_NS, 100, 1)
        direction.arrive(START_NS + 5 * NS_PER_MS, 100, 2)
        assert due_after_ns(direction) == {
            0: 5 * NS_PER_MS,
            1: 5 * NS_PER_MS,
            2: 6 * NS_PER_MS,
        }

    def test_unrelated_change_does_not_start_the_losses_anew(self) -> None:
        spec = DirectionSpec(loss_ppm=300_000)
        undisturbed = feed(spec, [(0, 100)] * 100)[1]
        direction, fates = feed(spec, [(0, 100)] * 50)
        direction.change(START_NS, replace(spec, delay_us=1))
        fates += [direction.arrive(START_NS, 100, 0) for _ in range(50)]
        assert fates == undisturbed

    def test_loss_can_be_turned_off(self) -> None:
        direction, _ = feed(DirectionSpec(loss_ppm=PPM), [(0, 100)])
        direction.change(START_NS, DirectionSpec())
        assert direction.arrive(START_NS, 100, 1) is Fate.HELD


def test_counters_begin_at_nothing() -> None:
    direction: Direction[int] = Direction(DirectionSpec(), start_ns=START_NS)
    assert direction.counters == Counters()
