"""From evidence to metrics: each value, and each reason for having none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from omega_core.derive import LEFT_OUT, metrics_of
from omega_core.evidence import (
    Attempt,
    AttemptKind,
    Ended,
    Evidence,
    Family,
    GoodputRun,
    IdleStream,
    TaskEnd,
)
from omega_core.goodput import steady_rate
from omega_core.metrics import METRICS, Direction, MetricValue, NoValue
from support.facts import attempts, evidence, goodput_run, idle_stream, ranges, sender_of

IDLE = ("idle_rtt_us_min", "idle_rtt_us_p50", "idle_rtt_us_p95", "idle_pdv_us_p95")
DELAYS = (*IDLE, "idle_ipdv_us_mean")
LOSSES = ("loss_ppm_up", "loss_ppm_down", "reordered_ppm_up", "reordered_ppm_down")


def of_stream(stream: IdleStream) -> dict[str, MetricValue]:
    return metrics_of(Evidence(idle=(stream,)))


def of_runs(*runs: GoodputRun) -> dict[str, MetricValue]:
    return metrics_of(Evidence(goodput=runs))


def told(metrics: dict[str, MetricValue], *names: str) -> list[int | str | None]:
    """Return the values of these metrics, or their reasons."""
    return [
        metrics[name].reason if metrics[name].value is None else metrics[name].value
        for name in names
    ]


def task(name: str, ended: Ended) -> TaskEnd:
    return TaskEnd(task=name, ended=ended, started_offset_us=0, duration_us=0)


def test_every_name_is_always_there_in_the_order_of_the_registry() -> None:
    assert list(metrics_of(Evidence())) == list(METRICS)
    assert list(metrics_of(evidence())) == list(METRICS)
    assert set(told(metrics_of(Evidence()), *METRICS)) == {"not_measured"}


# Delay


def test_delays_are_of_the_packets_answered() -> None:
    delays = [20_000, 12_000, 0, 11_000, 15_000]
    metrics = of_stream(idle_stream(rtt_us=delays, lost_up=[2]))
    assert told(metrics, *IDLE) == [11_000, 12_000, 20_000, 9_000]
    assert told(metrics, "idle_ipdv_us_mean") == [(8_000 + 4_000) // 2]
    assert {metrics[name].samples for name in IDLE} == {4}
    assert metrics["idle_ipdv_us_mean"].samples == 2


@pytest.mark.parametrize(
    ("slow", "p95", "p50"),
    [
        pytest.param(1, 20_000, 20_000, id="one of twenty slow: 19 are 95 %"),
        pytest.param(2, 90_000, 20_000, id="two of twenty slow: 18 are not"),
        pytest.param(10, 90_000, 20_000, id="half of them slow: the other half is 50 %"),
        pytest.param(11, 90_000, 90_000, id="one more"),
    ],
)
def test_percentiles_are_those_of_their_names(slow: int, p95: int, p50: int) -> None:
    metrics = of_stream(idle_stream(rtt_us=[90_000] * slow + [20_000] * (20 - slow)))
    assert told(metrics, "idle_rtt_us_p95", "idle_rtt_us_p50") == [p95, p50]
    assert told(metrics, "idle_pdv_us_p95") == [p95 - 20_000]


def test_one_reply_has_no_delay_variation_between_packets() -> None:
    metrics = of_stream(idle_stream(packets=3, lost_up=[0, 2]))
    assert told(metrics, *DELAYS) == [20_000, 20_000, 20_000, 0, "too_few_samples"]
    assert metrics["idle_ipdv_us_mean"].samples == 0


def test_silence_has_no_delay_and_says_how_often_was_asked() -> None:
    metrics = of_stream(idle_stream(packets=150, lost_up=range(150)))
    assert told(metrics, *DELAYS) == ["no_reply"] * 5
    assert {metrics[name].samples for name in DELAYS} == {150}


def test_only_the_first_stream_counts() -> None:
    both = Evidence(idle=(idle_stream(rtt_us=9_000), idle_stream(family=6, rtt_us=8_000)))
    metrics = metrics_of(both)
    assert told(metrics, "idle_rtt_us_min") == [9_000]
    assert "IPv4" in metrics["idle_rtt_us_min"].method


def test_method_says_how_it_was_measured() -> None:
    stream = idle_stream(authenticated=True, family=6, ip_octets=160, period_us=12_500)
    assert of_stream(stream)["loss_ppm_up"].method == (
        "STAMP RFC 8762 authenticated, UDP over IPv6, 160 IP octets, period 12500 us, "
        "waiting time 3000 ms, kernel timestamps"
    )


# Loss and reordering


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        pytest.param(idle_stream(packets=8), [0, 0, 0, 0], id="perfect"),
        pytest.param(
            idle_stream(packets=8, lost_up=range(4), lost_down=[7]),
            [500_000, 250_000, 0, 0],
            id="both ways, each of its own number of packets",
        ),
        pytest.param(
            idle_stream(packets=8, lost_up=range(8)),
            [1_000_000, "no_reply", "no_reply", "no_reply"],
            id="nothing got there, and the reflector says so",
        ),
        pytest.param(
            idle_stream(packets=8, lost_down=range(8)),
            [0, 1_000_000, 0, "no_reply"],
            id="everything got there, nothing came back",
        ),
        pytest.param(
            idle_stream(packets=8, lost_somewhere=[3]),
            ["way_unknown", "way_unknown", "way_unknown", 0],
            id="one way is open: what arrived here in which order is known all the same",
        ),
        pytest.param(
            idle_stream(packets=8, lost_somewhere=range(8)),
            ["way_unknown", "way_unknown", "way_unknown", "no_reply"],
            id="silence, and no report",
        ),
        pytest.param(
            idle_stream(packets=8, lost_up=[1], report=None),
            [125_000, 0, "way_unknown", 0],
            id="no report, but the reflector's numbering told the ways",
        ),
        pytest.param(
            replace(idle_stream(packets=3_000), reordered_down=1),
            [0, 0, 0, 334],
            id="one overtaken",
        ),
        pytest.param(
            idle_stream(packets=3_000, lost_down=[5]),
            [0, 334, 0, 0],
            id="rounded towards the worse side",
        ),
    ],
)
def test_loss_by_direction(stream: IdleStream, expected: list[int | str]) -> None:
    assert told(of_stream(stream), *LOSSES) == expected


def test_reordering_upwards_is_the_reflectors_count() -> None:
    stream = idle_stream(packets=1_000)
    assert stream.report is not None
    overtaken = replace(stream, report=replace(stream.report, reordered=3))
    assert told(of_stream(overtaken), *LOSSES) == [0, 0, 3_000, 0]


def test_ranges_helper_writes_what_evidence_reads() -> None:
    assert ranges([5, 1, 2, 9, 3]) == ((1, 3), (5, 5), (9, 9))


# Connectivity


@pytest.mark.parametrize(
    ("failed", "expected"),
    [
        pytest.param(0, 1_000_000, id="every attempt succeeded"),
        pytest.param(1, 833_333, id="one of six failed: never rounded up"),
        pytest.param(6, 0, id="none succeeded"),
    ],
)
def test_reachable_counts_attempts_on_the_test_point(failed: int, expected: int) -> None:
    controller, *others = attempts()
    lost = [replace(each, answered=False, reason="refused") for each in others[:failed]]
    found = metrics_of(Evidence(attempts=(controller, *lost, *others[failed:])))["reachable_ppm"]
    assert (found.value, found.samples) == (expected, 6)
    assert found.method == "attempts on the test point by tcp+udp over v4"


def test_reachable_names_both_families() -> None:
    found = metrics_of(Evidence(attempts=attempts(families=(4, 6))))["reachable_ppm"]
    assert found.method.endswith("over v4+v6")


def test_the_controllers_answers_do_not_make_the_test_point_reachable() -> None:
    controller = attempts()[0]
    assert told(metrics_of(Evidence(attempts=(controller,))), "reachable_ppm") == ["not_measured"]


@pytest.mark.parametrize(("family", "label"), [(None, ""), (6, "v6")])
def test_an_attempt_without_family_is_counted_without_one(
    family: Family | None, label: str
) -> None:
    attempt = Attempt(
        kind=AttemptKind.DNS, family=family, to_test_point=True, answered=True, elapsed_us=1
    )
    found = metrics_of(Evidence(attempts=(attempt,)))["reachable_ppm"]
    assert found.method == f"attempts on the test point by dns over {label}"


# Goodput


def test_goodput_is_octets_over_time_summed_over_runs() -> None:
    fast = goodput_run(Direction.DOWN, rate_bps=96_000_000, duration_us=10_000_000)
    slow = goodput_run(Direction.DOWN, rate_bps=48_000_000, duration_us=5_000_000, run=1)
    rates = [rate for run in (fast, slow) if (rate := steady_rate(run)) is not None]
    assert [rate.rate_bps for rate in rates] == [96_000_000, 48_000_000]
    found = of_runs(fast, slow)["goodput_bps_down"]
    spans = [rate.end_us - rate.start_us for rate in rates]
    weighted = (96_000_000 * spans[0] + 48_000_000 * spans[1]) // sum(spans)
    assert found.value is not None
    assert abs(found.value - weighted) <= 8
    assert found.samples == 2
    assert found.method == (
        "TCP payload at the receiver, IPv4, up to 4 flows, cubic, "
        f"steady windows of {sum(spans) // 1_000} ms in all"
    )


def test_directions_are_kept_apart() -> None:
    metrics = of_runs(goodput_run(Direction.UP, rate_bps=8_000_000))
    assert told(metrics, "goodput_bps_up", "goodput_bps_down") == [8_000_000, "not_measured"]


def test_an_unfinished_ramp_is_told() -> None:
    climbing = goodput_run(ramp_us=5_000_000, duration_us=5_000_001)
    assert of_runs(climbing)["goodput_bps_down"].method.endswith(", ramp not finished")


@pytest.mark.parametrize("ended", [each for each in Ended if each not in {"completed", "decided"}])
def test_a_run_that_was_cut_short_gives_no_rate(ended: Ended) -> None:
    whole, cut = goodput_run(), goodput_run(run=1, rate_bps=1_000_000, ended=ended)
    assert of_runs(whole, cut)["goodput_bps_down"].samples == 1
    assert of_runs(cut)["goodput_bps_down"].value is None


@pytest.mark.parametrize(
    ("retransmitted_ppm", "expected"),
    [
        pytest.param(0, 1_000_000, id="nothing sent twice"),
        pytest.param(20_000, 980_392, id="2 % of the payload sent twice is 1.96 % of all sent"),
        pytest.param(1_000_000, 500_000, id="everything sent twice"),
    ],
)
def test_tcp_efficiency_is_rfc_6349(retransmitted_ppm: int, expected: int) -> None:
    found = of_runs(goodput_run(retransmitted_ppm=retransmitted_ppm))["tcp_efficiency_ppm_down"]
    assert (found.value, found.samples) == (expected, 4)


def test_impossible_counts_of_a_sender_are_no_efficiency() -> None:
    run = goodput_run()
    wild = replace(sender_of(run.flows[0]), sent_octets=5, retransmitted_octets=6)
    idle = replace(wild, sent_octets=6)
    assert of_runs(replace(run, senders=(idle,)))["tcp_efficiency_ppm_down"].value == 0
    for senders in ((wild,), ()):
        found = of_runs(replace(run, senders=senders))
        assert told(found, "tcp_efficiency_ppm_down") == ["not_measured"]
        assert found["goodput_bps_down"].value


# Reasons


@pytest.mark.parametrize(
    ("ended", "reason"),
    [
        (Ended.LINK_LOST, NoValue.LINK_LOST),
        (Ended.TEST_POINT_LOST, NoValue.TEST_POINT_LOST),
        (Ended.REFUSED, NoValue.REFUSED),
        (Ended.INTERRUPTED, NoValue.INTERRUPTED),
        (Ended.BUDGET, NoValue.BUDGET),
        (Ended.NO_GRANT, NoValue.NO_GRANT),
        (Ended.SKIPPED, NoValue.NOT_MEASURED),
        (Ended.COMPLETED, NoValue.TOO_FEW_SAMPLES),
        (Ended.DECIDED, NoValue.TOO_FEW_SAMPLES),
    ],
)
def test_a_metric_is_absent_for_the_reason_its_task_ended(ended: Ended, reason: NoValue) -> None:
    metrics = metrics_of(Evidence(tasks=(task("goodput_down", ended), task("idle", ended))))
    assert told(metrics, "goodput_bps_down", "tcp_efficiency_ppm_down") == [reason, reason]
    assert told(metrics, *DELAYS, *LOSSES) == [reason] * 9
    assert told(metrics, "goodput_bps_up", "capacity_bps_down") == ["not_measured"] * 2


def test_what_the_mode_leaves_out_is_said_to_be_left_out() -> None:
    left_out = replace(task("goodput_down", Ended.SKIPPED), detail=LEFT_OUT)
    metrics = metrics_of(Evidence(tasks=(left_out,)))
    names = ("goodput_bps", "tcp_efficiency_ppm", "working_rtt_us_p95", "buffer_delay_ppm")
    assert told(metrics, *(f"{name}_down" for name in names)) == ["skipped"] * 4
    assert told(metrics, *(f"{name}_up" for name in names)) == ["not_measured"] * 4
    assert told(metrics, "capacity_bps_down", *DELAYS) == ["not_measured"] * (1 + len(DELAYS))


def test_connectivity_that_never_began_says_why() -> None:
    metrics = metrics_of(Evidence(tasks=(task("connectivity", Ended.INTERRUPTED),)))
    assert told(metrics, "reachable_ppm") == ["interrupted"]


def test_the_first_task_that_was_cut_short_says_why() -> None:
    ends = (Ended.COMPLETED, Ended.SKIPPED, Ended.BUDGET, Ended.LINK_LOST)
    metrics = metrics_of(Evidence(tasks=tuple(task("goodput_down", ended) for ended in ends)))
    assert told(metrics, "goodput_bps_down") == ["budget"]


def test_a_stream_that_was_stopped_before_its_first_packet_was_never_asked() -> None:
    stopped = Evidence(idle=(idle_stream(packets=0),), tasks=(task("idle", Ended.INTERRUPTED),))
    assert told(metrics_of(stopped), *DELAYS, *LOSSES) == ["interrupted"] * 9
