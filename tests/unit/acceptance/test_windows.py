"""Fixed-rate windows: what a mode holds of them, and what they come to."""

from __future__ import annotations

from typing import Any

import pytest

from omega_acceptance.demand import CapacityDemand, demand, octets_at_most
from omega_acceptance.evaluate import evaluate
from omega_acceptance.explain import explain
from omega_acceptance.profile import AcceptanceProfile
from omega_acceptance.schema import profile_from_content
from omega_acceptance.windows import allowance_of, offer_bps, rate_in_question_bps
from omega_core.capacity_metrics import capacity_metrics
from omega_core.evidence import CapacityRun, Ended, Evidence
from omega_core.metrics import Direction
from omega_core.qualification import Allowance
from omega_core.units import NS_PER_US
from omega_core.verdict import Because, CriterionOutcome, Judgement, Mode, Outcome, Verdict
from support.facts import environment
from support.profiles import WINDOW, example, home, newest, profile, task, tries
from support.windows import window

PASS, FAIL, OPEN = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
DOWN, UP = Direction.DOWN, Direction.UP
T = 400_000  # normal, up
PLAN = profile(WINDOW)
ALLOWED = Allowance(guard_ppm=20_000, short_ppm=50_000, queue_us=150_000, loss_ppm=20_000)
S = 1_000_000
STEPS = [250_000, 500_000, 750_000]
DOWNWARDS = {**WINDOW, "id": "down", "metric": "qualified_bps_down"}


def held(share: float, at_s: float = 20, **changes: Any) -> CapacityRun:  # noqa: ANN401 - of the run
    """Return a window at the plan's rate; what is missing was lost."""
    lost_ppm = max(int((1.1035 - share) / 1.1035 * 1e6), 0) if share < 1 else 0
    fields: dict[str, Any] = {
        "fixed_bps": T,
        "allowance": ALLOWED,
        "lost_ppm": lost_ppm,
        "started_us": int(at_s * S),
        "ip_octets": 200,
    }
    return window(int(T * share), **{**fields, **changes})


def judged(
    runs: list[CapacityRun],
    of: AcceptanceProfile = PLAN,
    mode: Mode = Mode.STANDARD,
    **facts: Any,  # noqa: ANN401
) -> Judgement:
    return evaluate(
        of, mode, evidence=Evidence(capacity=tuple(runs), **facts), environment=environment(),
        faults=(),
    )  # fmt: skip


def first(judgement: Judgement) -> CriterionOutcome:
    return judgement.outcomes[0]


@pytest.mark.parametrize(
    ("runs", "expected", "because", "samples", "needed"),
    [
        pytest.param([held(1.12)], PASS, Because.MET, 1, 1, id="carried"),
        pytest.param([held(1.12), held(1.12, 40)], PASS, Because.MET, 2, 1, id="carried twice"),
        pytest.param([held(0.90)], OPEN, Because.TOO_FEW_SAMPLES, 1, 2, id="short once"),
        pytest.param([held(0.90), held(0.90, 30)], FAIL, Because.NOT_MET, 2, 2, id="short twice"),
        pytest.param(
            [held(0.90), held(0.90, 29.999999)],
            OPEN,
            Because.TOO_FEW_SAMPLES,
            1,
            2,
            id="short twice, a microsecond too soon",
        ),
        pytest.param(
            [held(0.90, 30), held(0.90, 20)], FAIL, Because.NOT_MET, 2, 2, id="in any order"
        ),
        pytest.param(
            [held(0.90, 0), held(0.90, 10)], FAIL, Because.NOT_MET, 2, 2, id="from the beginning"
        ),
        pytest.param(
            [held(0.90), held(1.12, 40)], OPEN, Because.MIXED_ATTEMPTS, 2, 2, id="then carried"
        ),
        pytest.param(
            [held(1.12), held(0.90, 40), held(0.90, 60)],
            OPEN,
            Because.MIXED_ATTEMPTS,
            3,
            2,
            id="carried once and short twice",
        ),
        pytest.param(
            [held(1.0, lost_ppm=94_000)], OPEN, Because.INSIDE_GUARD_BAND, 0, 1, id="at T"
        ),
        pytest.param(
            [held(1.0, lost_ppm=94_000), held(1.12, 40)],
            PASS,
            Because.MET,
            1,
            1,
            id="unclear first",
        ),
        pytest.param(
            [held(0.90, lost_ppm=0)], OPEN, Because.NOT_MEASURED, 0, 1, id="the host did not send"
        ),
        pytest.param(
            [held(1.12, span_us=950_000)], OPEN, Because.TOO_FEW_SAMPLES, 0, 1, id="under a second"
        ),
        pytest.param([], OPEN, Because.NOT_MEASURED, 0, 1, id="never held"),
        pytest.param(
            [held(1.12, direction=DOWN)], OPEN, Because.NOT_MEASURED, 0, 1, id="downwards"
        ),
        pytest.param(
            [held(1.12, ended=Ended.LINK_LOST)], OPEN, Because.NOT_MEASURED, 0, 1, id="cut"
        ),
        pytest.param(
            [held(0.90, fixed_bps=T - 1), held(0.90, 40, fixed_bps=T - 1)],
            OPEN,
            Because.NOT_MEASURED,
            0,
            1,
            id="asked for a bit per second less",
        ),
        pytest.param([held(1.12, fixed_bps=T + 1)], PASS, Because.MET, 1, 1, id="asked for more"),
    ],
)
def test_windows(
    runs: list[CapacityRun], expected: Outcome, because: Because, samples: int, needed: int
) -> None:
    outcome = first(judged(runs))
    assert (outcome.outcome, outcome.because) == (expected, because)
    assert (outcome.samples, outcome.samples_needed, outcome.limit) == (samples, needed, T)
    if expected is PASS:
        assert outcome.value is not None
        assert outcome.value >= T
    if expected is FAIL:
        assert outcome.value == pytest.approx(0.90 * T, rel=0.01)


