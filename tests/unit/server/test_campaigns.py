"""Mode campaign: who may ask for it, and how often within the budget of the plan."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from omega_acceptance.demand import demand
from omega_acceptance.schema import profile_from_content
from omega_core.units import NS_PER_S
from omega_core.verdict import Mode
from omega_server.refusals import Code, RefusalError
from support.server_rig import Device, Rig, make_rig

PLANS = Path(__file__).parents[2] / "support" / "plans"
PLAN = "LAB-CAMPAIGN"
RUNS, DAYS = 35, 14  # of its budget
DAY_NS = 86_400 * NS_PER_S


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with make_rig(tmp_path / "server", plans=PLANS) as made:
        yield made


def asking(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of the request
    return {"purpose": "selftest", "mode": Mode.CAMPAIGN, "plan_id": PLAN, **changes}


def refused(rig: Rig, device: Device, **changes: Any) -> RefusalError:  # noqa: ANN401 - as above
    with pytest.raises(RefusalError) as refusal:
        rig.granted(device, **asking(**changes))
    return refusal.value


def test_an_enrolled_device_gets_a_run_and_its_share_of_the_octets(rig: Rig) -> None:
    granted = rig.granted(rig.enrolled(), **asking())
    assert granted.profile is not None
    wanted = demand(profile_from_content(granted.profile), Mode.CAMPAIGN)
    assert (granted.grant.mode, granted.grant.plan_id) == (Mode.CAMPAIGN, PLAN)
    assert granted.grant.limits.bytes_down == wanted.bytes_down == 200_000_000_000 // RUNS
    assert granted.grant.limits.duration_s == wanted.seconds


def test_a_stranger_has_no_campaign(rig: Rig) -> None:
    assert refused(rig, rig.stranger()).code is Code.AGENT_UNKNOWN


@pytest.mark.parametrize(
    "plan_id",
    [
        pytest.param(None, id="no plan"),
        pytest.param("LAB-FAST", id="a plan without a budget for it"),
    ],
)
def test_there_is_none_without_a_budget(rig: Rig, plan_id: str | None) -> None:
    assert refused(rig, rig.enrolled(), plan_id=plan_id).code is Code.MODE_UNKNOWN


def test_the_budget_has_an_end_and_comes_back_with_its_days(rig: Rig) -> None:
    device = rig.enrolled()
    for _ in range(RUNS):
        rig.granted(device, **asking())
    assert refused(rig, device).code is Code.CAMPAIGN_SPENT
    rig.clock.pass_ns(DAYS * DAY_NS)
    assert refused(rig, device).code is Code.CAMPAIGN_SPENT
    rig.clock.pass_ns(1_000)
    rig.granted(device, **asking())


def test_other_devices_and_other_modes_are_not_counted(rig: Rig) -> None:
    device = rig.enrolled()
    for _ in range(RUNS):
        rig.granted(device, **asking())
    rig.granted(rig.enrolled(), **asking())
    rig.granted(device, **asking(mode=Mode.MEASURE))
