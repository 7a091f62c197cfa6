"""Any path: a line 5 % short of a rate is never said to carry it, one 5 % above never short."""

from __future__ import annotations

from typing import TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.capacity import IdleLoss
from omega_core.capacity_metrics import qualification_of
from omega_core.evidence import Ended
from omega_core.metrics import Direction
from omega_core.qualification import DEFAULT, HOLD_US, Allowance, Carried, offered_bps
from omega_core.units import BITS_PER_OCTET, NS_PER_US, US_PER_MS, US_PER_S
from omega_probe.capacity_search import packet_ip_octets
from omega_probe.fixed_rate import FixedRate
from support.simulated_path import PathSpec, SimulatedLoad, capacity_run

# a simulated run takes a tenth of a second and, with coverage, several
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
SIMULATED = settings(max_examples=60)

IDLE_PACKETS = 250  # of a quick session: what the loss is known from
PACKETS_WAITING = 3  # the shortest buffer holds so many
OCTETS_MAX = 1_000_000_000
PLAN = Allowance(guard_ppm=20_000, short_ppm=50_000)  # as the shipped plans have it
Line: TypeAlias = tuple[int, PathSpec, int, Allowance]


@st.composite
def lines(
    draw: st.DrawFn, percent: int, *, jitter_ms: int, losses: tuple[int, ...], buckets: bool = True
) -> Line:
    """Return the rate in question, a line that carries so much of it, and how it is asked.

    With a bucket the line is five times as fast until it is empty.
    """
    wanted_bps = int(10 ** draw(st.floats(6, 8.3)))
    full = draw(st.booleans())
    ip_octets = packet_ip_octets(10**9 if full else wanted_bps, 1_500)
    lasting_bps = wanted_bps * percent // 100
    bucket_ms = draw(st.sampled_from([0, 0, 20, 50, 100])) if buckets else 0
    rate_bps = 5 * lasting_bps if bucket_ms else lasting_bps
    least_us = PACKETS_WAITING * ip_octets * BITS_PER_OCTET * US_PER_S // rate_bps
    path = PathSpec(
        rate_bps=rate_bps,
        rtt_us=draw(st.integers(2, 600)) * US_PER_MS,
        buffer_us=max(draw(st.sampled_from([5, 20, 60, 200, 1_000])) * US_PER_MS, least_us),
        loss_ppm=draw(st.sampled_from(losses)),
        jitter_us=draw(st.integers(0, jitter_ms)) * US_PER_MS,
        keep_order=draw(st.booleans()),
        overtaken_ppm=draw(st.sampled_from([0, 0, 10_000])),
        direction=draw(st.sampled_from(list(Direction))),
        bucket_octets=lasting_bps * bucket_ms // 1_000 // BITS_PER_OCTET,
        bucket_bps=lasting_bps if bucket_ms else 0,
        policer=draw(st.booleans()),
        late_feedback_ppm=draw(st.sampled_from([0, 0, 50_000])),
        seed=draw(st.integers(0, 2**32)),
    )
    return wanted_bps, path, ip_octets, draw(st.sampled_from([DEFAULT, PLAN]))


def asked(
    wanted_bps: int,
    path: PathSpec,
    ip_octets: int,
    allowance: Allowance = DEFAULT,
    *,
    known_ppm: int | None = None,
) -> Carried | None:
    """Return what the record of a run says; it ends in time and offers what it should."""
    known_ppm = path.loss_ppm if known_ppm is None else known_ppm
    idle = IdleLoss(loss_ppm=known_ppm, packets=IDLE_PACKETS)

    def machine(now_ns: int) -> FixedRate:
        return FixedRate(
            wanted_bps=wanted_bps, octets_max=OCTETS_MAX, duration_ns=HOLD_US * NS_PER_US,
            base_rtt_us=path.rtt_us, idle=idle, ip_octets=ip_octets, now_ns=now_ns,
            allowance=allowance,
        )  # fmt: skip

    load = SimulatedLoad(path, machine, ip_octets=ip_octets)
    load.run()
    run = capacity_run(load, idle_loss_ppm=known_ppm, idle_packets=IDLE_PACKETS, dt_us=US_PER_S)
    seen = qualification_of(run, wanted_bps, allowance)
    assert load.rate_bps_max == offered_bps(wanted_bps, idle, allowance)
    held_us = load.now_us - path.rtt_us - US_PER_S // 2
    assert held_us <= HOLD_US + 3 * path.rtt_us + 500 * US_PER_MS, "under three seconds, and trips"
    assert load.machine.ended in {Ended.DECIDED, Ended.COMPLETED}
    return None if seen is None else seen.outcome


LOSSES = (0, 0, 1_000, 5_000, 20_000)


@SIMULATED
@given(lines(95, jitter_ms=30, losses=LOSSES))
def test_five_percent_short_is_never_carried(line: Line) -> None:
    outcome = asked(*line)
    assert outcome is not Carried.CARRIED


@SIMULATED
@given(lines(105, jitter_ms=30, losses=LOSSES))
def test_five_percent_more_is_never_short(line: Line) -> None:
    outcome = asked(*line)
    assert outcome is not Carried.SHORT


@SIMULATED
@given(lines(90, jitter_ms=30, losses=LOSSES))
def test_ten_percent_short_is_short(line: Line) -> None:
    outcome = asked(*line)
    assert outcome is Carried.SHORT


@SIMULATED
@given(lines(110, jitter_ms=30, losses=(0, 0, 1_000)))
def test_ten_percent_more_is_carried(line: Line) -> None:
    outcome = asked(*line)
    assert outcome is Carried.CARRIED


@SIMULATED
@given(lines(95, jitter_ms=30, losses=LOSSES), st.integers(0, 40_000))
def test_an_idle_loss_that_was_misjudged_makes_no_wrong_answer(line: Line, known_ppm: int) -> None:
    outcome = asked(*line, known_ppm=known_ppm)
    assert outcome is not Carried.CARRIED


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("percent", [90, 110])
@pytest.mark.parametrize("loss_ppm", [0, 20_000])
def test_five_of_five_at_two_percent_of_loss(percent: int, loss_ppm: int, seed: int) -> None:
    path = PathSpec(rate_bps=20_000_000 * percent // 100, loss_ppm=loss_ppm, seed=seed)
    outcome = asked(20_000_000, path, 1_500)
    assert outcome is (Carried.CARRIED if percent > 100 else Carried.SHORT)
