"""RFC 9097 s6.3 from counters: edges, jitter, loss, bursts, and what is said when there is none."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from omega_core.capacity import LOSS_OVER_IDLE_PPM, IdleLoss, NotEligible, capacity_of, own_drops
from omega_core.evidence import CapacityRun, Ended
from omega_core.metrics import Direction
from omega_core.units import BITS_PER_OCTET, PPM, US_PER_MS, US_PER_S

RUN: TypeAdapter[CapacityRun] = TypeAdapter(CapacityRun)
TICK_US = 50 * US_PER_MS


def run_of(
    *pieces: tuple[int, int, int],
    ip_octets: int = 312,
    jitter_us: int = 0,
    seed: int = 1,
    **changes: Any,  # noqa: ANN401 - fields of the fact
) -> CapacityRun:
    """Return a run of pieces (seconds in tenths, rate received, packets lost in 1000 sent).

    Each report is at the last whole packet before a multiple of 50 ms, plus delay variation.
    """
    random = Random(seed)  # noqa: S311 - a repeatable draw is wanted
    at_us, packets, highest = [0], [0], [0]
    began_us = arrived = sent = 0
    for tenths, rate_bps, lost_per_mille in pieces:
        packet_us = ip_octets * BITS_PER_OCTET * US_PER_S // rate_bps
        for tick in range(1, 2 * tenths + 1):
            count = tick * TICK_US // packet_us
            late_us = random.randint(0, jitter_us)
            at_us.append(max(began_us + count * packet_us + late_us, at_us[-1]))
            packets.append(arrived + count)
            highest.append(sent + count * 1000 // (1000 - lost_per_mille))
        began_us += tenths * 2 * TICK_US
        arrived, sent = packets[-1], highest[-1]
    fields: dict[str, Any] = {
        "run": 1,
        "family": 4,
        "direction": Direction.DOWN,
        "started_offset_us": 0,
        "base_rtt_us": 20_000,
        "ip_octets": ip_octets,
        "idle_loss_ppm": 0,
        "at_us": tuple(at_us),
        "octets": tuple(count * ip_octets for count in packets),
        "packets": tuple(packets),
        "highest": tuple(highest),
        "delay_us_max": (0,) * len(at_us),
        "offered": ((1, 2_000_000, 0),),
        "reordered": 0,
        "duplicates": 0,
        "host_drops": 0,
        "ended": Ended.DECIDED,
    }
    return CapacityRun(**(fields | changes))


def within_ppm(found_bps: int, true_bps: int) -> int:
    return abs(found_bps - true_bps) * PPM // true_bps


@pytest.mark.parametrize("rate_bps", [1_000_000, 20_000_000, 940_000_000])
def test_rate_of_a_steady_line_is_exact_to_the_packet(rate_bps: int) -> None:
    ip_octets = 312 if rate_bps < 10_000_000 else 1500
    packet_us = ip_octets * BITS_PER_OCTET * US_PER_S // rate_bps
    true_bps = ip_octets * BITS_PER_OCTET * US_PER_S // packet_us
    found = capacity_of(run_of((12, rate_bps, 0), ip_octets=ip_octets)).maximum
    assert found is not None
    assert within_ppm(found.rate_bps, true_bps) <= 1
    assert found.error_ppm <= 1
    assert found.loss_ppm == found.lost_packets == 0


@pytest.mark.parametrize("seed", range(20))
def test_thirty_milliseconds_of_variation_move_two_seconds_by_less_than_one_percent(
    seed: int,
) -> None:
    found = capacity_of(run_of((20, 1_000_000, 0), jitter_us=30_000, seed=seed)).maximum
    assert found is not None
    assert within_ppm(found.rate_bps, 1_000_000) < 10_000
    assert found.error_ppm > 0


def test_slow_beginning_is_not_in_the_maximum() -> None:
    run = run_of((5, 1_000_000, 0), (11, 20_000_000, 0), (5, 2_000_000, 0))
    found = capacity_of(run).maximum
    assert found is not None
    assert within_ppm(found.rate_bps, 20_130_000) < 10_000
    assert found.start_us >= 5 * 100 * US_PER_MS - TICK_US


def test_burst_is_the_maximum_and_what_lasts_stands_beside_it() -> None:
    found = capacity_of(run_of((12, 8_000_000, 0), (15, 2_000_000, 0)))
    assert found.maximum is not None
    assert found.sustained is not None
    assert within_ppm(found.maximum.rate_bps, 8_000_000) < 5_000
    assert within_ppm(found.sustained.rate_bps, 2_000_000) < 5_000
    assert found.sustained.start_us >= found.maximum.end_us - 2 * TICK_US


def test_sub_interval_that_lost_more_is_passed_over() -> None:
    found = capacity_of(run_of((12, 8_000_000, 20), (12, 2_000_000, 0)))
    assert found.maximum is not None
    assert (
        found.maximum.rate_bps < 2_500_000
    )  # a bit of the first may be inside, its loss allows it
    assert found.maximum.end_us > 2_300_000


def test_idle_loss_is_allowed_for() -> None:
    run = run_of((12, 8_000_000, 20))
    assert capacity_of(run).reason is NotEligible.LOSS
    assert capacity_of(run).maximum is None
    assert capacity_of(run).sustained is not None
    assert capacity_of(replace(run, idle_loss_ppm=18_000)).maximum is not None


FAST, SLOW = 80_000_000, 50_000_000


def fast_then_slow(fast_lost: int, slow_lost: int, **changes: Any) -> CapacityRun:  # noqa: ANN401
    """Return 12,000 packets at one rate and 7,500 at another, of which so many in 1,000 are lost.

    4 of them are within the loss criterion.
    """
    return run_of((12, FAST, fast_lost), (12, SLOW, slow_lost), ip_octets=1_000, **changes)


@pytest.mark.parametrize(
    ("run", "rate_bps"),
    [
        pytest.param(fast_then_slow(4, 0), FAST, id="the line lost them"),
        pytest.param(fast_then_slow(4, 0, host_drops=1), FAST, id="the host one of 12,000"),
        pytest.param(fast_then_slow(4, 0, host_drops=2), SLOW, id="the host two of them"),
        pytest.param(fast_then_slow(0, 4, host_drops=20), FAST, id="the host some, elsewhere"),
        pytest.param(fast_then_slow(4, 4, host_drops=20), FAST, id="no second is without loss"),
    ],
)
def test_what_the_receiving_host_dropped_is_not_in_the_maximum(
    run: CapacityRun, rate_bps: int
) -> None:
    found = capacity_of(run).maximum
    assert found is not None
    assert within_ppm(found.rate_bps, rate_bps) < 10_000


NOTHING: dict[str, Any] = dict.fromkeys(
    ("at_us", "octets", "packets", "highest", "delay_us_max"), ()
)


@pytest.mark.parametrize(
    ("run", "dropped", "sent"),
    [
        pytest.param(fast_then_slow(4, 0, host_drops=20), 0, 7_500, id="none of a clean second"),
        pytest.param(fast_then_slow(4, 4, host_drops=20), 20, 12_048, id="all of them"),
        pytest.param(fast_then_slow(4, 4, host_drops=99), 48, 12_048, id="all that is missing"),
        pytest.param(
            fast_then_slow(4, 0, host_drops=20, fixed_bps=FAST), 20, 19_548, id="all in a window"
        ),
        pytest.param(run_of((2, 312_000, 0), host_drops=3), 3, 25, id="all in a run too short"),
        pytest.param(replace(run_of((2, 312_000, 0)), **NOTHING), 0, 0, id="nothing came"),
    ],
)
def test_drops_that_may_be_in_what_a_run_is_judged_by(
    run: CapacityRun, dropped: int, sent: int
) -> None:
    assert own_drops(run) == (dropped, sent)


def test_too_short_a_run_has_no_capacity() -> None:
    found = capacity_of(run_of((9, 8_000_000, 0)))
    assert (found.maximum, found.reason, found.sustained) == (None, NotEligible.TOO_SHORT, None)
    quick = capacity_of(run_of((9, 8_000_000, 0), sub_interval_us=500_000))
    assert quick.maximum is not None


def test_run_without_a_packet_has_no_capacity() -> None:
    nothing: dict[str, Any] = dict.fromkeys(
        ("at_us", "octets", "packets", "highest", "delay_us_max", "offered"), ()
    )
    assert capacity_of(replace(run_of((9, 8_000_000, 0)), **nothing)).reason is (
        NotEligible.TOO_SHORT
    )


def test_reports_in_which_nothing_arrived_change_nothing() -> None:
    run = run_of((12, 8_000_000, 0))
    twice: dict[str, Any] = {
        name: tuple(each for each in getattr(run, name) for _ in range(2))
        for name in ("at_us", "octets", "packets", "highest", "delay_us_max")
    }
    assert capacity_of(replace(run, **twice)).maximum == capacity_of(run).maximum


def test_offered_rate_is_the_mean_of_what_was_told() -> None:
    run = run_of((11, 8_000_000, 0), offered=((1, 8_000_000, 0), (2, 10_000_000, 500_000)))
    found = capacity_of(run).maximum
    assert found is not None
    assert found.offered_bps is not None
    assert within_ppm(found.offered_bps, 9_090_909) < 10_000
    unknown = capacity_of(replace(run, offered=())).maximum
    assert unknown is not None
    assert unknown.offered_bps is None


def test_greatest_delay_is_told() -> None:
    run = run_of((12, 8_000_000, 0))
    delays = (99, *range(1, len(run.at_us)))
    found = capacity_of(replace(run, delay_us_max=delays)).maximum
    assert found is not None
    assert found.delay_us_max == len(run.at_us) - 1


@pytest.mark.parametrize(
    ("idle_ppm", "idle_packets", "lost", "sent", "eligible"),
    [
        (0, None, LOSS_OVER_IDLE_PPM, PPM, True),
        (0, None, LOSS_OVER_IDLE_PPM + 142, PPM, False),  # twice sqrt(0.005 x 0.995 / 10^6) = 141
        (0, None, 5, 1_000, True),
        (0, None, 9, 1_000, True),
        (0, None, 10, 1_000, False),
        (20_000, None, 25_000, PPM, True),
        (20_000, None, 26_000, PPM, False),
        (20_000, 250, 40_000, PPM, True),  # 2 % of 250 packets may be 4 %
        (20_000, 250, 46_000, PPM, False),
        (0, 250, 12_000, PPM, True),  # none of 250 lost: 3/250 is not ruled out
        (0, 250, 14_000, PPM, False),
        (None, None, 5_000, PPM, True),
        (PPM, 250, 500, 500, True),
        (0, None, 0, 0, True),
    ],
)
def test_loss_criterion(
    idle_ppm: int | None,
    idle_packets: int | None,
    lost: int,
    sent: int,
    eligible: bool,  # noqa: FBT001 - a column of the table
) -> None:
    idle = IdleLoss(loss_ppm=idle_ppm, packets=idle_packets)
    assert idle.explains(lost=lost, sent=sent) is eligible


def test_run_comes_back_from_json() -> None:
    run = run_of((2, 8_000_000, 0), idle_packets=250)
    assert RUN.validate_json(RUN.dump_json(run)) == run


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"at_us": (0, 1)}, "one entry in each series"),
        ({"at_us": (0, 2, 1)}, "never runs backwards"),
        ({"packets": (0, 2, 1), "octets": (0, 200, 100)}, "never runs backwards"),
        ({"highest": (0, 9, 8)}, "never runs backwards"),
        ({"packets": (0, 1, 4), "octets": (0, 100, 400)}, "than were sent"),
        ({"octets": (0, 100, 201)}, "one size"),
        ({"offered": ((2, 5, 0), (1, 5, 0))}, "in which they were given"),
        ({"offered": ((1, 5, 9), (2, 5, 8))}, "in which they were given"),
        ({"ip_octets": 0}, "greater than or equal to 1"),
        ({"idle_loss_ppm": PPM + 1}, "less than or equal to"),
        ({"sub_interval_us": 99_999}, "greater than or equal to"),
        ({"delay_us_max": (0,) * 602}, "at most 601 items"),
    ],
)
def test_impossible_counts_are_refused(changes: dict[str, Any], says: str) -> None:
    good = {
        "at_us": (0, 1, 2),
        "octets": (0, 100, 200),
        "packets": (0, 1, 2),
        "highest": (0, 2, 3),
        "delay_us_max": (0, 0, 0),
        "offered": ((1, 5, 0), (2, 5, 0)),
        "ip_octets": 100,
    }
    base = RUN.dump_python(run_of((1, 8_000_000, 0)), mode="json")
    RUN.validate_json(json.dumps(base | good))
    with pytest.raises(ValidationError, match=says):
        RUN.validate_json(json.dumps(base | good | changes))


def test_reports_whose_counts_stand_still_show_no_rate() -> None:
    run = run_of((20, 1_000_000, 0))
    still = replace(
        run,
        octets=(0,) * len(run.at_us),
        packets=(0,) * len(run.at_us),
        highest=(0,) * len(run.at_us),
    )
    found = capacity_of(still)
    assert (found.maximum, found.reason) == (None, NotEligible.TOO_SHORT)