def test_the_rate_that_is_told_is_that_of_the_last_short_window() -> None:
    outcome = first(judged([held(0.88, 50), held(0.80), held(0.84, 35)]))
    assert outcome.outcome is FAIL
    assert outcome.value == pytest.approx(0.88 * T, rel=0.01)


def test_what_is_left_open_is_told_with_what_was_measured() -> None:
    judgement = judged([held(0.90)])
    outcome = first(judgement)
    assert (outcome.outcome, outcome.because) == (OPEN, Because.TOO_FEW_SAMPLES)
    assert outcome.value == pytest.approx(0.90 * T, rel=0.01)
    assert first(judged([])).value is None


def test_a_search_for_the_capacity_is_no_window() -> None:
    run = held(1.12)
    search = type(run)(**{name: getattr(run, name) for name in run.__slots__} | {"fixed_bps": None})
    assert "capacity_bps_up" in capacity_metrics([search])
    assert first(judged([search])).because is Because.NOT_MEASURED


@pytest.mark.parametrize(
    ("facts", "because"),
    [
        pytest.param(
            {"tasks": (task("qualified_up", Ended.BUDGET),)}, Because.BUDGET, id="no octets left"
        ),
        pytest.param(
            {"tasks": (task("qualified_down", Ended.BUDGET),)},
            Because.NOT_MEASURED,
            id="none left the other way",
        ),
        pytest.param(
            {"tasks": (task("working_up", Ended.BUDGET),)},
            Because.NOT_MEASURED,
            id="none left for something else",
        ),
        pytest.param(
            {"attempts": tries(udp=(False,) * 3)}, Because.UDP_BLOCKED, id="UDP is filtered"
        ),
    ],
)
def test_why_no_window_was_held(facts: dict[str, Any], because: Because) -> None:
    assert first(judged([], **facts)).because is because


def test_a_window_cut_short_for_want_of_octets_says_so() -> None:
    run = held(1.0, lost_ppm=0, span_us=900_000, ended=Ended.BUDGET)
    assert first(judged([run])).because is Because.BUDGET


def test_two_windows_where_the_plan_asks_for_two() -> None:
    twice = profile({**WINDOW, "n_min": 2})
    one = first(judged([held(1.12)], twice))
    assert (one.outcome, one.because) == (OPEN, Because.TOO_FEW_SAMPLES)
    assert first(judged([held(1.12), held(1.12, 30)], twice)).outcome is PASS


def test_the_plans_own_allowances_count() -> None:
    runs = [held(1.05, queue_us=1, lost_ppm=0)]
    assert first(judged(runs)).outcome is OPEN
    generous = {**home().statistics.model_dump(), "queue_allowance_us": 0, "bucket_allowance_us": 0}
    assert first(judged(runs, profile(WINDOW, statistics=generous))).outcome is OPEN, "late at all"
    runs = [held(1.05, lost_ppm=0)]
    assert first(judged(runs, profile(WINDOW, statistics=generous))).outcome is PASS
    assert allowance_of(PLAN) == ALLOWED


def test_only_the_family_that_is_named_counts() -> None:
    six = profile({**WINDOW, "family": 6})
    assert first(judged([held(1.12)], six)).because is Because.NOT_MEASURED
    assert first(judged([held(1.12, family=6)], six)).outcome is PASS


def test_a_rate_of_payload_needs_more_ip_over_ipv6() -> None:
    tcp = profile(WINDOW, rate_layer="tcp")
    asked = rate_in_question_bps(tcp, tcp.criteria[0])
    assert asked == 421_687  # 400,000 x 1,400 / 1,328, rounded up
    over4 = first(judged([held(1.12, fixed_bps=asked)], tcp))
    assert over4.limit == 415_431  # 400,000 x 1,400 / 1,348


