"""The search for the MTU, against paths that lose what is too large, and more."""

from __future__ import annotations

from random import Random

import pytest

from omega_core.path import MtuEnd, MtuTold
from omega_probe.mtu_search import MtuSearch

ROUTER = "198.51.100.1"


def run(
    search: MtuSearch, passes: int, *, tells: bool = False, loss: float = 0, seed: int = 1
) -> int:
    """Drive a search over a path that passes so much; return how many packets it took."""
    random, packets = Random(seed), 0  # noqa: S311 - a simulation
    while step := search.sizes_to_send():
        for number, octets in step:
            packets += 1
            if octets > passes and tells:
                search.told(number, ROUTER, passes)
            elif octets <= passes and random.random() >= loss:
                search.answered(number)
    return packets


@pytest.mark.parametrize("passes", [1_280, 1_281, 1_300, 1_399, 1_404, 1_491, 1_492, 1_499])
def test_a_black_hole_is_found_to_the_octet(passes: int) -> None:
    search = MtuSearch(6, 1_500)
    packets = run(search, passes)
    assert (search.largest_passed, search.smallest_failed) == (passes, passes + 1)
    assert search.ended is MtuEnd.BLACK_HOLE
    assert packets < 100


@pytest.mark.parametrize("passes", [576, 700, 1_279])
def test_ipv4_may_pass_less_than_ipv6_must(passes: int) -> None:
    search = MtuSearch(4, 1_500)
    run(search, passes)
    assert (search.largest_passed, search.ended) == (passes, MtuEnd.BLACK_HOLE)


def test_the_interfaces_own_size_that_passes_ends_the_search_at_once() -> None:
    search = MtuSearch(4, 1_500)
    assert run(search, 9_000) <= 11
    assert (search.ended, search.largest_passed) == (MtuEnd.WHOLE, 1_500)
    assert search.smallest_failed is None


@pytest.mark.parametrize("passes", [1_280, 1_400, 1_437, 1_492])
def test_a_routers_word_is_tried_and_believed(passes: int) -> None:
    search = MtuSearch(4, 1_500)
    packets = run(search, passes, tells=True)
    assert (search.largest_passed, search.ended) == (passes, MtuEnd.TOLD)
    assert search.who_told() == (MtuTold(address=ROUTER, mtu_octets=passes),)
    assert packets < 25


def test_a_path_that_answers_nothing_says_nothing_about_sizes() -> None:
    search = MtuSearch(4, 1_500)
    run(search, 0)
    assert (search.largest_passed, search.ended) == (None, MtuEnd.UNANSWERED)


@pytest.mark.parametrize("loss", [0.02, 0.1, 0.2])
def test_a_lossy_path_is_hardly_ever_taken_for_a_black_hole(loss: float) -> None:
    wrong = 0
    for seed in range(300):
        search = MtuSearch(4, 1_500)
        run(search, 1_500, loss=loss, seed=seed)
        wrong += search.ended is MtuEnd.BLACK_HOLE
    assert wrong <= 1


def test_a_size_that_the_host_itself_refuses_is_told_by_nobody() -> None:
    search = MtuSearch(4, 1_500)
    while step := search.sizes_to_send():
        for number, octets in step:
            if octets > 1_450:
                search.refused(number)
                search.told(number, None, None)
            else:
                search.answered(number)
    assert (search.largest_passed, search.ended) == (1_450, MtuEnd.TOLD)
    assert all(each.sent >= each.answered for each in search.tries())
    assert max(each.ip_octets for each in search.tries()) == 1_450


def test_a_search_that_is_cut_off_is_not_finished() -> None:
    search = MtuSearch(4, 1_500)
    for number, octets in search.sizes_to_send():
        if octets <= 1_400:
            search.answered(number)
    search.stop()
    assert search.sizes_to_send() == []
    assert search.ended is MtuEnd.BUDGET
    assert search.largest_passed == 1_400


def test_a_boundary_that_was_not_asked_again_is_no_hole() -> None:
    search = MtuSearch(4, 1_500)
    while (search.smallest_failed or 0) != (search.largest_passed or 0) + 1:
        for number, octets in search.sizes_to_send():
            if octets <= 1_400:
                search.answered(number)
    search.sizes_to_send()
    seen = [search.ended]
    search.stop()
    seen.append(search.ended)
    assert seen == [MtuEnd.BLACK_HOLE, MtuEnd.BUDGET]


def test_one_cut_off_before_any_answer_is_not_unanswered() -> None:
    search = MtuSearch(4, 1_500)
    search.sizes_to_send()
    search.stop()
    assert search.ended is MtuEnd.BUDGET


def test_words_about_nothing_change_nothing() -> None:
    search = MtuSearch(4, 1_500)
    search.answered(3)
    search.refused(-1)
    search.told(99, ROUTER, 1_400)
    search.told(None, ROUTER, None)
    assert search.tries() == ()
    assert len(search.who_told()) == 2


@pytest.mark.parametrize(("mtu", "start"), [(65_536, 9_000), (1_500, 1_500), (500, 576)])
def test_the_search_begins_at_the_interfaces_size_within_reason(mtu: int, start: int) -> None:
    assert MtuSearch(4, mtu).start_octets == start


def test_jumbo_frames_are_searched_within_the_bounds() -> None:
    search = MtuSearch(4, 9_000)
    run(search, 4_470)
    assert (search.largest_passed, search.ended) == (4_470, MtuEnd.BLACK_HOLE)
