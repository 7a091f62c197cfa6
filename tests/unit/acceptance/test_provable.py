"""What a good line could never pass is refused, with the figure and what to write instead."""

from __future__ import annotations

from typing import Any

import pytest

from omega_acceptance.profile import AcceptanceProfile
from omega_acceptance.provable import packets_of, samples_to_prove, unprovable
from omega_acceptance.toml_content import Mistake
from omega_acceptance.windows import Window, octets_of, offer_bps
from omega_core.metrics import Direction
from omega_core.verdict import Mode
from support.profiles import (
    BLOCK,
    CINR,
    LOSS,
    REACH,
    RUN,
    SHARE,
    WINDOW,
    changed,
    criterion,
    example,
    home,
    newest,
    profile,
)

STANDARD = {"s": 600, "idle_s": 70, "bytes_down": 10**10, "bytes_up": 10**10}
CAMPAIGN = {"days": 14, "runs": 35, "bytes_down": 10**10, "bytes_up": 10**10}


def found(*criteria: dict[str, Any], **changes: Any) -> list[Mistake]:  # noqa: ANN401 - fields of a profile
    budget = {"standard": STANDARD, "campaign": CAMPAIGN, "quick": {**STANDARD, "idle_s": 3}}
    return [*unprovable(profile(*criteria, **{"budget": budget, **changes}))]


def standard(**changes: int) -> dict[str, Any]:
    return {"budget": {"standard": {**STANDARD, **changes}}}


@pytest.mark.parametrize("plan", newest(), ids=lambda plan: plan.id)
def test_every_plan_that_is_sold_is_provable(plan: AcceptanceProfile) -> None:
    assert [*unprovable(plan)] == []


@pytest.mark.parametrize("name", ["wimax-home-2m", "adsl-home-8m", "ftth-home-300"])
def test_the_examples_of_the_format_are_provable(name: str) -> None:
    assert [*unprovable(example(name))] == []


@pytest.mark.parametrize(
    ("name", "id_", "packets", "seconds"),
    [
        pytest.param("wimax-home-2m", "loss-dn", 3_303, 66.06, id="1 % in bursts of five"),
        pytest.param("adsl-home-8m", "loss-dn", 2_205, 44.10, id="0.5 % in bursts of two"),
        pytest.param("ftth-home-300", "loss-dn", 735, 14.70, id="0.5 % one by one"),
        pytest.param("ftth-home-300", "loss-lt", 3_678, 73.56, id="0.1 % one by one"),
        pytest.param("wimax-home-2m", "rtt", 648, 12.96, id="a p95 in bursts of five"),
        pytest.param("wimax-home-2m", "work-dn", 18, 0.36, id="seconds under load"),
    ],
)
def test_what_a_proof_takes(name: str, id_: str, packets: int, seconds: float) -> None:
    plan = example(name)
    (one,) = (each for each in plan.criteria if each.id == id_)
    assert samples_to_prove(plan, one) == packets
    assert packets / plan.statistics.probe_pps == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("name", "limit_bps", "offered_bps", "octets"),
    [
        pytest.param("wimax-home-2m", 1_600_000, 1_765_573, 551_742, id="wimax"),
        pytest.param("ftth-home-300", 270_000_000, 289_366_198, 90_426_937, id="fibre"),
    ],
)
def test_what_a_window_offers(name: str, limit_bps: int, offered_bps: int, octets: int) -> None:
    plan = example(name)
    assert offer_bps(plan, limit_bps) == pytest.approx(offered_bps, abs=1)
    window = Window(direction=Direction.DOWN, fixed_bps=limit_bps)
    assert octets_of(plan, window) == pytest.approx(octets, abs=1)


@pytest.mark.parametrize(
    ("mode", "packets"), [(Mode.QUICK, 151), (Mode.STANDARD, 3_501), (Mode.CAMPAIGN, 3_001)]
)
def test_how_many_packets_a_session_of_a_mode_has(mode: Mode, packets: int) -> None:
    assert packets_of(example("wimax-home-2m"), mode) == packets


def test_a_mode_without_budget_has_none() -> None:
    assert packets_of(home(), Mode.CAMPAIGN) == 0
    assert packets_of(home(), Mode.MEASURE) == 0