def test_quick_accepts_and_never_rejects() -> None:
    quick = profile({**WINDOW, "mandatory_in": ["quick"]})
    assert judged([held(1.12)], quick, Mode.QUICK).verdict is Verdict.PASS
    assert judged([held(0.90)], quick, Mode.QUICK).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("plan", newest(), ids=lambda plan: plan.id)
@pytest.mark.parametrize("mode", [Mode.QUICK, Mode.STANDARD])
def test_the_windows_decide_a_shipped_plan(plan: AcceptanceProfile, mode: Mode) -> None:
    outcomes = judged([], plan, mode).outcomes
    assert {each.mandatory for each in outcomes if each.metric.startswith("qualified")} == {True}


def test_the_error_probability_is_that_of_a_line_that_varies() -> None:
    passed, failed = first(judged([held(1.12)])), first(judged([held(0.90), held(0.90, 30)]))
    assert passed.decision is not None
    assert failed.decision is not None
    assert (passed.decision.false_outcome_ppm, failed.decision.false_outcome_ppm) == (
        30_000,
        15_000,
    )
    assert first(judged([held(0.90)])).decision is None


def test_it_is_told_in_both_languages() -> None:
    english, french = (explain(judged([held(0.90), held(0.90, 30)]), lang) for lang in ("en", "fr"))
    assert (
        "sold IP rate carried up: 0.36 Mbit/s, at least 0.4 Mbit/s promised (2 windows; error "
        "at most 1.5 %)" in english[1]
    )
    assert "débit IP vendu tenu, montant" in french[1]
    assert "(2 fenêtres ; erreur d'au plus 1,5\u00a0%)" in french[1]


# What a mode holds.


def windows(of: AcceptanceProfile, mode: Mode) -> list[tuple[Direction, int | None, bool]]:
    return [(each.direction, each.fixed_bps, each.repeat) for each in demand(of, mode).capacity]


def test_standard_holds_one_window_each_way_and_may_repeat_it() -> None:
    assert windows(home(), Mode.STANDARD) == [
        (DOWN, 1_600_000, False),
        (UP, 400_000, False),
        (DOWN, 1_600_000, True),
        (UP, 400_000, True),
    ]


def test_quick_holds_what_decides_in_it_and_repeats_nothing() -> None:
    assert windows(home(), Mode.QUICK) == []
    quick = profile({**WINDOW, "mandatory_in": ["quick"]})
    assert windows(quick, Mode.QUICK) == [(UP, 400_000, False)]
    assert windows(quick, Mode.STANDARD) == []


def test_a_campaign_holds_one_window_a_session_and_has_time_for_it() -> None:
    content = example("ftth-home-300").content()
    plain = demand(example("ftth-home-300"), Mode.CAMPAIGN)
    asking = {**WINDOW, "mandatory_in": ["campaign"]}
    with_one = demand(
        profile_from_content({**content, "criteria": [*content["criteria"], asking]}),
        Mode.CAMPAIGN,
    )
    assert [(each.fixed_bps, each.repeat) for each in with_one.capacity] == [(80_000_000, False)]
    assert with_one.seconds == plain.seconds + 3


def test_steps_come_before_the_whole_rate() -> None:
    stepped = profile({**WINDOW, "steps_ppm": STEPS, "n_min": 2})
    assert windows(stepped, Mode.STANDARD) == [
        (UP, 100_000, False),
        (UP, 200_000, False),
        (UP, 300_000, False),
        (UP, 400_000, False),
        (UP, 400_000, False),
        (UP, 400_000, True),
    ]


def test_a_window_is_asked_as_the_plan_says() -> None:
    assert demand(home(), Mode.STANDARD).capacity[1] == CapacityDemand(
        direction=UP,
        duration_ns=2_500_000 * NS_PER_US,
        fixed_bps=400_000,
        allowance=ALLOWED,
        mtu_bytes=1_400,
    )


def test_the_rate_is_asked_at_the_ip_layer() -> None:
    cells = example("adsl-home-8m")
    assert windows(cells, Mode.STANDARD)[0] == (DOWN, 5_278_302, False)  # 6,000,000 x 0.879717
    assert offer_bps(cells, 5_278_302) == 5_656_897


def test_of_two_limits_the_higher_is_asked() -> None:
    lower = {**WINDOW, "id": "lower", "limit": 100_000}
    assert windows(profile(lower, WINDOW), Mode.STANDARD)[0] == (UP, 400_000, False)
    both = judged([held(1.12)], profile(lower, WINDOW))
    assert [each.outcome for each in both.outcomes] == [PASS, PASS]


def test_windows_are_counted_in_the_octets_and_repeats_live_on_the_rest() -> None:
    stepped = profile({**WINDOW, "steps_ppm": [500_000], "mandatory_in": ["quick"]})
    plain = octets_at_most(profile(DOWNWARDS), Mode.STANDARD, UP)
    assert octets_at_most(PLAN, Mode.STANDARD, UP) == plain + 137_936
    assert octets_at_most(stepped, Mode.QUICK, UP) == 151 * 92 + 137_936 + 68_968
