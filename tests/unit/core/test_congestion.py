"""The change of congestion control: once, and by what was really delivered."""

from __future__ import annotations

import pytest

from omega_core.congestion import CongestionChange
from omega_core.limits import FAST_TICK_OCTETS


def test_a_run_starts_with_the_first() -> None:
    assert CongestionChange("bbr", "cubic").present == "bbr"


@pytest.mark.parametrize(
    ("delivered", "changed"),
    [
        pytest.param(FAST_TICK_OCTETS, True, id="just fast enough within a tick"),
        pytest.param(FAST_TICK_OCTETS - 1, False, id="an octet short"),
    ],
)
def test_it_changes_on_a_line_that_is_not_slow(delivered: int, *, changed: bool) -> None:
    change = CongestionChange("bbr", "cubic")
    assert change.tick(delivered) is changed
    assert change.present == ("cubic" if changed else "bbr")


def test_many_slow_ticks_are_not_a_fast_one() -> None:
    change = CongestionChange("bbr", "cubic")
    delivered = 0
    for _ in range(100):
        delivered += FAST_TICK_OCTETS - 1
        assert not change.tick(delivered)


def test_it_changes_once_and_stays() -> None:
    change = CongestionChange("bbr", "cubic")
    assert change.tick(FAST_TICK_OCTETS)
    assert not change.tick(9 * FAST_TICK_OCTETS)
    assert not change.tick(9 * FAST_TICK_OCTETS)
    assert change.present == "cubic"


@pytest.mark.parametrize("name", ["bbr", None])
def test_where_both_are_the_same_nothing_changes(name: str | None) -> None:
    change = CongestionChange(name, name)
    assert not change.tick(10**9)
    assert change.present is name
