"""What a plan demands of the measuring host, and what a breach does to the verdict."""

from __future__ import annotations

from dataclasses import replace

import pytest

from omega_acceptance.catalogue import PLANS_DIRECTORY
from omega_acceptance.evaluate import evaluate
from omega_acceptance.preconditions import breaches
from omega_acceptance.schema import parse_profile
from omega_core.environment import Interface, Medium
from omega_core.verdict import Fault, Mode, Verdict
from support.facts import environment
from support.profiles import good_evidence, home

GIGABIT = 1_000_000_000
ETHERNET = Interface(
    name="eth0", medium=Medium.ETHERNET, link_rate_bps=GIGABIT, duplex="full", mtu_bytes=1_500
)


@pytest.mark.parametrize(
    ("medium", "faults"),
    [
        pytest.param(Medium.ETHERNET, (), id="as the plan wants it"),
        pytest.param(Medium.PPP, (), id="PPP on the CPE"),
        pytest.param(Medium.WIFI, (Fault.MEDIUM_NOT_ALLOWED,), id="Wi-Fi"),
        pytest.param(Medium.OTHER, (Fault.MEDIUM_NOT_ALLOWED,), id="nobody knows what"),
        pytest.param(Medium.LOOPBACK, (), id="there is no line"),
        pytest.param(Medium.TUNNEL, (), id="the probe has told it"),
    ],
)
def test_the_medium(medium: Medium, faults: tuple[Fault, ...]) -> None:
    host = environment(interface=replace(ETHERNET, medium=medium))
    assert breaches(home(), host) == faults


def test_a_host_without_an_interface_breaks_no_demand() -> None:
    assert breaches(home(), environment(interface=None)) == ()


@pytest.mark.parametrize(
    ("link_rate_bps", "duplex", "too_slow"),
    [
        pytest.param(GIGABIT, "full", False, id="exactly what is sold"),
        pytest.param(GIGABIT - 1, "full", True, id="one bit per second less"),
        pytest.param(100_000_000, "full", True, id="a cable with a broken pair"),
        pytest.param(None, None, False, id="the host does not say"),
        pytest.param(GIGABIT, "half", True, id="one way at a time"),
    ],
)
def test_the_link_of_the_host(
    link_rate_bps: int | None, duplex: str | None, *, too_slow: bool
) -> None:
    """A gigabit of Ethernet is sold: the gaps and headers are in both figures."""
    file = next(PLANS_DIRECTORY.glob("ftth-home-1g*.toml"))
    plan = parse_profile(file.read_bytes(), file.name)
    host = environment(interface=replace(ETHERNET, link_rate_bps=link_rate_bps, duplex=duplex))
    assert breaches(plan, host) == ((Fault.NIC_RATE_BELOW_PLAN,) if too_slow else ())


def test_a_breach_makes_the_run_invalid_and_is_told_once() -> None:
    host = environment(interface=replace(ETHERNET, medium=Medium.WIFI))
    judged = evaluate(
        home(),
        Mode.STANDARD,
        evidence=good_evidence(),
        environment=host,
        faults=(Fault.MEDIUM_NOT_ALLOWED,),
    )
    assert judged.verdict is Verdict.INVALID
    assert judged.faults == (Fault.MEDIUM_NOT_ALLOWED,)
