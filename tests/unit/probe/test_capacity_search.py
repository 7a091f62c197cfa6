"""The capacity search over simulated paths: links, limits, silence, and reports that lie."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from omega_core.capacity import Capacity, NotEligible, capacity_of
from omega_core.evidence import Ended
from omega_core.load import LoadTick
from omega_core.metrics import Direction
from omega_core.units import NS_PER_MS, NS_PER_S, PPM
from omega_probe.capacity_search import CapacitySearch, packet_ip_octets
from omega_probe.capacity_trains import START_BPS_LONG
from support.simulated_path import PathSpec, SimulatedLoad, capacity_run

MBPS = 1_000_000
MS = 1_000
RATE_MAX_BPS = 2_000 * MBPS
IDLE_PACKETS = 250


def same(tick: LoadTick) -> LoadTick:
    return tick


def searched(
    spec: PathSpec,
    *,
    start_bps: int | None,
    quick: bool = False,
    rate_max_bps: int = RATE_MAX_BPS,
    octets_max: int = 10**10,
    duration_ns: int = 10 * NS_PER_S,
    tamper: Callable[[LoadTick], LoadTick] = same,
    knows_idle: bool = True,
) -> tuple[CapacitySearch, SimulatedLoad, Capacity]:
    ip_octets = packet_ip_octets(start_bps, 1_500)
    idle_ppm = spec.loss_ppm if knows_idle else None
    made: list[CapacitySearch] = []

    def machine(now_ns: int) -> CapacitySearch:
        made.append(
            CapacitySearch(
                start_bps=start_bps,
                rate_max_bps=rate_max_bps,
                octets_max=octets_max,
                duration_ns=duration_ns,
                base_rtt_us=spec.rtt_us,
                idle_loss_ppm=idle_ppm,
                idle_packets=IDLE_PACKETS if knows_idle else None,
                ip_octets=ip_octets,
                quick=quick,
                now_ns=now_ns,
            )
        )
        return made[0]

    load = SimulatedLoad(spec, machine, ip_octets=ip_octets, tamper=tamper)
    load.run()
    run = capacity_run(
        load, idle_loss_ppm=idle_ppm, idle_packets=IDLE_PACKETS, dt_us=made[0].sub_interval_us
    )
    assert load.rate_bps_max <= rate_max_bps
    assert load.sent_octets <= octets_max
    assert made[0].detail
    return made[0], load, capacity_of(run)


def off_ppm(found: Capacity, rate_bps: int) -> int:
    assert found.maximum is not None
    return abs(found.maximum.rate_bps - rate_bps) * PPM // rate_bps


LINKS = {
    "adsl": (20, 1, 25, 0, 0, 200),
    "wimax": (4, 1, 80, 5_000, 30, 300),
    "lossy": (10, 2, 60, 20_000, 0, 200),
    "vdsl": (100, 30, 12, 0, 0, 100),
    "ftth": (300, 100, 4, 0, 0, 50),
    "satellite": (50, 10, 600, 0, 0, 600),
    "gigabit": (940, 500, 4, 0, 0, 30),
}


def link(name: str, direction: Direction, seed: int) -> PathSpec:
    down, up, rtt_ms, loss_ppm, jitter_ms, buffer_ms = LINKS[name]
    return PathSpec(
        rate_bps=(down if direction is Direction.DOWN else up) * MBPS,
        rtt_us=rtt_ms * MS,
        buffer_us=buffer_ms * MS,
        loss_ppm=loss_ppm,
        jitter_us=jitter_ms * MS,
        direction=direction,
        seed=seed,
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize("name", LINKS)
def test_full_form_is_within_one_percent(name: str, direction: Direction, seed: int) -> None:
    spec = link(name, direction, seed)
    machine, load, found = searched(spec, start_bps=spec.rate_bps)
    assert machine.ended is Ended.DECIDED
    assert off_ppm(found, spec.rate_bps) <= 10_000
    assert load.now_us <= 4_700 * MS
    assert load.sent_octets * 8 <= spec.rate_bps * 4


@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize("name", LINKS)
def test_quick_form_is_within_five_percent(name: str, direction: Direction) -> None:
    spec = link(name, direction, seed=1)
    machine, load, found = searched(spec, start_bps=spec.rate_bps, quick=True)
    assert machine.ended is Ended.DECIDED
    assert off_ppm(found, spec.rate_bps) <= 50_000
    assert load.sent_octets * 8 <= spec.rate_bps * 3


@pytest.mark.parametrize(("rate_bps", "seconds"), [(1 * MBPS, 2.6), (4 * MBPS, 2.55)])
def test_the_queue_that_a_train_left_is_no_delay_variation(rate_bps: int, seconds: float) -> None:
    """It is in the first report of the offer that follows; a second went by before that was out."""
    spec = PathSpec(rate_bps=rate_bps, rtt_us=80 * MS, buffer_us=300 * MS, direction=Direction.UP)
    machine, load, found = searched(spec, start_bps=None)
    assert machine.ended is Ended.DECIDED
    assert off_ppm(found, rate_bps) <= 1_000
    assert load.now_us <= seconds * 1_000 * MS


@pytest.mark.parametrize("rate_bps", [10 * MBPS, 50 * MBPS])
def test_a_satellite_line_is_asked_once_roughly_how_fast_it_is(rate_bps: int) -> None:
    path = PathSpec(rate_bps=rate_bps, rtt_us=600 * MS, buffer_us=600 * MS)
    _, load, capacity = searched(path, start_bps=None, quick=True)
    assert capacity.maximum is not None
    assert abs(capacity.maximum.rate_bps - rate_bps) * 100 <= rate_bps
    trains = [number for number, bps in load.rates_bps.items() if bps == START_BPS_LONG]
    assert len(trains) == 1
    assert load.now_us <= 3_200 * MS


@pytest.mark.parametrize("share", [None, 100, 10, 0.1])
def test_start_of_knowledge_may_be_wrong(share: float | None) -> None:
    spec = PathSpec(rate_bps=20 * MBPS)
    start_bps = None if share is None else int(20 * MBPS * share)
    _, _, found = searched(spec, start_bps=start_bps)
    assert off_ppm(found, spec.rate_bps) <= 10_000


@pytest.mark.parametrize("buffer_ms", [5, 20, 1_000])
@pytest.mark.parametrize("loss_ppm", [0, 20_000])
def test_buffers_and_loss(buffer_ms: int, loss_ppm: int) -> None:
    spec = PathSpec(buffer_us=buffer_ms * MS, loss_ppm=loss_ppm)
    _, load, found = searched(spec, start_bps=20 * MBPS)
    assert off_ppm(found, spec.rate_bps) <= 10_000
    assert max(tick.delay_us for tick in load.ticks) < 100 * MS  # a deep one is not filled


def test_idle_loss_that_was_not_seen_is_learned() -> None:
    _, _, found = searched(PathSpec(loss_ppm=20_000), start_bps=20 * MBPS, knows_idle=False)
    if found.maximum is None:
        assert found.reason is NotEligible.LOSS
    assert found.sustained is not None
    assert abs(found.sustained.rate_bps - 20 * MBPS) * PPM <= 20_000 * 20 * MBPS


@pytest.mark.parametrize("policer", [True, False])
@pytest.mark.parametrize(
    ("bucket_octets", "burst_bps"), [(100_000, 20 * MBPS), (15_000_000, 100 * MBPS)]
)
def test_token_bucket_is_told_as_burst_and_as_what_lasts(
    policer: bool,  # noqa: FBT001 - a column of the table
    bucket_octets: int,
    burst_bps: int,
) -> None:
    spec = PathSpec(
        rate_bps=100 * MBPS, bucket_octets=bucket_octets, bucket_bps=20 * MBPS, policer=policer
    )
    _, _, found = searched(spec, start_bps=100 * MBPS)
    assert off_ppm(found, burst_bps) <= 10_000
    assert found.sustained is not None
    assert abs(found.sustained.rate_bps - 20 * MBPS) <= 200_000


@pytest.mark.parametrize(("before", "after"), [(50, 20), (20, 50)])
def test_rate_that_changes_is_found_again(before: int, after: int) -> None:
    spec = PathSpec(rate_bps=before * MBPS, changes=((1_000 * MS, after * MBPS),))
    _, _, found = searched(spec, start_bps=before * MBPS)
    assert found.sustained is not None
    assert abs(found.sustained.rate_bps - after * MBPS) * PPM <= 10_000 * after * MBPS


@pytest.mark.parametrize("direction", list(Direction))
def test_slow_sender_is_said_to_be_the_limit(direction: Direction) -> None:
    spec = PathSpec(rate_bps=940 * MBPS, sender_bps_max=300 * MBPS, direction=direction)
    machine, _, found = searched(spec, start_bps=940 * MBPS)
    assert "sender's host" in machine.detail
    assert off_ppm(found, 300 * MBPS) <= 10_000


@pytest.mark.parametrize("quick", [True, False], ids=["quick", "full"])
@pytest.mark.parametrize("start_bps", [None, 940 * MBPS], ids=["unknown", "known"])
@pytest.mark.parametrize("direction", list(Direction))
def test_slow_receiver_is_said_to_be_the_limit(
    direction: Direction, start_bps: int | None, *, quick: bool
) -> None:
    """What it drops is not the line's loss, and the answer comes from what it takes in cleanly."""
    spec = PathSpec(rate_bps=940 * MBPS, receiver_bps_max=300 * MBPS, direction=direction)
    machine, load, found = searched(spec, start_bps=start_bps, quick=quick)
    assert machine.ended is Ended.DECIDED
    assert "receiver's host" in machine.detail
    assert machine.loss_ppm == 0
    assert found.maximum is not None
    assert found.maximum.lost_packets == 0
    assert 240 * MBPS <= found.maximum.rate_bps <= 300 * MBPS
    assert load.ticks[-1].host_drops > 0