@pytest.mark.parametrize(
    "criteria",
    [
        pytest.param((criterion(),), id="a delay"),
        pytest.param((LOSS,), id="a loss"),
        pytest.param(({**LOSS, "n_max": 3_303},), id="exactly as many packets as it takes"),
        pytest.param(({**LOSS, "limit": 1, "mandatory_in": []},), id="advisory may ask for more"),
        pytest.param(({**LOSS, "mandatory_in": ["campaign"]},), id="the sessions of a campaign"),
        pytest.param((RUN,), id="three runs"),
        pytest.param(({**RUN, "n_min": 1, "mandatory_in": ["quick"]},), id="one quick run"),
        pytest.param(({**RUN, "n_min": 1, "mandatory_in": []},), id="one run, advisory"),
        pytest.param(
            (WINDOW, {**REACH, "id": "reach"}, {**CINR, "id": "cinr"}), id="what has no sample"
        ),
        pytest.param(({**SHARE, "mandatory_in": ["campaign"]},), id="35 runs of 35"),
        pytest.param(
            ({**SHARE, "n_fixed": 30, "mandatory_in": ["campaign"]},), id="a single look at 30"
        ),
        pytest.param(
            (
                {**BLOCK, "mandatory_in": ["standard"]},
                {**RUN, "id": "up", "metric": "goodput_bps_up", "run_s": 6},
            ), id="eighteen seconds of load",
        ),
    ],
)  # fmt: skip
def test_what_can_be_proved_is_taken(criteria: tuple[dict[str, Any], ...]) -> None:
    assert found(*criteria) == []


@pytest.mark.parametrize(
    ("one", "changes", "place", "what", "remedy"),
    [
        pytest.param(
            LOSS, standard(idle_s=66), "limit",
            "one takes 3303 packets without an event to prove in standard, 66.06 s at 50 a second, "
            "and there are 3301",
            "write budget.standard.idle_s = 67, allow more, or write mandatory_in = []",
            id="a second too few",
        ),
        pytest.param(
            {**LOSS, "n_max": 3_302}, standard(), "limit", "and there are 3302", "n_max to match",
            id="a bound too low",
        ),
        pytest.param(
            {**LOSS, "limit": 200, "mandatory_in": ["campaign"]}, {}, "limit",
            "and there are 105035", "allow more", id="more than a campaign has",
        ),
        pytest.param(
            {**LOSS, "limit": 0}, standard(), "limit", "a loss of 0 ppm is never proved",
            "allow some", id="no loss at all",
        ),
        pytest.param(
            {**LOSS, "limit": 1_000_000}, standard(), "limit", "kept by every line",
            "allow some", id="any loss",
        ),
        pytest.param(
            criterion(mandatory_in=["quick"]), {}, "limit", "648 packets", "idle_s = 13",
            id="a delay in three seconds",
        ),
        pytest.param(
            criterion(confidence_ppm=949_999), standard(), "confidence_ppm",
            "lets a bad line pass with 50001 ppm, above false_pass_max_ppm 50000", "950000",
            id="less sure than is promised",
        ),
        pytest.param(
            {**RUN, "n_min": 2}, standard(), "n_min", "2 to 8 runs decide nothing", "at least 3",
            id="two runs",
        ),
        pytest.param(
            {**RUN, "n_max": 9}, standard(), "n_max", "above 8", "n_max = 8", id="nine runs"
        ),
        pytest.param(
            {**RUN, "mandatory_in": ["quick"]}, {}, "n_min",
            "waits for 3 runs, and quick takes one", "n_min = 1", id="three quick runs",
        ),
        pytest.param(
            {**BLOCK, "mandatory_in": ["standard"]}, standard(), None,
            "takes 18 s of load to prove, and standard has 0", "longer runs", id="no load at all",
        ),
        pytest.param(
            {**SHARE, "p0_ppm": 98_000, "mandatory_in": ["campaign"]}, {}, None,
            "takes 36 good runs to prove, and the campaign has 35", "runs = 36",
            id="one run too few",
        ),
        pytest.param(
            {**SHARE, "n_min": 1, "n_fixed": 28, "mandatory_in": ["campaign"]}, {}, "n_fixed",
            "a single look at 28 runs proves nothing", "more of them", id="a look too early",
        ),
        pytest.param(
            {**SHARE, "n_fixed": 36, "mandatory_in": ["campaign"]}, {}, None, "36 good runs",
            "runs = 36", id="a look at more than there are",
        ),
    ],
)  # fmt: skip
def test_what_can_not_be_proved_is_refused(
    one: dict[str, Any], changes: dict[str, Any], place: str | None, what: str, remedy: str
) -> None:
    (mistake,) = found(one, **changes)
    assert mistake.path == (("criteria", 0) if place is None else ("criteria", 0, place))
    assert what in mistake.what
    assert remedy in mistake.remedy


def test_a_budget_shorter_than_what_the_mode_takes_is_refused() -> None:
    plan = changed(example("wimax-home-2m"), ("budget", "standard", "s"), 134)
    (mistake,) = unprovable(plan)
    assert mistake.path == ("budget", "standard", "s")
    assert "take 138 s, more than its 134" in mistake.what
    just = changed(example("wimax-home-2m"), ("budget", "standard", "s"), 138)
    assert [*unprovable(just)] == []


def test_a_campaign_that_has_no_budget_has_no_runs() -> None:
    plan = profile({**SHARE, "mandatory_in": ["campaign"]}, budget={"campaign": CAMPAIGN})
    without = plan.model_copy(update={"budget": plan.budget.model_copy(update={"campaign": None})})
    (mistake,) = unprovable(without)
    assert "the campaign has 0" in mistake.what
