"""Purses, addresses, settings and the load meter."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from omega_core.control import TestPointLoad
from omega_core.errors import UsageError
from omega_core.limits import SESSIONS_AT_ONCE_MAX
from omega_server.testpoint.addresses import normalised
from omega_server.testpoint.load import LoadSample, SessionLoad, busy_between, parse_stat
from omega_server.testpoint.purse import RUN_OCTETS_MIN, STREAM_OCTETS_MIN, Purse
from omega_server.testpoint.settings import TestPointSettings

SETTINGS = TestPointSettings(id="tp", key_file=Path("/k.pem"), server_public_keys=("k",))


@pytest.mark.parametrize(
    ("octets", "given"),
    [
        pytest.param(8 * STREAM_OCTETS_MIN - 1, 0, id="less than one packet of its share"),
        pytest.param(8 * STREAM_OCTETS_MIN, STREAM_OCTETS_MIN, id="one packet"),
        pytest.param(8_000_000, 1_000_000, id="an eighth"),
        pytest.param(10**12, 4 * 1024 * 1024, id="never more than streams need"),
    ],
)
def test_what_a_stream_gets(octets: int, given: int) -> None:
    purse = Purse(octets)
    assert purse.for_stream() == given
    assert purse.left == octets - given


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        pytest.param(50_000, 50_000, id="what was asked for"),
        pytest.param(1_000_001, 1_000_000, id="never more than the share"),
        pytest.param(STREAM_OCTETS_MIN - 1, 0, id="less than a packet"),
    ],
)
def test_what_a_stream_gets_that_asks_for_so_much(wanted: int, given: int) -> None:
    purse = Purse(8_000_000)
    assert purse.for_stream(wanted) == given
    assert purse.left == 8_000_000 - given


@pytest.mark.parametrize(
    ("octets", "given"),
    [
        pytest.param(RUN_OCTETS_MIN, 0, id="less than a window beside a stream"),
        pytest.param(1_600_000, 1_500_000, id="all but a sixteenth"),
        pytest.param(10**12, 10**12 - (1 << 20), id="all but a mebibyte"),
    ],
)
def test_what_a_run_gets(octets: int, given: int) -> None:
    assert Purse(octets).for_run() == given


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        pytest.param(1_000_000, 1_000_000, id="what the probe wants"),
        pytest.param(1_500_001, 1_500_000, id="never more than there is"),
        pytest.param(RUN_OCTETS_MIN - 1, 0, id="too little to see anything"),
    ],
)
def test_a_run_that_is_to_take_less_leaves_the_rest(wanted: int, given: int) -> None:
    purse = Purse(1_600_000)
    assert purse.for_run(wanted) == given
    assert purse.left == 1_600_000 - given


def test_what_was_not_used_comes_back_and_what_was_used_too_much_is_gone() -> None:
    purse = Purse(1_600_000)
    taken = purse.for_run()
    purse.settle(set_aside=taken, used=400_000)
    assert purse.left == 1_200_000
    purse.settle(set_aside=0, used=2_000_000)
    assert purse.left == 0
    assert purse.for_run() == purse.for_stream() == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::FFFF:c000:201", "192.0.2.1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_one_form_of_an_address(text: str, expected: str) -> None:
    assert normalised(text) == expected


@pytest.mark.parametrize("text", ["", "localhost", "1.2.3", "::ffff:1.2.3.999", "%eth0"])
def test_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="address"):
        normalised(text)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"tcp_port": 65_536}, id="a port beyond the last"),
        pytest.param({"udp_port": -1}, id="a port below the first"),
        pytest.param({"workers": 0}, id="nobody to work"),
        pytest.param({"sessions_max": 0}, id="no session"),
        pytest.param({"sessions_max": SESSIONS_AT_ONCE_MAX + 1}, id="more than it can hold"),
        pytest.param({"hosts": ()}, id="nowhere to listen"),
        pytest.param({"capacity_bps": -1}, id="less than nothing"),
    ],
)
def test_settings_nobody_can_meet(changes: dict[str, object]) -> None:
    fields = {"id": "tp", "key_file": Path("/k"), "server_public_keys": ("k",), **changes}
    with pytest.raises(UsageError):
        TestPointSettings(**fields)  # type: ignore[arg-type]  # wrong on purpose


def test_settings_cross_a_pipe_unchanged() -> None:
    assert TestPointSettings.from_json(SETTINGS.to_json()) == SETTINGS
    told = replace(SETTINGS, capacity_bps=500, metrics=("::1", 9_464))
    assert TestPointSettings.from_json(told.to_json()) == told


def test_a_session_is_told_the_most_there_was_and_not_its_own_work() -> None:
    load = SessionLoad()
    load.add(LoadSample(cpu_busy_ppm=990_000, cpu_sustained_ppm=990_000, sessions=1))
    assert load.stated().cpu_sustained_ppm_max == 0
    load.add(LoadSample(cpu_sustained_ppm=900_000, sessions=2, nic_busy_ppm=7, committed_bps=9))
    load.add(LoadSample(cpu_sustained_ppm=100_000, sessions=2, moved_bps=8, capacity_bps=50))
    assert load.stated() == TestPointLoad(
        cpu_busy_ppm_max=990_000,
        sessions_max=2,
        cpu_sustained_ppm_max=900_000,
        capacity_bps=50,
        committed_bps_max=9,
        moved_bps_max=8,
        nic_busy_ppm_max=7,
    )
    assert "\n" not in SETTINGS.to_json()


STAT = "cpu  10 0 5 80 5 0 0 0 3 1\ncpu0 10 0 5 80 5 0 0 0 3 1\nintr 5\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            STAT, (85, 100), id="idle and waiting for the disk are idle; guests are users"
        ),
        pytest.param("intr 5\n", (0, 0), id="without its line"),
        pytest.param("", (0, 0), id="empty"),
    ],
)
def test_the_kernels_own_account(text: str, expected: tuple[int, int]) -> None:
    assert parse_stat(text) == expected


@pytest.mark.parametrize(
    ("after", "busy_ppm"),
    [
        pytest.param((85, 100), 0, id="no time has passed"),
        pytest.param((85, 150), 1_000_000, id="never idle"),
        pytest.param((135, 150), 0, id="always idle"),
        pytest.param((110, 150), 500_000, id="half of the time"),
        pytest.param((84, 99), 0, id="a counter that ran backwards"),
    ],
)
def test_busy_share(after: tuple[int, int], busy_ppm: int) -> None:
    assert busy_between((85, 100), after) == busy_ppm
