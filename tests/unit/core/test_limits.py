"""How bounds relate, also where `python -O` has dropped the asserts of the module itself."""

from __future__ import annotations

import pytest

from omega_core import limits
from omega_core.units import NS_PER_S


@pytest.mark.parametrize(
    ("duration_ns", "interval_ns", "expected"),
    [
        pytest.param(0, 10, 1, id="no time, one packet"),
        pytest.param(9, 10, 1, id="one unit before the second"),
        pytest.param(10, 10, 2, id="exactly one step"),
        pytest.param(11, 10, 2, id="one unit after"),
        pytest.param(30 * NS_PER_S, 10_000_000, 3_001, id="3,000 gaps are 3,001 packets"),
        pytest.param(290_000_000, 10_000_000, 30, id="exact where 0.29 // 0.01 is 28"),
    ],
)
def test_posts_are_counted_not_gaps(duration_ns: int, interval_ns: int, expected: int) -> None:
    assert limits.packet_count(duration_ns, interval_ns) == expected


def test_longest_stream_just_fits() -> None:
    longest = limits.packet_count(limits.STREAM_DURATION_NS_MAX, limits.STREAM_PERIOD_NS_MIN)
    assert longest == limits.STREAM_PACKETS_MAX


def test_longest_run_just_fits() -> None:
    assert limits.packet_count(limits.GOODPUT_RUN_NS_MAX, limits.TICK_NS) == limits.TICKS_MAX


def test_one_command_lasts_for_the_longest_and_fastest_load() -> None:
    packets_per_s = limits.LOAD_RATE_BPS_MAX // 8 // limits.LOAD_IP_OCTETS_MIN
    assert packets_per_s * limits.LOAD_RUN_NS_MAX // NS_PER_S <= limits.LOAD_TRAIN_PACKETS_MAX


def test_a_full_record_fits_its_envelope_and_the_envelope_its_bundle() -> None:
    base64_octets = -(-limits.RECORD_BYTES_MAX // 3) * 4
    assert base64_octets < limits.ENVELOPE_BYTES_MAX
    assert 2 * limits.ENVELOPE_BYTES_MAX < limits.BUNDLE_BYTES_MAX


def test_late_replies_find_their_stream_and_grants_their_session() -> None:
    assert limits.WAITING_TIME_NS < limits.REFLECTOR_IDLE_NS
    assert max(limits.GRANT_EARLY_S, limits.GRANT_LATE_S) < limits.GRANT_LIFE_S
    assert limits.STREAM_DURATION_NS_MAX < limits.GRANT_LIFE_S * NS_PER_S


def test_every_bound_is_a_positive_whole_number() -> None:
    bounds = {name: value for name, value in vars(limits).items() if name.isupper()}
    assert len(bounds) > 30
    assert all(type(value) is int and value > 0 for value in bounds.values()), bounds
