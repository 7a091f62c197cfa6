"""Does a line carry a rate: over simulated paths, with hosts and reports that fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from omega_core.capacity import IdleLoss
from omega_core.evidence import Ended
from omega_core.load import LoadTick
from omega_core.qualification import HOLD_US, Carried
from omega_core.units import NS_PER_US
from omega_probe.capacity_search import packet_ip_octets
from omega_probe.fixed_rate import FixedRate
from support.simulated_path import PathSpec, SimulatedLoad

MBPS = 1_000_000
MS = 1_000
PLANS = [1 * MBPS, 4 * MBPS, 20 * MBPS, 100 * MBPS, 940 * MBPS]


def asked(
    spec: PathSpec,
    wanted_bps: int,
    *,
    octets_max: int = 10**10,
    duration_ns: int = HOLD_US * NS_PER_US,
    tamper: Callable[[LoadTick], LoadTick] = lambda tick: tick,
) -> tuple[FixedRate, SimulatedLoad]:
    """Run the machine over a path; the quiet line's loss is known from 250 packets."""
    ip_octets = packet_ip_octets(wanted_bps, 1_500)
    made: list[FixedRate] = []

    def machine(now_ns: int) -> FixedRate:
        made.append(
            FixedRate(
                wanted_bps=wanted_bps,
                octets_max=octets_max,
                duration_ns=duration_ns,
                base_rtt_us=spec.rtt_us,
                idle=IdleLoss(loss_ppm=spec.loss_ppm, packets=250),
                ip_octets=ip_octets,
                now_ns=now_ns,
            )
        )
        return made[0]

    load = SimulatedLoad(spec, machine, ip_octets=ip_octets, tamper=tamper)
    load.run()
    return made[0], load


def decided_us(load: SimulatedLoad) -> int:
    """Return when the machine ended; the path goes on for a round trip and half a second."""
    return load.now_us - load.spec.rtt_us - 500 * MS