@pytest.mark.parametrize("pause_ms", [(800, 1_000), (1_400, 1_600)])
def test_one_pause_of_the_reader_does_not_lower_the_answer(pause_ms: tuple[int, int]) -> None:
    first_ms, last_ms = pause_ms
    spec = PathSpec(rate_bps=300 * MBPS, reader_pauses_us=(first_ms * MS, last_ms * MS))
    machine, load, found = searched(spec, start_bps=300 * MBPS)
    assert "standing queue" in machine.detail
    assert off_ppm(found, 300 * MBPS) <= 10_000
    assert load.ticks[-1].host_drops > 0


def test_line_is_not_taken_for_lost_while_one_command_lasts() -> None:
    """A million packets are 0.3 s of such a line, and a command may stand for longer."""
    spec = PathSpec(rate_bps=60_000 * MBPS, rtt_us=100)
    machine, _, found = searched(
        spec, start_bps=30_000 * MBPS, rate_max_bps=40_000 * MBPS, octets_max=10**11
    )
    assert machine.ended is Ended.DECIDED
    assert off_ppm(found, 40_000 * MBPS) <= 10_000


def test_grant_below_the_line_is_said_to_be_the_limit() -> None:
    machine, load, found = searched(
        PathSpec(rate_bps=100 * MBPS), start_bps=80 * MBPS, rate_max_bps=50 * MBPS
    )
    assert "grant" in machine.detail
    assert load.rate_bps_max == 50 * MBPS
    assert off_ppm(found, 50 * MBPS) <= 10_000


