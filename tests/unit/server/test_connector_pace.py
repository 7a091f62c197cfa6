"""When a delivery is tried again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_core.limits import (
    CONNECTOR_RETRY_AFTER_S_MAX,
    CONNECTOR_RETRY_S_MAX,
    CONNECTOR_SETTLE_S,
)
from omega_core.units import US_PER_S
from omega_server.connectors.errors import LaterError
from omega_server.connectors.pace import pause_us

WHOLE = 1_000_000


def later(retry_after_s: int | None = None, *, unclear: bool = False) -> LaterError:
    return LaterError("busy", "HTTP 503", retry_after_s=retry_after_s, unclear=unclear)


@pytest.mark.parametrize(
    ("failure", "attempts", "draw_ppm", "pause_s"),
    [
        pytest.param(later(), 1, WHOLE, 5, id="the first pause, drawn whole"),
        pytest.param(later(), 1, 0, 2.5, id="the first pause, drawn half"),
        pytest.param(later(), 2, WHOLE, 10, id="the second is twice as long"),
        pytest.param(later(), 10, WHOLE, 2_560, id="the last that doubles"),
        pytest.param(later(), 11, WHOLE, 3_600, id="an hour is the longest"),
        pytest.param(later(), 10**9, WHOLE, 3_600, id="after very many attempts too"),
        pytest.param(later(retry_after_s=90), 1, 0, 90, id="as Retry-After asks"),
        pytest.param(later(retry_after_s=0), 1, 0, 2.5, id="never sooner than our own pause"),
        pytest.param(later(retry_after_s=10**7), 1, 0, 86_400, id="a day at most"),
        pytest.param(later(unclear=True), 1, 0, 60, id="what was sent may still be on its way"),
        pytest.param(later(unclear=True), 9, WHOLE, 1_280, id="a longer pause stands"),
    ],
)
def test_the_pause(failure: LaterError, attempts: int, draw_ppm: int, pause_s: float) -> None:
    assert pause_us(failure, attempts, draw_ppm) == pause_s * US_PER_S


@given(
    st.integers(-(10**9), 10**9),
    st.integers(0, WHOLE),
    st.one_of(st.none(), st.integers(-(10**9), 10**9)),
    st.booleans(),
)
def test_a_pause_is_never_nothing_and_has_an_end(
    attempts: int,
    draw_ppm: int,
    retry_after_s: int | None,
    unclear: bool,  # noqa: FBT001 - hypothesis passes it
) -> None:
    failure = LaterError("x", "y", retry_after_s=retry_after_s, unclear=unclear)
    longest_s = max(CONNECTOR_RETRY_S_MAX, CONNECTOR_RETRY_AFTER_S_MAX, CONNECTOR_SETTLE_S)
    assert 2 * US_PER_S < pause_us(failure, attempts, draw_ppm) <= longest_s * US_PER_S
