"""What the owner of a device lets a server do with it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from omega_agent.daemon.local_limits import (
    Deferral,
    LocalLimits,
    Refusal,
    Used,
    decide,
    load_limits,
)
from omega_agent.errors import WrongUseError
from omega_core.instruction import AVAILABILITY, MEASURE
from omega_core.limits import LOCAL_LIMITS_BYTES_MAX
from omega_core.units import US_PER_S
from support.instructions import instruction
from support.store_rows import NOW

MINUTE_US = 60 * US_PER_S
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US
LOCAL = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
LONG = {"not_after_unix_us": NOW + 3 * DAY_US}


def decided(
    limits: dict[str, Any],
    used: list[Used] | None = None,
    **changes: Any,  # noqa: ANN401 - fields
) -> Refusal | Deferral | None:
    return decide(
        instruction(**changes), LocalLimits(**limits), used or [], now_unix_us=NOW, local=LOCAL
    )


def test_by_default_it_may_begin() -> None:
    assert decided({}) is None


@pytest.mark.parametrize(
    ("limits", "changes", "code"),
    [
        pytest.param({}, {"kind": "reboot"}, "kind_unknown", id="a kind of a newer server"),
        pytest.param({"kinds": ()}, {}, "kind_not_allowed", id="nothing is allowed"),
        pytest.param(
            {"targets": ("198.51.100.0/24",)},
            {"references": ("198.51.100.1", "203.0.113.9")},
            "target_not_allowed",
            id="one reference is not allowed",
        ),
        pytest.param({"hours": ()}, {}, "outside_hours", id="at no hour"),
        pytest.param({"hours": ("22:00-06:00",)}, {}, "outside_hours", id="not within its time"),
        pytest.param(
            {"bytes_a_day_max": 1_499_999}, {}, "too_many_bytes", id="more than a day has"
        ),
        pytest.param({"tests_an_hour_max": 0}, {}, "tests_used_up", id="no test at all"),
    ],
)
def test_refused(limits: dict[str, Any], changes: dict[str, Any], code: str) -> None:
    held = decided(limits, **changes)
    assert isinstance(held, Refusal)
    assert held.code == code


@pytest.mark.parametrize(
    ("limits", "used", "code", "wait_us"),
    [
        pytest.param({"hours": ("14:31-15:00",)}, [], "outside_hours", MINUTE_US, id="a minute"),
        pytest.param({"hours": ("14:00-14:30",)}, [], "outside_hours", 23.5 * HOUR_US, id="a day"),
        pytest.param(
            {"hours": ("09:00-12:00", "20:00-21:00")},
            [],
            "outside_hours",
            5.5 * HOUR_US,
            id="the nearer of two",
        ),
        pytest.param(
            {"bytes_a_day_max": 2_000_000},
            [Used(begun_unix_us=NOW - DAY_US + HOUR_US, octets=500_001)],
            "bytes_used_up",
            HOUR_US,
            id="until the test of yesterday is a day old",
        ),
        pytest.param(
            {"bytes_a_day_max": 2_000_000},
            [
                Used(begun_unix_us=NOW - 2 * HOUR_US, octets=400_000),
                Used(begun_unix_us=NOW - 3 * HOUR_US, octets=400_000),
            ],
            "bytes_used_up",
            21 * HOUR_US,
            id="until the older of two is",
        ),
        pytest.param(
            {"tests_an_hour_max": 2},
            [Used(begun_unix_us=NOW - each * MINUTE_US, octets=1) for each in (10, 50, 59)],
            "tests_used_up",
            10 * MINUTE_US,
            id="until but one of the last hour is an hour old",
        ),
    ],
)
def test_deferred(limits: dict[str, Any], used: list[Used], code: str, wait_us: float) -> None:
    held = decided(limits, used, **LONG)
    assert isinstance(held, Deferral)
    assert (held.code, held.until_unix_us) == (code, NOW + int(wait_us))


@pytest.mark.parametrize(
    ("limits", "used"),
    [
        pytest.param({"hours": ("14:30-14:31",)}, [], id="the first minute of its hours"),
        pytest.param({"hours": ("14:00-14:31",)}, [], id="the last"),
        pytest.param({"hours": ("22:00-15:00",)}, [], id="over midnight"),
        pytest.param({"bytes_a_day_max": 1_500_000}, [], id="exactly what a day has"),
        pytest.param(
            {"bytes_a_day_max": 1_500_000},
            [Used(begun_unix_us=NOW - DAY_US, octets=10**9)],
            id="what was used a day ago is forgotten",
        ),
        pytest.param(
            {"tests_an_hour_max": 1},
            [Used(begun_unix_us=NOW - HOUR_US, octets=1)],
            id="a test of an hour ago is",
        ),
    ],
)
def test_allowed(limits: dict[str, Any], used: list[Used]) -> None:
    assert decided(limits, used, **LONG) is None


@pytest.mark.parametrize(
    ("targets", "address", "allowed"),
    [
        pytest.param(None, "203.0.113.9", True, id="all, where nothing is said"),
        pytest.param((), "203.0.113.9", False, id="none, where none is named"),
        pytest.param(("203.0.113.0/24",), "203.0.113.9", True, id="in the network"),
        pytest.param(("203.0.113.0/29",), "203.0.113.9", False, id="beside it"),
        pytest.param(("0.0.0.0/0",), "2001:db8::1", False, id="of the other family"),
        pytest.param(("2001:db8::/32",), "2001:db8::1", True, id="IPv6"),
    ],
)
def test_targets(targets: tuple[str, ...] | None, address: str, *, allowed: bool) -> None:
    assert LocalLimits(targets=targets).allows_target(address) is allowed


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    assert load_limits(tmp_path / "limits.toml") == LocalLimits()


def test_a_file_says_what_it_says(tmp_path: Path) -> None:
    path = tmp_path / "limits.toml"
    path.write_text(
        'tests_an_hour_max = 2\nhours = ["08:00-20:00"]\ntargets = ["198.51.100.0/24"]\n'
    )
    assert load_limits(path) == LocalLimits(
        kinds=(AVAILABILITY, MEASURE),
        tests_an_hour_max=2,
        hours=("08:00-20:00",),
        targets=("198.51.100.0/24",),
    )


def test_what_was_watched_is_told_whatever_has_been_used_and_at_any_hour() -> None:
    used = [Used(begun_unix_us=NOW, octets=10**12)]
    limits = {"hours": ("03:00-04:00",), "tests_an_hour_max": 0, "bytes_a_day_max": 0}
    assert decided(limits, used, kind=AVAILABILITY) is None
    refused = decided({"kinds": (MEASURE,)}, kind=AVAILABILITY)
    assert isinstance(refused, Refusal)
    assert refused.code == "kind_not_allowed"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("tests_an_hour_max = ", id="no TOML"),
        pytest.param("tests_a_minute = 3", id="a word nobody knows"),
        pytest.param("bytes_a_day_max = -1", id="less than nothing"),
        pytest.param('bytes_a_day_max = "1 GB"', id="a number in words"),
        pytest.param('hours = ["8-20"]', id="hours that are none"),
        pytest.param('hours = ["08:00-08:00"]', id="hours without a minute"),
        pytest.param('hours = ["00:00-24:30"]', id="after midnight"),
        pytest.param('targets = ["example.net"]', id="a name in place of a network"),
        pytest.param("#" * (LOCAL_LIMITS_BYTES_MAX + 1), id="too large"),
    ],
)
def test_a_file_that_cannot_be_read_stops_the_daemon(tmp_path: Path, text: str) -> None:
    path = tmp_path / "limits.toml"
    path.write_text(text)
    with pytest.raises(WrongUseError, match=r"limits\.toml"):
        load_limits(path)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "limits.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(WrongUseError):
        load_limits(path)
