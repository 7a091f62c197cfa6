"""What a fixed-rate window proves: golden figures, the bound, and the line between two answers."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from random import Random

import pytest

from omega_core.capacity import Count, IdleLoss
from omega_core.capacity_metrics import qualification_of
from omega_core.evidence import CapacityRun
from omega_core.qualification import (
    DEFAULT,
    Allowance,
    Carried,
    Qualification,
    grown,
    offered_bps,
    qualified,
)
from omega_core.units import PPM, US_PER_S
from support.windows import window

T = 90_000_000
NONE = IdleLoss(loss_ppm=0, packets=None)
PLAN = Allowance(guard_ppm=20_000, short_ppm=50_000)  # as every shipped plan has it
WIMAX = replace(PLAN, queue_us=150_000, loss_ppm=20_000)


def asked(run: CapacityRun, allowance: Allowance = PLAN) -> Carried:
    found = qualification_of(run, T, allowance)
    assert found is not None
    return found.outcome


@pytest.mark.parametrize(
    ("wanted_bps", "allowance", "offered"),
    [
        pytest.param(1_600_000, WIMAX, 1_765_573, id="a queue of 150 ms, 2 % of loss"),
        pytest.param(6_000_000, PLAN, 6_430_360, id="a bucket of 100 ms, 1 % of loss"),
        pytest.param(
            270_000_000, replace(PLAN, queue_us=50_000), 289_366_198, id="the larger counts"
        ),
        pytest.param(
            1_000_000,
            Allowance(guard_ppm=0, queue_us=0, bucket_us=0, loss_ppm=0),
            1_000_000,
            id="nothing is allowed for",
        ),
    ],
)
def test_what_is_offered(wanted_bps: int, allowance: Allowance, offered: int) -> None:
    assert offered_bps(wanted_bps, NONE, allowance) == offered


def test_idle_loss_and_what_is_not_known_of_it_are_made_up_for() -> None:
    clean = IdleLoss(loss_ppm=0, packets=250)  # standard error 0.4 %
    lossy = IdleLoss(loss_ppm=20_000, packets=250)  # standard error 0.97 %
    offers = [offered_bps(1_000_000, each, PLAN) for each in (NONE, clean, lossy)]
    assert offers == [1_071_727, 1_076_065, 1_104_849]
    hopeless = IdleLoss(loss_ppm=PPM, packets=3)
    assert offered_bps(1_000_000, hopeless, PLAN) == 2_122_019, "never more than twice what arrives"


@pytest.mark.parametrize(
    ("share_ppm", "expected"), [(0, 1.0), (20_000, 1.02020134), (1_000_000, 2.71828183)]
)
def test_e_to_the_power_of_a_share(share_ppm: int, expected: float) -> None:
    assert float(grown(share_ppm)) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        pytest.param(30_100_000, Carried.CARRIED, id="ln(G/T) = 0.028646"),
        pytest.param(29_000_000, Carried.UNCLEAR, id="ln(G/T) = -0.008584"),
    ],
)
def test_golden_windows(octets: int, expected: Carried) -> None:
    received_bps = octets * 8 * 10 // 25
    found = qualification_of(window(received_bps, fixed_bps=T), T, PLAN)
    assert found is not None
    assert found.outcome is expected
    assert found.proved_bps == pytest.approx(octets * 8 / 2.6, rel=0.0001)


def bound_at(octets: int, *, wanted_bps: int, us: int) -> Qualification:
    """Return what evenly received octets show; each an own packet, for exact figures."""
    times = [us * number // 40 for number in range(41)]
    totals = [octets * number // 40 for number in range(41)]
    counts = [Count(*entry, 0) for entry in zip(times, totals, totals, totals, strict=True)]
    found = qualified(
        counts, wanted_bps=wanted_bps, offered_bps=2 * wanted_bps, ip_octets=1, dt_us=US_PER_S,
        idle=NONE, allowance=Allowance(guard_ppm=0),
    )  # fmt: skip
    assert found is not None
    return found


def test_one_octet_decides_the_bound() -> None:
    # 1,000,000 bit/s x (1.9 + 0.1) s are 250,000 octets
    enough = bound_at(250_000, wanted_bps=1_000_000, us=1_900_000)
    short = bound_at(249_999, wanted_bps=1_000_000, us=1_900_000)
    assert (enough.outcome, enough.proved_bps) == (Carried.CARRIED, 1_000_000)
    assert short.outcome is not Carried.CARRIED
    assert short.proved_bps == 999_996


@pytest.mark.parametrize(
    ("share", "lost_ppm", "expected"),
    [
        pytest.param(0.9512, 100_000, Carried.SHORT, id="5 % below, as a logarithm"),
        pytest.param(0.9514, 100_000, Carried.UNCLEAR, id="a little less than that"),
        pytest.param(1.00, 70_000, Carried.UNCLEAR, id="just the rate"),
        pytest.param(1.0609, 4_000, Carried.UNCLEAR, id="too little for the bound in 2.5 s"),
        pytest.param(1.0613, 4_000, Carried.CARRIED, id="just enough"),
    ],
)
def test_either_side_of_each_limit(share: float, lost_ppm: int, expected: Carried) -> None:
    run = window(int(T * share), fixed_bps=T, lost_ppm=lost_ppm, ip_octets=1_500)
    assert asked(run) is expected


@pytest.mark.parametrize(
    ("share", "lost_ppm", "expected"),
    [
        pytest.param(0.9703, 90_000, Carried.SHORT, id="3 % below, as a logarithm"),
        pytest.param(0.9706, 90_000, Carried.UNCLEAR, id="a little less than that"),
        pytest.param(1.0451, 4_000, Carried.UNCLEAR, id="too little for the bound in 2.5 s"),
        pytest.param(1.0454, 4_000, Carried.CARRIED, id="just enough"),
    ],
)
def test_either_side_of_each_limit_where_no_plan_says_otherwise(
    share: float, lost_ppm: int, expected: Carried
) -> None:
    run = window(int(T * share), fixed_bps=T, lost_ppm=lost_ppm, ip_octets=1_500)
    assert asked(run, DEFAULT) is expected


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        pytest.param(window(T * 11 // 10, fixed_bps=T), Carried.CARRIED, id="clean"),
        pytest.param(
            window(T * 11 // 10, fixed_bps=T, lost_ppm=20_000), Carried.UNCLEAR, id="with 2 % lost"
        ),
        pytest.param(
            window(T * 11 // 10, fixed_bps=T, lost_ppm=4_900), Carried.CARRIED, id="with 0.5 % lost"
        ),
        pytest.param(
            window(T * 11 // 10, fixed_bps=T, queue_us=60_000), Carried.CARRIED, id="a short queue"
        ),
        pytest.param(
            window(T * 11 // 10, fixed_bps=T, queue_us=200_000),
            Carried.UNCLEAR,
            id="packets that come too late",
        ),
        pytest.param(
            window(T * 9 // 10, fixed_bps=T, lost_ppm=160_000), Carried.SHORT, id="short by loss"
        ),
        pytest.param(
            window(T * 9 // 10, fixed_bps=T, queue_us=190_000), Carried.SHORT, id="short by a queue"
        ),
        pytest.param(window(T * 9 // 10, fixed_bps=T), Carried.NOT_SENT, id="a slow host"),
        pytest.param(
            window(T * 9 // 10, fixed_bps=T, offered=T * 9 // 10),
            Carried.NOT_SENT,
            id="a sender that was told less",
        ),
        pytest.param(
            window(T * 9 // 10, fixed_bps=T, offered=T * 9 // 10, lost_ppm=1_000),
            Carried.NOT_SENT,
            id="told less, and a little lost",
        ),
    ],
)
def test_loss_and_delay_growth_are_judged(run: CapacityRun, expected: Carried) -> None:
    assert asked(run) is expected


def test_a_run_of_less_than_a_sub_interval_shows_nothing() -> None:
    assert qualification_of(window(T, fixed_bps=T, span_us=950_000), T) is None


def test_what_follows_a_proof_does_not_take_it_back() -> None:
    run = window(T * 11 // 10, fixed_bps=T)
    late = [Count(at + 2_500_000, run.octets[-1], run.packets[-1], run.highest[-1], 0)
            for at in (100_000,)]  # fmt: skip
    counts = [
        *(Count(*each) for each in zip(
            run.at_us, run.octets, run.packets, run.highest, run.delay_us_max, strict=True
        )),
        *late,
    ]  # fmt: skip
    found = qualified(
        counts, wanted_bps=T, offered_bps=run.offered[0][1], ip_octets=run.ip_octets,
        dt_us=US_PER_S, idle=NONE,
    )  # fmt: skip
    assert found is not None
    assert found.outcome is Carried.CARRIED


# The error rates that are stated, on lines whose rate varies.


def varying(mean: float, spread: float, random: Random) -> list[Count]:
    """Return the reports of a line behind a deep buffer whose rate varies over a quarter second."""
    offered = offered_bps(T, NONE, PLAN)
    keep, level = 0.8187, random.gauss(0, spread)  # e^(-50/250)
    octets = sent = queue = 0.0
    counts = [Count(0, 0, 0, 0, 0)]
    for number in range(1, 51):
        level = keep * level + (1 - keep * keep) ** 0.5 * random.gauss(0, spread)
        served = min(T * mean * (1 + level) / 8 / 20, queue + offered / 8 / 20)
        sent += offered / 8 / 20
        octets += served
        queue = sent - octets
        packets = int(octets / 1_500)
        waited_us = int(queue * 8 / (T * mean) * US_PER_S)
        counts.append(Count(number * 50_000, packets * 1_500, packets, packets, waited_us))
    return counts


@pytest.mark.parametrize(
    ("mean", "spread", "carried_most", "short_most"),
    [
        pytest.param(1.00, 0.03, 0.01, 0.02, id="at the rate, varying by 3 %"),
        pytest.param(1.00, 0.05, 0.03, 0.06, id="at the rate, varying by 5 %"),
        pytest.param(1.00, 0.08, 0.05, 0.18, id="at the rate, varying by 8 %"),
        pytest.param(0.95, 0.08, 0.01, 1.00, id="5 % below, varying by 8 %"),
        pytest.param(1.10, 0.08, 1.00, 0.01, id="10 % above, varying by 8 %"),
    ],
)
def test_wrong_answers_are_as_rare_as_stated(
    mean: float, spread: float, carried_most: float, short_most: float
) -> None:
    random, lines = Random(f"{mean} {spread}"), 300  # noqa: S311 - a repeatable draw is wanted
    outcomes = []
    for _ in range(lines):
        found = qualified(
            varying(mean, spread, random), wanted_bps=T, offered_bps=offered_bps(T, NONE, PLAN),
            ip_octets=1_500, dt_us=US_PER_S, idle=NONE, allowance=PLAN,
        )  # fmt: skip
        assert found is not None
        outcomes.append(found.outcome)
    assert outcomes.count(Carried.CARRIED) <= carried_most * lines
    assert outcomes.count(Carried.SHORT) <= short_most * lines


# Against the bare definitions.


@pytest.mark.parametrize("share_ppm", [0, 1, 20_000, 123_457, 999_999])
def test_growth_is_the_series_of_e_term_by_term(share_ppm: int) -> None:
    term, total = Fraction(1), Fraction(1)
    for number in range(1, 12):
        term = term * Fraction(share_ppm, PPM) / number
        total += term
    assert grown(share_ppm) == total


@pytest.mark.parametrize("received_bps", [T, T * 102 // 100, T * 103 // 100, T * 110 // 100])
def test_the_bound_is_the_greatest_of_all_times(received_bps: int) -> None:
    run = window(received_bps, fixed_bps=T, lost_ppm=0, queue_us=20_000, allowance=PLAN)
    found = qualification_of(run, T, PLAN)
    assert found is not None
    in_time, bounds = 0, []
    for at in range(1, len(run.at_us)):
        if run.delay_us_max[at] <= PLAN.queue_us:
            in_time += run.octets[at] - run.octets[at - 1]
        if run.at_us[at] - run.at_us[0] >= run.sub_interval_us:
            over_us = run.at_us[at] - run.at_us[0] + PLAN.hidden_us
            bounds.append(Fraction(8 * in_time * US_PER_S, over_us))
    assert found.proved_bps == int(max(bounds))
    proves = any(each >= T * grown(PLAN.guard_ppm) for each in bounds)
    assert (found.outcome is Carried.CARRIED) is proves
