from __future__ import annotations

import re

import pytest

from omega_core.metrics import METRICS, READINGS, MetricValue, NoValue, measured, undefined

# The 24 names of the glossary and the five that later joined them. Renaming one is a new version of
# the record.
PUBLIC_NAMES = {
    *("reachable_ppm", "availability_ppm"),
    *("idle_rtt_us_min", "idle_rtt_us_p50", "idle_rtt_us_p95"),
    *("idle_pdv_us_p95", "idle_ipdv_us_mean"),
    *("loss_ppm_down", "loss_ppm_up", "reordered_ppm_down", "reordered_ppm_up"),
    *("goodput_bps_down", "goodput_bps_up", "capacity_bps_down", "capacity_bps_up"),
    *("qualified_bps_down", "qualified_bps_up", "over_rate_bps_down", "over_rate_bps_up"),
    *("working_rtt_us_p50_down", "working_rtt_us_p95_down"),
    *("working_rtt_us_p50_up", "working_rtt_us_p95_up"),
    *("responsiveness_rpm_down", "responsiveness_rpm_up"),
    *("tcp_efficiency_ppm_down", "tcp_efficiency_ppm_up"),
    *("buffer_delay_ppm_down", "buffer_delay_ppm_up"),
}


def test_public_names_are_never_renamed() -> None:
    assert set(METRICS) == PUBLIC_NAMES
    assert len(METRICS) == 29


def test_a_name_belongs_to_one_quantity() -> None:
    names = [name for quantity in METRICS.values() for name in quantity.metric_names()]
    assert set(names) == set(METRICS)
    assert METRICS.keys().isdisjoint(READINGS)


@pytest.mark.parametrize("name", METRICS)
def test_name_repeats_the_unit(name: str) -> None:
    quantity = METRICS[name]
    assert re.fullmatch(
        rf"{quantity.name}_{quantity.unit}(_(min|p50|p95|mean))?(_(down|up))?", name
    )


def test_readings_of_devices_are_what_profiles_call_them() -> None:
    assert set(READINGS) == {"radio_cinr_db", "dsl_sync_bps_down", "dsl_sync_bps_up"}
    assert READINGS["radio_cinr_db"].unit == "dB"


def test_value_stands_under_the_unit_of_its_name() -> None:
    value = measured("loss_ppm_up", 0, samples=500, method="STAMP")
    assert value == MetricValue(value=0, unit="ppm", samples=500, method="STAMP")


def test_absence_has_a_reason() -> None:
    value = undefined("loss_ppm_up", NoValue.LINK_LOST)
    assert (value.value, value.reason, value.unit, value.samples) == (None, "link_lost", "ppm", 0)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        pytest.param(None, None, id="missing without a reason"),
        pytest.param(0, NoValue.NO_REPLY, id="zero does not mean undefined"),
    ],
)
def test_value_or_reason_never_both(value: int | None, reason: NoValue | None) -> None:
    with pytest.raises(ValueError, match="a value, or a reason"):
        MetricValue(value=value, unit="us", samples=0, method="", reason=reason)


def test_a_name_nobody_defined_is_a_defect() -> None:
    with pytest.raises(KeyError):
        measured("jitter_ms", 5, samples=1, method="")
    with pytest.raises(KeyError):
        undefined("speed", NoValue.NOT_MEASURED)
