"""What a mode measures, and what it may cost."""

from __future__ import annotations

import pytest

from omega_acceptance.catalogue import Catalogue
from omega_acceptance.demand import (
    UNKNOWN_LINE_BPS,
    Demand,
    demand,
    demand_without_profile,
    expected_bps,
    octets_at_most,
)
from omega_acceptance.errors import ModeUnknownError
from omega_acceptance.schema import AcceptanceProfile
from omega_core import limits
from omega_core.limits import packet_count
from omega_core.metrics import Direction
from omega_core.units import NS_PER_MS, NS_PER_S
from omega_core.verdict import Mode
from support.profiles import (
    LOSS,
    REACH,
    RUN,
    SHARE,
    changed,
    criterion,
    example,
    home,
    newest,
    profile,
)

DOWN, UP = Direction.DOWN, Direction.UP
PLANS = Catalogue.builtin().profiles


def runs(of: Demand) -> list[tuple[Direction, int]]:
    return [(run.direction, run.duration_ns // NS_PER_S) for run in of.goodput]


def test_standard_alternates_the_directions_run_by_run() -> None:
    wanted = demand(home(), Mode.STANDARD)
    assert runs(wanted) == [(DOWN, 5), (UP, 5)] * 3
    assert wanted.idle_duration_ns == 20 * NS_PER_S
    assert wanted.idle_period_ns == 20_000_000
    assert packet_count(wanted.idle_duration_ns, wanted.idle_period_ns) == 1_001
    assert wanted.connectivity_attempts == 3
    assert (wanted.seconds, wanted.bytes_down, wanted.bytes_up) == (180, 200_000_000, 200_000_000)


def test_standard_goes_on_in_turn_while_a_question_is_open() -> None:
    wanted = demand(home(), Mode.STANDARD)
    more = [(run.direction, run.duration_ns // NS_PER_S) for run in wanted.goodput_if_open]
    assert more == [(DOWN, 5), (UP, 5)] * 5, "eight each way at most"


@pytest.mark.parametrize("mode", [Mode.QUICK, Mode.CAMPAIGN, Mode.MEASURE])
def test_no_other_mode_does(mode: Mode) -> None:
    assert demand(Catalogue.builtin().get("wimax-home-2m", 2), mode).goodput_if_open == ()


def test_no_more_runs_than_are_read_and_none_for_an_advisory_criterion() -> None:
    roomy = changed(profile({**RUN, "n_max": 8}), ("budget", "standard", "s"), 600)
    many = changed(roomy, ("criteria", 0, "n_max"), 12)
    assert len(demand(many, Mode.STANDARD).goodput_if_open) == 5
    advisory = profile({**RUN, "mandatory_in": []})
    assert demand(advisory, Mode.STANDARD).goodput_if_open == ()


def test_standard_looks_at_its_windows_as_soon_as_quick_does() -> None:
    plan = Catalogue.builtin().get("wimax-home-2m", 2)
    assert demand(plan, Mode.STANDARD).idle_look_ns == demand(plan, Mode.QUICK).idle_duration_ns
    assert demand(plan, Mode.QUICK).idle_look_ns == 0
    assert demand(profile(RUN), Mode.STANDARD).idle_look_ns == 0, "it has no windows"


def test_until_decided_the_stream_may_use_the_seconds_that_the_runs_leave() -> None:
    plan = Catalogue.builtin().get("wimax-home-2m", 2)
    planned, longer = (demand(plan, Mode.STANDARD, until_decided=each) for each in (False, True))
    runs_s = sum(run.duration_ns for run in (*longer.goodput, *longer.goodput_if_open)) // NS_PER_S
    assert planned.idle_duration_ns == 70 * NS_PER_S
    assert longer.idle_duration_ns == (240 - runs_s - 4 * 3 - 30) * NS_PER_S
    assert (longer.seconds, longer.bytes_down) == (planned.seconds, planned.bytes_down)


def test_until_decided_never_makes_it_shorter_nor_longer_than_a_stream_may_be() -> None:
    full = changed(home(), ("budget", "standard", "s"), 135)
    assert demand(full, Mode.STANDARD, until_decided=True).idle_duration_ns == 20 * NS_PER_S
    plenty = changed(home(), ("budget", "standard", "s"), 600)
    longest = demand(plenty, Mode.STANDARD, until_decided=True).idle_duration_ns
    assert longest == limits.STREAM_DURATION_NS_MAX


def test_quick_takes_one_short_run_each_way() -> None:
    wanted = demand(home(), Mode.QUICK)
    assert runs(wanted) == [(DOWN, 3), (UP, 3)]
    assert wanted.idle_duration_ns == 3 * NS_PER_S
    assert (wanted.seconds, wanted.bytes_down, wanted.bytes_up) == (30, 40_000_000, 40_000_000)


@pytest.mark.parametrize("plan", newest(), ids=lambda plan: plan.id)
def test_a_standard_test_of_a_shipped_plan_is_over_within_two_minutes(
    plan: AcceptanceProfile,
) -> None:
    wanted = demand(plan, Mode.STANDARD)
    busy_ns = wanted.idle_duration_ns + limits.WAITING_TIME_NS
    busy_ns += sum(run.duration_ns for run in wanted.goodput)
    busy_ns += sum(each.duration_ns for each in wanted.capacity if not each.repeat)
    assert busy_ns <= 110 * NS_PER_S
    assert busy_ns < wanted.seconds * NS_PER_S


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.id)
@pytest.mark.parametrize("mode", [Mode.QUICK, Mode.STANDARD])
def test_a_shipped_budget_holds_twice_what_the_network_lets_through(
    plan: AcceptanceProfile, mode: Mode
) -> None:
    wanted = demand(plan, mode)
    for direction, allowed in ((DOWN, wanted.bytes_down), (UP, wanted.bytes_up)):
        seconds = sum(run.duration_ns for run in wanted.goodput if run.direction is direction)
        assert 2 * expected_bps(plan, direction) * seconds <= 8 * NS_PER_S * allowed
        assert octets_at_most(plan, mode, direction) <= allowed


@pytest.mark.parametrize(
    ("plan_id", "port_bps"),
    [
        pytest.param("wimax-home-2m", 100_000_000, id="a slow plan on a fast port"),
        pytest.param("wimax-business-4m", 100_000_000, id="a business plan"),
        pytest.param("adsl-home-20m", 100_000_000, id="a copper plan"),
        pytest.param("ftth-home-300", 1_000_000_000, id="a fibre plan on a gigabit port"),
    ],
)
@pytest.mark.parametrize("mode", [Mode.QUICK, Mode.STANDARD])
def test_a_line_far_above_its_plan_does_not_use_up_the_budget(
    plan_id: str, port_bps: int, mode: Mode
) -> None:
    wanted = demand(Catalogue.builtin().get(plan_id, 1), mode)
    for direction, allowed in ((DOWN, wanted.bytes_down), (UP, wanted.bytes_up)):
        busy_ns = sum(run.duration_ns for run in wanted.goodput if run.direction is direction)
        assert port_bps * busy_ns < 8 * NS_PER_S * allowed


@pytest.mark.parametrize(
    ("plan_id", "down", "up"),
    [
        pytest.param("wimax-home-2m", 2_048_000, 524_000, id="IP as it is"),
        pytest.param("adsl-home-20m", 22_740_000 * 1_492 // 1_696, 1_000_238, id="from cells"),
        pytest.param("ftth-home-1g", 975_292_587, 512_028_608, id="from frames"),
    ],
)
def test_expected_rates_are_at_the_ip_layer(plan_id: str, down: int, up: int) -> None:
    wanted = demand(Catalogue.builtin().get(plan_id, 1), Mode.STANDARD)
    assert (wanted.expected_bps_down, wanted.expected_bps_up) == (down, up)


def test_families_are_those_the_profile_names() -> None:
    assert demand(home(), Mode.STANDARD).families == ()
    assert demand(example("ftth-home-300"), Mode.STANDARD).families == (4, 6)
    assert demand(example("ftth-home-300"), Mode.QUICK).families == (4,)


def test_a_direction_nobody_asks_for_is_not_loaded() -> None:
    assert runs(demand(example("adsl-home-8m"), Mode.STANDARD)) == [(DOWN, 10)] * 3
    assert runs(demand(example("adsl-home-8m"), Mode.QUICK)) == []


def test_directions_of_unequal_need_end_with_the_longer_one() -> None:
    up = {**RUN, "id": "up", "metric": "goodput_bps_up", "n_min": 1, "run_s": 2}
    assert runs(demand(profile(RUN, up), Mode.STANDARD)) == [
        (DOWN, 5),
        (UP, 2),
        (DOWN, 5),
        (DOWN, 5),
    ]


def test_an_advisory_criterion_is_measured_in_standard_only() -> None:
    plan = profile({**RUN, "mandatory_in": []}, {**REACH, "id": "reach"})
    assert runs(demand(plan, Mode.STANDARD)) == [(DOWN, 5)] * 3
    assert runs(demand(plan, Mode.QUICK)) == []


def test_of_two_criteria_the_one_that_needs_more_is_served() -> None:
    longer = {**RUN, "id": "longer", "n_min": 4, "run_s": 5}
    assert runs(demand(profile(RUN, longer), Mode.STANDARD)) == [(DOWN, 5)] * 4


def test_attempts_of_a_round_are_what_the_criteria_need() -> None:
    assert demand(profile({**REACH, "n_min": 5}), Mode.QUICK).connectivity_attempts == 5
    assert demand(profile(LOSS), Mode.STANDARD).connectivity_attempts == 3


def test_a_campaign_takes_one_run_a_session_and_its_share_of_the_octets() -> None:
    wanted = demand(example("ftth-home-300"), Mode.CAMPAIGN)
    assert runs(wanted) == [(DOWN, 10), (UP, 10)], "rules read both directions"
    assert wanted.idle_duration_ns == 60 * NS_PER_S
    assert (wanted.bytes_down, wanted.bytes_up) == (7_500_000_000 // 35, 2_500_000_000 // 35)
    assert wanted.seconds <= limits.GRANT_LIFE_S


def test_a_campaign_may_have_runs_and_streams_of_its_own_length() -> None:
    budget = {"days": 1, "runs": 1, "bytes_down": 1, "bytes_up": 1, "idle_s": 5}
    shorter = profile(
        {**SHARE, "run_s": 4, "mandatory_in": ["campaign"]}, budget={"campaign": budget}
    )
    wanted = demand(shorter, Mode.CAMPAIGN)
    assert runs(wanted) == [(DOWN, 10), (UP, 4)]
    assert (wanted.idle_duration_ns, wanted.seconds) == (5 * NS_PER_S, 5 + 14 + 30)


@pytest.mark.parametrize(
    ("mode", "run_s", "idle_ms", "seconds"),
    [
        pytest.param(Mode.MEASURE, 8, 1_200, 66, id="measure"),
        pytest.param(Mode.QUICK, 0, 500, 50, id="quick"),
    ],
)
def test_without_a_profile_only_seconds_bound_a_session(
    mode: Mode, run_s: int, idle_ms: int, seconds: int
) -> None:
    quick = mode is Mode.QUICK
    wanted = demand_without_profile(mode)
    assert runs(wanted) == ([] if quick else [(DOWN, run_s), (UP, run_s)])
    assert wanted.skipped == (("goodput_down", "goodput_up") if quick else ())
    assert wanted.idle_duration_ns == idle_ms * NS_PER_MS
    assert limits.packet_count(wanted.idle_duration_ns, wanted.idle_period_ns) > 100
    assert (wanted.expected_bps_down, wanted.expected_bps_up) == (None, None)
    assert [(each.direction, each.quick, each.holds) for each in wanted.capacity] == [
        (DOWN, quick, not quick),
        (UP, quick, not quick),
    ]
    assert wanted.seconds == seconds
    assert wanted.bytes_down == wanted.bytes_up >= run_s * UNKNOWN_LINE_BPS // 8


def test_measuring_under_a_plan_only_adds_the_rates_to_expect() -> None:
    wanted = demand(home(), Mode.MEASURE)
    assert runs(wanted) == runs(demand_without_profile(Mode.MEASURE))
    assert (wanted.expected_bps_down, wanted.expected_bps_up) == (2_048_000, 524_000)


@pytest.mark.parametrize("mode", [Mode.STANDARD, Mode.CAMPAIGN])
def test_modes_that_judge_need_a_profile(mode: Mode) -> None:
    with pytest.raises(ModeUnknownError, match="needs a plan"):
        demand_without_profile(mode)


def test_a_mode_without_budget_cannot_be_asked_for() -> None:
    with pytest.raises(
        ModeUnknownError, match="wimax-home-2m version 1 has no budget for mode camp"
    ):
        demand(home(), Mode.CAMPAIGN)


def test_a_denser_stream_has_a_shorter_period() -> None:
    plan = changed(home(), ("statistics", "probe_pps"), 200)
    assert demand(plan, Mode.STANDARD).idle_period_ns == limits.STREAM_PERIOD_NS_MIN


def test_most_octets_are_those_of_all_the_runs_a_criterion_may_take() -> None:
    # 8 runs of 5 s at 2,048,000 bit/s, 1,001 packets of 92 octets, and 2.5 s at 1,765,573 bit/s
    assert octets_at_most(home(), Mode.STANDARD, DOWN) == 10_240_000 + 1_001 * 92 + 551_742
    # one run of 3 s, and 151 packets
    assert octets_at_most(home(), Mode.QUICK, DOWN) == 768_000 + 151 * 92
    assert octets_at_most(profile(criterion()), Mode.STANDARD, UP) == 1_001 * 92