@pytest.mark.parametrize("octets_max", [1, 60_000, 500_000, 1_000_000, 2_000_000, 4_000_000])
@pytest.mark.parametrize("loss_ppm", [0, 20_000])
def test_octets_of_the_grant_are_never_exceeded(octets_max: int, loss_ppm: int) -> None:
    spec = PathSpec(loss_ppm=loss_ppm, rtt_us=100 * MS)
    machine, _, _ = searched(spec, start_bps=20 * MBPS, octets_max=octets_max)
    assert machine.ended is Ended.BUDGET
    assert machine.wanted().rate_bps == 0


def test_time_ends_the_run() -> None:
    machine, load, _ = searched(PathSpec(), start_bps=20 * MBPS, duration_ns=700 * NS_PER_MS)
    assert machine.ended is Ended.COMPLETED
    assert load.now_us < 1_400 * MS


@pytest.mark.parametrize(
    ("direction", "ended"),
    [(Direction.DOWN, Ended.LINK_LOST), (Direction.UP, Ended.TEST_POINT_LOST)],
)
@pytest.mark.parametrize("from_ms", [0, 150, 1_000])
def test_cut_line_ends_the_run(direction: Direction, ended: Ended, from_ms: int) -> None:
    spec = PathSpec(direction=direction, cut_us=(from_ms * MS, 10**9))
    machine, load, _ = searched(spec, start_bps=20 * MBPS)
    assert machine.ended is (ended if from_ms else Ended.TEST_POINT_LOST)
    assert load.now_us <= (from_ms + 2_200) * MS


