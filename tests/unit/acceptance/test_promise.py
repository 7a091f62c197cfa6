"""What a criterion asks for, in the layer in which its metric is measured."""

from __future__ import annotations

import pytest

from omega_acceptance.catalogue import Catalogue
from omega_acceptance.promise import first_limit, limit_of
from omega_acceptance.schema import AcceptanceProfile
from omega_core.evidence import Family
from support.profiles import criterion, profile

PLANS = Catalogue.builtin()


def limits_of(plan: AcceptanceProfile, family: Family = 4) -> dict[str, int]:
    return {each.id: limit_of(plan, each, family) for each in plan.criteria}


@pytest.mark.parametrize(
    ("plan_id", "criterion_id", "expected"),
    [
        # 1,600,000 x 0.9 x 1,348 / 1,400 = 1,386,514.29
        pytest.param("wimax-home-2m", "tcp-dn", 1_386_515, id="IP to payload at MTU 1,400"),
        pytest.param("wimax-home-2m", "rate-dn", 1_600_000, id="IP stays IP"),
        pytest.param("wimax-home-2m", "rtt", 200_000, id="a delay is no rate"),
        pytest.param("wimax-home-2m", "cinr", 15, id="nor is a signal"),
        # 17,000,000 x 0.95 x 1,440 / 1,696 = 13,712,264.15
        pytest.param("adsl-home-20m", "tcp-dn", 13_712_265, id="cells to payload"),
        # 17,000,000 x 1,492 / 1,696 = 14,955,188.68
        pytest.param("adsl-home-20m", "rate-dn", 14_955_189, id="cells to IP"),
        pytest.param("adsl-home-20m", "sync", 8_000_000, id="the modem counts cells itself"),
        # 1,000,000,000 x 0.85 x 1,448 / 1,538 = 800,260,078.02
        pytest.param("ftth-home-1g", "tcp-dn", 800_260_079, id="frames to payload"),
        # 300,000,000 x 0.85 x 1,448 / 1,500 = 246,160,000
        pytest.param("ftth-home-300", "tcp-dn", 246_160_000, id="exactly a whole number"),
        pytest.param("ftth-home-300", "tcp-up", 82_053_334, id="the other direction"),
    ],
)
def test_limit_of_a_shipped_plan(plan_id: str, criterion_id: str, expected: int) -> None:
    assert limits_of(PLANS.get(plan_id, 1))[criterion_id] == expected


def test_over_ipv6_a_packet_carries_less_payload() -> None:
    assert limits_of(PLANS.get("ftth-home-300", 1), 6)["tcp-dn"] == 255_000_000 * 1_428 // 1_500


def test_a_plain_figure_of_a_rate_is_in_the_plans_layer_too() -> None:
    one = criterion(
        metric="goodput_bps_up",
        statistic="mean_log",
        op="at_least",
        limit=350_000,
        unit="bps",
        n_min=3,
        n_max=3,
        run_s=5,
    )
    plan = profile(one)
    assert limit_of(plan, plan.criteria[0]) == 350_000 * 1_348 // 1_400


def test_the_first_limit_on_a_metric() -> None:
    plan = PLANS.get("ftth-home-300", 1)
    assert first_limit(plan, "goodput_bps_down") == (246_160_000, "at_least")
    assert first_limit(plan, "idle_rtt_us_p95") == (limits_of(plan)["rtt"], "at_most")
    assert first_limit(plan, "working_rtt_us_p95_up") is None, "the profile says nothing of it"