def outcome(machine: FixedRate) -> Carried | None:
    return None if machine.qualification is None else machine.qualification.outcome


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("plan_bps", PLANS)
@pytest.mark.parametrize(
    ("percent", "expected"), [(110, Carried.CARRIED), (95, Carried.SHORT), (90, Carried.SHORT)]
)
@pytest.mark.parametrize("buffer_ms", [5, 50, 1_000])
def test_a_clear_case_is_decided_within_the_window(
    plan_bps: int, percent: int, expected: Carried, buffer_ms: int, seed: int
) -> None:
    buffer_ms = max(buffer_ms, 20) if plan_bps < 10 * MBPS else buffer_ms  # some packets at least
    spec = PathSpec(
        rate_bps=plan_bps * percent // 100,
        rtt_us=25 * MS,
        buffer_us=buffer_ms * MS,
        seed=seed,
    )
    machine, load = asked(spec, plan_bps)
    assert (machine.ended, outcome(machine)) == (Ended.DECIDED, expected), machine.qualification
    assert decided_us(load) < 2_300 * MS


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("loss_ppm", [5_000, 20_000])
@pytest.mark.parametrize(("percent", "expected"), [(110, Carried.CARRIED), (90, Carried.SHORT)])
def test_random_loss_is_made_up_for(
    percent: int, expected: Carried, loss_ppm: int, seed: int
) -> None:
    spec = PathSpec(rate_bps=20 * MBPS * percent // 100, loss_ppm=loss_ppm, seed=seed)
    machine, _ = asked(spec, 20 * MBPS)
    assert outcome(machine) is expected, machine.qualification


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("percent", [110, 105, 95, 90])
def test_delay_variation_leads_to_no_wrong_answer(percent: int, seed: int) -> None:
    spec = PathSpec(
        rate_bps=4 * MBPS * percent // 100,
        rtt_us=80 * MS,
        buffer_us=300 * MS,
        jitter_us=30 * MS,
        seed=seed,
    )
    machine, _ = asked(spec, 4 * MBPS)
    wrong = Carried.SHORT if percent > 100 else Carried.CARRIED
    assert outcome(machine) is not wrong, machine.qualification


@pytest.mark.parametrize(("percent", "expected"), [(110, Carried.CARRIED), (90, Carried.SHORT)])
def test_a_satellite_is_decided_too(percent: int, expected: Carried) -> None:
    spec = PathSpec(rate_bps=percent * MBPS // 2, rtt_us=600 * MS, buffer_us=600 * MS)
    machine, load = asked(spec, 50 * MBPS)
    assert outcome(machine) is expected
    assert decided_us(load) < 3_500 * MS


@pytest.mark.parametrize("policer", [True, False], ids=["policer", "shaper"])
@pytest.mark.parametrize("bucket_ms", [20, 50, 100])
@pytest.mark.parametrize(("percent", "wrong"), [(95, Carried.CARRIED), (105, Carried.SHORT)])
def test_a_bucket_within_the_allowance_leads_to_no_wrong_answer(
    percent: int, wrong: Carried, bucket_ms: int, *, policer: bool
) -> None:
    lasting_bps = 20 * MBPS * percent // 100
    spec = PathSpec(
        rate_bps=100 * MBPS,
        bucket_bps=lasting_bps,
        bucket_octets=lasting_bps * bucket_ms // 8_000,
        policer=policer,
    )
    machine, _ = asked(spec, 20 * MBPS)
    assert outcome(machine) is not wrong, machine.qualification


def test_exactly_the_plans_rate_is_never_short() -> None:
    machine, _ = asked(PathSpec(rate_bps=20 * MBPS), 20 * MBPS)
    assert outcome(machine) is Carried.UNCLEAR


def test_a_host_that_does_not_send_what_it_is_told_says_nothing_of_the_line() -> None:
    spec = PathSpec(rate_bps=100 * MBPS, sender_bps_max=15 * MBPS)
    machine, _ = asked(spec, 20 * MBPS)
    assert (machine.ended, outcome(machine)) == (Ended.COMPLETED, Carried.NOT_SENT)


@pytest.mark.parametrize("policer", [True, False], ids=["policer", "shaper"])
def test_a_bucket_that_is_soon_empty_does_not_hide_what_lasts(*, policer: bool) -> None:
    spec = PathSpec(
        rate_bps=100 * MBPS, bucket_bps=15 * MBPS, bucket_octets=200_000, policer=policer
    )
    machine, _ = asked(spec, 20 * MBPS)
    assert outcome(machine) is Carried.SHORT, machine.qualification


def test_a_line_that_is_cut_ends_the_run() -> None:
    machine, load = asked(PathSpec(cut_us=(500 * MS, 60_000 * MS)), 20 * MBPS)
    assert machine.ended is Ended.LINK_LOST
    assert load.now_us < 2_500 * MS


def test_a_line_that_is_down_from_the_beginning_ends_the_run() -> None:
    machine, _ = asked(PathSpec(cut_us=(0, 60_000 * MS)), 20 * MBPS)
    assert (machine.ended, machine.qualification) == (Ended.LINK_LOST, None)


def test_no_more_is_sent_than_is_granted() -> None:
    machine, load = asked(PathSpec(rate_bps=100 * MBPS), 20 * MBPS, octets_max=1_000_000)
    assert machine.ended is Ended.BUDGET
    assert 990_000 < load.ticks[-1].highest * load.ip_octets <= 1_000_000


def test_reports_that_run_backwards_or_come_twice_change_nothing() -> None:
    seen: list[LoadTick] = []

    def tampered(tick: LoadTick) -> LoadTick:
        seen.append(tick)
        match len(seen) % 4:
            case 1:
                return replace(tick, octets=0, packets=0)
            case 2:
                return seen[0]
            case 3:
                return replace(tick, packets=tick.highest + 1)
            case _:
                return tick

    machine, _ = asked(PathSpec(rate_bps=18 * MBPS), 20 * MBPS, tamper=tampered)
    assert outcome(machine) is Carried.SHORT