def test_short_cut_is_survived() -> None:
    spec = PathSpec(direction=Direction.UP, cut_us=(1_000 * MS, 1_300 * MS))
    _, _, found = searched(spec, start_bps=20 * MBPS)
    assert off_ppm(found, 20 * MBPS) <= 10_000


@pytest.mark.parametrize("direction", list(Direction))
def test_late_and_repeated_reports_and_commands_do_no_harm(direction: Direction) -> None:
    spec = PathSpec(late_feedback_ppm=200_000, direction=direction)
    _, _, found = searched(spec, start_bps=20 * MBPS)
    assert off_ppm(found, 20 * MBPS) <= 10_000


LIES: dict[str, Callable[[LoadTick], LoadTick]] = {
    "more than was sent": lambda tick: replace(
        tick, packets=tick.highest + 1, octets=(tick.highest + 1) * (tick.octets // tick.packets)
    ),
    "another size": lambda tick: replace(tick, octets=tick.octets + 1),
    "never ordered": lambda tick: replace(tick, command=tick.command + 1_000),
    "before the beginning": lambda tick: replace(tick, command_first_us=tick.at_us + 1),
    "early": lambda tick: replace(tick, delay_us=-1),
    "negative span": lambda tick: replace(tick, command_sent_us=-1),
    "more of a command": lambda tick: replace(tick, command_octets=tick.octets + 1),
}


@pytest.mark.parametrize("lie", LIES)
def test_impossible_reports_end_the_run(lie: str) -> None:
    machine, load, _ = searched(PathSpec(), start_bps=20 * MBPS, tamper=LIES[lie])
    assert machine.ended is Ended.TEST_POINT_LOST
    assert "can't be" in machine.detail
    assert load.now_us < 1_500 * MS


@pytest.mark.parametrize("name", ["at_us", "octets", "packets", "highest", "command"])
def test_counts_that_go_backwards_are_passed_over(name: str) -> None:
    def backwards(tick: LoadTick) -> LoadTick:
        return replace(tick, **{name: 0}) if tick.tick == 12 else tick

    machine, _, found = searched(PathSpec(), start_bps=20 * MBPS, tamper=backwards)
    assert machine.ended is Ended.DECIDED
    assert off_ppm(found, 20 * MBPS) <= 10_000


def test_receiver_that_claims_too_much_gets_no_more_than_the_grant() -> None:
    def a_million(tick: LoadTick) -> LoadTick:
        packets = tick.packets + tick.tick * 10**6
        return replace(tick, packets=packets, highest=packets, octets=packets * 1_500)

    searched(
        PathSpec(),
        start_bps=20 * MBPS,
        rate_max_bps=30 * MBPS,
        octets_max=3_000_000,
        tamper=a_million,
    )


@pytest.mark.parametrize(
    ("rate_bps", "mtu", "ip_octets"),
    [
        (None, 1_500, 1_500),
        (1, 1_500, 200),
        (128_000, 1_500, 200),
        (640_000, 1_500, 1_000),
        (959_999, 1_500, 1_496),
        (960_000, 1_500, 1_500),
        (940_000_000, 1_500, 1_500),
        (940_000_000, 1_492, 1_492),
        (940_000_000, 1_490, 1_488),
    ],
)
def test_packet_size(rate_bps: int | None, mtu: int, ip_octets: int) -> None:
    assert packet_ip_octets(rate_bps, mtu) == ip_octets
