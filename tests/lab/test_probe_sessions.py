"""Sessions of the probe with a real test point across the emulated link."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab import links
from lab.link import Fate
from lab.spec import DirectionSpec, LinkSpec, access_link
from lab.topology import Lab
from lab.truth import PacketTruth
from omega_core.evidence import Ended, IdleStream
from omega_core.metrics import Direction
from omega_core.samples import ArrivalOrder
from omega_core.units import BITS_PER_OCTET, NS_PER_S, US_PER_S
from omega_probe.plan import CapacityTask, GoodputTask, MeasurementPlan
from support import probe_child
from support.lab_session import LabTestPoint, await_event, finish, measure, start

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(180)]

PROBE_IP_OCTETS = 72
SECOND = NS_PER_S
IDLE = MeasurementPlan(idle_duration_ns=3 * SECOND, connectivity_attempts=1, precheck_ns=0)
DOWN = GoodputTask(direction=Direction.DOWN, duration_ns=4 * SECOND)
UP = GoodputTask(direction=Direction.UP, duration_ns=4 * SECOND)


@pytest.fixture
def test_point(lab: Lab, tmp_path: Path) -> Iterator[LabTestPoint]:
    with LabTestPoint(lab, tmp_path) as running:
        yield running


def ends(result: dict[str, Any]) -> dict[str, str]:
    return {end["task"]: end["ended"] for end in result["evidence"]["tasks"]}


def stream_of(result: dict[str, Any]) -> IdleStream:
    return probe_child.evidence_of(result).idle[0]


def constant_rtt_us(spec: LinkSpec) -> int:
    """Delay and serialisation of a probe packet both ways."""
    serialisation_us = [
        PROBE_IP_OCTETS * BITS_PER_OCTET * US_PER_S // rate_bps
        for rate_bps in (spec.down.rate_bps, spec.up.rate_bps)
        if rate_bps
    ]
    return spec.rtt_us() + sum(serialisation_us)


@pytest.mark.parametrize(
    "lab",
    [
        "adsl",
        "ftth",
        pytest.param("wimax", marks=pytest.mark.slow),
        pytest.param("vdsl", marks=pytest.mark.slow),
        pytest.param("slow", marks=pytest.mark.slow),
    ],
    indirect=True,
)
def test_the_idle_round_trip_is_the_links(lab: Lab, test_point: LabTestPoint) -> None:
    result = measure(lab, test_point, IDLE)
    p50_us = result["metrics"]["idle_rtt_us_p50"]["value"]
    assert 0 <= p50_us - constant_rtt_us(lab.spec) < 500
    assert result["metrics"]["idle_rtt_us_p50"]["samples"] == 151
    assert result["metrics"]["loss_ppm_up"]["value"] == 0
    assert result["metrics"]["loss_ppm_down"]["value"] == 0
    assert stream_of(result).timestamps == "kernel"


IMPAIRED = LinkSpec(
    down=DirectionSpec(rate_bps=10**7, delay_us=20_000, loss_ppm=30_000, loss_burst=3, seed=5),
    up=DirectionSpec(rate_bps=2 * 10**6, delay_us=10_000, loss_ppm=50_000, seed=6),
)
REORDERING = LinkSpec(
    down=DirectionSpec(delay_us=10_000, jitter_us=60_000, reorder=True, seed=7),
    up=DirectionSpec(delay_us=10_000, jitter_us=50_000, reorder=True, seed=8),
)


def idle_packets(packets: Sequence[PacketTruth], own_port: int) -> list[PacketTruth]:
    return [each for each in packets if own_port in {each.source_port, each.destination_port}]


def lost_numbers(packets: Sequence[PacketTruth]) -> set[int]:
    return {each.sequence for each in packets if each.fate is not Fate.DELIVERED}


def numbers(ranges: Sequence[tuple[int, int]]) -> set[int]:
    return {number for first, last in ranges for number in range(first, last + 1)}


def watched_idle_stream(
    lab: Lab, test_point: LabTestPoint
) -> tuple[IdleStream, list[PacketTruth], list[PacketTruth]]:
    """Return the stream and what the link logged of it: up, then down, in order of arrival."""
    lab.link.watch(test_point.ports.udp_port)
    result = measure(lab, test_point, IDLE)
    truth = lab.link.truth()
    assert truth.is_sound()
    counts: dict[int, int] = {}
    for packet in truth.up.packets:
        counts[packet.source_port] = counts.get(packet.source_port, 0) + 1
    own_port = max(counts, key=lambda port: counts[port])  # connectivity sends three packets each
    return (
        stream_of(result),
        idle_packets(truth.up.packets, own_port),
        idle_packets(truth.down.packets, own_port),
    )


@pytest.mark.parametrize("lab", [pytest.param(IMPAIRED, id="losses")], indirect=True)
def test_every_loss_is_told_with_its_way_as_the_link_logged_it(
    lab: Lab, test_point: LabTestPoint
) -> None:
    stream, up, down = watched_idle_stream(lab, test_point)
    assert lost_numbers(up), "the link was to lose some"
    assert lost_numbers(down)
    assert numbers(stream.lost_up) == lost_numbers(up)
    replies_lost = lost_numbers(down)
    reached = sorted(set(range(len(stream.rtt_us))) - lost_numbers(up))
    assert numbers(stream.lost_down) == {reached[number] for number in replies_lost}


@pytest.mark.parametrize("lab", [pytest.param(REORDERING, id="reordering")], indirect=True)
def test_reordering_is_counted_each_way_as_the_link_did_it(
    lab: Lab, test_point: LabTestPoint
) -> None:
    stream, up, down = watched_idle_stream(lab, test_point)
    expected = []
    for packets in (up, down):
        order = ArrivalOrder()
        for packet in sorted(packets, key=lambda each: each.departed_ns or 0):
            order.arrived(packet.sequence, seen_before=False)
        expected.append(order.reordered)
    assert min(expected) > 10, "the link was to reorder many"
    assert stream.report is not None
    assert [stream.report.reordered, stream.reordered_down] == expected
    assert None not in stream.rtt_us


def session_plan(lab: Lab, *runs: GoodputTask, idle_s: int = 1) -> MeasurementPlan:
    return MeasurementPlan(
        idle_duration_ns=idle_s * SECOND,
        connectivity_attempts=1,
        precheck_ns=SECOND,
        expected_bps_down=lab.spec.down.rate_bps,
        expected_bps_up=lab.spec.up.rate_bps,
        goodput=runs,
    )


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", ["adsl", "wimax", "lossy-2", "vdsl", "ftth"])
def test_clean_runs_are_valid_every_time(name: str, tmp_path: Path) -> None:
    with Lab(links.named(name)) as lab, LabTestPoint(lab, tmp_path) as test_point:
        for attempt in range(4):
            result = measure(lab, test_point, session_plan(lab, DOWN, UP))
            assert result["faults"] == [], (attempt, result["environment"]["traffic"])
            assert {*ends(result).values()} == {Ended.COMPLETED}


@pytest.mark.parametrize("lab", ["vdsl"], indirect=True)
def test_the_host_is_told_as_it_is(lab: Lab, test_point: LabTestPoint) -> None:
    plan = session_plan(lab, GoodputTask(direction=Direction.DOWN, duration_ns=SECOND))
    result = measure(lab, test_point, plan)
    environment = result["environment"]
    assert environment["interface"] == {
        "name": "eth0",
        "medium": "ethernet",
        "link_rate_bps": 10_000_000_000,
        "duplex": "full",
        "mtu_bytes": 1_500,
        "lower": [],
    }
    assert environment["default_route"] == "IPv4 via 10.77.0.1 dev eth0; IPv6 via fd77::1 dev eth0"
    assert environment["notes"] == []
    assert result["address"] == lab.customer.v4
    phases = ["precheck", "connectivity", "idle", "goodput_down"]
    assert [check["phase"] for check in environment["traffic"]] == phases
    counted = [counts["rx_octets"] for counts in environment["counts"]]
    assert counted == sorted(counted)
    moved = environment["traffic"][-1]
    assert moved["rx_octets"] == pytest.approx(moved["own_rx_octets"], rel=0.02)
    assert result["bytes_down"] == pytest.approx(counted[-1] - counted[0], rel=0.05)


@pytest.mark.parametrize("lab", ["vdsl"], indirect=True)
@pytest.mark.parametrize(
    "cut_in", ["idle", "goodput_down", pytest.param("goodput_up", marks=pytest.mark.slow)]
)
def test_a_line_that_is_cut_ends_the_session_in_order(
    lab: Lab, test_point: LabTestPoint, cut_in: str
) -> None:
    plan = session_plan(lab, DOWN, UP, idle_s=3)
    child = start(lab, probe_child.asked(plan, test_point.lab_access()))
    await_event(child, f"begin {cut_in}")
    time.sleep(1)
    lab.link.cut()
    cut_at = time.monotonic()
    result = finish(child)
    assert time.monotonic() - cut_at < 25
    tasks = ["precheck", "connectivity", "idle", "goodput_down", "goodput_up", "finish"]
    begun = tasks.index(cut_in)
    assert [ends(result)[task] for task in tasks[:begun]] == [Ended.COMPLETED] * begun
    assert {ends(result)[task] for task in tasks[begun:]} == {Ended.LINK_LOST}
    assert result["observation"] is None
    if cut_in == "idle":
        stream = stream_of(result)
        assert 100 <= len(stream.rtt_us) <= 151
        assert None not in stream.rtt_us[:40], "measured before the cut"


def searching_plan() -> MeasurementPlan:
    """What `omega measure` does first: a search each way, then a full buffer."""
    searches = [
        CapacityTask(direction=way, duration_ns=8 * SECOND, holds=True) for way in Direction
    ]
    return replace(IDLE, idle_duration_ns=SECOND, capacity=(*searches,))


DEEP = access_link(down_bps=10**7, up_bps=2 * 10**6, rtt_us=30_000, buffer_ms=1_000)


@pytest.mark.parametrize("lab", [pytest.param(DEEP, id="deep")], indirect=True)
def test_a_stop_behind_a_full_buffer_is_heard_at_once(lab: Lab, test_point: LabTestPoint) -> None:
    stop_s = 4.4  # a second of the search, and most of the buffer is full
    child = start(
        lab, probe_child.asked(searching_plan(), test_point.lab_access(), stop_after_s=stop_s)
    )
    result = finish(child)
    assert result["duration_us"] < (stop_s + 0.5) * US_PER_S
    evidence = probe_child.evidence_of(result)
    assert ends(result)["capacity_down"] == Ended.INTERRUPTED
    assert max(evidence.capacity[0].delay_us_max) > 500_000, "the buffer was nearly full"
    assert evidence.working[0].rtt_us, "what was measured until then is kept"


@pytest.mark.parametrize("lab", ["vdsl"], indirect=True)
def test_a_line_that_is_cut_in_a_search_keeps_the_report_of_the_idle_stream(
    lab: Lab, test_point: LabTestPoint
) -> None:
    child = start(lab, probe_child.asked(searching_plan(), test_point.lab_access()))
    await_event(child, "begin capacity_down")
    time.sleep(1)
    lab.link.cut()
    result = finish(child)
    assert ends(result)["capacity_down"] == Ended.LINK_LOST
    assert stream_of(result).report is not None, "it had come, though nobody had waited for it"


@pytest.mark.parametrize("lab", ["adsl"], indirect=True)
def test_a_line_that_comes_up_late_is_measured(lab: Lab, test_point: LabTestPoint) -> None:
    lab.link.cut()
    child = start(lab, probe_child.asked(IDLE, test_point.lab_access(addresses=(lab.server.v4,))))
    await_event(child, "begin connectivity")
    time.sleep(4.5)
    lab.link.mend()
    result = finish(child)
    assert {*ends(result).values()} == {Ended.COMPLETED}
    attempts = [each for each in probe_child.evidence_of(result).attempts if each.to_test_point]
    assert {each.answered for each in attempts} == {True, False}, "the silence stands in it"


@pytest.mark.parametrize("lab", ["vdsl"], indirect=True)
def test_a_short_outage_is_loss_and_the_session_goes_on(lab: Lab, test_point: LabTestPoint) -> None:
    child = start(lab, probe_child.asked(session_plan(lab, idle_s=3), test_point.lab_access()))
    await_event(child, "begin idle")
    time.sleep(1)
    lab.link.cut()
    time.sleep(0.5)
    lab.link.mend()
    result = finish(child)
    assert ends(result)["idle"] == Ended.COMPLETED
    stream = stream_of(result)
    lost = [number for number, rtt_us in enumerate(stream.rtt_us) if rtt_us is None]
    assert 20 <= len(lost) <= 32, "half a second at 50 packets a second"
    assert lost == list(range(lost[0], lost[-1] + 1))
    assert numbers(stream.lost_up) | numbers(stream.lost_down) == set(lost)


@pytest.mark.parametrize("lab", ["adsl"], indirect=True)
def test_a_dead_line_says_what_it_could_not_reach(lab: Lab) -> None:
    lab.link.cut()
    target = {"scheme": "http", "host": lab.server.v4, "port": 80, "path": "/healthz"}
    child = start(lab, probe_child.asked_without_grant(target))
    began = time.monotonic()
    result = finish(child)
    assert time.monotonic() - began < 6, "one waiting time, not one for each attempt"
    attempts = probe_child.evidence_of(result).attempts
    assert [attempt.reason for attempt in attempts] == ["timeout"] * 3
    assert {*ends(result).values()} == {Ended.NO_GRANT}
    assert result["environment"]["interface"]["name"] == "eth0"
    assert result["metrics"]["idle_rtt_us_p50"]["reason"] == "no_grant"
